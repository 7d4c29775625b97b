// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames at a half or a quarter of their width and height, for when there is no time for more. All take NULL, which is
// frames as they are, so that what calls them need not tell the two apart.
#ifndef GST_UDM_SMALLER_H
#define GST_UDM_SMALLER_H

#include "frames.h"

typedef struct GstUdmSmaller GstUdmSmaller;

// Whether frames are large enough for it. divisor: 2 or 4.
gboolean gst_udm_smaller_suits(const GstVideoInfo *whole, gint divisor);
GstUdmSmaller *gst_udm_smaller_new(const GstVideoInfo *whole, gint divisor);
void gst_udm_smaller_free(GstUdmSmaller *smaller);

// What the frames are; `whole` if smaller is NULL.
const GstVideoInfo *gst_udm_smaller_info(const GstUdmSmaller *smaller, const GstVideoInfo *whole);
// What remains of lengths in pixels, and of the deviation of white noise; 1 if smaller is NULL.
gdouble gst_udm_smaller_scale(const GstUdmSmaller *smaller);

// Maps a smaller frame to be read: its pixels are means, so that white noise stays white. FALSE if the buffer is none
// of `whole`. To be unmapped as any; it may be written.
gboolean gst_udm_smaller_read(GstUdmSmaller *smaller, GstUdmFrame *frame, const GstVideoInfo *whole, GstBuffer *buffer);

// Maps a frame to be written, which the second then enlarges into the buffer.
gboolean gst_udm_smaller_write(GstUdmSmaller *smaller, GstUdmFrame *frame, const GstVideoInfo *whole,
                               GstBuffer *buffer);
gboolean gst_udm_smaller_written(GstUdmSmaller *smaller, GstUdmFrame *frame, GstBuffer *buffer);

#endif
