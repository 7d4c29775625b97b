// SPDX-License-Identifier: LGPL-2.1-or-later
// The base of elements that send frames through the engine, which may hold some back.
#include "filter.h"

#include "frames.h"
#include "report.h"

GST_DEBUG_CATEGORY_STATIC(udm_filter_debug);
#define GST_CAT_DEFAULT udm_filter_debug

// A frame that went in and did not come out yet.
typedef struct Held {
    GstBuffer *buffer;
    gboolean degraded; // comes out as it is
} Held;

#define gst_udm_filter_parent_class parent_class
G_DEFINE_ABSTRACT_TYPE(GstUdmFilter, gst_udm_filter, GST_TYPE_VIDEO_FILTER)

// ---- the frames that are held

static void held_free(gpointer data)
{
    Held *held = data;

    gst_buffer_unref(held->buffer);
    g_free(held);
}

static void forget(GstUdmFilter *self)
{
    g_queue_clear_full(&self->held, held_free);
    if (self->session.stream)
        udm_stream_reset(self->session.stream);
    self->discontinuity = TRUE;
}

static GstBuffer *pop_held(GstUdmFilter *self)
{
    Held *held = g_queue_pop_head(&self->held);
    GstBuffer *buffer = held->buffer;

    g_free(held);
    return buffer;
}

static GstFlowReturn invalid_buffer(GstUdmFilter *self)
{
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("A buffer does not hold a frame of its caps: repair the element before."),
                      (NULL));
    return GST_FLOW_ERROR;
}

// Computes the oldest frame that the engine holds.
static GstFlowReturn gst_udm_filter_transform_frame(GstVideoFilter *filter, GstVideoFrame *in, GstVideoFrame *out)
{
    GstUdmFilter *self = GST_UDM_FILTER(filter);
    udm_image image = gst_udm_frame_image(out);
    udm_error error = { 0 };

    gst_udm_frame_copy_rest(out, in);
    switch (gst_udm_session_pull(&self->session, &image, &error)) {
    case UDM_PULLED_FRAME:
        return GST_FLOW_OK;
    case UDM_PULLED_NOTHING:
    case UDM_PULLED_END:
        return GST_BASE_TRANSFORM_FLOW_DROPPED;
    default:
        break;
    }
    if (error.code == UDM_ERROR_CANCELLED)
        return GST_FLOW_FLUSHING;
    gst_udm_report_error(GST_ELEMENT(self), &error);
    return GST_FLOW_ERROR;
}

static GstFlowReturn compute(GstUdmFilter *self, GstBuffer *in_buffer, GstBuffer *out_buffer)
{
    GstVideoFilter *filter = GST_VIDEO_FILTER(self);
    GstVideoFrame in, out;
    GstFlowReturn ret;

    if (!gst_video_frame_map(&in, &filter->in_info, in_buffer, GST_MAP_READ))
        return invalid_buffer(self);
    if (!gst_video_frame_map(&out, &filter->out_info, out_buffer, GST_MAP_WRITE)) {
        gst_video_frame_unmap(&in);
        return invalid_buffer(self);
    }
    ret = gst_udm_filter_transform_frame(filter, &in, &out);
    gst_video_frame_unmap(&out);
    gst_video_frame_unmap(&in);
    return ret;
}

// The next frame to push, or NULL if the engine wants to see more first.
static GstFlowReturn next_output(GstUdmFilter *self, GstBuffer **output)
{
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

// Pushes what is held, because what comes next has nothing to do with it.
static GstFlowReturn drain(GstUdmFilter *self)
{
    GstFlowReturn ret = GST_FLOW_OK;
    GstBuffer *buffer = NULL;

    if (!g_queue_is_empty(&self->held)) {
        GST_DEBUG_OBJECT(self, "draining %u frames", self->held.length);
        udm_stream_end(self->session.stream);
        do {
            ret = next_output(self, &buffer);
            if (buffer)
                ret = gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), buffer);
        } while (ret == GST_FLOW_OK && buffer);
    }
    forget(self);
    return ret;
}

// ---- caps, settings, latency

