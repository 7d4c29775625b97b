// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of udminterp, but for those that all elements share.
#include "options.h"

#include "plan.h"

#define DEFAULT_MODE GST_UDM_INTERP_MODE_RATE
#define DEFAULT_FACTOR 0
#define DEFAULT_SCENE_THRESHOLD 0.3
#define DEFAULT_EXTRAPOLATE 0
#define DEFAULT_DE_DUPLICATE FALSE
#define DEFAULT_FILL_GAPS FALSE
#define DEFAULT_MAX_GAP 7
#define DEFAULT_LOOKAHEAD 1
#define DEFAULT_MOTION_BLUR 0
#define MAX_MOTION_BLUR 360 // from frame to frame without a pause
#define MAX_FACTOR 64
#define MAX_LOOKAHEAD 1

enum {
    PROP_MODE = GST_UDM_PROP_OWN,
    PROP_FACTOR,
    PROP_SCENE_THRESHOLD,
    PROP_EXTRAPOLATE,
    PROP_DE_DUPLICATE,
    PROP_FILL_GAPS,
    PROP_MAX_GAP,
    PROP_LOOKAHEAD,
    PROP_MOTION_BLUR,
    PROP_PLAN,
};

GType gst_udm_interp_mode_get_type(void)
{
    static const GEnumValue modes[] = {
        { GST_UDM_INTERP_MODE_RATE, "rate: change the frame rate", "rate" },
        { GST_UDM_INTERP_MODE_FILL, "fill: keep the frame rate and replace duplicates, which have the GAP flag",
          "fill" },
        { 0, NULL, NULL },
    };
    static gsize type = 0;

    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstUdmInterpMode", modes));
    return type;
}

void gst_udm_interp_options_init(GstUdmInterpOptions *options)
{
    *options = (GstUdmInterpOptions){
        .mode = DEFAULT_MODE,
        .factor = DEFAULT_FACTOR,
        .scene_threshold = DEFAULT_SCENE_THRESHOLD,
        .extrapolate = DEFAULT_EXTRAPOLATE,
        .de_duplicate = DEFAULT_DE_DUPLICATE,
        .fill_gaps = DEFAULT_FILL_GAPS,
        .max_gap = DEFAULT_MAX_GAP,
        .lookahead = DEFAULT_LOOKAHEAD,
        .motion_blur = DEFAULT_MOTION_BLUR,
    };
}

gboolean gst_udm_interp_options_renegotiate(const GstUdmInterpOptions *was, const GstUdmInterpOptions *is)
{
    return was->mode != is->mode || was->factor != is->factor || (was->motion_blur > 0) != (is->motion_blur > 0);
}

gboolean gst_udm_interp_options_reopen(guint id)
{
    return id != PROP_MOTION_BLUR && id != PROP_PLAN;
}

