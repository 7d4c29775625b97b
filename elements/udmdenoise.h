// SPDX-License-Identifier: LGPL-2.1-or-later
// Restores video with a diffusion model.
#ifndef GST_UDM_DENOISE_H
#define GST_UDM_DENOISE_H

#include "filter.h"

G_BEGIN_DECLS

#define GST_TYPE_UDM_DENOISE (gst_udm_denoise_get_type())
G_DECLARE_FINAL_TYPE(GstUdmDenoise, gst_udm_denoise, GST, UDM_DENOISE, GstUdmFilter)

GST_ELEMENT_REGISTER_DECLARE(udmdenoise)

G_END_DECLS

#endif
