// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeping pace with playback: the part of the base class that measures what frames take.
#ifndef GST_UDM_PLAYBACK_H
#define GST_UDM_PLAYBACK_H

#include "transform.h"

// Nothing was made and nothing left since the last measurement.
void gst_udm_playback_begin(GstUdmTransform *self);
// To be called after each piece of work, with the frame that leaves, if one does.
void gst_udm_playback_measure(GstUdmTransform *self, gint64 since, GstBuffer *frame);
// The level for a frame that came.
GstUdmLevel gst_udm_playback_choose(GstUdmTransform *self, GstBuffer *next);

#endif
