// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds models by name, and keeps one of each per process, however many elements use it.
#ifndef GST_UDM_MODELS_H
#define GST_UDM_MODELS_H

#include <gst/gst.h>

#include "udm/udm.h"

// A shared model, with a reference count.
typedef struct GstUdmModel GstUdmModel;

// name: a directory if it contains a slash; otherwise a directory in one of the folders in UDM_MODEL_PATH, which are
// separated by colons, among the installed models, or in the current folder. NULL with *error set on failure.
GstUdmModel *gst_udm_model_acquire(const char *name, udm_error *error);
void gst_udm_model_release(GstUdmModel *model);

const udm_model *gst_udm_model_get(const GstUdmModel *model);
const char *gst_udm_model_path(const GstUdmModel *model);

#endif
