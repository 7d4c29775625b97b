// SPDX-License-Identifier: LGPL-2.1-or-later
// The first half of udmslowmotion: gives frames their slowed times, and leaves gaps between them.
#ifndef GST_UDM_RETIME_H
#define GST_UDM_RETIME_H

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "clockwork.h"

G_BEGIN_DECLS

#define GST_TYPE_UDM_RETIME (gst_udm_retime_get_type())
G_DECLARE_FINAL_TYPE(GstUdmRetime, gst_udm_retime, GST, UDM_RETIME, GstBaseTransform)

struct _GstUdmRetime {
    GstBaseTransform parent;

    GMutex lock; // guards the clockwork, which queries and seeks use as well
    GstUdmClockwork clockwork;

    // state of the streaming thread
    GstSegment segment; // of the input
    GstVideoInfo info;
    // Told of the frame rate before caps are sent.
    void (*rated)(gpointer context, gint fps_n, gint fps_d);
    gpointer context;
};

GstElement *gst_udm_retime_new(GstObject *speeder, void (*rated)(gpointer context, gint fps_n, gint fps_d),
                               gpointer context);

G_END_DECLS

#endif
