// SPDX-License-Identifier: LGPL-2.1-or-later
// Loading a model, with messages for the application.
#include "loading.h"

#include "report.h"

gboolean gst_udm_load_model(GstElement *element, const char *name, GstUdmModel **model)
{
    GstUdmModel *before = *model;
    udm_error error = { 0 };

    gst_udm_report_progress(element, GST_PROGRESS_TYPE_START, "load-model", "Loading the model");
    *model = gst_udm_model_acquire(name, &error);
    gst_udm_model_release(before); // after, so that the same one stays loaded
    if (!*model) {
        gst_udm_report_progress(element, GST_PROGRESS_TYPE_ERROR, "load-model", "Failed to load the model");
        gst_udm_report_error(element, &error);
        return FALSE;
    }
    GST_INFO_OBJECT(element, "model %s", gst_udm_model_path(*model));
    gst_udm_report_progress(element, GST_PROGRESS_TYPE_COMPLETE, "load-model", "Loaded the model");
    return TRUE;
}
