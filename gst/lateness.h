// SPDX-License-Identifier: LGPL-2.1-or-later
// Quality of service: what downstream tells of late frames, and how long frames take, decides at which level the next
// ones are made; those that are late already leave as they came, or are left out.
#ifndef GST_UDM_LATENESS_H
#define GST_UDM_LATENESS_H

#include <gst/base/gstbasetransform.h>

#include "pace.h"

// Part of an element, under its object lock; the functions take it.
typedef struct GstUdmLateness {
    GstClockTime earliest; // running time; frames up to it are late
    GstClockTimeDiff jitter;
    gdouble proportion;
    guint64 degraded; // frames since start
    GstUdmPace pace;
    GstUdmLevel level; // that was chosen last
    gint64 sought;     // when a seek began whose first frame did not come yet, in microseconds; or 0
} GstUdmLateness;

void gst_udm_lateness_start(GstUdmLateness *lateness, GstBaseTransform *trans);
void gst_udm_lateness_flush(GstUdmLateness *lateness, GstBaseTransform *trans);
void gst_udm_lateness_unlearn(GstUdmLateness *lateness, GstBaseTransform *trans); // how long frames take
void gst_udm_lateness_watch(GstUdmLateness *lateness, GstBaseTransform *trans);   // looks whether somebody does
void gst_udm_lateness_play(GstUdmLateness *lateness, GstBaseTransform *trans, gboolean playing);

// A seek begins; and a frame came, maybe the first one after it. In microseconds.
void gst_udm_lateness_seek(GstUdmLateness *lateness, GstBaseTransform *trans, gint64 now);
void gst_udm_lateness_arrive(GstUdmLateness *lateness, GstBaseTransform *trans, gint64 now);

// Takes a QoS event, and pushes it upstream, past the base class, which would drop frames; but not as long as it tells
// of frames that are late because of this element, which can do something about it: what lies upstream would drop
// frames.
gboolean gst_udm_lateness_event(GstUdmLateness *lateness, GstBaseTransform *trans, GstEvent *event);

// The level at which the next frame is to be made, if frames last so long. Posts a QoS message if it is another one.
GstUdmLevel gst_udm_lateness_choose(GstUdmLateness *lateness, GstBaseTransform *trans, const GstUdmCosts *costs,
                                    GstClockTime pts, GstClockTime duration);
// A frame was made at a level.
void gst_udm_lateness_took(GstUdmLateness *lateness, GstBaseTransform *trans, const GstUdmCosts *costs,
                           GstUdmLevel level, GstClockTime pts, gdouble seconds);
void gst_udm_lateness_count(GstUdmLateness *lateness, GstBaseTransform *trans); // a frame as degraded

// Whether it is not known how long frames take, but matters.
gboolean gst_udm_lateness_wonders(const GstUdmLateness *lateness, GstBaseTransform *trans);
// Whether a frame that is late is to be left out.
gboolean gst_udm_lateness_skips(const GstUdmLateness *lateness, GstBaseTransform *trans, const GstUdmCosts *costs);
// Whether pictures stand still that somebody watches.
gboolean gst_udm_lateness_stands(const GstUdmLateness *lateness, GstBaseTransform *trans);
// Whether a frame is late even if it is made at once, and pushed when so many others have come, or frames are not made
// at all; if so, counts it and posts a QoS message.
gboolean gst_udm_lateness_degrades(GstUdmLateness *lateness, GstBaseTransform *trans, const GstUdmCosts *costs,
                                   GstClockTime pts, GstClockTime duration, guint held);

#endif
