// SPDX-License-Identifier: LGPL-2.1-or-later
// Loading a model, with messages of progress and errors for the application.
#ifndef GST_UDM_LOADING_H
#define GST_UDM_LOADING_H

#include "models.h"

// Acquires a model and posts messages about it. NULL if there is none: posts a warning that says what is done instead,
// or an error if that is NULL.
// loras: as for gst_udm_model_acquire().
GstUdmModel *gst_udm_load_model(GstElement *element, const char *name, const char *loras, const char *instead);

#endif
