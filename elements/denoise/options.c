// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that udmdenoise has beside those of all elements.
#include "options.h"

#include "udm/udm.h"

#define DEFAULT_NOISE_LEVEL (-1.0)
#define DEFAULT_STRENGTH 0.0
#define DEFAULT_LOOKAHEAD 0
#define DEFAULT_ENSEMBLE 1
#define DEFAULT_AMOUNT (-1.0)

enum {
    PROP_NOISE_LEVEL = GST_UDM_PROP_OWN,
    PROP_STRENGTH,
    PROP_LOOKAHEAD,
    PROP_ENSEMBLE,
    PROP_AMOUNT,
};

void gst_udm_denoise_options_init(GstUdmDenoiseOptions *options)
{
    *options = (GstUdmDenoiseOptions){
        .noise_level = DEFAULT_NOISE_LEVEL,
        .strength = DEFAULT_STRENGTH,
        .lookahead = DEFAULT_LOOKAHEAD,
        .ensemble = DEFAULT_ENSEMBLE,
        .amount = DEFAULT_AMOUNT,
    };
}

gboolean gst_udm_denoise_options_reopen(guint id)
{
    return id == PROP_LOOKAHEAD || id == PROP_ENSEMBLE;
}

gboolean gst_udm_denoise_options_set(GstUdmDenoiseOptions *options, guint id, const GValue *value)
{
    switch (id) {
    case PROP_NOISE_LEVEL:
        options->noise_level = g_value_get_double(value);
        return TRUE;
    case PROP_STRENGTH:
        options->strength = g_value_get_double(value);
        return TRUE;
    case PROP_LOOKAHEAD:
        options->lookahead = g_value_get_int(value);
        return TRUE;
    case PROP_ENSEMBLE:
        options->ensemble = g_value_get_int(value);
        return TRUE;
    case PROP_AMOUNT:
        options->amount = g_value_get_double(value);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean gst_udm_denoise_options_get(const GstUdmDenoiseOptions *options, guint id, GValue *value)
{
    switch (id) {
    case PROP_NOISE_LEVEL:
        g_value_set_double(value, options->noise_level);
        return TRUE;
    case PROP_STRENGTH:
        g_value_set_double(value, options->strength);
        return TRUE;
    case PROP_LOOKAHEAD:
        g_value_set_int(value, options->lookahead);
        return TRUE;
    case PROP_ENSEMBLE:
        g_value_set_int(value, options->ensemble);
        return TRUE;
    case PROP_AMOUNT:
        g_value_set_double(value, options->amount);
        return TRUE;
    default:
        return FALSE;
    }
}

void gst_udm_denoise_options_install(GObjectClass *object_class)
{
    const GParamFlags flags =
        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmDenoise:noise-level:
     *
     * Standard deviation of the noise, where the pixels go from 0 to 255 (whatever their depth is). -1 estimates it for
     * each scene. 0, with no #GstUdmDenoise:strength, passes frames through untouched. For models that remove noise.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_NOISE_LEVEL,
        g_param_spec_double("noise-level", "Noise level",
                            "Standard deviation of the noise for pixels from 0 to 255 (-1 = estimate it, 0 = none)", -1,
                            255, DEFAULT_NOISE_LEVEL, flags));
    /**
     * GstUdmDenoise:strength:
     *
     * How much is drawn anew: noise (or whatever the model undoes) is added until it is this share of the most that the
     * model knows, and then removed with the frame's own. 0 adds none.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_STRENGTH,
        g_param_spec_double("strength", "Strength",
                            "Share of noise that is added first, so that detail is drawn anew (0 = none, 1 = all)", 0,
                            1, DEFAULT_STRENGTH, flags));
    /**
     * GstUdmDenoise:lookahead:
     *
     * How many frames are held back, so that each is restored in the light of as many after it. It is the latency, and
     * most of what there is to gain comes from the first two. For models that see the frames before, too.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_LOOKAHEAD,
        g_param_spec_int("lookahead", "Lookahead",
                         "Frames held back, so that each is restored in the light of as many after it (0 = none)", 0,
                         UDM_MAX_LOOKAHEAD, DEFAULT_LOOKAHEAD,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmDenoise:ensemble:
     *
     * In how many views, turned and mirrored, the network sees each frame; the mean of what it makes of them is what
     * comes out. Two views take twice the time, and gain two thirds of what eight do. For models that do not make
     * video; of blocks ("super4"), for frames whose sides are multiples of them.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_ENSEMBLE,
        g_param_spec_int("ensemble", "Ensemble",
                         "Views of each frame, turned and mirrored, whose estimates are averaged (1 = as it is)", 1,
                         UDM_MAX_ENSEMBLE, DEFAULT_ENSEMBLE,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmDenoise:amount:
     *
     * How much there is in the frames of what the model undoes, if that is not noise: the standard deviation of the
     * blur or the side of the blocks in pixels. -1 takes what the model was made for. 0, with no
     * #GstUdmDenoise:strength, passes frames through untouched.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_AMOUNT,
        g_param_spec_double("amount", "Amount",
                            "How much of what the model undoes, if not noise: blur or blocks in pixels (-1 = the "
                            "model's own, 0 = none)",
                            -1, 1000, DEFAULT_AMOUNT, flags));
}
