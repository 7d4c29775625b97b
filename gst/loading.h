// SPDX-License-Identifier: LGPL-2.1-or-later
// Loading a model, with messages of progress and errors for the application.
#ifndef GST_UDM_LOADING_H
#define GST_UDM_LOADING_H

#include "models.h"

// Acquires a model in place of *model, which may be NULL, and posts messages about it. FALSE if an error was posted.
gboolean gst_udm_load_model(GstElement *element, const char *name, GstUdmModel **model);

#endif
