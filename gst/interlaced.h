// SPDX-License-Identifier: LGPL-2.1-or-later
// Interlaced video is refused, by elements that do not take it, with a message that says what to do, which takes
// negotiating it first: caps that do not link or are not accepted never reach the element, and the application learns
// only that something was not negotiated.
#ifndef GST_UDM_INTERLACED_H
#define GST_UDM_INTERLACED_H

#include "frames.h"

// Frames whose lines show two instants, whichever way they are stored.
#define GST_UDM_INTERLACED_CAPS                                                                                        \
    "video/x-raw, interlace-mode=(string){ interleaved, mixed, fields }; "                                             \
    "video/x-raw(" GST_CAPS_FEATURE_FORMAT_INTERLACED "), interlace-mode=(string)alternate"

// Of sink pads: the interlaced caps come last, as what is refused is to be chosen last.
#define GST_UDM_SINK_CAPS GST_UDM_CAPS "; " GST_UDM_INTERLACED_CAPS

gboolean gst_udm_caps_are_interlaced(const GstCaps *caps); // fixed caps

// Of fixed caps: whether both fields lie in a frame, row by row; and whether they do, or each in a buffer of its own.
gboolean gst_udm_caps_are_woven(const GstCaps *caps);
gboolean gst_udm_caps_have_fields(const GstCaps *caps);

// What the other pad could have, given the caps of one: downstream of interlaced caps as if they were progressive, and
// upstream of progressive ones, after those themselves, the interlaced ones.
GstCaps *gst_udm_interlaced_transform(GstPadDirection direction, const GstCaps *caps);

// What they are once their lines show one instant.
GstVideoInfo gst_udm_progressive_info(const GstVideoInfo *interlaced);

// Posts the error that frames are interlaced.
void gst_udm_report_interlaced(GstElement *element);

#endif
