// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of udmdenoise, but for those that all elements share.
#ifndef GST_UDM_DENOISE_OPTIONS_H
#define GST_UDM_DENOISE_OPTIONS_H

#include "settings.h"

#define GST_UDM_DENOISE_DEFAULT_MODEL "auto"

// Part of the element, which guards it by its object lock.
typedef struct GstUdmDenoiseOptions {
    gdouble noise_level, strength, amount;
    gint lookahead, ensemble;
} GstUdmDenoiseOptions;

void gst_udm_denoise_options_install(GObjectClass *object_class);
void gst_udm_denoise_options_init(GstUdmDenoiseOptions *options);

// FALSE if the id is none of these.
gboolean gst_udm_denoise_options_set(GstUdmDenoiseOptions *options, guint id, const GValue *value);
gboolean gst_udm_denoise_options_get(const GstUdmDenoiseOptions *options, guint id, GValue *value);
gboolean gst_udm_denoise_options_reopen(guint id); // whether it changes what the engine is opened with

#endif
