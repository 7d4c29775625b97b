// SPDX-License-Identifier: LGPL-2.1-or-later
// The first half of udmslowmotion: gives frames their slowed times. Segments, seeks and queries are translated; the
// frame rate of the output is variable, as gaps are left between frames.
#include "retime.h"

#include "times.h"

#define ROUNDED GST_MSECOND // the coarsest that containers round to, as Matroska does
#define TICKS 1000 // a second; as a frame rate, as ASF has it, it says how times are counted, and nothing of frames

G_DEFINE_TYPE(GstUdmRetime, gst_udm_retime, GST_TYPE_BASE_TRANSFORM)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));

// ---- times; GST_CLOCK_TIME_NONE stays as it is

static guint64 slow(GstUdmRetime *self, guint64 time)
{
    guint64 slowed;

    if (!GST_CLOCK_TIME_IS_VALID(time))
        return time;
    g_mutex_lock(&self->lock);
    slowed = gst_udm_clockwork_slow(&self->clockwork, time);
    g_mutex_unlock(&self->lock);
    return slowed;
}

static guint64 back(GstUdmRetime *self, guint64 slowed)
{
    guint64 time;

    if (!GST_CLOCK_TIME_IS_VALID(slowed))
        return slowed;
    g_mutex_lock(&self->lock);
    time = gst_udm_clockwork_back(&self->clockwork, slowed);
    g_mutex_unlock(&self->lock);
    return time;
}

static void reset(GstUdmRetime *self)
{
    g_mutex_lock(&self->lock);
    gst_udm_clockwork_reset(&self->clockwork);
    g_mutex_unlock(&self->lock);
}

// ---- caps and frames

static GstCaps *gst_udm_retime_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                              GstCaps *filter)
{
    GstCaps *result = gst_caps_copy(caps), *unfiltered = result;

    if (direction == GST_PAD_SINK)
        gst_caps_set_simple(result, "framerate", GST_TYPE_FRACTION, 0, 1, NULL);
    else
        gst_caps_set_simple(result, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
    if (filter) {
        result = gst_caps_intersect_full(filter, unfiltered, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(unfiltered);
    }
    return result;
}

static gboolean gst_udm_retime_set_caps(GstBaseTransform *trans, GstCaps *in, GstCaps *out)
{
    GstUdmRetime *self = GST_UDM_RETIME(trans);

    if (!gst_video_info_from_caps(&self->info, in))
        return FALSE;
    if (self->info.fps_n >= (gint64)self->info.fps_d * TICKS)
        self->info.fps_n = 0, self->info.fps_d = 1;
    self->rated(self->context, self->info.fps_n, self->info.fps_d);
    return TRUE;
}

// Where the frame rate has it, if a container rounded it.
static GstClockTime nominal(const GstUdmRetime *self, GstClockTime time)
{
    GstClockTime exact;

    if (self->info.fps_n == 0)
        return time;
    exact = gst_util_uint64_scale_round(time, self->info.fps_n, self->info.fps_d * GST_SECOND);
    exact = gst_util_uint64_scale_round(exact, self->info.fps_d * GST_SECOND, self->info.fps_n);
    return ABS(GST_CLOCK_DIFF(time, exact)) <= (GstClockTimeDiff)ROUNDED ? exact : time;
}

static GstFlowReturn gst_udm_retime_transform_ip(GstBaseTransform *trans, GstBuffer *buffer)
{
    GstUdmRetime *self = GST_UDM_RETIME(trans);
    GstClockTime time = gst_udm_stream_time(&self->segment, GST_BUFFER_PTS(buffer));
    GstClockTime length = GST_BUFFER_DURATION(buffer);

    if (!GST_CLOCK_TIME_IS_VALID(time))
        return GST_FLOW_OK;
    time = nominal(self, time);
    if (!GST_CLOCK_TIME_IS_VALID(length) || self->info.fps_n > 0)
        length = self->info.fps_n > 0 ? gst_util_uint64_scale_round(GST_SECOND, self->info.fps_d, self->info.fps_n)
                                      : GST_SECOND / 25;
    GST_BUFFER_PTS(buffer) = slow(self, time);
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_DURATION(buffer) = slow(self, time + length) - GST_BUFFER_PTS(buffer);
    GST_BUFFER_OFFSET(buffer) = GST_BUFFER_OFFSET_END(buffer) = GST_BUFFER_OFFSET_NONE;
    return GST_FLOW_OK;
}

// ---- events

// Stream time is what is slowed, and the new segment has it as its times.
static GstEvent *slow_segment(GstUdmRetime *self, GstEvent *event)
{
    GstSegment slowed;
    GstEvent *result;

    gst_event_copy_segment(event, &self->segment);
    if (self->segment.format != GST_FORMAT_TIME)
        return event;
    slowed = self->segment;
    slowed.start = slow(self, gst_udm_stream_time(&self->segment, self->segment.start));
    if (GST_CLOCK_TIME_IS_VALID(self->segment.stop))
        slowed.stop = slow(self, gst_udm_stream_time(&self->segment, self->segment.stop));
    slowed.time = slowed.position = slowed.start;
    slowed.offset = 0;
    slowed.duration = slow(self, self->segment.duration);
    result = gst_event_new_segment(&slowed);
    gst_event_set_seqnum(result, gst_event_get_seqnum(event));
    gst_event_unref(event);
    return result;
}

static GstEvent *slow_gap(GstUdmRetime *self, GstEvent *event)
{
    GstClockTime time, duration, begin;
    GstEvent *result;

    gst_event_parse_gap(event, &time, &duration);
    time = gst_udm_stream_time(&self->segment, time);
    if (!GST_CLOCK_TIME_IS_VALID(time))
        return event;
    begin = slow(self, time);
    if (GST_CLOCK_TIME_IS_VALID(duration))
        duration = slow(self, time + duration) - begin;
    result = gst_event_new_gap(begin, duration);
    gst_event_set_seqnum(result, gst_event_get_seqnum(event));
    gst_event_unref(event);
    return result;
}

static gboolean gst_udm_retime_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    GstUdmRetime *self = GST_UDM_RETIME(trans);

    if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP || GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START)
        reset(self);
    else if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT)
        event = slow_segment(self, event);
    else if (GST_EVENT_TYPE(event) == GST_EVENT_GAP)
        event = slow_gap(self, event);
    return GST_BASE_TRANSFORM_CLASS(gst_udm_retime_parent_class)->sink_event(trans, event);
}

