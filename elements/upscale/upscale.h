// SPDX-License-Identifier: LGPL-2.1-or-later
// udmupscale: more pixels in one element.
#ifndef GST_UDM_UPSCALE_H
#define GST_UDM_UPSCALE_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_UDM_UPSCALE (gst_udm_upscale_get_type())
G_DECLARE_FINAL_TYPE(GstUdmUpscale, gst_udm_upscale, GST, UDM_UPSCALE, GstBin)

GST_ELEMENT_REGISTER_DECLARE(udmupscale)

G_END_DECLS

#endif
