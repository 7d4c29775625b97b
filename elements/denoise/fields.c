// SPDX-License-Identifier: LGPL-2.1-or-later
// Interlaced video: frames of fields become whole frames after the engine has restored the fields, or instead of that.
#include "denoise.h"

#include "frames.h"
#include "interlaced.h"

gboolean gst_udm_denoise_takes_interlaced(GstUdmTransform *trans, const GstCaps *caps)
{
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(GST_UDM_DENOISE(trans));

    return options.deinterlace != GST_UDM_DENOISE_DEINTERLACE_OFF && !options.plan && gst_udm_caps_have_fields(caps);
}

static GstUdmDenoiseDeinterlace way_of(GstUdmDenoise *self)
{
    return gst_udm_denoise_options_copy(self).deinterlace;
}

// ---- caps

// What a rate becomes. Film of 24 pictures a second is what 30 frames a second hold, at any other rate it is as fast.
static gboolean convert_rate(GstUdmDenoiseDeinterlace way, GstPadDirection direction, gint *n, gint *d)
{
    const gboolean down = direction == GST_PAD_SINK; // from the sink pad to the source pad
    const gdouble rate = (gdouble)*n / *d;

    if (way == GST_UDM_DENOISE_DEINTERLACE_FIELDS)
        return gst_util_fraction_multiply(*n, *d, down ? 2 : 1, down ? 1 : 2, n, d);
    if (rate < (down ? 29.9 : 23.9) || rate > (down ? 30.1 : 24.1))
        return TRUE;
    return gst_util_fraction_multiply(*n, *d, down ? 4 : 5, down ? 5 : 4, n, d);
}

static void convert_rates(GstUdmDenoiseDeinterlace way, GstPadDirection direction, GstStructure *structure)
{
    gint n, d, rate_n, rate_d;

    if (!gst_structure_has_field(structure, "framerate"))
        return;
    if (!gst_structure_get_fraction(structure, "framerate", &n, &d)) { // what they become is found when one is chosen
        gst_structure_set(structure, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
        return;
    }
    rate_n = n, rate_d = d;
    if (convert_rate(way, direction, &rate_n, &rate_d))
        gst_structure_set(structure, "framerate", GST_TYPE_FRACTION, rate_n, rate_d, NULL);
}

// Or may be: structures that are not fixed may have several modes.
static gboolean is_interlaced(const GstCaps *caps, guint i)
{
    const GValue *mode = gst_structure_get_value(gst_caps_get_structure(caps, i), "interlace-mode");

    return mode && !(G_VALUE_HOLDS_STRING(mode) && g_str_equal(g_value_get_string(mode), "progressive"));
}

GstCaps *gst_udm_denoise_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                        GstCaps *filter)
{
    const GstUdmDenoiseDeinterlace way = way_of(GST_UDM_DENOISE(trans));
    GstCaps *result, *unfiltered;

    if (way != GST_UDM_DENOISE_DEINTERLACE_FIELDS && way != GST_UDM_DENOISE_DEINTERLACE_TELECINE)
        return gst_udm_denoise_parent_transform_caps(trans, direction, caps, filter);
    result = gst_udm_denoise_parent_transform_caps(trans, direction, caps, NULL);
    for (guint i = 0; i < gst_caps_get_size(result); i++) {
        if (is_interlaced(direction == GST_PAD_SINK ? caps : result,
                          i)) // structures come out in the order they went in
            convert_rates(way, direction, gst_caps_get_structure(result, i));
    }
    unfiltered = result;
    if (filter) {
        result = gst_caps_intersect_full(filter, unfiltered, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(unfiltered);
    }
    return result;
}

// ---- the deinterlacer

// Film takes time to be found, which live video has not, nor where there is none for full quality; what changes the
// rate is told apart from the rest only while nobody plays it.
static udm_deinterlace engine_way(GstUdmDenoise *self)
{
    const GstUdmTransform *trans = GST_UDM_TRANSFORM(self);
    const gboolean lower = trans->level != GST_UDM_LEVEL_FULL;

    switch (way_of(self)) {
    case GST_UDM_DENOISE_DEINTERLACE_FIELDS:
        return UDM_DEINTERLACE_FIELDS;
    case GST_UDM_DENOISE_DEINTERLACE_TELECINE:
        return lower && trans->stands ? UDM_DEINTERLACE_FRAMES : UDM_DEINTERLACE_FILM;
    case GST_UDM_DENOISE_DEINTERLACE_AUTO:
        return lower || gst_udm_latency_is_live(GST_BASE_TRANSFORM_SINK_PAD(self)) ? UDM_DEINTERLACE_FRAMES
                                                                                   : UDM_DEINTERLACE_WHOLE;
    default:
        return UDM_DEINTERLACE_FRAMES;
    }
}

gboolean gst_udm_denoise_prepare(GstUdmTransform *trans, const GstVideoInfo *in, const udm_settings *settings,
                                 udm_error *error)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    const udm_deinterlace way = engine_way(self);

    gst_udm_denoise_check_amount(self);
    g_clear_pointer(&self->deinterlacer, udm_deinterlacer_free);
    gst_udm_denoise_forget_woven(self);
    self->film = self->before = self->alternate = FALSE;
    if (self->plan && !gst_udm_plan_fits(self->plan, in, error))
        return FALSE;
    if (!GST_VIDEO_INFO_IS_INTERLACED(in))
        return TRUE;
    gst_udm_denoise_describe_woven(self, in);
    self->film = way == UDM_DEINTERLACE_FILM;
    self->before = self->film || gst_udm_denoise_wants_pictures(self);
    self->deinterlacer = udm_deinterlacer_open(settings, way, error);
    return self->deinterlacer != NULL;
}

