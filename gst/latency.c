// SPDX-License-Identifier: LGPL-2.1-or-later
// The latency of an element that holds frames back.
#include "latency.h"

void gst_udm_latency_set(GstUdmLatency *latency, GstElement *element, guint frames, const GstVideoInfo *info)
{
    // With no frame rate in the caps, that of 25 Hz is better than no latency.
    GstClockTime frame =
        info->fps_n > 0 ? gst_util_uint64_scale(GST_SECOND, info->fps_d, info->fps_n) : GST_SECOND / 25;
    gboolean changed;

    GST_OBJECT_LOCK(element);
    changed = latency->time != frames * frame;
    latency->time = frames * frame;
    GST_OBJECT_UNLOCK(element);
    if (!changed)
        return;
    GST_DEBUG_OBJECT(element, "latency is now %" GST_TIME_FORMAT, GST_TIME_ARGS(frames * frame));
    gst_element_post_message(element, gst_message_new_latency(GST_OBJECT(element)));
}

void gst_udm_latency_reset(GstUdmLatency *latency, GstElement *element)
{
    GST_OBJECT_LOCK(element);
    latency->time = 0;
    GST_OBJECT_UNLOCK(element);
}

gboolean gst_udm_latency_is_live(GstPad *sink)
{
    GstQuery *query = gst_query_new_latency();
    gboolean live = FALSE;

    if (gst_pad_peer_query(sink, query))
        gst_query_parse_latency(query, &live, NULL, NULL);
    gst_query_unref(query);
    return live;
}

void gst_udm_latency_add(const GstUdmLatency *latency, GstElement *element, GstQuery *query)
{
    GstClockTime min, max, own;
    gboolean live;

    GST_OBJECT_LOCK(element);
    own = latency->time;
    GST_OBJECT_UNLOCK(element);
    gst_query_parse_latency(query, &live, &min, &max);
    gst_query_set_latency(query, live, min + own, GST_CLOCK_TIME_IS_VALID(max) ? max + own : max);
}
