// SPDX-License-Identifier: LGPL-2.1-or-later
// udmsrc: its state, and the functions that its files share.
#ifndef GST_UDM_SRC_H
#define GST_UDM_SRC_H

#include <gst/base/gstpushsrc.h>

#include "clip.h"
#include "models.h"
#include "options.h"
#include "session.h"
#include "settings.h"

G_BEGIN_DECLS

#define GST_TYPE_UDM_SRC (gst_udm_src_get_type())
G_DECLARE_FINAL_TYPE(GstUdmSrc, gst_udm_src, GST, UDM_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE(udmsrc)

struct _GstUdmSrc {
    GstPushSrc parent;

    // properties, under the object lock
    GstUdmSettings settings;
    GstUdmSrcOptions options;

    // state, under the object lock, as queries need it
    GstVideoInfo info;
    guint steps; // output frames per generated frame: 1, or its steps with a preview; 0: not known yet

    // state of the streaming thread
    GstUdmModel *model; // from start to stop
    GstUdmSession session;
    GstUdmClip *clip, *image;       // to continue, and to resemble, or NULL
    gboolean knows_text;            // the model does
    char *prompt, *negative_prompt; // of the frame that is being made
    guint version;                  // of the settings that the session was opened with
    guint64 number;                 // of the next frame
};

// The class to chain up to.
static inline GstBaseSrcClass *gst_udm_src_parent(void)
{
    return GST_BASE_SRC_CLASS(g_type_class_peek(GST_TYPE_PUSH_SRC));
}

// ---- engine.c: what the engine is opened with

// These return FALSE if an error was posted or they were cancelled.
gboolean gst_udm_src_read_files(GstUdmSrc *self, const GstVideoInfo *info); // clip and image
gboolean gst_udm_src_open(GstUdmSrc *self, const GstVideoInfo *info);
gboolean gst_udm_src_apply_settings(GstUdmSrc *self); // changed while playing

// ---- negotiation.c: caps and buffers

GstCaps *gst_udm_src_fixate(GstBaseSrc *src, GstCaps *caps);
gboolean gst_udm_src_set_caps(GstBaseSrc *src, GstCaps *caps);
gboolean gst_udm_src_decide_allocation(GstBaseSrc *src, GstQuery *query);

// ---- output.c: output frames and their times

GstFlowReturn gst_udm_src_fill(GstPushSrc *src, GstBuffer *buffer);
void gst_udm_src_get_times(GstBaseSrc *src, GstBuffer *buffer, GstClockTime *start, GstClockTime *end);
GstClockTime gst_udm_src_time_of(const GstVideoInfo *info, guint64 number);
guint64 gst_udm_src_frame_at(const GstVideoInfo *info, GstClockTime time); // the number of the frame shown then

// ---- seek.c: seeks and queries

gboolean gst_udm_src_is_seekable(GstBaseSrc *src);
gboolean gst_udm_src_do_seek(GstBaseSrc *src, GstSegment *segment);
gboolean gst_udm_src_query(GstBaseSrc *src, GstQuery *query);

G_END_DECLS

#endif
