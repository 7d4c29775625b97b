// SPDX-License-Identifier: LGPL-2.1-or-later
// The first half of udmupscale: each pixel becomes a block, and caps say how large the blocks are.
#ifndef GST_UDM_ENLARGE_H
#define GST_UDM_ENLARGE_H

#include <gst/video/gstvideofilter.h>

G_BEGIN_DECLS

#define GST_TYPE_UDM_ENLARGE (gst_udm_enlarge_get_type())
G_DECLARE_FINAL_TYPE(GstUdmEnlarge, gst_udm_enlarge, GST, UDM_ENLARGE, GstVideoFilter)

struct _GstUdmEnlarge {
    GstVideoFilter parent;

    GstElement *owner;                              // that posts errors
    void (*chosen)(gpointer context, guint factor); // called before caps with that factor leave
    gpointer context;
    guint factor; // that is preferred, under the object lock

    // state of the streaming thread
};

GstElement *gst_udm_enlarge_new(GstElement *owner, void (*chosen)(gpointer context, guint factor), gpointer context);
void gst_udm_enlarge_prefer(GstUdmEnlarge *self, guint factor);

G_END_DECLS

#endif
