// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that udminterp has beside those of all elements.
#include "options.h"

#define DEFAULT_MODE GST_UDM_INTERP_MODE_RATE
#define DEFAULT_FACTOR 0
#define DEFAULT_SCENE_THRESHOLD 0.3
#define DEFAULT_EXTRAPOLATE 0
#define DEFAULT_DE_DUPLICATE FALSE
#define DEFAULT_FILL_GAPS FALSE
#define DEFAULT_MAX_GAP 7
#define DEFAULT_LOOKAHEAD 1
#define MAX_FACTOR 64

enum {
    PROP_MODE = GST_UDM_PROP_OWN,
    PROP_FACTOR,
    PROP_SCENE_THRESHOLD,
    PROP_EXTRAPOLATE,
    PROP_DE_DUPLICATE,
    PROP_FILL_GAPS,
    PROP_MAX_GAP,
    PROP_LOOKAHEAD,
};

GType gst_udm_interp_mode_get_type(void)
{
    static const GEnumValue modes[] = {
        { GST_UDM_INTERP_MODE_RATE, "Change the frame rate", "rate" },
        { GST_UDM_INTERP_MODE_FILL, "Keep the frame rate, and make the frames that are marked as duplicates", "fill" },
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
    };
}

gboolean gst_udm_interp_options_renegotiate(guint id)
{
    return id == PROP_MODE || id == PROP_FACTOR;
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
     * Whether the frame rate changes, or stays and duplicates are replaced.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_MODE,
                                    g_param_spec_enum("mode", "Mode",
                                                      "Change the frame rate, or keep it and make the duplicates anew",
                                                      GST_TYPE_UDM_INTERP_MODE, DEFAULT_MODE, FLAGS));
    /**
     * GstUdmInterp:factor:
     *
     * How many frames go out for one that comes in, with mode rate. 0 takes the frame rate that downstream asks for, or
     * doubles it where downstream does not mind.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_FACTOR,
        g_param_spec_uint("factor", "Factor",
                          "Frames out for each frame in, with mode rate (0 = the frame rate that downstream asks for)",
                          0, MAX_FACTOR, DEFAULT_FACTOR, FLAGS));
    /**
     * GstUdmInterp:extrapolate:
     *
     * How many frames after the last of a scene or of the stream go on along the motion. Those after them repeat it.
     * With mode fill, so do as many before the first, where a stream begins with duplicates; they wait for two known
     * frames.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_EXTRAPOLATE,
        g_param_spec_uint("extrapolate", "Extrapolate",
                          "Frames after the last of a scene that go on along its motion, before they repeat; with mode "
                          "fill also before the first of the stream",
                          0, 1000, DEFAULT_EXTRAPOLATE, FLAGS));
}

static void install_known_properties(GObjectClass *object_class)
{
    /**
     * GstUdmInterp:scene-threshold:
     *
     * How much of a picture motion must leave unexplained for it to begin a scene: 0 finds cuts everywhere, 1 nowhere.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_SCENE_THRESHOLD,
        g_param_spec_double(
            "scene-threshold", "Scene threshold",
            "Change between two frames that is a cut, over which frames are repeated (0 = any, 1 = none)", 0, 1,
            DEFAULT_SCENE_THRESHOLD, FLAGS));
    /**
     * GstUdmInterp:de-duplicate:
     *
     * Takes frames that show what the one before showed for missing, though they are not marked, as in animation on
     * twos.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_DE_DUPLICATE,
                                    g_param_spec_boolean("de-duplicate", "De-duplicate",
                                                         "Make frames anew that repeat the one before",
                                                         DEFAULT_DE_DUPLICATE, FLAGS));
    /**
     * GstUdmInterp:fill-gaps:
     *
     * With mode fill, also makes frames that the timestamps lack; and goes on where a discontinuity or a gap event is
     * no longer than #GstUdmInterp:max-gap frames.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_FILL_GAPS,
                                    g_param_spec_boolean("fill-gaps", "Fill gaps",
                                                         "Also make frames that were lost and left a hole in time",
                                                         DEFAULT_FILL_GAPS, FLAGS));
    /**
     * GstUdmInterp:max-gap:
     *
     * The longest row of missing frames that is made; longer ones repeat the frame before. Mode fill waits for as many
     * frames, and with #GstUdmInterp:lookahead for as many again.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_MAX_GAP,
                                    g_param_spec_uint("max-gap", "Longest gap",
                                                      "Longest row of missing frames that is made and not repeated", 1,
                                                      1000, DEFAULT_MAX_GAP, FLAGS));
}

static void install_waiting_properties(GObjectClass *object_class)
{
    /**
     * GstUdmInterp:lookahead:
     *
     * How many known frames after the next are waited for: 1 lets motion bend on its way from the one before, as what
     * shakes, turns or falls does, and not only from what was before that. With #GstUdmInterp:de-duplicate it is 0.
     *
     * Since: 0.1
     */
    g_object_class_install_property(object_class, PROP_LOOKAHEAD,
                                    g_param_spec_int("lookahead", "Look ahead",
                                                     "Known frames that are waited for after the next, so that motion "
                                                     "bends as it does in them",
                                                     0, 1, DEFAULT_LOOKAHEAD, FLAGS));
}

void gst_udm_interp_options_install(GObjectClass *object_class)
{
    gst_type_mark_as_plugin_api(GST_TYPE_UDM_INTERP_MODE, 0);
    install_rate_properties(object_class);
    install_known_properties(object_class);
    install_waiting_properties(object_class);
}
