// SPDX-License-Identifier: LGPL-2.1-or-later
// Makes the frames between the frames.
#ifndef GST_UDM_INTERP_H
#define GST_UDM_INTERP_H

#include "transform.h"

G_BEGIN_DECLS

#define GST_TYPE_UDM_INTERP (gst_udm_interp_get_type())
G_DECLARE_FINAL_TYPE(GstUdmInterp, gst_udm_interp, GST, UDM_INTERP, GstUdmTransform)

GST_ELEMENT_REGISTER_DECLARE(udminterp)

G_END_DECLS

#endif
