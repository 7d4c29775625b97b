// SPDX-License-Identifier: LGPL-2.1-or-later
// Quality of service without lost frames: what is late is passed on as it came, for dropping would break the stream.
#ifndef GST_UDM_LATENESS_H
#define GST_UDM_LATENESS_H

#include <gst/base/gstbasetransform.h>

// Part of an element, under its object lock; the functions take it.
typedef struct GstUdmLateness {
    GstClockTime earliest; // running time: a frame that is not after it is late
    GstClockTimeDiff jitter;
    gdouble proportion;
    guint64 degraded; // frames since start
} GstUdmLateness;

void gst_udm_lateness_start(GstUdmLateness *lateness, GstBaseTransform *trans);
void gst_udm_lateness_flush(GstUdmLateness *lateness, GstBaseTransform *trans);

// Notes what downstream says and passes it on, past the base class, which would drop frames.
gboolean gst_udm_lateness_event(GstUdmLateness *lateness, GstBaseTransform *trans, GstEvent *event);

// Whether the frame would be late even if it were passed on at once; if so, counts it and posts a QoS message.
gboolean gst_udm_lateness_degrades(GstUdmLateness *lateness, GstBaseTransform *trans, GstBuffer *buffer);

#endif
