// SPDX-License-Identifier: LGPL-2.1-or-later
// Loading a model, as an application sees it: progress, and an error that says what to do.
#ifndef GST_UDM_LOADING_H
#define GST_UDM_LOADING_H

#include "models.h"

// As gst_udm_model_acquire(), and posts messages about it. NULL if an error was posted.
GstUdmModel *gst_udm_load_model(GstElement *element, const char *name);

#endif
