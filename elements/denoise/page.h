// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that an editor's page is for, each a view of others: "restore" of the model, "quality" of what takes
// time. Setting one sets those; what they are set to, one by one, it shows.
#ifndef GST_UDM_DENOISE_PAGE_H
#define GST_UDM_DENOISE_PAGE_H

#include "settings.h"

void gst_udm_denoise_page_install(GObjectClass *object_class);

// FALSE if the id is none of these. Not to be called with the object lock held.
gboolean gst_udm_denoise_page_set(GObject *object, guint id, const GValue *value);
gboolean gst_udm_denoise_page_get(GObject *object, guint id, GValue *value);

// To be called after a property was set: notifies of the view of it.
void gst_udm_denoise_page_follow(GObject *object, const GParamSpec *spec);

#endif
