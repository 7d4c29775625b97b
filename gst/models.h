// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds models by name and keeps one of each per process, however many elements use it.
#ifndef GST_UDM_MODELS_H
#define GST_UDM_MODELS_H

#include <gst/gst.h>

#include "udm/udm.h"

// A model that is shared; counted, so that the last element that releases it frees it.
typedef struct GstUdmModel GstUdmModel;

// name: a directory if it has a slash; else a folder in one of the colon-separated UDM_MODEL_PATH, or in the installed
// models, or here. NULL and *error if it is not found or does not open.
GstUdmModel *gst_udm_model_acquire(const char *name, udm_error *error);
void gst_udm_model_release(GstUdmModel *model);

const udm_model *gst_udm_model_get(const GstUdmModel *model);
const char *gst_udm_model_path(const GstUdmModel *model);

#endif
