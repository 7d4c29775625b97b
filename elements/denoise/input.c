// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames enter the engine: each with its number, and with the time at which the model's process has degraded a frame as
// much as this one is.
#include "denoise.h"

#include "frames.h"
#include "times.h"

// The same frame of a video has the same number, and so the same noise, wherever playback started.
static guint64 frame_number(GstUdmDenoise *self, GstBuffer *buffer)
{
    const GstVideoInfo *info = &GST_VIDEO_FILTER(self)->out_info;
    GstClockTime time = gst_udm_stream_time(&GST_BASE_TRANSFORM(self)->segment, GST_BUFFER_PTS(buffer));

    if (GST_CLOCK_TIME_IS_VALID(time) && info->fps_n > 0)
        return gst_util_uint64_scale_round(time, info->fps_n, info->fps_d * GST_SECOND);
    if (GST_BUFFER_OFFSET_IS_VALID(buffer))
        return GST_BUFFER_OFFSET(buffer);
    return self->count++;
}

void gst_udm_denoise_warn(GstUdmDenoise *self, const char *format, ...)
{
    va_list arguments;
    char *text;

    if (self->warned)
        return;
    self->warned = TRUE;
    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS, ("%s", text), (NULL));
    g_free(text);
}

// name: the property that holds the amount of what the model removes. wrong: the other one, if it was set.
static void check_amount(GstUdmDenoise *self, const udm_degradation *degradation, const char *name, double amount,
                         const char *wrong)
{
    if (amount > degradation->most && !degradation->holes)
        gst_udm_denoise_warn(
            self,
            "The property %s is %.1f, but the model was trained for %.1f at most: lower it, or use a model that "
            "was trained for more.",
            name, amount, degradation->most);
    if (wrong)
        gst_udm_denoise_warn(self, "The property %s has no effect with a model for the process \"%s\": set %s instead.",
                             wrong, degradation->process,
                             degradation->holes ? "the alpha channel of the frames" : name);
}

// Models that are told what to draw, and those that are not.
static gboolean set_words(GstUdmDenoise *self, const GstUdmDenoiseOptions *options, udm_error *error)
{
    if (!udm_model_degradation(gst_udm_denoise_model(self))->told) {
        if (*options->prompt || *options->negative_prompt)
            gst_udm_denoise_warn(self, "The properties prompt and negative-prompt have no effect with a model that "
                                       "knows no text: set model to a directory of Stable Diffusion.");
        return TRUE;
    }
    if (options->noise_level > 0 || options->amount > 0 || options->grain > 0)
        gst_udm_denoise_warn(self, "The properties noise-level, amount and grain have no effect with a model that is "
                                   "told what to draw: strength says how far frames change.");
    return udm_restorer_tell(gst_udm_denoise_stream(self), options->prompt, options->negative_prompt,
                             options->guidance_scale, error);
}

void gst_udm_denoise_check_amount(GstUdmDenoise *self)
{
    const GstUdmModel *model = GST_UDM_TRANSFORM(self)->model;
    const udm_degradation *degradation = model ? udm_model_degradation(gst_udm_model_get(model)) : NULL;
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(self);

    if (!degradation || degradation->holes || degradation->usual != 0 || options.amount >= 0)
        return;
    gst_udm_denoise_warn(
        self,
        "The model needs to know how much to remove: set the property amount to the %s, up to %g. Until then "
        "nothing is removed.",
        degradation->measure, degradation->most);
}

// Blurs and blocks go on only from a frame that has none.
static gdouble strength_of(GstUdmDenoise *self, const udm_degradation *degradation, const GstUdmDenoiseOptions *options)
{
    if (!gst_udm_denoise_is_in_pixels(degradation) || gst_udm_denoise_amount(degradation, options) == 0 ||
        options->strength == 0)
        return options->strength;
    gst_udm_denoise_warn(
        self, "The property strength has no effect with a model for the process \"%s\", which has no noise to add.",
        degradation->process);
    return 0;
}

