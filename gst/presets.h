// SPDX-License-Identifier: LGPL-2.1-or-later
// The presets that were installed with the plugin, whatever its prefix.
#ifndef GST_UDM_PRESETS_H
#define GST_UDM_PRESETS_H

#include <gst/gst.h>

// For G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, gst_udm_presets_init).
void gst_udm_presets_init(gpointer interface, gpointer data);

#endif
