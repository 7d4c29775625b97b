// SPDX-License-Identifier: LGPL-2.1-or-later
// The model of a filter, which may be changed while frames flow: it is loaded meanwhile.
#ifndef GST_UDM_BACKGROUND_H
#define GST_UDM_BACKGROUND_H

#include "transform.h"

// The model by its name, or NULL if there is none or none is needed; takes the name.
GstUdmModel *gst_udm_background_load(GstUdmTransform *self, char *name);

// Loads the one that the property names, in a thread of its own.
void gst_udm_background_begin(GstUdmTransform *self);
// For the streaming thread: the model from now on, which is the caller's if it changed.
GstUdmModel *gst_udm_background_take(GstUdmTransform *self, gboolean *changed);
// Makes use of the model that is chosen, if it is for frames of these caps; if not, posts a warning that says what is
// done instead. in: NULL before there are caps.
void gst_udm_background_judge(GstUdmTransform *self, const GstVideoInfo *in);
// Loads under way end in vain.
void gst_udm_background_forget(GstUdmTransform *self);

#endif
