// SPDX-License-Identifier: LGPL-2.1-or-later
// Interlaced frames as progressive ones, one for each, for elements that know no fields: the picture of the first
// field, guessed from its own rows, at once and whatever is around it. udmdenoise does better
// (elements/denoise/fields.c).
#ifndef GST_UDM_UNWEAVE_H
#define GST_UDM_UNWEAVE_H

#include "frames.h"

typedef struct GstUdmUnweaver GstUdmUnweaver;

// in: of the interlaced frames. settings: of size and channels. NULL with *error set on failure.
GstUdmUnweaver *gst_udm_unweaver_new(const GstVideoInfo *in, const udm_settings *settings, udm_error *error);
void gst_udm_unweaver_free(GstUdmUnweaver *self); // NULL is fine

// A buffer with the picture and no metadata. NULL if the frame is none of `in`, or there is no memory.
GstBuffer *gst_udm_unweave(GstUdmUnweaver *self, GstBuffer *frame);

#endif