static void release(gpointer data)
{
    gst_buffer_unref(*(GstBuffer **)data);
}

GstQueueArray *gst_udm_denoise_woven_new(void)
{
    GstQueueArray *queue = gst_queue_array_new_for_struct(sizeof(GstBuffer *), 2);

    gst_queue_array_set_clear_func(queue, release);
    return queue;
}

void gst_udm_denoise_forget_woven(GstUdmDenoise *self)
{
    gst_queue_array_clear(self->woven);
    self->woven_first = 0;
    gst_clear_buffer(&self->field);
    udm_deinterlacer_reset(self->deinterlacer);
}

static gboolean push(GstUdmDenoise *self, GstBuffer *input)
{
    GstUdmFrame mapped;
    udm_image image, alpha;
    udm_error error = { 0 };
    gboolean pushed;

    if (!gst_udm_frame_map(&mapped, &self->woven_info, input, GST_MAP_READ)) {
        gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
        return FALSE;
    }
    image = gst_udm_frame_image(&mapped);
    pushed = udm_deinterlacer_push(self->deinterlacer,
                                   &(udm_woven){
                                       .image = &image,
                                       .alpha = gst_udm_frame_alpha(&mapped, &alpha) ? &alpha : NULL,
                                       .bottom_first = !GST_VIDEO_FRAME_IS_TFF(&mapped.video),
                                       .one_field = GST_VIDEO_FRAME_IS_ONEFIELD(&mapped.video),
                                       .progressive = !GST_VIDEO_FRAME_IS_INTERLACED(&mapped.video),
                                       .repeat_first = GST_VIDEO_FRAME_IS_RFF(&mapped.video),
                                   },
                                   &error);
    gst_udm_frame_unmap(&mapped);
    if (!pushed)
        gst_udm_transform_failed(GST_UDM_TRANSFORM(self), &error);
    return pushed;
}

static udm_pulled pull(GstUdmDenoise *self, GstBuffer *woven, GstBuffer *output, udm_unwoven *made, udm_error *error)
{
    GstVideoFilter *filter = GST_VIDEO_FILTER(self);
    GstUdmFrame in, out;
    udm_image image, alpha;
    udm_pulled pulled;

    if (!gst_udm_frame_map(&in, &self->woven_info, woven, GST_MAP_READ)) {
        udm_fail(error, UDM_ERROR_MEMORY, "a frame that was mapped before cannot be mapped again");
        return UDM_PULLED_FAILED;
    }
    if (!gst_udm_frame_map(&out, &filter->out_info, output, GST_MAP_WRITE)) {
        gst_udm_frame_unmap(&in);
        udm_fail(error, UDM_ERROR_MEMORY, "a frame of the element downstream cannot be mapped");
        return UDM_PULLED_FAILED;
    }
    gst_udm_frame_copy_rest(&out, &in);
    image = gst_udm_frame_image(&out);
    pulled = udm_deinterlacer_pull(self->deinterlacer, &image, gst_udm_frame_alpha(&out, &alpha) ? &alpha : NULL, made,
                                   error);
    gst_udm_frame_unmap(&out);
    gst_udm_frame_unmap(&in);
    return pulled;
}

gboolean gst_udm_denoise_has_woven(GstUdmDenoise *self)
{
    return udm_deinterlacer_ready(self->deinterlacer);
}

