// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of udmdenoise, but for those that all elements share.
#include "options.h"

#include "plan.h"
#include "udm/udm.h"

#define DEFAULT_NOISE_LEVEL (-1.0)
#define DEFAULT_STRENGTH 0.0
#define DEFAULT_GRAIN 0.0
#define DEFAULT_REPAIR 0.0
#define DEFAULT_LOOKAHEAD UDM_LOOKAHEAD_AUTO
#define DEFAULT_ENSEMBLE 1
#define DEFAULT_AMOUNT (-1.0)
#define DEFAULT_DEINTERLACE GST_UDM_DENOISE_DEINTERLACE_AUTO

enum {
    PROP_NOISE_LEVEL = GST_UDM_PROP_OWN,
    PROP_STRENGTH,
    PROP_LOOKAHEAD,
    PROP_ENSEMBLE,
    PROP_AMOUNT,
    PROP_DEINTERLACE,
    PROP_GRAIN,
    PROP_DIRT,
    PROP_DEFLICKER,
    PROP_STABILIZE_GATE,
    PROP_PLAN,
    PROP_PROMPT,
    PROP_NEGATIVE_PROMPT,
    PROP_GUIDANCE_SCALE,
};

GType gst_udm_denoise_deinterlace_get_type(void)
{
    static const GEnumValue values[] = {
        { GST_UDM_DENOISE_DEINTERLACE_AUTO, "auto: as frames, and film is found, whose frames are woven", "auto" },
        { GST_UDM_DENOISE_DEINTERLACE_OFF, "off: interlaced video is an error", "off" },
        { GST_UDM_DENOISE_DEINTERLACE_FRAMES, "frames: one for each that goes in", "frames" },
        { GST_UDM_DENOISE_DEINTERLACE_FIELDS, "fields: one for each field, at twice the frame rate", "fields" },
        { GST_UDM_DENOISE_DEINTERLACE_TELECINE, "telecine: each picture of film once, at 4/5 of 30 frames a second",
          "telecine" },
        { 0, NULL, NULL },
    };
    static gsize type = 0;

    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstUdmDenoiseDeinterlace", values));
    return type;
}

void gst_udm_denoise_options_init(GstUdmDenoiseOptions *options)
{
    *options = (GstUdmDenoiseOptions){
        .noise_level = DEFAULT_NOISE_LEVEL,
        .strength = DEFAULT_STRENGTH,
        .lookahead = DEFAULT_LOOKAHEAD,
        .ensemble = DEFAULT_ENSEMBLE,
        .amount = DEFAULT_AMOUNT,
        .deinterlace = DEFAULT_DEINTERLACE,
        .grain = DEFAULT_GRAIN,
        .dirt = DEFAULT_REPAIR,
        .deflicker = DEFAULT_REPAIR,
        .stabilize_gate = DEFAULT_REPAIR,
        .prompt = "",
        .negative_prompt = "",
        .guidance_scale = UDM_GUIDANCE_USUAL,
    };
}

gboolean gst_udm_denoise_options_reopen(guint id)
{
    return id == PROP_LOOKAHEAD || id == PROP_ENSEMBLE || id == PROP_DIRT || id == PROP_DEFLICKER ||
           id == PROP_STABILIZE_GATE;
}

