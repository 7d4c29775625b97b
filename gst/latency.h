// SPDX-License-Identifier: LGPL-2.1-or-later
// The latency of an element that holds frames back.
#ifndef GST_UDM_LATENCY_H
#define GST_UDM_LATENCY_H

#include <gst/video/video.h>

// Part of an element, under its object lock; the functions take it.
typedef struct GstUdmLatency {
    GstClockTime time;
} GstUdmLatency;

// So many frames at the rate of `info`; posts a message if that is a change.
void gst_udm_latency_set(GstUdmLatency *latency, GstElement *element, guint frames, const GstVideoInfo *info);
void gst_udm_latency_reset(GstUdmLatency *latency, GstElement *element); // to none, without a message

// Whether what feeds this sink pad says that it is live, as soon as frames come.
gboolean gst_udm_latency_is_live(GstPad *sink);

// Adds it to the answer of the elements upstream.
void gst_udm_latency_add(const GstUdmLatency *latency, GstElement *element, GstQuery *query);

#endif