gboolean gst_udm_interp_options_set(GstUdmInterpOptions *options, guint id, const GValue *value)
{
    switch (id) {
    case PROP_MODE:
        options->mode = g_value_get_enum(value);
        return TRUE;
    case PROP_FACTOR:
        options->factor = g_value_get_uint(value);
        return TRUE;
    case PROP_SCENE_THRESHOLD:
        options->scene_threshold = g_value_get_double(value);
        return TRUE;
    case PROP_EXTRAPOLATE:
        options->extrapolate = g_value_get_uint(value);
        return TRUE;
    case PROP_DE_DUPLICATE:
        options->de_duplicate = g_value_get_boolean(value);
        return TRUE;
    case PROP_FILL_GAPS:
        options->fill_gaps = g_value_get_boolean(value);
        return TRUE;
    case PROP_MAX_GAP:
        options->max_gap = g_value_get_uint(value);
        return TRUE;
    case PROP_LOOKAHEAD:
        options->lookahead = g_value_get_int(value);
        return TRUE;
    case PROP_MOTION_BLUR:
        options->motion_blur = g_value_get_double(value);
        return TRUE;
    case PROP_PLAN:
        options->plan = g_intern_string(g_value_get_string(value));
        if (options->plan && !*options->plan)
            options->plan = NULL;
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean gst_udm_interp_options_get(const GstUdmInterpOptions *options, guint id, GValue *value)
{
    switch (id) {
    case PROP_MODE:
        g_value_set_enum(value, options->mode);
        return TRUE;
    case PROP_FACTOR:
        g_value_set_uint(value, options->factor);
        return TRUE;
    case PROP_SCENE_THRESHOLD:
        g_value_set_double(value, options->scene_threshold);
        return TRUE;
    case PROP_EXTRAPOLATE:
        g_value_set_uint(value, options->extrapolate);
        return TRUE;
    case PROP_DE_DUPLICATE:
        g_value_set_boolean(value, options->de_duplicate);
        return TRUE;
    case PROP_FILL_GAPS:
        g_value_set_boolean(value, options->fill_gaps);
        return TRUE;
    case PROP_MAX_GAP:
        g_value_set_uint(value, options->max_gap);
        return TRUE;
    case PROP_LOOKAHEAD:
        g_value_set_int(value, options->lookahead);
        return TRUE;
    case PROP_MOTION_BLUR:
        g_value_set_double(value, options->motion_blur);
        return TRUE;
    case PROP_PLAN:
        g_value_set_static_string(value, options->plan);
        return TRUE;
    default:
        return FALSE;
    }
}

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

static void install_rate_properties(GObjectClass *object_class)
{
    /**
     * GstUdmInterp:mode:
     *
     * Whether to change the frame rate, or to keep it and replace duplicate frames.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_MODE,
                                    g_param_spec_enum("mode", "Mode",
                                                      "Whether to change the frame rate or to replace duplicate frames",
                                                      GST_TYPE_UDM_INTERP_MODE, DEFAULT_MODE, FLAGS));
    /**
     * GstUdmInterp:factor:
     *
     * The number of output frames per input frame in mode rate. With 0, downstream decides: the output has the frame
     * rate that its caps ask for, or twice that of the input if they accept any.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_FACTOR,
        g_param_spec_uint("factor", "Factor",
                          "Number of output frames per input frame in mode rate (0 = as the caps downstream ask for)",
                          0, MAX_FACTOR, DEFAULT_FACTOR, FLAGS));
    /**
     * GstUdmInterp:extrapolate:
     *
     * The number of frames to extrapolate along the motion after the last frame of a scene or of the stream; any
     * further frames repeat that last frame. In mode fill, as many frames before the first one are extrapolated
     * backwards if a stream begins with duplicates, once two known frames have arrived.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_EXTRAPOLATE,
        g_param_spec_uint(
            "extrapolate", "Extrapolate",
            "Number of frames to extrapolate after the last frame of a scene, and in mode fill before the "
            "first frame of the stream (0 = repeat frames)",
            0, 1000, DEFAULT_EXTRAPOLATE, FLAGS));
}

static void install_gap_properties(GObjectClass *object_class)
{
    /**
     * GstUdmInterp:de-duplicate:
     *
     * Whether to replace frames that show the same picture as the previous one, even if they do not have the GAP flag,
     * as in animation drawn on twos.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_DE_DUPLICATE,
        g_param_spec_boolean("de-duplicate", "De-duplicate",
                             "Replace frames that repeat the previous one even if they do not have the GAP flag",
                             DEFAULT_DE_DUPLICATE, FLAGS));
    /**
     * GstUdmInterp:fill-gaps:
     *
     * Whether mode fill also creates the frames that are missing from the timestamps. A discontinuity or a GAP event of
     * no more than #GstUdmInterp:max-gap frames is then interpolated across, instead of restarting after it.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_FILL_GAPS,
                                    g_param_spec_boolean("fill-gaps", "Fill gaps",
                                                         "Also create frames that were lost and left a gap in time",
                                                         DEFAULT_FILL_GAPS, FLAGS));
    /**
     * GstUdmInterp:max-gap:
     *
     * The maximum number of consecutive missing frames to interpolate; longer gaps repeat the frame before them. Mode
     * fill has a latency of as many frames, and of twice as many with #GstUdmInterp:lookahead.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_MAX_GAP,
        g_param_spec_uint("max-gap", "Longest gap",
                          "Maximum number of consecutive missing frames to interpolate instead of repeating one", 1,
                          1000, DEFAULT_MAX_GAP, FLAGS));
}

static void install_motion_properties(GObjectClass *object_class)
{
    /**
     * GstUdmInterp:model:
     *
     * The model that refines the interpolated frames, such as "interp": a directory if the value contains a slash,
     * otherwise the name of a directory in one of the folders in the environment variable `UDM_MODEL_PATH`, among the
     * installed models, or in the current folder. Without one, frames are interpolated by the motion alone, which takes
     * about half the time.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_MODEL,
        g_param_spec_string(
            "model", "Model",
            "Model to refine frames with: a directory, or a name to look up in UDM_MODEL_PATH and among "
            "the installed models (empty = motion alone)",
            GST_UDM_INTERP_DEFAULT_MODEL, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmInterp:scene-threshold:
     *
     * The change between two frames, as the part of the picture that motion does not explain, from which on they
     * count as different scenes. Frames are not interpolated across a cut, but repeated.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_SCENE_THRESHOLD,
        g_param_spec_double(
            "scene-threshold", "Scene threshold",
            "Change between two frames that counts as a scene cut, where frames are repeated (0 = any, 1 = none)", 0, 1,
            DEFAULT_SCENE_THRESHOLD, FLAGS));
    /**
     * GstUdmInterp:lookahead:
     *
     * The number of known frames to wait for after the one that ends the interval to interpolate. With 1, motion is
     * curved as it continues in that frame; with 0, it follows from the frames before alone. It has no effect with
     * #GstUdmInterp:de-duplicate.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_LOOKAHEAD,
                                    gst_udm_lookahead_spec(0, MAX_LOOKAHEAD, DEFAULT_LOOKAHEAD));
    /**
     * GstUdmInterp:motion-blur:
     *
     * The angle in degrees by which a shutter is open for each output frame, of the 360 that it turns from one to the
     * next. Frames are then the mean over that part of their duration, around their instants, along the motion: what
     * moves by 20 pixels a frame has edges of 10 pixels at 180 degrees. It holds for mode rate, where all frames are
     * made then, those of the input, too; at half a frame rate, for one, all that was between counts. With a control
     * source, whose times are those of the output, it changes over time. With 0, frames of the input stay as they are.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_MOTION_BLUR,
        g_param_spec_double("motion-blur", "Motion blur",
                            "Shutter angle in degrees: frames are the mean over such a part of their duration, of 360, "
                            "along the motion, in mode rate (0 = no blur, 180 = as cameras do)",
                            0, MAX_MOTION_BLUR, DEFAULT_MOTION_BLUR, FLAGS | GST_PARAM_CONTROLLABLE));
}

static void install_plan(GObjectClass *object_class)
{
    /**
     * GstUdmInterp:plan:
     *
     * The plan.jsonl that `udm-film plan` wrote of the film that is played. No frame is made across a cut of it, beside
     * those that #GstUdmInterp:scene-threshold finds, and drawn noise is numbered by the frames of the film. With
     * #GstUdmInterp:factor, the time from each frame of the film to the next is divided evenly, however long it is, as
     * `udm-film run` does it, whose frames come out, bit for bit; after a seek, from the third on. It cannot be set by
     * a URI, which may come from elsewhere.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_PLAN, gst_udm_plan_param());
}

void gst_udm_interp_options_install(GObjectClass *object_class)
{
    gst_type_mark_as_plugin_api(GST_TYPE_UDM_INTERP_MODE, 0);
    install_rate_properties(object_class);
    install_gap_properties(object_class);
    install_motion_properties(object_class);
    install_plan(object_class);
}
