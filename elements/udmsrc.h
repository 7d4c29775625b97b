// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes video without end with a diffusion model.
#ifndef GST_UDM_SRC_H
#define GST_UDM_SRC_H

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_UDM_SRC (gst_udm_src_get_type())
G_DECLARE_FINAL_TYPE(GstUdmSrc, gst_udm_src, GST, UDM_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE(udmsrc)

G_END_DECLS

#endif
