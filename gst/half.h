// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames at half of their width and height, for when there is no time for more. All take NULL, which is frames as they
// are, so that what calls them need not tell the two apart.
#ifndef GST_UDM_HALF_H
#define GST_UDM_HALF_H

#include "frames.h"

typedef struct GstUdmHalf GstUdmHalf;

// Whether frames are large enough for it.
gboolean gst_udm_half_suits(const GstVideoInfo *whole);
GstUdmHalf *gst_udm_half_new(const GstVideoInfo *whole);
void gst_udm_half_free(GstUdmHalf *half);

// What the frames are; `whole` if half is NULL.
const GstVideoInfo *gst_udm_half_info(const GstUdmHalf *half, const GstVideoInfo *whole);

// Maps a frame of half the size to be read: pixels are means of four, so that white noise stays white. FALSE if the
// buffer is none of `whole`. To be unmapped as any.
gboolean gst_udm_half_read(GstUdmHalf *half, GstUdmFrame *frame, const GstVideoInfo *whole, GstBuffer *buffer);

// Maps a frame to be written, which the second then enlarges into the buffer.
gboolean gst_udm_half_write(GstUdmHalf *half, GstUdmFrame *frame, const GstVideoInfo *whole, GstBuffer *buffer);
gboolean gst_udm_half_written(GstUdmHalf *half, GstUdmFrame *frame, GstBuffer *buffer);

#endif