static const char *intern_prompt(const GValue *value)
{
    const char *text = g_value_get_string(value);

    return g_intern_string(text ? text : "");
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
    case PROP_DEINTERLACE:
        options->deinterlace = g_value_get_enum(value);
        return TRUE;
    case PROP_GRAIN:
        options->grain = g_value_get_double(value);
        return TRUE;
    case PROP_DIRT:
        options->dirt = g_value_get_double(value);
        return TRUE;
    case PROP_DEFLICKER:
        options->deflicker = g_value_get_double(value);
        return TRUE;
    case PROP_STABILIZE_GATE:
        options->stabilize_gate = g_value_get_double(value);
        return TRUE;
    case PROP_PLAN:
        options->plan = g_intern_string(g_value_get_string(value));
        if (options->plan && !*options->plan)
            options->plan = NULL;
        return TRUE;
    case PROP_PROMPT:
        options->prompt = intern_prompt(value);
        return TRUE;
    case PROP_NEGATIVE_PROMPT:
        options->negative_prompt = intern_prompt(value);
        return TRUE;
    case PROP_GUIDANCE_SCALE:
        options->guidance_scale = g_value_get_double(value);
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
    case PROP_DEINTERLACE:
        g_value_set_enum(value, options->deinterlace);
        return TRUE;
    case PROP_GRAIN:
        g_value_set_double(value, options->grain);
        return TRUE;
    case PROP_DIRT:
        g_value_set_double(value, options->dirt);
        return TRUE;
    case PROP_DEFLICKER:
        g_value_set_double(value, options->deflicker);
        return TRUE;
    case PROP_STABILIZE_GATE:
        g_value_set_double(value, options->stabilize_gate);
        return TRUE;
    case PROP_PLAN:
        g_value_set_static_string(value, options->plan);
        return TRUE;
    case PROP_PROMPT:
        g_value_set_static_string(value, options->prompt);
        return TRUE;
    case PROP_NEGATIVE_PROMPT:
        g_value_set_static_string(value, options->negative_prompt);
        return TRUE;
    case PROP_GUIDANCE_SCALE:
        g_value_set_double(value, options->guidance_scale);
        return TRUE;
    default:
        return FALSE;
    }
}

// Keyframes can control these.
#define CONTROLLED (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING)

