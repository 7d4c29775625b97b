// SPDX-License-Identifier: LGPL-2.1-or-later
// Quality of service without dropped frames: late ones pass through unprocessed, as the engine needs all it can get.
#include "lateness.h"

#define QUALITY_SOURCE 0 // of a frame that passes through; 1000000 is the best

void gst_udm_lateness_flush(GstUdmLateness *lateness, GstBaseTransform *trans)
{
    GST_OBJECT_LOCK(trans);
    lateness->earliest = GST_CLOCK_TIME_NONE;
    lateness->jitter = 0;
    lateness->proportion = 1;
    GST_OBJECT_UNLOCK(trans);
}

void gst_udm_lateness_start(GstUdmLateness *lateness, GstBaseTransform *trans)
{
    gst_udm_lateness_flush(lateness, trans);
    GST_OBJECT_LOCK(trans);
    lateness->degraded = 0;
    GST_OBJECT_UNLOCK(trans);
}

gboolean gst_udm_lateness_event(GstUdmLateness *lateness, GstBaseTransform *trans, GstEvent *event)
{
    GstClockTimeDiff jitter;
    GstClockTime time;
    gdouble proportion;

    gst_event_parse_qos(event, NULL, &proportion, &jitter, &time);
    GST_OBJECT_LOCK(trans);
    lateness->proportion = proportion;
    lateness->jitter = jitter;
    if (GST_CLOCK_TIME_IS_VALID(time))
        lateness->earliest = (GstClockTime)MAX((GstClockTimeDiff)time + jitter, 0);
    GST_OBJECT_UNLOCK(trans);
    return gst_pad_push_event(GST_BASE_TRANSFORM_SINK_PAD(trans), event);
}

static void post(const GstUdmLateness *lateness, GstBaseTransform *trans, GstBuffer *buffer, GstClockTime running)
{
    GstClockTime pts = GST_BUFFER_PTS(buffer);
    GstClockTime time = gst_segment_to_stream_time(&trans->segment, GST_FORMAT_TIME, pts);
    GstMessage *message =
        gst_message_new_qos(GST_OBJECT(trans), FALSE, running, time, pts, GST_BUFFER_DURATION(buffer));

    gst_message_set_qos_values(message, lateness->jitter, lateness->proportion, QUALITY_SOURCE);
    gst_element_post_message(GST_ELEMENT(trans), message);
}

gboolean gst_udm_lateness_degrades(GstUdmLateness *lateness, GstBaseTransform *trans, GstBuffer *buffer)
{
    GstClockTime running = gst_segment_to_running_time(&trans->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    GstUdmLateness now;
    gboolean late;

    if (!gst_base_transform_is_qos_enabled(trans) || !GST_CLOCK_TIME_IS_VALID(running))
        return FALSE;
    GST_OBJECT_LOCK(trans);
    late = GST_CLOCK_TIME_IS_VALID(lateness->earliest) && running <= lateness->earliest;
    lateness->degraded += late;
    now = *lateness;
    GST_OBJECT_UNLOCK(trans);
    if (late)
        post(&now, trans, buffer, running);
    return late;
}
