// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of udmsrc.
#include "options.h"

#define DEFAULT_CLASS_LABEL (-1)
#define DEFAULT_GUIDANCE_RESCALE 0
#define DEFAULT_GUIDANCE_SCALE (-1)
#define DEFAULT_RESIDUAL_GUIDANCE FALSE
#define DEFAULT_KEEP_STATE FALSE
#define DEFAULT_NUM_FRAMES 0
#define DEFAULT_SCENE_LENGTH 250
#define DEFAULT_PREVIEW FALSE

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)

static void install_content(GObjectClass *object_class)
{
    const GParamFlags flags = FLAGS | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmSrc:model:
     *
     * The model, which decides what can be generated: a directory if the value contains a slash, otherwise the name of
     * a directory in one of the folders in the environment variable `UDM_MODEL_PATH`, among the installed models, or in
     * the current folder.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_MODEL,
        g_param_spec_string("model", "Model",
                            "Model to generate video with: a directory, or a name to look up in UDM_MODEL_PATH and "
                            "among the installed models",
                            GST_UDM_SRC_DEFAULT_MODEL, FLAGS | GST_PARAM_MUTABLE_READY));
    /**
     * GstUdmSrc:class-label:
     *
     * The class to generate, of those that the model was trained on: a digit, with the model "digits". -1, or a class
     * that the model does not have, picks a random one for each scene. A change takes effect on the next frame that
     * enters the window of frames in progress, a few frames ahead of the output; with a control source, exactly on the
     * frame with that timestamp.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_CLASS_LABEL,
        g_param_spec_int("class-label", "Class label",
                         "Class of the model to generate (-1 = a random one for each scene)", -1, G_MAXINT,
                         DEFAULT_CLASS_LABEL, flags));
    /**
     * GstUdmSrc:prompt:
     *
     * What to show, in words, with a model that knows text, such as "world". A picture stands still as long as prompt
     * and scene stay the same. Lines of the form `FRAME: text` are keyframes, between which the picture changes evenly
     * from one text to the next. A change takes effect on the next frame.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_PROMPT,
        g_param_spec_string("prompt", "Prompt",
                            "Text that says what to show, or lines \"FRAME: text\" (models that know text)", NULL,
                            flags));
    /**
     * GstUdmSrc:negative-prompt:
     *
     * What not to show, in words, with a model that knows text.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_NEGATIVE_PROMPT,
                                    g_param_spec_string("negative-prompt", "Negative prompt",
                                                        "Text that says what not to show (models that know text)", NULL,
                                                        flags));
    /**
     * GstUdmSrc:guidance-scale:
     *
     * The strength of classifier-free guidance: how far frames are pushed towards what is typical of their class or
     * prompt. 1 is no guidance, as the model was trained, and 0 ignores class and prompt. Any other value takes a
     * second evaluation of the network per step. -1 is 7 with classes, and 3 with prompts.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_GUIDANCE_SCALE,
        g_param_spec_double("guidance-scale", "Guidance scale",
                            "Strength of guidance towards class or prompt (0 = ignore them, 1 = no guidance, fastest, "
                            "-1 = 7 with classes, 3 with prompts)",
                            -1, 20, DEFAULT_GUIDANCE_SCALE, flags));
    /**
     * GstUdmSrc:guidance-rescale:
     *
     * The fraction to take back of the contrast that guidance adds.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_GUIDANCE_RESCALE,
        g_param_spec_double("guidance-rescale", "Guidance rescale",
                            "Fraction to take back of the contrast that guidance adds (0 = none, 1 = all)", 0, 1,
                            DEFAULT_GUIDANCE_RESCALE, flags));
}

static void install_shortcuts(GObjectClass *object_class)
{
    /**
     * GstUdmSrc:residual-guidance:
     *
     * Whether guidance evaluates the unconditional network once per frame instead of once per step, with later steps
     * reusing the result of the first. With two steps per frame, as with 10 #GstUdmSrc:steps, that is three evaluations
     * instead of four.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_RESIDUAL_GUIDANCE,
        g_param_spec_boolean("residual-guidance", "Residual guidance",
                             "Evaluate the unconditional network once per frame instead of once per step (faster, less "
                             "accurate)",
                             DEFAULT_RESIDUAL_GUIDANCE, FLAGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmSrc:keep-state:
     *
     * Whether the temporal layers of the network process the finished frames of the window only in the first of a
     * frame's evaluations. The other evaluations then compute nothing but the frames in progress, which are 5 of 8 with
     * the model "digits". They see the finished frames as those looked next to noisier ones, and conditioned on the
     * class.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_KEEP_STATE,
        g_param_spec_boolean("keep-state", "Keep state",
                             "Process finished frames of the window once per frame instead of once per evaluation "
                             "(faster, less accurate)",
                             DEFAULT_KEEP_STATE, FLAGS | GST_PARAM_MUTABLE_PLAYING));
}

static void install_length(GObjectClass *object_class)
{
    /**
     * GstUdmSrc:num-frames:
     *
     * The number of frames to generate before EOS. 0 is unlimited.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_NUM_FRAMES,
        g_param_spec_int64("num-frames", "Number of frames", "Number of frames to generate before EOS (0 = unlimited)",
                           0, G_MAXINT64, DEFAULT_NUM_FRAMES, FLAGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmSrc:scene-length:
     *
     * The number of frames after which a new scene begins that has nothing in common with the one before. A seek
     * computes the frames of one scene at most. 0 is a single scene without end, in which a seek may take as long as
     * playing up to the frame.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_SCENE_LENGTH,
        g_param_spec_int(
            "scene-length", "Scene length",
            "Number of frames per scene, which is also the most that a seek computes (0 = one endless scene)", 0,
            G_MAXINT, DEFAULT_SCENE_LENGTH, FLAGS | GST_PARAM_MUTABLE_PLAYING));
}

static void install_playback(GObjectClass *object_class)
{
    /**
     * GstUdmSrc:continue-from:
     *
     * The file name or URI of a video or picture to continue: the first frame generated is the one that follows its
     * last frame. The video is converted to the size of the model and the frame rate of the caps. Only the first scene
     * continues it. If #GstUdmSrc:class-label is -1, that scene is generated unconditionally. It cannot be set by a
     * `udm://` URI, which may come from elsewhere.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_CONTINUE_FROM,
                                    g_param_spec_string("continue-from", "Continue from",
                                                        "File name or URI of a video or picture to continue", NULL,
                                                        FLAGS | GST_PARAM_MUTABLE_READY | GST_UDM_PARAM_READS));
    /**
     * GstUdmSrc:image:
     *
     * The file name or URI of a picture, the middle square of which frames resemble, with a model that knows text, such
     * as "world". It takes the place of the #GstUdmSrc:prompt; with both, it is half of each. It cannot be set by a
     * `udm://` URI, which may come from elsewhere.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_IMAGE,
                                    g_param_spec_string("image", "Image",
                                                        "File name or URI of a picture to resemble (models that know "
                                                        "text)",
                                                        NULL, FLAGS | GST_PARAM_MUTABLE_READY | GST_UDM_PARAM_READS));
    /**
     * GstUdmSrc:lora:
     *
     * LoRAs that change the model: the name of a safetensors file, with ":" and a scale if that is not to be 1; several
     * are separated by semicolons. It cannot be set by a `udm://` URI, which may come from elsewhere.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_LORA,
                                    g_param_spec_string("lora", "LoRA",
                                                        "LoRAs that change the model: FILE[:SCALE], several separated "
                                                        "by semicolons",
                                                        NULL, FLAGS | GST_PARAM_MUTABLE_READY | GST_UDM_PARAM_READS));
    /**
     * GstUdmSrc:memory-limit:
     *
     * What all of Stable Diffusion is to stay below, on the processor: a number of MiB, or one with a unit, such as
     * "400M" or "1.5G"; empty is no limit. Parts of the model then take turns, and weights that do not fit lie in a
     * file in `TMPDIR`, or `/var/tmp`. What is too little is an error before the first frame, which names the least;
     * so is a limit for a model that does not follow it.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_MEMORY_LIMIT,
                                    g_param_spec_string("memory-limit", "Memory limit",
                                                        "What all of a model that knows text stays below: MiB, or "
                                                        "with a unit, such as 1.5G (empty = no limit)",
                                                        NULL, FLAGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmSrc:preview:
     *
     * Whether to show the sampling process: each sampling step of each frame is output as a frame of its own, from
     * noise to the result, so that the video is as many times longer. #GstUdmSrc:num-frames and #GstUdmSrc:scene-length
     * count results.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_SRC_PROP_PREVIEW,
        g_param_spec_boolean("preview", "Preview", "Output each sampling step of each frame as a frame of its own",
                             DEFAULT_PREVIEW, FLAGS | GST_PARAM_MUTABLE_READY));
    /**
     * GstUdmSrc:is-live:
     *
     * Whether to act as a live source, which outputs frames at the pace of the clock, as a camera does.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, GST_UDM_SRC_PROP_IS_LIVE,
                                    g_param_spec_boolean("is-live", "Is live", "Whether to act as a live source", FALSE,
                                                         FLAGS | GST_PARAM_MUTABLE_READY));
}

void gst_udm_src_options_install(GObjectClass *object_class)
{
    install_content(object_class);
    install_shortcuts(object_class);
    install_length(object_class);
    install_playback(object_class);
    /**
     * GstUdmSrc:steps:
     *
     * The number of sampling steps per frame, rounded up to a multiple of the number of frames in progress at once,
     * which is 5 with the model "digits"; fewer steps than that shorten the window. Processing time is proportional to
     * it.
     *
     * Since: 0.2
     */
    /**
     * GstUdmSrc:device:
     *
     * See #GstUdmTransform:device.
     *
     * Since: 0.2
     */
    /**
     * GstUdmSrc:precision:
     *
     * See #GstUdmTransform:precision.
     *
     * Since: 0.2
     */
    /**
     * GstUdmSrc:n-threads:
     *
     * See #GstUdmTransform:n-threads.
     *
     * Since: 0.2
     */
    /**
     * GstUdmSrc:sampler:
     *
     * See #GstUdmTransform:sampler.
     *
     * Since: 0.2
     */
    /**
     * GstUdmSrc:schedule:
     *
     * See #GstUdmTransform:schedule.
     *
     * Since: 0.2
     */
    /**
     * GstUdmSrc:spacing:
     *
     * See #GstUdmTransform:spacing.
     *
     * Since: 0.2
     */
    /**
     * GstUdmSrc:seed:
     *
     * See #GstUdmTransform:seed.
     *
     * Since: 0.2
     */
    /**
     * GstUdmSrc:stats:
     *
     * See #GstUdmTransform:stats.
     *
     * Since: 0.2
     */
    gst_udm_settings_install(
        object_class, GST_UDM_SRC_DEFAULT_STEPS,
        "Number of sampling steps per frame, rounded up to a multiple of the frames in progress at once");
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
    g_clear_pointer(&options->image, g_free);
    g_clear_pointer(&options->lora, g_free);
    g_clear_pointer(&options->memory_limit, g_free);
    g_clear_pointer(&options->prompt, g_free);
    g_clear_pointer(&options->negative_prompt, g_free);
}