static void update_latency(GstUdmFilter *self, const GstVideoInfo *info)
{
    guint64 delay = self->session.stream ? (guint64)udm_stream_delay(self->session.stream) : 0;
    // With no frame rate in the caps, 25 Hz is a guess that is better than no latency.
    guint64 duration = info->fps_n > 0 ? gst_util_uint64_scale(GST_SECOND, info->fps_d, info->fps_n) : GST_SECOND / 25;
    gboolean changed;

    GST_OBJECT_LOCK(self);
    changed = self->latency != delay * duration;
    self->latency = delay * duration;
    GST_OBJECT_UNLOCK(self);
    if (!changed)
        return;
    GST_DEBUG_OBJECT(self, "latency is now %" GST_TIME_FORMAT, GST_TIME_ARGS(delay * duration));
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

static gboolean wants_passthrough(GstUdmFilter *self)
{
    return GST_UDM_FILTER_GET_CLASS(self)->wants_passthrough(self);
}

// Opens a stream for frames of this kind with the settings as they are; in passthrough none is needed.
static gboolean open_session(GstUdmFilter *self, const GstVideoInfo *info)
{
    udm_settings settings;
    udm_error error = { 0 };
    gboolean opened = TRUE;

    GST_OBJECT_LOCK(self);
    settings = gst_udm_settings_to_engine(&self->settings);
    self->version = self->settings.version;
    GST_OBJECT_UNLOCK(self);
    settings.width = GST_VIDEO_INFO_WIDTH(info);
    settings.height = GST_VIDEO_INFO_HEIGHT(info);
    settings.channels = gst_udm_info_channels(info);

    if (gst_base_transform_is_passthrough(GST_BASE_TRANSFORM(self)))
        gst_udm_session_close(&self->session);
    else
        opened = gst_udm_session_open(&self->session, gst_udm_model_get(self->model), &settings, &error);
    self->discontinuity = TRUE;
    if (!opened) {
        self->version = 0; // so that the next frame tries again
        gst_udm_report_error(GST_ELEMENT(self), &error);
    }
    update_latency(self, info);
    return opened;
}

static gboolean gst_udm_filter_set_info(GstVideoFilter *filter, GstCaps *in_caps, GstVideoInfo *in_info,
                                        GstCaps *out_caps, GstVideoInfo *out_info)
{
    GstUdmFilter *self = GST_UDM_FILTER(filter);

    // Downstream renegotiated, and nothing changed for us.
    if (self->session.stream && gst_video_info_is_equal(in_info, &filter->in_info))
        return TRUE;
    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), wants_passthrough(self));
    return open_session(self, in_info);
}

// Lets properties that changed while frames flow take effect.
static GstFlowReturn apply_settings(GstUdmFilter *self)
{
    GstBaseTransform *trans = GST_BASE_TRANSFORM(self);
    gboolean passthrough = wants_passthrough(self), switched, changed;
    GstFlowReturn ret;

    GST_OBJECT_LOCK(self);
    changed = self->version != self->settings.version;
    GST_OBJECT_UNLOCK(self);
    switched = passthrough != gst_base_transform_is_passthrough(trans);
    if (!GST_VIDEO_FILTER(self)->negotiated || (!switched && !changed))
        return GST_FLOW_OK;

    ret = drain(self);
    if (ret != GST_FLOW_OK)
        return ret;
    if (switched) {
        gst_base_transform_set_passthrough(trans, passthrough);
        gst_base_transform_reconfigure_src(trans); // buffers come from elsewhere now
        gst_base_transform_reconfigure_sink(trans);
    }
    return open_session(self, &GST_VIDEO_FILTER(self)->in_info) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

static gboolean gst_udm_filter_propose_allocation(GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);
    guint delay = self->session.stream ? (guint)udm_stream_delay(self->session.stream) : 0;

    if (!GST_BASE_TRANSFORM_CLASS(parent_class)->propose_allocation(trans, decide_query, query))
        return FALSE;
    // As many more buffers as we hold, or upstream would wait for one forever.
    for (guint i = 0; decide_query && i < gst_query_get_n_allocation_pools(query); i++) {
        GstBufferPool *pool;
        guint size, min, max;

        gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
        gst_query_set_nth_allocation_pool(query, i, pool, size, min + delay, max ? max + delay : 0);
        gst_clear_object(&pool);
    }
    return TRUE;
}

// Neither size nor orientation nor colours change, so whatever is said of the frame still holds.
static gboolean gst_udm_filter_transform_meta(GstBaseTransform *trans, GstBuffer *out, GstMeta *meta, GstBuffer *in)
{
    return TRUE;
}

// ---- frames

static void gst_udm_filter_before_transform(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstClockTime time = gst_segment_to_stream_time(&trans->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));

    if (GST_CLOCK_TIME_IS_VALID(time))
        gst_object_sync_values(GST_OBJECT(trans), time);
}

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