static GstEvent *seek_back(GstUdmRetime *self, GstEvent *event)
{
    GstSeekType start_type, stop_type;
    gint64 start, stop;
    GstSeekFlags flags;
    GstFormat format;
    GstEvent *result;
    gdouble rate;

    gst_event_parse_seek(event, &rate, &format, &flags, &start_type, &start, &stop_type, &stop);
    if (format != GST_FORMAT_TIME)
        return event;
    if (start_type == GST_SEEK_TYPE_SET)
        start = (gint64)back(self, (guint64)start);
    if (stop_type == GST_SEEK_TYPE_SET)
        stop = (gint64)back(self, (guint64)stop);
    result = gst_event_new_seek(rate, format, flags, start_type, start, stop_type, stop);
    gst_event_set_seqnum(result, gst_event_get_seqnum(event));
    gst_event_unref(event);
    return result;
}

// What is told are two times: that of a frame, and that at which it came.
static GstEvent *qos_back(GstUdmRetime *self, GstEvent *event)
{
    GstClockTimeDiff late;
    GstClockTime time, came;
    gdouble proportion;
    GstQOSType type;
    GstEvent *result;

    gst_event_parse_qos(event, &type, &proportion, &late, &time);
    came = back(self, (guint64)MAX((GstClockTimeDiff)time + late, 0));
    time = back(self, time);
    result = gst_event_new_qos(type, proportion, GST_CLOCK_DIFF(time, came), time);
    gst_event_set_seqnum(result, gst_event_get_seqnum(event));
    gst_event_unref(event);
    return result;
}

static gboolean gst_udm_retime_src_event(GstBaseTransform *trans, GstEvent *event)
{
    GstUdmRetime *self = GST_UDM_RETIME(trans);

    if (GST_EVENT_TYPE(event) == GST_EVENT_SEEK)
        event = seek_back(self, event);
    else if (GST_EVENT_TYPE(event) == GST_EVENT_QOS)
        event = qos_back(self, event);
    return gst_pad_push_event(GST_BASE_TRANSFORM_SINK_PAD(trans), event);
}

// ---- queries

