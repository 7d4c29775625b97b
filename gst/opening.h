// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening the session of a filter, with what works of its properties.
#ifndef GST_UDM_OPENING_H
#define GST_UDM_OPENING_H

#include "transform.h"

// Opens it for frames of this kind with the settings as they are, at the level as it is, unless nothing is wanted of
// it. Properties that do not work here, as a device that is on another machine, are no error: the session has the
// defaults in their place, or none of the model, and a warning says so. FALSE if there is none all the same; the error
// is posted.
gboolean gst_udm_opening_open(GstUdmTransform *self, const GstVideoInfo *info);

#endif