static GstFlowReturn push_to_engine(GstUdmFilter *self, GstBuffer *buffer)
{
    GstVideoFrame mapped;
    udm_image image;
    udm_frame frame = { .image = &image };
    udm_error error = { 0 };
    gboolean pushed;

    if (!gst_video_frame_map(&mapped, &GST_VIDEO_FILTER(self)->in_info, buffer, GST_MAP_READ))
        return invalid_buffer(self);
    image = gst_udm_frame_image(&mapped);
    GST_UDM_FILTER_GET_CLASS(self)->describe(self, gst_udm_model_get(self->model), &frame);
    frame.number = frame_number(self, buffer);
    frame.discontinuity = self->discontinuity;
    pushed = udm_stream_push(self->session.stream, &frame, &error);
    gst_video_frame_unmap(&mapped);

    if (pushed) {
        self->discontinuity = FALSE;
        return GST_FLOW_OK;
    }
    if (error.code == UDM_ERROR_CANCELLED)
        return GST_FLOW_FLUSHING;
    gst_udm_report_error(GST_ELEMENT(self), &error);
    return GST_FLOW_ERROR;
}

static GstFlowReturn gst_udm_filter_submit_input_buffer(GstBaseTransform *trans, gboolean is_discont, GstBuffer *input)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);
    GstFlowReturn ret = GST_BUFFER_IS_DISCONT(input) ? drain(self) : GST_FLOW_OK;
    gboolean degraded;
    Held *held;

    if (ret == GST_FLOW_OK)
        ret = apply_settings(self);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(input);
        return ret;
    }
    ret = GST_BASE_TRANSFORM_CLASS(parent_class)->submit_input_buffer(trans, is_discont, input);
    if (ret != GST_FLOW_OK || gst_base_transform_is_passthrough(trans))
        return ret;

    input = g_steal_pointer(&trans->queued_buf);
    degraded = gst_udm_lateness_degrades(&self->lateness, trans, input);
    if (!degraded)
        ret = push_to_engine(self, input);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(input);
        return ret;
    }
    held = g_new(Held, 1);
    *held = (Held){ input, degraded };
    g_queue_push_tail(&self->held, held);
    return GST_FLOW_OK;
}

static GstFlowReturn gst_udm_filter_generate_output(GstBaseTransform *trans, GstBuffer **output)
{
    if (gst_base_transform_is_passthrough(trans))
        return GST_BASE_TRANSFORM_CLASS(parent_class)->generate_output(trans, output);
    return next_output(GST_UDM_FILTER(trans), output);
}

// ---- events and queries

static gboolean gst_udm_filter_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);

    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: // comes from another thread, while ours may be deep in a frame
        gst_udm_session_cancel(&self->session, TRUE);
        break;
    case GST_EVENT_FLUSH_STOP:
        forget(self);
        gst_udm_lateness_flush(&self->lateness, trans);
        gst_udm_session_cancel(&self->session, FALSE);
        break;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_CAPS: // here, so that the frames held leave with the old caps
    case GST_EVENT_SEGMENT:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_GAP:
    case GST_EVENT_EOS:
        drain(self); // what goes wrong is on the bus already, or downstream knows it
        break;
    default:
        break;
    }
    return GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(trans, event);
}

static gboolean gst_udm_filter_src_event(GstBaseTransform *trans, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_QOS)
        return gst_udm_lateness_event(&GST_UDM_FILTER(trans)->lateness, trans, event);
    return GST_BASE_TRANSFORM_CLASS(parent_class)->src_event(trans, event);
}

static gboolean gst_udm_filter_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);
    GstClockTime min, max, latency;
    gboolean live;

    if (!GST_BASE_TRANSFORM_CLASS(parent_class)->query(trans, direction, query))
        return FALSE;
    if (direction != GST_PAD_SRC || GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
        return TRUE;
    GST_OBJECT_LOCK(self);
    latency = self->latency;
    GST_OBJECT_UNLOCK(self);
    gst_query_parse_latency(query, &live, &min, &max);
    gst_query_set_latency(query, live, min + latency, GST_CLOCK_TIME_IS_VALID(max) ? max + latency : max);
    return TRUE;
}

// ---- states

static gboolean gst_udm_filter_start(GstBaseTransform *trans)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);
    GstElement *element = GST_ELEMENT(trans);
    GstUdmModel *model;
    udm_error error = { 0 };
    char *name;

    GST_OBJECT_LOCK(self);
    name = g_strdup(self->settings.model);
    GST_OBJECT_UNLOCK(self);
    gst_udm_lateness_start(&self->lateness, trans);
    self->count = 0;

    gst_udm_report_progress(element, GST_PROGRESS_TYPE_START, "load-model", "Loading the model");
    model = gst_udm_model_acquire(name, &error);
    g_free(name);
    gst_udm_model_release(self->model); // after, so that the same one stays loaded
    self->model = model;
    if (!model) {
        gst_udm_report_progress(element, GST_PROGRESS_TYPE_ERROR, "load-model", "The model could not be loaded");
        gst_udm_report_error(element, &error);
        return FALSE;
    }
    GST_INFO_OBJECT(self, "model %s", gst_udm_model_path(model));
    gst_udm_report_progress(element, GST_PROGRESS_TYPE_COMPLETE, "load-model", "The model is loaded");
    return TRUE;
}

