// SPDX-License-Identifier: LGPL-2.1-or-later
// The base class of elements that pass frames through the engine and hold some of them back.
#include "transform.h"

#include "background.h"
#include "frames.h"
#include "interlaced.h"
#include "opening.h"
#include "playback.h"
#include "report.h"
#include "times.h"

GST_DEBUG_CATEGORY(udm_transform_debug);
#define GST_CAT_DEFAULT udm_transform_debug

#define DEFAULT_STEPS 1

#define gst_udm_transform_parent_class parent_class
G_DEFINE_ABSTRACT_TYPE(GstUdmTransform, gst_udm_transform, GST_TYPE_VIDEO_FILTER)

// ---- failures

GstFlowReturn gst_udm_transform_invalid_buffer(GstUdmTransform *self)
{
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("Received a buffer that does not match its caps."),
                      ("Failed to map it as a video frame: the element upstream is at fault."));
    return GST_FLOW_ERROR;
}

GstFlowReturn gst_udm_transform_failed(GstUdmTransform *self, const udm_error *error)
{
    if (error->code == UDM_ERROR_CANCELLED)
        return GST_FLOW_FLUSHING;
    gst_udm_report_error(GST_ELEMENT(self), error);
    return GST_FLOW_ERROR;
}

// ---- what is held

static void forget(GstUdmTransform *self)
{
    GST_UDM_TRANSFORM_GET_CLASS(self)->forget(self);
}

// Pushes all frames that are held, because what follows has nothing to do with them.
static GstFlowReturn drain(GstUdmTransform *self)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    GstFlowReturn ret = GST_FLOW_OK;
    GstBuffer *buffer = NULL;

    if (klass->end(self)) {
        GST_DEBUG_OBJECT(self, "draining");
        do {
            ret = klass->next(self, &buffer);
            if (buffer)
                ret = gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), buffer);
        } while (ret == GST_FLOW_OK && buffer);
    }
    forget(self);
    gst_udm_playback_begin(self);
    return ret;
}

// ---- keeping pace

// Settings or caps are others now.
static void estimate(GstUdmTransform *self, const GstVideoInfo *info)
{
    self->costs = (GstUdmCosts){ .of[GST_UDM_LEVEL_FULL] = 1 };
    if (!gst_base_transform_is_passthrough(GST_BASE_TRANSFORM(self)))
        GST_UDM_TRANSFORM_GET_CLASS(self)->estimate(self, info, &self->costs);
    gst_udm_lateness_unlearn(&self->lateness, GST_BASE_TRANSFORM(self));
}

// ---- caps and settings

static gboolean wants_nothing(GstUdmTransform *self, const GstVideoInfo *in, const GstVideoInfo *out)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);

    return (!self->model && !klass->works_without_model) || klass->wants_passthrough(self, in, out);
}

// The same on both sides, but for interlaced caps, whose error is posted when they come.
static GstCaps *gst_udm_transform_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                                 GstCaps *filter)
{
    GstCaps *result = gst_udm_interlaced_transform(direction, caps), *unfiltered = result;

    if (filter) {
        result = gst_caps_intersect_full(filter, unfiltered, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(unfiltered);
    }
    return result;
}

// Interlaced caps are, whatever else they say, to reach the element.
static gboolean gst_udm_transform_accept_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps)
{
    return (direction == GST_PAD_SINK && gst_udm_caps_are_interlaced(caps)) ||
           GST_BASE_TRANSFORM_CLASS(parent_class)->accept_caps(trans, direction, caps);
}

static gboolean gst_udm_transform_set_info(GstVideoFilter *filter, GstCaps *in_caps, GstVideoInfo *in_info,
                                           GstCaps *out_caps, GstVideoInfo *out_info)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(filter);

    // Downstream renegotiated, with no change.
    if (self->version > 0 && gst_video_info_is_equal(in_info, &filter->in_info) &&
        gst_video_info_is_equal(out_info, &filter->out_info))
        return TRUE;
    drain(self); // a failure was posted already, or downstream knows
    gst_udm_lateness_watch(&self->lateness, GST_BASE_TRANSFORM(self));
    gst_udm_background_judge(self, in_info);
    self->idle = wants_nothing(self, in_info, out_info);
    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), self->idle && !GST_VIDEO_INFO_IS_INTERLACED(in_info));
    estimate(self, in_info);
    return gst_udm_opening_open(self, in_info);
}

