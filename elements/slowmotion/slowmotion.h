// SPDX-License-Identifier: LGPL-2.1-or-later
// udmslowmotion: slow motion in one element.
#ifndef GST_UDM_SLOWMOTION_H
#define GST_UDM_SLOWMOTION_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_UDM_SLOWMOTION (gst_udm_slowmotion_get_type())
G_DECLARE_FINAL_TYPE(GstUdmSlowmotion, gst_udm_slowmotion, GST, UDM_SLOWMOTION, GstBin)

GST_ELEMENT_REGISTER_DECLARE(udmslowmotion)

G_END_DECLS

#endif
