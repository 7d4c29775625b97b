// SPDX-License-Identifier: LGPL-2.1-or-later
// Quality of service without dropped frames: late ones pass through unprocessed, as the engine needs all it can get.
#ifndef GST_UDM_LATENESS_H
#define GST_UDM_LATENESS_H

#include <gst/base/gstbasetransform.h>

// Part of an element, under its object lock; the functions take it.
typedef struct GstUdmLateness {
    GstClockTime earliest; // running time; frames up to it are late
    GstClockTimeDiff jitter;
    gdouble proportion;
    guint64 degraded; // frames since start
} GstUdmLateness;

void gst_udm_lateness_start(GstUdmLateness *lateness, GstBaseTransform *trans);
void gst_udm_lateness_flush(GstUdmLateness *lateness, GstBaseTransform *trans);

// Takes a QoS event and pushes it upstream, past the base class, which would drop frames.
gboolean gst_udm_lateness_event(GstUdmLateness *lateness, GstBaseTransform *trans, GstEvent *event);

// Whether a frame is late even if it is pushed at once; if so, counts it and posts a QoS message.
gboolean gst_udm_lateness_degrades(GstUdmLateness *lateness, GstBaseTransform *trans, GstBuffer *buffer);

#endif
