// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages for the application: errors of the engine, and the progress of loading. Never to be called with the object
// lock held, which posting takes.
#ifndef GST_UDM_REPORT_H
#define GST_UDM_REPORT_H

#include <gst/gst.h>

#include "udm/udm.h"

// Posts an error message with the domain and code that correspond to the engine's.
void gst_udm_report_error(GstElement *element, const udm_error *error);

// Posts a warning: an error of the engine, and what is done instead, as a sentence.
void gst_udm_report_instead(GstElement *element, const udm_error *error, const char *instead);

// Posts a warning: the device failed, or is not the best one, and another is used.
void gst_udm_report_warning(GstElement *element, const char *text);

// Posts a progress message. code: names the task for programs, such as "load-model".
void gst_udm_report_progress(GstElement *element, GstProgressType type, const char *code, const char *text);

#endif