// Whether the buffer has a whole frame, which not every one that is held is looked at for.
static gboolean has_frame(GstUdmTransform *self, GstBuffer *buffer)
{
    GstVideoFrame frame;

    if (!gst_video_frame_map(&frame, &GST_VIDEO_FILTER(self)->in_info, buffer, GST_MAP_READ))
        return FALSE;
    gst_video_frame_unmap(&frame);
    return TRUE;
}

// Takes the model that was loaded while frames flow, if there is one, once those that are held have left.
static GstFlowReturn take_model(GstUdmTransform *self, gboolean *changed)
{
    GstUdmModel *model = gst_udm_background_take(self, changed);
    GstVideoFilter *filter = GST_VIDEO_FILTER(self);
    GstFlowReturn ret;

    if (!*changed)
        return GST_FLOW_OK;
    ret = drain(self);
    gst_udm_session_close(&self->session);
    gst_udm_model_release(self->chosen);
    self->chosen = model;
    gst_udm_background_judge(self, filter->negotiated ? &filter->in_info : NULL);
    self->version = 0; // whatever comes before the session is open again
    return ret;
}

// What is held leaves, as it is if there is no time; then the session is opened at the level, unless it is open.
static GstFlowReturn change(GstUdmTransform *self, GstUdmLevel level, gboolean hurried, gboolean reopen)
{
    GstFlowReturn ret;

    self->hurried = hurried;
    ret = drain(self);
    self->hurried = FALSE;
    if (ret != GST_FLOW_OK) {
        self->version = 0; // so that the next frame tries again
        return ret;
    }
    if (level != GST_UDM_LEVEL_SOURCE)
        self->level = level;
    return !reopen || gst_udm_opening_open(self, &GST_VIDEO_FILTER(self)->in_info) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

// Makes a frame at the fastest level, for nobody, to see how long it takes: what is made for somebody is then made at
// the level that it is to have.
static GstFlowReturn try_speed(GstUdmTransform *self, GstBuffer *frame)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    GstFlowReturn ret = change(self, gst_udm_costs_lowest(&self->costs), FALSE, TRUE);

    self->trying = TRUE;
    for (guint i = 0; i < 2; i++) { // the first one of a session takes longer
        const gint64 since = g_get_monotonic_time();
        GstBuffer *made = NULL;

        if (ret == GST_FLOW_OK)
            ret = klass->take(self, gst_buffer_ref(frame));
        if (ret == GST_FLOW_OK && klass->end(self))
            ret = klass->next(self, &made);
        if (i == 1)
            gst_udm_playback_measure(self, since, made);
        gst_clear_buffer(&made);
        forget(self);
        gst_udm_playback_begin(self);
    }
    self->trying = FALSE;
    return ret;
}

// Lets the next frame be made at the level that playback allows, and with properties that changed.
static GstFlowReturn follow_pace(GstUdmTransform *self, GstBuffer *next, gboolean reopen)
{
    const GstUdmLevel before = self->lateness.level;
    const gboolean stands = gst_udm_lateness_stands(&self->lateness, GST_BASE_TRANSFORM(self));
    GstFlowReturn ret = GST_FLOW_OK;
    GstUdmLevel level;

    if (GST_UDM_TRANSFORM_GET_CLASS(self)->tells_by_one &&
        !gst_base_transform_is_passthrough(GST_BASE_TRANSFORM(self)) &&
        gst_udm_lateness_wonders(&self->lateness, GST_BASE_TRANSFORM(self)) && has_frame(self, next)) {
        ret = try_speed(self, next);
        reopen = FALSE; // it was
    }
    level = gst_udm_playback_choose(self, next);
    reopen |=
        level != GST_UDM_LEVEL_SOURCE && (level != self->level || (self->costs.held > 0 && stands != self->stands));
    self->stands = stands;
    return ret == GST_FLOW_OK && (reopen || level != before) ? change(self, level, level > before, reopen) : ret;
}

