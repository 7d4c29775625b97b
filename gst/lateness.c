// SPDX-License-Identifier: LGPL-2.1-or-later
// Quality of service.
#include "lateness.h"

#include "times.h"
#include "watched.h"

GST_DEBUG_CATEGORY_EXTERN(udm_transform_debug);
#define GST_CAT_DEFAULT udm_transform_debug

#define BEST_QUALITY 1000000 // of a QoS message

void gst_udm_lateness_flush(GstUdmLateness *lateness, GstBaseTransform *trans)
{
    GST_OBJECT_LOCK(trans);
    lateness->earliest = GST_CLOCK_TIME_NONE;
    lateness->jitter = 0;
    lateness->proportion = 1;
    gst_udm_pace_flush(&lateness->pace);
    GST_OBJECT_UNLOCK(trans);
}

void gst_udm_lateness_start(GstUdmLateness *lateness, GstBaseTransform *trans)
{
    GST_OBJECT_LOCK(trans);
    gst_udm_pace_start(&lateness->pace);
    lateness->level = GST_UDM_LEVEL_FULL;
    lateness->degraded = 0;
    lateness->sought = 0;
    GST_OBJECT_UNLOCK(trans);
    gst_udm_lateness_flush(lateness, trans);
}

void gst_udm_lateness_unlearn(GstUdmLateness *lateness, GstBaseTransform *trans)
{
    GST_OBJECT_LOCK(trans);
    gst_udm_pace_unlearn(&lateness->pace);
    GST_OBJECT_UNLOCK(trans);
}

void gst_udm_lateness_watch(GstUdmLateness *lateness, GstBaseTransform *trans)
{
    const gboolean watched =
        gst_base_transform_is_qos_enabled(trans) && gst_udm_is_watched(GST_BASE_TRANSFORM_SRC_PAD(trans));

    if (!watched)
        return;
    GST_OBJECT_LOCK(trans);
    gst_udm_pace_watch(&lateness->pace);
    GST_OBJECT_UNLOCK(trans);
}

void gst_udm_lateness_play(GstUdmLateness *lateness, GstBaseTransform *trans, gboolean playing)
{
    GST_OBJECT_LOCK(trans);
    gst_udm_pace_play(&lateness->pace, playing);
    GST_OBJECT_UNLOCK(trans);
}

void gst_udm_lateness_seek(GstUdmLateness *lateness, GstBaseTransform *trans, gint64 now)
{
    GST_OBJECT_LOCK(trans);
    lateness->sought = now;
    GST_OBJECT_UNLOCK(trans);
}

void gst_udm_lateness_arrive(GstUdmLateness *lateness, GstBaseTransform *trans, gint64 now)
{
    GST_OBJECT_LOCK(trans);
    if (lateness->sought > 0)
        gst_udm_pace_look(&lateness->pace, (gdouble)(now - lateness->sought) / G_USEC_PER_SEC);
    lateness->sought = 0;
    GST_OBJECT_UNLOCK(trans);
}

gboolean gst_udm_lateness_event(GstUdmLateness *lateness, GstBaseTransform *trans, GstEvent *event)
{
    GstClockTimeDiff jitter;
    GstClockTime time;
    gdouble proportion;
    gboolean own;

    gst_event_parse_qos(event, NULL, &proportion, &jitter, &time);
    GST_LOG_OBJECT(trans, "the frame of %" GST_TIME_FORMAT " is late by %" GST_STIME_FORMAT, GST_TIME_ARGS(time),
                   GST_STIME_ARGS(jitter));
    GST_OBJECT_LOCK(trans);
    lateness->proportion = proportion;
    lateness->jitter = jitter;
    if (GST_CLOCK_TIME_IS_VALID(time)) {
        lateness->earliest = (GstClockTime)MAX((GstClockTimeDiff)time + jitter, 0);
        gst_udm_pace_told(&lateness->pace, time, jitter);
    }
    own = jitter > 0 && lateness->level != GST_UDM_LEVEL_SOURCE;
    GST_OBJECT_UNLOCK(trans);
    if (gst_base_transform_is_qos_enabled(trans) && own && !gst_base_transform_is_passthrough(trans)) {
        gst_event_unref(event);
        return TRUE;
    }
    return gst_pad_push_event(GST_BASE_TRANSFORM_SINK_PAD(trans), event);
}

static GstClockTime running_time(GstBaseTransform *trans, GstClockTime pts)
{
    return gst_udm_running_time(&trans->segment, pts);
}

