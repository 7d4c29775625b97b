// SPDX-License-Identifier: LGPL-2.1-or-later
// The base of elements that restore frames.
#include "filter.h"

#include "frames.h"

// A frame that went in and did not come out yet.
typedef struct Held {
    GstBuffer *buffer;
    gboolean degraded; // comes out as it is
} Held;

#define gst_udm_filter_parent_class parent_class
G_DEFINE_ABSTRACT_TYPE(GstUdmFilter, gst_udm_filter, GST_TYPE_UDM_TRANSFORM)

static udm_restorer *stream_of(GstUdmFilter *self)
{
    return GST_UDM_TRANSFORM(self)->session.stream;
}

static gboolean fills_holes(GstUdmFilter *self)
{
    return udm_model_degradation(gst_udm_model_get(GST_UDM_TRANSFORM(self)->model))->holes;
}

// ---- the frames that are held

static void held_free(gpointer data)
{
    Held *held = data;

    gst_buffer_unref(held->buffer);
    g_free(held);
}

static void gst_udm_filter_forget(GstUdmTransform *trans)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);

    g_queue_clear_full(&self->held, held_free);
    if (stream_of(self))
        udm_restorer_reset(stream_of(self));
    self->discontinuity = TRUE;
}

static GstBuffer *pop_held(GstUdmFilter *self)
{
    Held *held = g_queue_pop_head(&self->held);
    GstBuffer *buffer = held->buffer;

    g_free(held);
    return buffer;
}

// Computes the oldest frame that the engine holds.
static GstFlowReturn pull_from_engine(GstUdmFilter *self, GstVideoFrame *in, GstVideoFrame *out)
{
    udm_image image = gst_udm_frame_image(out);
    udm_error error = { 0 };

    if (fills_holes(self))
        gst_udm_frame_fill_rest(out);
    else
        gst_udm_frame_copy_rest(out, in);
    switch (gst_udm_session_pull(&GST_UDM_TRANSFORM(self)->session, &image, &error)) {
    case UDM_PULLED_FRAME:
        return GST_FLOW_OK;
    case UDM_PULLED_NOTHING:
    case UDM_PULLED_END:
        return GST_BASE_TRANSFORM_FLOW_DROPPED;
    default:
        return gst_udm_transform_failed(GST_UDM_TRANSFORM(self), &error);
    }
}

static GstFlowReturn compute(GstUdmFilter *self, GstBuffer *in_buffer, GstBuffer *out_buffer)
{
    GstVideoFilter *filter = GST_VIDEO_FILTER(self);
    GstVideoFrame in, out;
    GstFlowReturn ret;

    if (!gst_video_frame_map(&in, &filter->in_info, in_buffer, GST_MAP_READ))
        return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    if (!gst_video_frame_map(&out, &filter->out_info, out_buffer, GST_MAP_WRITE)) {
        gst_video_frame_unmap(&in);
        return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    }
    ret = pull_from_engine(self, &in, &out);
    gst_video_frame_unmap(&out);
    gst_video_frame_unmap(&in);
    return ret;
}

static GstFlowReturn gst_udm_filter_next(GstUdmTransform *trans, GstBuffer **output)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);
    Held *held = g_queue_peek_head(&self->held);
    GstBuffer *buffer = NULL;
    GstFlowReturn ret;

    *output = NULL;
    if (!held)
        return GST_FLOW_OK;
    if (held->degraded) {
        *output = pop_held(self);
        return GST_FLOW_OK;
    }
    ret =
        GST_BASE_TRANSFORM_CLASS(parent_class)->prepare_output_buffer(GST_BASE_TRANSFORM(self), held->buffer, &buffer);
    if (ret == GST_FLOW_OK)
        ret = compute(self, held->buffer, buffer);
    if (ret == GST_FLOW_OK) {
        gst_buffer_unref(pop_held(self));
        *output = buffer;
        return GST_FLOW_OK;
    }
    gst_clear_buffer(&buffer);
    // Not passed on as dropped: that would mark the next frame as discontinuous.
    return ret == GST_BASE_TRANSFORM_FLOW_DROPPED ? GST_FLOW_OK : ret;
}

static gboolean gst_udm_filter_end(GstUdmTransform *trans)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);

    if (g_queue_is_empty(&self->held))
        return FALSE;
    udm_restorer_end(stream_of(self));
    return TRUE;
}

// ---- the engine

static gboolean gst_udm_filter_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error)
{
    GST_UDM_FILTER(trans)->discontinuity = TRUE;
    return gst_udm_session_open(&trans->session, gst_udm_model_get(trans->model), settings, error);
}

static guint gst_udm_filter_delay(GstUdmTransform *trans)
{
    return trans->session.stream ? (guint)udm_restorer_delay(trans->session.stream) : 0;
}

static gboolean gst_udm_filter_start(GstBaseTransform *trans)
{
    GST_UDM_FILTER(trans)->count = 0;
    return GST_BASE_TRANSFORM_CLASS(parent_class)->start(trans);
}