static void install_degradation(GObjectClass *object_class)
{
    /**
     * GstUdmDenoise:model:
     *
     * The model, which decides what is removed: a directory if the value contains a slash, otherwise the name of a
     * directory in one of the folders in the environment variable `UDM_MODEL_PATH`, among the installed models, or in
     * the current folder. "auto" removes noise, by "denoise" where it is white and by "denoise-real" where it is not;
     * "auto-quality" has "denoise-quality" for the former. "deblur" removes blur, "super4"
     * pixelation, and "inpaint" fills transparent areas.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_MODEL,
        g_param_spec_string("model", "Model (expert)",
                            "Model to restore frames with: a directory, or a name to look up in UDM_MODEL_PATH and "
                            "among the installed models",
                            GST_UDM_DENOISE_DEFAULT_MODEL,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmDenoise:noise-level:
     *
     * The standard deviation of the noise on a scale where pixels range from 0 to 255, whatever their bit depth. -1
     * estimates it for each scene. 0, with #GstUdmDenoise:strength also 0, passes frames through unchanged. For models
     * that remove noise.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_NOISE_LEVEL,
        g_param_spec_double(
            "noise-level", "Noise level",
            "Standard deviation of the noise on a scale of 0 to 255 (-1 = estimate it for each scene, 0 = none)", -1,
            255, DEFAULT_NOISE_LEVEL, CONTROLLED));
    /**
     * GstUdmDenoise:amount:
     *
     * The amount of what the model removes, if that is not noise: the standard deviation of the blur, or the side of
     * the blocks, in pixels. -1 takes the amount that the model was made for. 0, with #GstUdmDenoise:strength also 0,
     * passes frames through unchanged.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_AMOUNT,
        g_param_spec_double("amount", "Amount",
                            "Amount of blur or size of blocks in pixels, for models that remove those instead of noise "
                            "(-1 = what the model was made for, 0 = none)",
                            -1, 1000, DEFAULT_AMOUNT, CONTROLLED));
}

static void install_grain(GObjectClass *object_class)
{
    /**
     * GstUdmDenoise:grain:
     *
     * How much of the grain stays: this share of all that was removed is put back. 0 removes it all, 1 leaves frames as
     * they are, but for impulses. For models that remove noise.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_GRAIN,
        g_param_spec_double(
            "grain", "Grain",
            "Share of the noise that stays, for a picture that is to keep some grain (0 = none, 1 = all)", 0, 1,
            DEFAULT_GRAIN, CONTROLLED));
}

static void install_repair(GObjectClass *object_class)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmDenoise:dirt:
     *
     * Whether to look for dirt of film, specks, blotches and hairs, and dropouts of tape, and how faint they may be:
     * what the frames before and after agree on along motion, and the frame contradicts, is filled from them, before
     * noise is looked at. It works with #GstUdmDenoise:noise-level 0, too, where nothing else is changed, and costs a
     * frame of latency. For models that remove noise.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_DIRT,
        g_param_spec_double(
            "dirt", "Dirt",
            "Dirt of old film and dropouts of tape to fill from the frames around (0 = none, 0.5 = what "
            "is plain to see, 1 = faint ones, too)",
            0, 1, DEFAULT_REPAIR, flags));
    /**
     * GstUdmDenoise:deflicker:
     *
     * How much of what flickers is taken out of the light, of the whole picture and of its parts. Fades, flashes and
     * lightning stay, and so does what does not flicker, bit for bit. It costs eight frames of latency. For models that
     * remove noise.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_DEFLICKER,
                                    g_param_spec_double("deflicker", "Deflicker",
                                                        "Flicker of the light to take out (0 = none, 1 = all)", 0, 1,
                                                        DEFAULT_REPAIR, flags));
    /**
     * GstUdmDenoise:stabilize-gate:
     *
     * How much of what weaves is taken out of the place of the picture, as in the gate of a projector. Pans stay, and a
     * camera that is held by hand is steadied, too. What comes into view at the borders is taken from other frames. It
     * costs eight frames of latency, together with #GstUdmDenoise:deflicker. For models that remove noise.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_STABILIZE_GATE,
        g_param_spec_double("stabilize-gate", "Stabilize gate",
                            "Weave of the picture, as in the gate of a projector, to take out (0 = none, 1 = all)", 0,
                            1, DEFAULT_REPAIR, flags));
}

static void install_restoration(GObjectClass *object_class)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmDenoise:strength:
     *
     * How much of the picture to synthesize. Noise, or whatever else the model removes, is added until it is this
     * fraction of the most that the model was trained for, and is then removed together with that of the frame. With a
     * model of Stable Diffusion, how far frames are drawn anew: 0.4 keeps what is where, 0.7 little of it.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_STRENGTH,
        g_param_spec_double(
            "strength", "Strength",
            "Noise to add first so that detail is synthesized, as a fraction of the most that the model "
            "was trained for (0 = none, 1 = all)",
            0, 1, DEFAULT_STRENGTH, CONTROLLED));
    /**
     * GstUdmDenoise:lookahead:
     *
     * The number of following frames that each frame is restored with, in addition to the frames before it. They add as
     * many frames of latency, and of memory. Most of the gain comes from the first two. -1 takes those two, or none in
     * a live pipeline (one whose source answers a latency query so), or if the model sees each frame alone.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_LOOKAHEAD,
                                    gst_udm_lookahead_spec(UDM_LOOKAHEAD_AUTO, UDM_MAX_LOOKAHEAD, DEFAULT_LOOKAHEAD));
    /**
     * GstUdmDenoise:ensemble:
     *
     * The number of views of each frame, flipped and rotated, that are processed and averaged. Two views take twice the
     * time and give two thirds of the gain of all eight. Not for models that generate video; with models that remove
     * pixelation, such as "super4", frames have to be a whole number of blocks wide and high.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_ENSEMBLE,
        g_param_spec_int("ensemble", "Ensemble (expert)",
                         "Number of flipped and rotated views of each frame to process and average (1 = only the frame "
                         "as it is)",
                         1, UDM_MAX_ENSEMBLE, DEFAULT_ENSEMBLE, flags));
}

static void install_prompts(GObjectClass *object_class)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmDenoise:prompt:
     *
     * What frames are to become, in words, with a directory of Stable Diffusion as #GstUdmTransform:model: each is
     * drawn anew, as far as #GstUdmDenoise:strength says, in #GstUdmTransform:steps steps, for which those of Turbo and
     * LCM are made. "(word:1.3)" gives a word more weight.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_PROMPT,
        g_param_spec_string("prompt", "Prompt (expert)",
                            "What frames are to become, in words, with a model of Stable Diffusion", "", flags));
    /**
     * GstUdmDenoise:negative-prompt:
     *
     * What frames are to be kept away from; it has an effect where #GstUdmDenoise:guidance-scale is more than 1.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_NEGATIVE_PROMPT,
        g_param_spec_string("negative-prompt", "Negative prompt (expert)",
                            "What frames are to be kept away from, where guidance-scale is more than 1", "", flags));
    /**
     * GstUdmDenoise:guidance-scale:
     *
     * How far frames are pushed towards the prompt. 1 is no guidance, which Turbo wants; more takes a second evaluation
     * for each step, unless the model was trained to be told the scale, as LCM. -1 is 7.5 with those, and 1 with
     * others.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_GUIDANCE_SCALE,
        g_param_spec_double("guidance-scale", "Guidance scale (expert)",
                            "Strength of guidance towards the prompt (1 = none, fastest, -1 = 7.5 with models that "
                            "are told it, and 1 with others)",
                            UDM_GUIDANCE_USUAL, 100, UDM_GUIDANCE_USUAL, CONTROLLED));
}

static void install_fields(GObjectClass *object_class)
{
    /**
     * GstUdmDenoise:deinterlace:
     *
     * What becomes of interlaced video, whose caps say `interlace-mode` interleaved, mixed or alternate. "frames"
     * keeps the frame rate: of each frame its first field becomes a picture. "fields" makes one of each field, at
     * twice the rate, which moves as smoothly as the video did. "auto" acts as "frames", but where two fields are of
     * one picture, as in film and other progressive video that was stored in fields, they are woven, and nothing is
     * guessed; not in a live pipeline, as it takes 9 frames to be sure. "telecine" undoes the transfer of film to
     * video: each picture, which lasts for 3 and 2 fields in turns, comes out once, and frames of video among them,
     * too; 30 frames a second become 24, at even distances. In mixed video, frames that say that they are progressive
     * stay as they are. The rows of a field stay as they are, too, unless there is noise to be removed.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_DEINTERLACE,
        g_param_spec_enum("deinterlace", "Deinterlace", "What becomes of interlaced video",
                          GST_TYPE_UDM_DENOISE_DEINTERLACE, DEFAULT_DEINTERLACE,
                          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));
    gst_type_mark_as_plugin_api(GST_TYPE_UDM_DENOISE_DEINTERLACE, 0);
}

static void install_plan(GObjectClass *object_class)
{
    /**
     * GstUdmDenoise:plan:
     *
     * The plan.jsonl that `udm-film plan` wrote of the film that is played. Scenes, the noise of each frame and the
     * number that its own noise is drawn by are then taken from it, by the frame's stream time, instead of being looked
     * for, and a scene that it splits begins anew there. So frames come out as `udm-film run` makes them, with the same
     * settings, and after a seek as well, from the next cut or split on. #GstUdmDenoise:noise-level has to be as it was
     * when the film was planned, or -1. It cannot be set by a URI, which may come from elsewhere.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_PLAN, gst_udm_plan_param());
}

void gst_udm_denoise_options_install(GObjectClass *object_class)
{
    install_plan(object_class);
    install_fields(object_class);
    install_degradation(object_class);
    install_grain(object_class);
    install_repair(object_class);
    install_prompts(object_class);
    install_restoration(object_class);
}