static void post(const GstUdmLateness *lateness, GstBaseTransform *trans, GstClockTime pts, GstClockTime duration,
                 GstUdmLevel level)
{
    GstClockTime time = gst_udm_stream_time(&trans->segment, pts);
    GstMessage *message = gst_message_new_qos(GST_OBJECT(trans), FALSE, running_time(trans, pts), time, pts, duration);

    gst_message_set_qos_values(message, lateness->jitter, lateness->proportion,
                               BEST_QUALITY - BEST_QUALITY / GST_UDM_LEVEL_SOURCE * (gint)level);
    gst_element_post_message(GST_ELEMENT(trans), message);
}

GstUdmLevel gst_udm_lateness_choose(GstUdmLateness *lateness, GstBaseTransform *trans, const GstUdmCosts *costs,
                                    GstClockTime pts, GstClockTime duration)
{
    GstClockTime running = running_time(trans, pts);
    const gboolean enabled = gst_base_transform_is_qos_enabled(trans); // takes the lock
    GstUdmLevel level = GST_UDM_LEVEL_FULL;
    GstUdmLateness now;
    gboolean changed;

    GST_OBJECT_LOCK(trans);
    if (enabled)
        level = GST_CLOCK_TIME_IS_VALID(running) ? gst_udm_pace_choose(&lateness->pace, costs, running, duration)
                                                 : lateness->level;
    changed = level != lateness->level;
    lateness->level = level;
    now = *lateness;
    GST_OBJECT_UNLOCK(trans);
    if (changed) {
        GST_INFO_OBJECT(trans, "quality is %s from %" GST_TIME_FORMAT " on", gst_udm_level_name(level),
                        GST_TIME_ARGS(running));
        post(&now, trans, pts, duration, level);
    }
    return level;
}

void gst_udm_lateness_took(GstUdmLateness *lateness, GstBaseTransform *trans, const GstUdmCosts *costs,
                           GstUdmLevel level, GstClockTime pts, gdouble seconds)
{
    GstClockTime running = running_time(trans, pts);

    GST_LOG_OBJECT(trans, "the frame of %" GST_TIME_FORMAT " took %.1f ms, %s", GST_TIME_ARGS(running), seconds * 1000,
                   gst_udm_level_name(level));
    GST_OBJECT_LOCK(trans);
    gst_udm_pace_took(&lateness->pace, costs, level, running, seconds);
    GST_OBJECT_UNLOCK(trans);
}

void gst_udm_lateness_count(GstUdmLateness *lateness, GstBaseTransform *trans)
{
    GST_OBJECT_LOCK(trans);
    lateness->degraded++;
    GST_OBJECT_UNLOCK(trans);
}

gboolean gst_udm_lateness_wonders(const GstUdmLateness *lateness, GstBaseTransform *trans)
{
    const gboolean enabled = gst_base_transform_is_qos_enabled(trans);
    gboolean wonders;

    GST_OBJECT_LOCK(trans);
    wonders = enabled && lateness->pace.watched && lateness->pace.unit == 0;
    GST_OBJECT_UNLOCK(trans);
    return wonders;
}

gboolean gst_udm_lateness_skips(const GstUdmLateness *lateness, GstBaseTransform *trans, const GstUdmCosts *costs)
{
    const gboolean enabled = gst_base_transform_is_qos_enabled(trans);
    gboolean skips;

    GST_OBJECT_LOCK(trans);
    skips = enabled && gst_udm_pace_skips(&lateness->pace, costs);
    GST_OBJECT_UNLOCK(trans);
    return skips;
}

gboolean gst_udm_lateness_stands(const GstUdmLateness *lateness, GstBaseTransform *trans)
{
    const gboolean enabled = gst_base_transform_is_qos_enabled(trans);
    gboolean stands;

    GST_OBJECT_LOCK(trans);
    stands = enabled && lateness->pace.watched && !lateness->pace.playing;
    GST_OBJECT_UNLOCK(trans);
    return stands;
}

gboolean gst_udm_lateness_degrades(GstUdmLateness *lateness, GstBaseTransform *trans, const GstUdmCosts *costs,
                                   GstClockTime pts, GstClockTime duration, guint held)
{
    GstClockTime running = running_time(trans, pts);
    GstUdmLateness now;
    gboolean late;

    if (!gst_base_transform_is_qos_enabled(trans))
        return FALSE;
    GST_OBJECT_LOCK(trans);
    late = lateness->level == GST_UDM_LEVEL_SOURCE;
    if (GST_CLOCK_TIME_IS_VALID(running) && GST_CLOCK_TIME_IS_VALID(lateness->earliest))
        late |= running <= lateness->earliest + gst_udm_pace_margin(&lateness->pace, costs, held);
    if (GST_CLOCK_TIME_IS_VALID(running))
        late |= gst_udm_pace_begins_late(&lateness->pace, costs, running, held);
    lateness->degraded += late;
    now = *lateness;
    GST_OBJECT_UNLOCK(trans);
    if (late)
        post(&now, trans, pts, duration, GST_UDM_LEVEL_SOURCE);
    return late;
}
