// SPDX-License-Identifier: LGPL-2.1-or-later
// What elements tell the application: errors of the engine, and the progress of loading. Never call these with the
// object lock held: posting takes it.
#ifndef GST_UDM_REPORT_H
#define GST_UDM_REPORT_H

#include <gst/gst.h>

#include "udm/udm.h"

// Posts an error message whose domain and code follow from the engine's.
void gst_udm_report_error(GstElement *element, const udm_error *error);

// Posts a warning: the device was lost, or is not what it should be, and the frames come all the same.
void gst_udm_report_warning(GstElement *element, const char *text);

// Posts a progress message; code names the work, for programs: "load-model".
void gst_udm_report_progress(GstElement *element, GstProgressType type, const char *code, const char *text);

#endif