// Lets properties that changed while frames flow take effect from the next frame on, and the pace of playback.
static GstFlowReturn apply_settings(GstUdmTransform *self, GstBuffer *next)
{
    GstBaseTransform *trans = GST_BASE_TRANSFORM(self);
    GstVideoFilter *filter = GST_VIDEO_FILTER(self);
    gboolean passthrough, idle, switched, changed;
    GstFlowReturn ret = take_model(self, &changed);

    if (ret != GST_FLOW_OK || !filter->negotiated)
        return ret;
    GST_OBJECT_LOCK(self);
    changed |= self->version != self->settings.version;
    GST_OBJECT_UNLOCK(self);
    if (changed && self->unable) // which may be over now
        gst_udm_background_judge(self, &filter->in_info);
    idle = wants_nothing(self, &filter->in_info, &filter->out_info);
    passthrough = idle && !GST_VIDEO_INFO_IS_INTERLACED(&filter->in_info);
    changed |= idle != self->idle;
    switched = passthrough != gst_base_transform_is_passthrough(trans);
    if (switched || idle != self->idle)
        ret = drain(self);
    if (ret != GST_FLOW_OK)
        return ret;
    self->idle = idle;
    if (switched) {
        gst_base_transform_set_passthrough(trans, passthrough);
        gst_base_transform_reconfigure_src(trans); // buffers come from another pool now
        gst_base_transform_reconfigure_sink(trans);
    }
    if (switched || changed)
        estimate(self, &filter->in_info);
    return follow_pace(self, next, switched || changed);
}

static gboolean gst_udm_transform_propose_allocation(GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(trans);
    guint held = GST_UDM_TRANSFORM_GET_CLASS(self)->buffers(self);

    if (!GST_BASE_TRANSFORM_CLASS(parent_class)->propose_allocation(trans, decide_query, query))
        return FALSE;
    // As many more buffers as are held, or upstream would wait for one forever.
    for (guint i = 0; decide_query && i < gst_query_get_n_allocation_pools(query); i++) {
        GstBufferPool *pool;
        guint size, min, max;

        gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
        gst_query_set_nth_allocation_pool(query, i, pool, size, min + held, max ? max + held : 0);
        gst_clear_object(&pool);
    }
    return TRUE;
}

// Neither size, orientation nor colours change, so all metas stay valid.
static gboolean gst_udm_transform_transform_meta(GstBaseTransform *trans, GstBuffer *out, GstMeta *meta, GstBuffer *in)
{
    return TRUE;
}

// ---- frames

static void gst_udm_transform_before_transform(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstClockTime time = gst_udm_stream_time(&trans->segment, GST_BUFFER_PTS(buffer));

    if (GST_CLOCK_TIME_IS_VALID(time))
        gst_object_sync_values(GST_OBJECT(trans), time);
}

static GstFlowReturn gst_udm_transform_submit_input_buffer(GstBaseTransform *trans, gboolean is_discont,
                                                           GstBuffer *input)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(trans);
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    GstFlowReturn ret = klass->follows(self, input) ? GST_FLOW_OK : drain(self);
    gint64 since;

    if (ret == GST_FLOW_OK)
        ret = apply_settings(self, input);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(input);
        return ret;
    }
    ret = GST_BASE_TRANSFORM_CLASS(parent_class)->submit_input_buffer(trans, is_discont, input);
    if (ret != GST_FLOW_OK || gst_base_transform_is_passthrough(trans))
        return ret;
    if (!has_frame(self, trans->queued_buf)) {
        gst_clear_buffer(&trans->queued_buf);
        return gst_udm_transform_invalid_buffer(self);
    }
    since = g_get_monotonic_time();
    ret = klass->take(self, g_steal_pointer(&trans->queued_buf));
    gst_udm_playback_measure(self, since, NULL);
    return ret;
}

static GstFlowReturn gst_udm_transform_generate_output(GstBaseTransform *trans, GstBuffer **output)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(trans);
    const gint64 since = g_get_monotonic_time();
    GstFlowReturn ret;

    if (gst_base_transform_is_passthrough(trans))
        return GST_BASE_TRANSFORM_CLASS(parent_class)->generate_output(trans, output);
    ret = GST_UDM_TRANSFORM_GET_CLASS(self)->next(self, output);
    gst_udm_playback_measure(self, since, *output);
    return ret;
}

// Never called, but without it GstVideoFilter would work in place.
static GstFlowReturn gst_udm_transform_transform_frame(GstVideoFilter *filter, GstVideoFrame *in, GstVideoFrame *out)
{
    return GST_FLOW_NOT_SUPPORTED;
}

