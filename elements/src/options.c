// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that udmsrc has beside those of all elements.
#include "options.h"

#define DEFAULT_CLASS_LABEL (-1)
#define DEFAULT_GUIDANCE_RESCALE 0
#define DEFAULT_GUIDANCE_SCALE 7
#define DEFAULT_RESIDUAL_GUIDANCE FALSE
#define DEFAULT_KEEP_STATE FALSE
#define DEFAULT_NUM_FRAMES 0
#define DEFAULT_SCENE_LENGTH 250
#define DEFAULT_PREVIEW FALSE

static void install_what(GObjectClass *object_class)
{
    const GParamFlags flags =
        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmSrc:class-label:
     *
     * What is shown, of the classes that the model knows: a digit, with the model "digits". A class that there is not,
     * as -1, lets each scene draw one. A change takes effect where the next frame enters the window, some frames ahead
     * of the one that leaves it; with a control source, exactly at the time of the frame.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_CLASS_LABEL,
                                    g_param_spec_int("class-label", "Class label",
                                                     "What is shown, of the classes of the model (-1 = any, drawn for "
                                                     "each scene)",
                                                     -1, G_MAXINT, DEFAULT_CLASS_LABEL, flags));
    /**
     * GstUdmSrc:guidance-scale:
     *
     * How far frames are pushed to what is typical of the class: 1 is as the model was trained, 0 leaves the class out.
     * Any other value costs a second evaluation of the network per step.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_GUIDANCE_SCALE,
        g_param_spec_double("guidance-scale", "Guidance scale",
                            "How far frames are pushed towards their class (0 = not, 1 = as trained, fastest)", 0, 20,
                            DEFAULT_GUIDANCE_SCALE, flags));
    /**
     * GstUdmSrc:guidance-rescale:
     *
     * Guidance adds contrast; this is the share of it that is taken back.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_GUIDANCE_RESCALE,
        g_param_spec_double("guidance-rescale", "Guidance rescale",
                            "How much of the contrast that guidance adds is taken back (0 = none, 1 = all)", 0, 1,
                            DEFAULT_GUIDANCE_RESCALE, flags));
}

static void install_how_fast(GObjectClass *object_class)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmSrc:residual-guidance:
     *
     * Asks the network what it says without the class once for each frame and not at each step: the later steps take
     * what the first said. Where a frame is looked at twice, as with 10 steps, that is three evaluations for four.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_RESIDUAL_GUIDANCE,
        g_param_spec_boolean("residual-guidance", "Residual guidance",
                             "Whether guidance asks without the class once a frame and not once a step, which is "
                             "faster",
                             DEFAULT_RESIDUAL_GUIDANCE, flags));
    /**
     * GstUdmSrc:keep-state:
     *
     * Computes what the network's layers along time see of the frames that are done at the first of a frame's
     * evaluations only. The others then compute the frames in the making alone, which are 5 of 8 with the model
     * "digits". What is done is seen as it was when those were noisier, and as one that was told its class.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_KEEP_STATE,
        g_param_spec_boolean("keep-state", "Keep state",
                             "Whether layers along time see frames that are done as they were at the first evaluation "
                             "of a frame, which is faster",
                             DEFAULT_KEEP_STATE, flags));
}

static void install_how_long(GObjectClass *object_class)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

    /**
     * GstUdmSrc:num-frames:
     *
     * Frames of the video; 0 is without end.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_NUM_FRAMES,
        g_param_spec_int64("num-frames", "Number of frames", "Frames until the end of the video (0 = without end)", 0,
                           G_MAXINT64, DEFAULT_NUM_FRAMES, flags | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmSrc:scene-length:
     *
     * Frames after which the video begins anew, with nothing in common with what was before. A seek computes the frames
     * of one scene at most. 0 is one scene without end, in which a seek to a frame may cost as much as playing to it.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_SCENE_LENGTH,
        g_param_spec_int("scene-length", "Scene length",
                         "Frames after which the video begins anew, and the most that a seek computes (0 = never)", 0,
                         G_MAXINT, DEFAULT_SCENE_LENGTH, flags | GST_PARAM_MUTABLE_PLAYING));
}

static void install_from_where(GObjectClass *object_class)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

    /**
     * GstUdmSrc:continue-from:
     *
     * A video or picture, as a file or a URI. The video goes on from its last frames: the first frame is the one that
     * comes after them. They are brought to the size of the model and the frame rate of the caps. Other scenes begin
     * anew. If #GstUdmSrc:class-label is -1, the network is told no class.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_CONTINUE_FROM,
        g_param_spec_string("continue-from", "Continue from",
                            "File or URI of a video or picture after whose last frame the video goes on", NULL,
                            flags | GST_PARAM_MUTABLE_READY));
    /**
     * GstUdmSrc:preview:
     *
     * Shows how frames come to be: each step of each frame is a frame of its own, from noise to what is made, and so
     * the video takes that many times as long. #GstUdmSrc:num-frames and #GstUdmSrc:scene-length count what is made.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_PREVIEW,
                                    g_param_spec_boolean("preview", "Preview",
                                                         "Whether each step of each frame is a frame of its own",
                                                         DEFAULT_PREVIEW, flags | GST_PARAM_MUTABLE_READY));
    /**
     * GstUdmSrc:is-live:
     *
     * Whether frames come at the pace of the clock, as from a camera.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_IS_LIVE,
                                    g_param_spec_boolean("is-live", "Is live", "Whether to act as a live source", FALSE,
                                                         flags | GST_PARAM_MUTABLE_READY));
}

void gst_udm_src_options_install(GObjectClass *object_class)
{
    install_what(object_class);
    install_how_fast(object_class);
    install_how_long(object_class);
    install_from_where(object_class);
}

void gst_udm_src_options_init(GstUdmSrcOptions *options)
{
    options->class_label = DEFAULT_CLASS_LABEL;
    options->guidance_scale = DEFAULT_GUIDANCE_SCALE;
    options->guidance_rescale = DEFAULT_GUIDANCE_RESCALE;
    options->residual_guidance = DEFAULT_RESIDUAL_GUIDANCE;
    options->keep_state = DEFAULT_KEEP_STATE;
    options->num_frames = DEFAULT_NUM_FRAMES;
    options->scene_length = DEFAULT_SCENE_LENGTH;
    options->preview = DEFAULT_PREVIEW;
}

void gst_udm_src_options_clear(GstUdmSrcOptions *options)
{
    g_clear_pointer(&options->continue_from, g_free);
}

gboolean gst_udm_src_options_reopen(guint id)
{
    switch (id) {
    case GST_UDM_SRC_PROP_RESIDUAL_GUIDANCE:
    case GST_UDM_SRC_PROP_KEEP_STATE:
    case GST_UDM_SRC_PROP_SCENE_LENGTH:
    case GST_UDM_SRC_PROP_CONTINUE_FROM:
    case GST_UDM_SRC_PROP_PREVIEW:
        return TRUE;
    default:
        return FALSE; // asked for frame by frame, or looked at at each
    }
}

gboolean gst_udm_src_options_set(GstUdmSrcOptions *options, guint id, const GValue *value)
{
    switch (id) {
    case GST_UDM_SRC_PROP_CLASS_LABEL:
        options->class_label = g_value_get_int(value);
        return TRUE;
    case GST_UDM_SRC_PROP_GUIDANCE_SCALE:
        options->guidance_scale = g_value_get_double(value);
        return TRUE;
    case GST_UDM_SRC_PROP_GUIDANCE_RESCALE:
        options->guidance_rescale = g_value_get_double(value);
        return TRUE;
    case GST_UDM_SRC_PROP_RESIDUAL_GUIDANCE:
        options->residual_guidance = g_value_get_boolean(value);
        return TRUE;
    case GST_UDM_SRC_PROP_KEEP_STATE:
        options->keep_state = g_value_get_boolean(value);
        return TRUE;
    case GST_UDM_SRC_PROP_NUM_FRAMES:
        options->num_frames = g_value_get_int64(value);
        return TRUE;
    case GST_UDM_SRC_PROP_SCENE_LENGTH:
        options->scene_length = g_value_get_int(value);
        return TRUE;
    case GST_UDM_SRC_PROP_CONTINUE_FROM:
        g_free(options->continue_from);
        options->continue_from = g_value_dup_string(value);
        return TRUE;
    case GST_UDM_SRC_PROP_PREVIEW:
        options->preview = g_value_get_boolean(value);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean gst_udm_src_options_get(const GstUdmSrcOptions *options, guint id, GValue *value)
{
    switch (id) {
    case GST_UDM_SRC_PROP_CLASS_LABEL:
        g_value_set_int(value, options->class_label);
        return TRUE;
    case GST_UDM_SRC_PROP_GUIDANCE_SCALE:
        g_value_set_double(value, options->guidance_scale);
        return TRUE;
    case GST_UDM_SRC_PROP_GUIDANCE_RESCALE:
        g_value_set_double(value, options->guidance_rescale);
        return TRUE;
    case GST_UDM_SRC_PROP_RESIDUAL_GUIDANCE:
        g_value_set_boolean(value, options->residual_guidance);
        return TRUE;
    case GST_UDM_SRC_PROP_KEEP_STATE:
        g_value_set_boolean(value, options->keep_state);
        return TRUE;
    case GST_UDM_SRC_PROP_NUM_FRAMES:
        g_value_set_int64(value, options->num_frames);
        return TRUE;
    case GST_UDM_SRC_PROP_SCENE_LENGTH:
        g_value_set_int(value, options->scene_length);
        return TRUE;
    case GST_UDM_SRC_PROP_CONTINUE_FROM:
        g_value_set_string(value, options->continue_from);
        return TRUE;
    case GST_UDM_SRC_PROP_PREVIEW:
        g_value_set_boolean(value, options->preview);
        return TRUE;
    default:
        return FALSE;
    }
}
