// SPDX-License-Identifier: LGPL-2.1-or-later
// How time passes in slow motion: the speed, constant or as a control source has it, integrated over time.
#ifndef GST_UDM_CLOCKWORK_H
#define GST_UDM_CLOCKWORK_H

#include <gst/gst.h>

// Used by one thread at a time.
typedef struct GstUdmClockwork {
    GstObject *object;     // whose property "speed" it is; not owned
    GArray *ends;          // slowed time at the end of each step of time, if the speed is controlled
    gdouble speed;         // otherwise; it holds from `since` on
    GstClockTime since;    // time of its last change
    GstClockTime slowed;   // and what it was slowed to
    GstClockTime furthest; // time that was asked for
} GstUdmClockwork;

void gst_udm_clockwork_init(GstUdmClockwork *self, GstObject *object);
void gst_udm_clockwork_clear(GstUdmClockwork *self);

// After a flush or a seek: a speed that was changed meanwhile holds from the beginning.
void gst_udm_clockwork_reset(GstUdmClockwork *self);

// From the time of the input to that of the output, and back.
GstClockTime gst_udm_clockwork_slow(GstUdmClockwork *self, GstClockTime time);
GstClockTime gst_udm_clockwork_back(GstUdmClockwork *self, GstClockTime slowed);

#endif