// ---- events and queries

// Posts an error if these are interlaced caps that are not taken: once, as they are sent again with each frame.
static gboolean refuses(GstUdmTransform *self, GstEvent *event)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    gboolean refused = self->refused;
    GstCaps *caps;

    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return FALSE;
    gst_event_parse_caps(event, &caps);
    self->refused =
        gst_udm_caps_are_interlaced(caps) && !(klass->takes_interlaced && klass->takes_interlaced(self, caps));
    if (self->refused && !refused)
        gst_udm_report_interlaced(GST_ELEMENT(self));
    return self->refused;
}

static gboolean fills(GstUdmTransform *self, GstEvent *event)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    GstClockTime time;

    if (GST_EVENT_TYPE(event) != GST_EVENT_GAP || !klass->fills)
        return FALSE;
    gst_event_parse_gap(event, &time, NULL);
    return klass->fills(self, time);
}

static gboolean gst_udm_transform_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(trans);

    if (fills(self, event)) {
        gst_event_unref(event);
        return TRUE;
    }
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: // from another thread, while the streaming thread may be computing
        gst_udm_lateness_seek(&self->lateness, trans, g_get_monotonic_time());
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
        drain(self); // a failure was posted already, or downstream knows
        break;
    default:
        break;
    }
    if (refuses(self, event)) {
        gst_event_unref(event);
        return FALSE;
    }
    return GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(trans, event);
}

static gboolean gst_udm_transform_src_event(GstBaseTransform *trans, GstEvent *event)
{
    if (GST_EVENT_TYPE(event) == GST_EVENT_QOS)
        return gst_udm_lateness_event(&GST_UDM_TRANSFORM(trans)->lateness, trans, event);
    return GST_BASE_TRANSFORM_CLASS(parent_class)->src_event(trans, event);
}

static gboolean gst_udm_transform_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(trans);

    if (!GST_BASE_TRANSFORM_CLASS(parent_class)->query(trans, direction, query))
        return FALSE;
    if (direction == GST_PAD_SRC && GST_QUERY_TYPE(query) == GST_QUERY_LATENCY)
        gst_udm_latency_add(&self->latency, GST_ELEMENT(self), query);
    return TRUE;
}

// ---- states

// A model that is missing is no error: the project of an editor opens, and its pipeline runs.
static gboolean gst_udm_transform_start(GstBaseTransform *trans)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(trans);
    GstUdmModel *before = self->chosen;
    char *name;

    GST_OBJECT_LOCK(self);
    name = g_strdup(self->settings.model);
    self->started = TRUE;
    GST_OBJECT_UNLOCK(self);
    self->refused = FALSE;
    gst_udm_lateness_start(&self->lateness, trans);
    self->level = GST_UDM_LEVEL_FULL;
    self->model = self->chosen = gst_udm_background_load(self, name);
    gst_udm_model_release(before); // after, so that the same one stays loaded
    return TRUE;
}

// Under the object lock.
static GstStructure *get_stats(GstUdmTransform *self)
{
    GstStructure *stats = gst_udm_session_stats(&self->session);

    gst_structure_set(stats, "degraded", G_TYPE_UINT64, self->lateness.degraded, "level", G_TYPE_STRING,
                      gst_udm_level_name(self->lateness.level), NULL);
    if (GST_UDM_TRANSFORM_GET_CLASS(self)->add_stats)
        GST_UDM_TRANSFORM_GET_CLASS(self)->add_stats(self, stats);
    return stats;
}

static void log_stats(GstUdmTransform *self)
{
    GstStructure *stats;

    GST_OBJECT_LOCK(self);
    stats = get_stats(self);
    GST_OBJECT_UNLOCK(self);
    GST_INFO_OBJECT(self, "%" GST_PTR_FORMAT, stats);
    gst_structure_free(stats);
}

static gboolean gst_udm_transform_stop(GstBaseTransform *trans)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(trans);

    log_stats(self);
    gst_udm_background_forget(self);
    forget(self);
    gst_udm_session_close(&self->session);
    self->version = 0;
    gst_udm_latency_reset(&self->latency, GST_ELEMENT(self));
    return TRUE;
}

