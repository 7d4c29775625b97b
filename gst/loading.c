// SPDX-License-Identifier: LGPL-2.1-or-later
// Loading a model, with messages for the application.
#include "loading.h"

#include "report.h"

GstUdmModel *gst_udm_load_model(GstElement *element, const char *name, const char *loras, const char *instead)
{
    udm_error error = { 0 };
    GstUdmModel *model;

    gst_udm_report_progress(element, GST_PROGRESS_TYPE_START, "load-model", "Loading the model");
    model = gst_udm_model_acquire(name, loras, &error);
    if (!model) {
        gst_udm_report_progress(element, GST_PROGRESS_TYPE_ERROR, "load-model", "Failed to load the model");
        if (instead)
            gst_udm_report_instead(element, &error, instead);
        else
            gst_udm_report_error(element, &error);
        return NULL;
    }
    GST_INFO_OBJECT(element, "model %s", gst_udm_model_path(model));
    gst_udm_report_progress(element, GST_PROGRESS_TYPE_COMPLETE, "load-model", "Loaded the model");
    return model;
}