static gboolean gst_udm_filter_stop(GstBaseTransform *trans)
{
    GstUdmFilter *self = GST_UDM_FILTER(trans);

    forget(self);
    gst_udm_session_close(&self->session);
    self->version = 0;
    GST_OBJECT_LOCK(self);
    self->latency = 0;
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static GstStateChangeReturn gst_udm_filter_change_state(GstElement *element, GstStateChange transition)
{
    GstUdmFilter *self = GST_UDM_FILTER(element);
    GstStateChangeReturn ret;

    // The base class waits for the streaming thread, so a frame in work is cancelled before it does.
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        gst_udm_session_cancel(&self->session, FALSE);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        gst_udm_session_cancel(&self->session, TRUE);

    ret = GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);

    if (transition == GST_STATE_CHANGE_READY_TO_NULL)
        g_clear_pointer(&self->model, gst_udm_model_release);
    return ret;
}

// ---- the object

static void gst_udm_filter_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmFilter *self = GST_UDM_FILTER(object);
    gboolean known;

    GST_OBJECT_LOCK(self);
    known = gst_udm_settings_set(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

// Under the object lock.
static GstStructure *get_stats(GstUdmFilter *self)
{
    GstStructure *stats = gst_udm_session_stats(&self->session);

    gst_structure_set(stats, "degraded", G_TYPE_UINT64, self->lateness.degraded, NULL);
    return stats;
}

static void gst_udm_filter_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstUdmFilter *self = GST_UDM_FILTER(object);
    gboolean known = TRUE;

    GST_OBJECT_LOCK(self);
    if (id == GST_UDM_PROP_STATS)
        g_value_take_boxed(value, get_stats(self));
    else
        known = gst_udm_settings_get(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void gst_udm_filter_finalize(GObject *object)
{
    GstUdmFilter *self = GST_UDM_FILTER(object);

    forget(self);
    gst_udm_session_clear(&self->session);
    gst_udm_model_release(self->model);
    gst_udm_settings_clear(&self->settings);
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void gst_udm_filter_class_init(GstUdmFilterClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS(klass);
    GstVideoFilterClass *filter_class = GST_VIDEO_FILTER_CLASS(klass);

    GST_DEBUG_CATEGORY_INIT(udm_filter_debug, "udmfilter", 0, "frames through the udm engine");
    gst_type_mark_as_plugin_api(GST_TYPE_UDM_FILTER, 0);

    object_class->set_property = gst_udm_filter_set_property;
    object_class->get_property = gst_udm_filter_get_property;
    object_class->finalize = gst_udm_filter_finalize;
    element_class->change_state = GST_DEBUG_FUNCPTR(gst_udm_filter_change_state);
    trans_class->start = GST_DEBUG_FUNCPTR(gst_udm_filter_start);
    trans_class->stop = GST_DEBUG_FUNCPTR(gst_udm_filter_stop);
    trans_class->sink_event = GST_DEBUG_FUNCPTR(gst_udm_filter_sink_event);
    trans_class->src_event = GST_DEBUG_FUNCPTR(gst_udm_filter_src_event);
    trans_class->query = GST_DEBUG_FUNCPTR(gst_udm_filter_query);
    trans_class->propose_allocation = GST_DEBUG_FUNCPTR(gst_udm_filter_propose_allocation);
    trans_class->transform_meta = GST_DEBUG_FUNCPTR(gst_udm_filter_transform_meta);
    trans_class->before_transform = GST_DEBUG_FUNCPTR(gst_udm_filter_before_transform);
    trans_class->submit_input_buffer = GST_DEBUG_FUNCPTR(gst_udm_filter_submit_input_buffer);
    trans_class->generate_output = GST_DEBUG_FUNCPTR(gst_udm_filter_generate_output);
    filter_class->set_info = GST_DEBUG_FUNCPTR(gst_udm_filter_set_info);
    filter_class->transform_frame = GST_DEBUG_FUNCPTR(gst_udm_filter_transform_frame);
}

static void gst_udm_filter_init(GstUdmFilter *self)
{
    GstBaseTransform *trans = GST_BASE_TRANSFORM(self);

    gst_udm_session_init(&self->session);
    g_queue_init(&self->held);
    gst_base_transform_set_gap_aware(trans, TRUE);    // duplicates keep their mark, for an udminterp after us
    gst_base_transform_set_qos_enabled(trans, FALSE); // restoring a film takes the time that it takes
}