// ---- frames

// The same frame of a film has the same number, and so the same noise, wherever playing began.
static guint64 frame_number(GstUdmFilter *self, GstBuffer *buffer)
{
    const GstVideoInfo *info = &GST_VIDEO_FILTER(self)->in_info;
    GstClockTime time =
        gst_segment_to_stream_time(&GST_BASE_TRANSFORM(self)->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));

    if (GST_CLOCK_TIME_IS_VALID(time) && info->fps_n > 0)
        return gst_util_uint64_scale_round(time, info->fps_n, info->fps_d * GST_SECOND);
    if (GST_BUFFER_OFFSET_IS_VALID(buffer))
        return GST_BUFFER_OFFSET(buffer);
    return self->count++;
}

// What the element knows of a frame. known: where the frame says of its pixels whether they are, that is put.
static gboolean describe(GstUdmFilter *self, const GstVideoFrame *mapped, udm_frame *frame, udm_image *known,
                         udm_error *error)
{
    if (fills_holes(self)) {
        if (!gst_udm_frame_alpha(mapped, known))
            return udm_fail(error, UDM_ERROR_SETTINGS,
                            "the model fills what is transparent in frames, and those of format %s have no alpha: put "
                            "videoconvert ! video/x-raw,format=RGBA and what makes the holes before this element",
                            gst_video_format_to_string(GST_VIDEO_FRAME_FORMAT(mapped)));
        frame->known = known;
    }
    return GST_UDM_FILTER_GET_CLASS(self)->describe(self, gst_udm_model_get(GST_UDM_TRANSFORM(self)->model), frame,
                                                    error);
}

static GstFlowReturn push_to_engine(GstUdmFilter *self, GstBuffer *buffer)
{
    GstVideoFrame mapped;
    udm_image image, known;
    udm_frame frame = { .image = &image };
    udm_error error = { 0 };
    gboolean pushed;

    if (!gst_video_frame_map(&mapped, &GST_VIDEO_FILTER(self)->in_info, buffer, GST_MAP_READ))
        return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    image = gst_udm_frame_image(&mapped);
    pushed = describe(self, &mapped, &frame, &known, &error);
    if (pushed) {
        frame.number = frame_number(self, buffer);
        frame.discontinuity = self->discontinuity;
        pushed = udm_restorer_push(stream_of(self), &frame, &error);
    }
    gst_video_frame_unmap(&mapped);

    if (!pushed)
        return gst_udm_transform_failed(GST_UDM_TRANSFORM(self), &error);
    self->discontinuity = FALSE;
    return GST_FLOW_OK;
}

static gboolean gst_udm_filter_follows(GstUdmTransform *trans, GstBuffer *frame)
{
    return !GST_BUFFER_IS_DISCONT(frame);
}

static GstFlowReturn gst_udm_filter_take(GstUdmTransform *trans, GstBuffer *frame)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);
    gboolean degraded = gst_udm_lateness_degrades(&trans->lateness, GST_BASE_TRANSFORM(trans), frame);
    GstFlowReturn ret = degraded ? GST_FLOW_OK : push_to_engine(self, frame);
    Held *held;

    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(frame);
        return ret;
    }
    held = g_new(Held, 1);
    *held = (Held){ frame, degraded };
    g_queue_push_tail(&self->held, held);
    return GST_FLOW_OK;
}

// ---- the object

static void gst_udm_filter_class_init(GstUdmFilterClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstUdmTransformClass *transform_class = GST_UDM_TRANSFORM_CLASS(klass);

    // GObject has classes inherit everything but these.
    object_class->set_property = G_OBJECT_CLASS(parent_class)->set_property;
    object_class->get_property = G_OBJECT_CLASS(parent_class)->get_property;
    gst_type_mark_as_plugin_api(GST_TYPE_UDM_FILTER, 0);
    GST_BASE_TRANSFORM_CLASS(klass)->start = GST_DEBUG_FUNCPTR(gst_udm_filter_start);
    transform_class->open = GST_DEBUG_FUNCPTR(gst_udm_filter_open);
    transform_class->delay = GST_DEBUG_FUNCPTR(gst_udm_filter_delay);
    transform_class->buffers = GST_DEBUG_FUNCPTR(gst_udm_filter_delay);
    transform_class->follows = GST_DEBUG_FUNCPTR(gst_udm_filter_follows);
    transform_class->take = GST_DEBUG_FUNCPTR(gst_udm_filter_take);
    transform_class->next = GST_DEBUG_FUNCPTR(gst_udm_filter_next);
    transform_class->end = GST_DEBUG_FUNCPTR(gst_udm_filter_end);
    transform_class->forget = GST_DEBUG_FUNCPTR(gst_udm_filter_forget);
}

static void gst_udm_filter_init(GstUdmFilter *self)
{
    g_queue_init(&self->held);
}