gboolean gst_udm_src_options_reopen(guint id)
{
    switch (id) {
    case GST_UDM_SRC_PROP_RESIDUAL_GUIDANCE:
    case GST_UDM_SRC_PROP_KEEP_STATE:
    case GST_UDM_SRC_PROP_SCENE_LENGTH:
    case GST_UDM_SRC_PROP_CONTINUE_FROM:
    case GST_UDM_SRC_PROP_IMAGE:
    case GST_UDM_SRC_PROP_MEMORY_LIMIT:
    case GST_UDM_SRC_PROP_PREVIEW:
        return TRUE;
    default:
        return FALSE; // read for each frame
    }
}

gboolean gst_udm_src_options_set(GstUdmSrcOptions *options, guint id, const GValue *value)
{
    switch (id) {
    case GST_UDM_SRC_PROP_CLASS_LABEL:
        options->class_label = g_value_get_int(value);
        return TRUE;
    case GST_UDM_SRC_PROP_PROMPT:
        g_free(options->prompt);
        options->prompt = g_value_dup_string(value);
        return TRUE;
    case GST_UDM_SRC_PROP_NEGATIVE_PROMPT:
        g_free(options->negative_prompt);
        options->negative_prompt = g_value_dup_string(value);
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
    case GST_UDM_SRC_PROP_IMAGE:
        g_free(options->image);
        options->image = g_value_dup_string(value);
        return TRUE;
    case GST_UDM_SRC_PROP_LORA:
        g_free(options->lora);
        options->lora = g_value_dup_string(value);
        return TRUE;
    case GST_UDM_SRC_PROP_MEMORY_LIMIT:
        g_free(options->memory_limit);
        options->memory_limit = g_value_dup_string(value);
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
    case GST_UDM_SRC_PROP_PROMPT:
        g_value_set_string(value, options->prompt);
        return TRUE;
    case GST_UDM_SRC_PROP_NEGATIVE_PROMPT:
        g_value_set_string(value, options->negative_prompt);
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
    case GST_UDM_SRC_PROP_IMAGE:
        g_value_set_string(value, options->image);
        return TRUE;
    case GST_UDM_SRC_PROP_LORA:
        g_value_set_string(value, options->lora);
        return TRUE;
    case GST_UDM_SRC_PROP_MEMORY_LIMIT:
        g_value_set_string(value, options->memory_limit);
        return TRUE;
    case GST_UDM_SRC_PROP_PREVIEW:
        g_value_set_boolean(value, options->preview);
        return TRUE;
    default:
        return FALSE;
    }
}
