// SPDX-License-Identifier: LGPL-2.1-or-later
// The end of a video, or a picture, from a file or URI.
#ifndef GST_UDM_CLIP_H
#define GST_UDM_CLIP_H

#include "frames.h"

// Frames that are mapped for reading, in order.
typedef struct GstUdmClip {
    guint count;
    udm_image *images;
    GstUdmFrame *frames;
} GstUdmClip;

// The last `count` frames, or as many as there are, as `info` has them: format, size and frame rate; NULL: RGB, as they
// are. NULL with *error if there are none, or NULL without one as soon as cancelled(context) is TRUE. It blocks.
GstUdmClip *gst_udm_clip_read_end(const char *location, const GstVideoInfo *info, guint count,
                                  gboolean (*cancelled)(gpointer context), gpointer context, GError **error);
void gst_udm_clip_free(GstUdmClip *clip);

#endif
