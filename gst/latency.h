// SPDX-License-Identifier: LGPL-2.1-or-later
// For how long an element holds frames back, as latency queries ask.
#ifndef GST_UDM_LATENCY_H
#define GST_UDM_LATENCY_H

#include <gst/video/video.h>

// Part of an element, under its object lock; the functions take it.
typedef struct GstUdmLatency {
    GstClockTime time;
} GstUdmLatency;

// So many frames of this rate; tells the application if that is a change.
void gst_udm_latency_set(GstUdmLatency *latency, GstElement *element, guint frames, const GstVideoInfo *info);
void gst_udm_latency_reset(GstUdmLatency *latency, GstElement *element); // to none, and tells nobody

// Adds it to what the elements upstream answered.
void gst_udm_latency_add(const GstUdmLatency *latency, GstElement *element, GstQuery *query);

#endif