static GstStateChangeReturn gst_udm_transform_change_state(GstElement *element, GstStateChange transition)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(element);
    GstStateChangeReturn ret;

    // The base class waits for the streaming thread, so a frame in progress is cancelled first.
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED)
        gst_udm_session_cancel(&self->session, FALSE);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
        gst_udm_session_cancel(&self->session, TRUE);
    gst_udm_lateness_play(&self->lateness, GST_BASE_TRANSFORM(self),
                          GST_STATE_TRANSITION_NEXT(transition) == GST_STATE_PLAYING);

    ret = GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);

    if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
        self->model = NULL;
        g_clear_pointer(&self->chosen, gst_udm_model_release);
    }
    return ret;
}

// ---- the object

static void gst_udm_transform_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(object);
    gboolean known, loads;

    GST_OBJECT_LOCK(self);
    known = gst_udm_settings_set(&self->settings, id, value);
    loads = id == GST_UDM_PROP_MODEL && self->started;
    GST_OBJECT_UNLOCK(self);
    if (loads)
        gst_udm_background_begin(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void gst_udm_transform_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(object);
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

static void gst_udm_transform_finalize(GObject *object)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(object);

    gst_udm_session_clear(&self->session);
    gst_udm_smaller_free(self->smaller);
    gst_udm_model_release(self->chosen);
    gst_udm_settings_clear(&self->settings);
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void gst_udm_transform_class_init(GstUdmTransformClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS(klass);
    GstVideoFilterClass *filter_class = GST_VIDEO_FILTER_CLASS(klass);

    GST_DEBUG_CATEGORY_INIT(udm_transform_debug, "udmtransform", 0, "base class of udm video filters");
    gst_type_mark_as_plugin_api(GST_TYPE_UDM_TRANSFORM, 0);

    object_class->set_property = gst_udm_transform_set_property;
    object_class->get_property = gst_udm_transform_get_property;
    object_class->finalize = gst_udm_transform_finalize;
    gst_udm_settings_install(object_class, DEFAULT_STEPS,
                             "Number of sampling steps per frame (1 = the posterior mean, fastest; more = a sample)");
    element_class->change_state = GST_DEBUG_FUNCPTR(gst_udm_transform_change_state);
    trans_class->start = GST_DEBUG_FUNCPTR(gst_udm_transform_start);
    trans_class->stop = GST_DEBUG_FUNCPTR(gst_udm_transform_stop);
    trans_class->transform_caps = GST_DEBUG_FUNCPTR(gst_udm_transform_transform_caps);
    trans_class->accept_caps = GST_DEBUG_FUNCPTR(gst_udm_transform_accept_caps);
    trans_class->sink_event = GST_DEBUG_FUNCPTR(gst_udm_transform_sink_event);
    trans_class->src_event = GST_DEBUG_FUNCPTR(gst_udm_transform_src_event);
    trans_class->query = GST_DEBUG_FUNCPTR(gst_udm_transform_query);
    trans_class->propose_allocation = GST_DEBUG_FUNCPTR(gst_udm_transform_propose_allocation);
    trans_class->transform_meta = GST_DEBUG_FUNCPTR(gst_udm_transform_transform_meta);
    trans_class->before_transform = GST_DEBUG_FUNCPTR(gst_udm_transform_before_transform);
    trans_class->submit_input_buffer = GST_DEBUG_FUNCPTR(gst_udm_transform_submit_input_buffer);
    trans_class->generate_output = GST_DEBUG_FUNCPTR(gst_udm_transform_generate_output);
    filter_class->set_info = GST_DEBUG_FUNCPTR(gst_udm_transform_set_info);
    filter_class->transform_frame = GST_DEBUG_FUNCPTR(gst_udm_transform_transform_frame);
}

static void gst_udm_transform_init(GstUdmTransform *self)
{
    GstBaseTransform *trans = GST_BASE_TRANSFORM(self);

    gst_udm_settings_init(&self->settings, NULL, DEFAULT_STEPS);
    gst_udm_session_init(&self->session, GST_ELEMENT(self));
    gst_base_transform_set_gap_aware(trans, TRUE);   // duplicates keep their flag, for an udminterp downstream
    gst_base_transform_set_qos_enabled(trans, TRUE); // nobody tells of late frames where work takes the time it takes
}