GstFlowReturn gst_udm_denoise_next_of_woven(GstUdmDenoise *self, GstBuffer **output)
{
    GstBuffer *woven = *(GstBuffer **)gst_queue_array_peek_head_struct(self->woven), *buffer = NULL;
    const gboolean inside = self->before && gst_udm_denoise_stream(self);
    GstFlowReturn ret = gst_udm_denoise_make_room(self, woven, inside, &buffer);
    udm_error error = { 0 };
    udm_unwoven made;

    if (ret != GST_FLOW_OK) {
        gst_clear_buffer(&buffer);
        return ret;
    }
    if (pull(self, woven, buffer, &made, &error) != UDM_PULLED_FRAME) {
        gst_buffer_unref(buffer);
        return gst_udm_transform_failed(GST_UDM_TRANSFORM(self), &error);
    }
    gst_udm_denoise_stamp(self, &made, buffer);
    if (!gst_udm_denoise_stream(self))
        gst_udm_transform_made(GST_UDM_TRANSFORM(self));
    for (; self->woven_first < made.done; self->woven_first++)
        release(gst_queue_array_pop_head_struct(self->woven));
    *output = buffer;
    return GST_FLOW_OK;
}

GstFlowReturn gst_udm_denoise_take_woven(GstUdmDenoise *self, GstBuffer *frame, gboolean late)
{
    udm_deinterlacer_hurry(self->deinterlacer, late || GST_UDM_TRANSFORM(self)->level != GST_UDM_LEVEL_FULL);
    if (!push(self, frame)) {
        gst_buffer_unref(frame);
        return GST_FLOW_ERROR;
    }
    gst_queue_array_push_tail_struct(self->woven, &frame);
    return GST_FLOW_OK;
}

// ---- fields of a frame

gint gst_udm_denoise_rows(gint height, guint field)
{
    return MAX((height + 1 - (gint)field) / 2, 1);
}

udm_image gst_udm_denoise_field(const udm_image *frame, guint field)
{
    udm_image image = *frame;

    image.height = gst_udm_denoise_rows(frame->height, field);
    for (int c = 0; c < frame->channels; c++) {
        if (frame->height > 1)
            image.data[c] += (ptrdiff_t)field * frame->stride[c];
        image.stride[c] = 2 * frame->stride[c];
    }
    return image;
}

gboolean gst_udm_denoise_lacks_row(const GstVideoInfo *info)
{
    for (guint c = 0; c < GST_VIDEO_INFO_N_COMPONENTS(info); c++)
        if (GST_VIDEO_FORMAT_INFO_H_SUB(info->finfo, c) && GST_VIDEO_INFO_COMP_HEIGHT(info, c) % 2)
            return TRUE;
    return FALSE;
}

void gst_udm_denoise_fill_row(GstVideoFrame *frame)
{
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(frame); c++) {
        const gint rows = GST_VIDEO_FRAME_COMP_HEIGHT(frame, c), plane = GST_VIDEO_FRAME_COMP_PLANE(frame, c);
        const gint stride = GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane), last = MAX(rows - 2, 0);
        guint8 *data = GST_VIDEO_FRAME_PLANE_DATA(frame, plane);
        const gsize bytes = (gsize)GST_VIDEO_FRAME_COMP_WIDTH(frame, c) * (gsize)GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c);

        if (GST_VIDEO_FORMAT_INFO_H_SUB(frame->info.finfo, c) && rows % 2)
            memcpy(data + (gsize)rows * (gsize)stride, data + (gsize)last * (gsize)stride, bytes);
    }
}

gboolean gst_udm_denoise_has_rows(const GstVideoFrame *frame)
{
    const gint luma = gst_udm_denoise_rows(GST_VIDEO_FRAME_HEIGHT(frame), 0);

    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(frame); c++) {
        const guint plane = (guint)GST_VIDEO_FRAME_COMP_PLANE(frame, c);
        const GstMapInfo *map = &frame->map[frame->meta ? plane : 0];
        const gint shift = (gint)GST_VIDEO_FORMAT_INFO_H_SUB(frame->info.finfo, c);
        const gint rows = shift ? 2 * ((luma + 1) >> shift) : GST_VIDEO_FRAME_HEIGHT(frame);
        const guint8 *end = (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, plane) +
                            (gsize)(rows - 1) * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane) +
                            (gsize)GST_VIDEO_FRAME_COMP_WIDTH(frame, c) * (gsize)GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c);

        if (end > map->data + map->size && shift)
            return FALSE;
    }
    return TRUE;
}

guint gst_udm_denoise_delay_of(GstUdmDenoise *self, guint restored)
{
    if (!self->deinterlacer)
        return restored;
    return (guint)udm_deinterlacer_delay(self->deinterlacer) + restored + (self->alternate ? 1 : 0);
}