static void slow_answer(GstUdmRetime *self, GstQuery *query)
{
    gint64 start, stop;
    GstFormat format;
    gboolean seekable;
    gdouble rate;

    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_DURATION:
        gst_query_parse_duration(query, &format, &stop);
        if (format == GST_FORMAT_TIME)
            gst_query_set_duration(query, format, (gint64)slow(self, (guint64)stop));
        break;
    case GST_QUERY_POSITION:
        gst_query_parse_position(query, &format, &stop);
        if (format == GST_FORMAT_TIME)
            gst_query_set_position(query, format, (gint64)slow(self, (guint64)stop));
        break;
    case GST_QUERY_SEEKING:
        gst_query_parse_seeking(query, &format, &seekable, &start, &stop);
        if (format == GST_FORMAT_TIME)
            gst_query_set_seeking(query, format, seekable, (gint64)slow(self, (guint64)start),
                                  (gint64)slow(self, (guint64)stop));
        break;
    case GST_QUERY_SEGMENT:
        gst_query_parse_segment(query, &rate, &format, &start, &stop);
        if (format == GST_FORMAT_TIME)
            gst_query_set_segment(query, rate, format, (gint64)slow(self, (guint64)start),
                                  (gint64)slow(self, (guint64)stop));
        break;
    default:
        break;
    }
}

static gboolean gst_udm_retime_query(GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_DURATION:
    case GST_QUERY_POSITION:
    case GST_QUERY_SEEKING:
    case GST_QUERY_SEGMENT:
        if (direction != GST_PAD_SRC)
            break;
        if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(trans), query))
            return FALSE;
        slow_answer(GST_UDM_RETIME(trans), query);
        return TRUE;
    default:
        break;
    }
    return GST_BASE_TRANSFORM_CLASS(gst_udm_retime_parent_class)->query(trans, direction, query);
}

// ---- the object

static gboolean gst_udm_retime_start(GstBaseTransform *trans)
{
    GstUdmRetime *self = GST_UDM_RETIME(trans);

    gst_segment_init(&self->segment, GST_FORMAT_UNDEFINED);
    gst_video_info_init(&self->info);
    reset(self);
    return TRUE;
}

static void gst_udm_retime_finalize(GObject *object)
{
    GstUdmRetime *self = GST_UDM_RETIME(object);

    gst_udm_clockwork_clear(&self->clockwork);
    g_mutex_clear(&self->lock);
    G_OBJECT_CLASS(gst_udm_retime_parent_class)->finalize(object);
}

static void gst_udm_retime_class_init(GstUdmRetimeClass *klass)
{
    GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = gst_udm_retime_finalize;
    gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(klass), &sink_template);
    gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(klass), &src_template);
    gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), "Time stretcher", "Filter/Video",
                                          "Slows the times of frames down", "The udm developers");
    // It is not registered, but editors take for granted that each element in a bin has a factory.
    GST_ELEMENT_CLASS(klass)->elementfactory = gst_element_factory_find("udmslowmotion");
    trans_class->start = GST_DEBUG_FUNCPTR(gst_udm_retime_start);
    trans_class->transform_caps = GST_DEBUG_FUNCPTR(gst_udm_retime_transform_caps);
    trans_class->set_caps = GST_DEBUG_FUNCPTR(gst_udm_retime_set_caps);
    trans_class->transform_ip = GST_DEBUG_FUNCPTR(gst_udm_retime_transform_ip);
    trans_class->sink_event = GST_DEBUG_FUNCPTR(gst_udm_retime_sink_event);
    trans_class->src_event = GST_DEBUG_FUNCPTR(gst_udm_retime_src_event);
    trans_class->query = GST_DEBUG_FUNCPTR(gst_udm_retime_query);
}

static void gst_udm_retime_init(GstUdmRetime *self)
{
    g_mutex_init(&self->lock);
    gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}

GstElement *gst_udm_retime_new(GstObject *speeder, void (*rated)(gpointer context, gint fps_n, gint fps_d),
                               gpointer context)
{
    GstUdmRetime *self = g_object_new(GST_TYPE_UDM_RETIME, "name", "retime", NULL);

    gst_udm_clockwork_init(&self->clockwork, speeder);
    self->rated = rated;
    self->context = context;
    return GST_ELEMENT(self);
}
