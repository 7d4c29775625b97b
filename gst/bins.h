// SPDX-License-Identifier: LGPL-2.1-or-later
// Bins of two pads, which hold their elements from the first READY state on: editors show the properties of all
// elements that a new effect holds.
#ifndef GST_UDM_BINS_H
#define GST_UDM_BINS_H

#include <gst/gst.h>

G_BEGIN_DECLS

// A ghost pad that leads nowhere yet, of the bin's template of that name.
void gst_udm_bin_add_pad(GstElement *bin, const char *name);

// Lets the bin's pad of that name be that of the element.
void gst_udm_bin_aim(GstElement *bin, GstElement *element, const char *name);

// A reference to an element of the bin, for gst_object_unref(); NULL if it is not there yet. child: under the object
// lock of the bin
GstElement *gst_udm_bin_ref_child(GstElement *bin, GstElement *const *child);

G_END_DECLS

#endif
