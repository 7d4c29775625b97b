// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps one of each model per process, however many elements use it.
#ifndef GST_UDM_MODELS_H
#define GST_UDM_MODELS_H

#include <gst/gst.h>

#include "udm/udm.h"

// A shared model, with a reference count.
typedef struct GstUdmModel GstUdmModel;

// name: as for udm_model_find(); loras: as for udm_model_add_loras(), or NULL. NULL and *error if it is not found or
// does not open.
GstUdmModel *gst_udm_model_acquire(const char *name, const char *loras, udm_error *error);
void gst_udm_model_release(GstUdmModel *model);

const udm_model *gst_udm_model_get(const GstUdmModel *model);
const char *gst_udm_model_path(const GstUdmModel *model);

#endif