static void set_time(GstUdmDenoise *self, const GstUdmDenoiseOptions *options, udm_frame *frame)
{
    const udm_model *model = gst_udm_denoise_model(self);
    const udm_degradation *degradation = udm_model_degradation(model);
    const gdouble size =
        gst_udm_smaller_scale(GST_UDM_TRANSFORM(self)->smaller); // whose frames have as much less of it
    const gdouble noise_level = options->noise_level;

    frame->strength = strength_of(self, degradation, options);
    if (degradation->told)
        return;
    if (degradation->usual < 0) {
        frame->grain = options->grain;
        check_amount(self, degradation, "noise-level", noise_level, options->amount >= 0 ? "amount" : NULL);
        frame->time = noise_level < 0 ? UDM_TIME_ESTIMATE : udm_model_time(model, size * noise_level);
        return;
    }
    check_amount(self, degradation, "amount", options->amount,
                 noise_level >= 0                             ? "noise-level"
                 : options->grain > 0                         ? "grain"
                 : degradation->holes && options->amount >= 0 ? "amount"
                                                              : NULL);
    frame->time = udm_model_time(model, size * gst_udm_denoise_amount(degradation, options));
}

// known: filled with the alpha channel, if that is what tells which pixels are known.
static gboolean describe(GstUdmDenoise *self, const GstUdmDenoiseOptions *options, const GstUdmFrame *mapped,
                         udm_frame *frame, udm_image *known, udm_error *error)
{
    if (gst_udm_denoise_fills_holes(self) && gst_udm_frame_alpha(mapped, known))
        frame->known = known;
    set_time(self, options, frame);
    return set_words(self, options, error);
}

// The frame, or both fields of it, to the engine.
static gboolean push(GstUdmDenoise *self, const udm_frame *frame, udm_error *error)
{
    udm_restorer *const streams[] = { gst_udm_denoise_stream(self), gst_udm_denoise_bottom(self) };

    if (!gst_udm_denoise_restores_fields(self))
        return udm_restorer_push(streams[0], frame, error);
    for (guint i = 0; i < 2; i++) {
        const udm_image image = gst_udm_denoise_field(frame->image, i);
        const udm_image known = frame->known ? gst_udm_denoise_field(frame->known, i) : (udm_image){ 0 };
        udm_frame field = *frame;

        field.image = &image;
        field.known = frame->known ? &known : NULL;
        if (!udm_restorer_push(streams[i], &field, error))
            return FALSE;
    }
    return TRUE;
}

// For the engine. Fields that lack a row of chroma are given one in a copy of the frame, which the map keeps.
static gboolean map_input(GstUdmDenoise *self, GstBuffer *input, GstUdmFrame *mapped)
{
    const GstVideoInfo *info = gst_udm_denoise_info(self);
    GstUdmSmaller *smaller = GST_UDM_TRANSFORM(self)->smaller;
    GstBuffer *copy;
    gboolean good;

    if (!gst_udm_denoise_restores_fields(self) || !gst_udm_denoise_lacks_row(info)) {
        good = gst_udm_smaller_read(smaller, mapped, info, input);
        if (good && smaller && gst_udm_denoise_fills_holes(self))
            gst_udm_frame_doubt_alpha(mapped);
        return good;
    }
    copy = gst_buffer_copy_deep(input);
    good = gst_udm_frame_map(mapped, info, copy, GST_MAP_READWRITE);
    gst_buffer_unref(copy);
    if (good && !gst_udm_denoise_has_rows(&mapped->video)) {
        gst_udm_frame_unmap(mapped);
        return FALSE;
    }
    if (good)
        gst_udm_denoise_fill_row(&mapped->video);
    return good;
}

GstFlowReturn gst_udm_denoise_push(GstUdmDenoise *self, GstBuffer *input, const GstUdmDenoiseOptions *options)
{
    GstUdmFrame mapped;
    udm_image image, known;
    udm_frame frame = { .image = &image };
    udm_error error = { 0 };
    gboolean pushed;

    if (!map_input(self, input, &mapped))
        return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    image = gst_udm_frame_image(&mapped);
    pushed = describe(self, options, &mapped, &frame, &known, &error);
    frame.discontinuity = self->discontinuity;
    frame.repeat = GST_BUFFER_FLAG_IS_SET(input, GST_BUFFER_FLAG_GAP);
    if (pushed && self->plan)
        pushed = gst_udm_denoise_follow_plan(self, options, input, &frame, &error);
    else if (pushed)
        frame.number = frame_number(self, input);
    if (pushed)
        pushed = push(self, &frame, &error);
    gst_udm_frame_unmap(&mapped);

    if (!pushed)
        return gst_udm_transform_failed(GST_UDM_TRANSFORM(self), &error);
    self->discontinuity = FALSE;
    return GST_FLOW_OK;
}
