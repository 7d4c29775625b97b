// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages for the application: errors of the engine, and the progress of loading.
#include "report.h"

static const struct {
    GQuark (*domain)(void);
    int code;
} reports[] = {
    [UDM_OK] = { gst_library_error_quark, GST_LIBRARY_ERROR_FAILED },
    [UDM_ERROR_NOT_FOUND] = { gst_resource_error_quark, GST_RESOURCE_ERROR_NOT_FOUND },
    [UDM_ERROR_UNREADABLE] = { gst_resource_error_quark, GST_RESOURCE_ERROR_OPEN_READ },
    [UDM_ERROR_CORRUPT] = { gst_library_error_quark, GST_LIBRARY_ERROR_INIT },
    [UDM_ERROR_UNSUPPORTED] = { gst_library_error_quark, GST_LIBRARY_ERROR_INIT },
    [UDM_ERROR_SETTINGS] = { gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS },
    [UDM_ERROR_MEMORY] = { gst_resource_error_quark, GST_RESOURCE_ERROR_NO_SPACE_LEFT },
    [UDM_ERROR_DEVICE] = { gst_library_error_quark, GST_LIBRARY_ERROR_FAILED },
    [UDM_ERROR_CANCELLED] = { gst_library_error_quark, GST_LIBRARY_ERROR_FAILED },
};

// Takes the text.
static void post(GstElement *element, GstMessageType type, udm_error_code number, char *text)
{
    udm_error_code code = number < G_N_ELEMENTS(reports) ? number : UDM_OK;

    GST_WARNING_OBJECT(element, "engine error %d: %s", number, text);
    gst_element_message_full(element, type, reports[code].domain(), reports[code].code, text, NULL, __FILE__,
                             GST_FUNCTION, __LINE__);
}

void gst_udm_report_error(GstElement *element, const udm_error *error)
{
    post(element, GST_MESSAGE_ERROR, error->code, g_strdup(error->message));
}

void gst_udm_report_instead(GstElement *element, const udm_error *error, const char *instead)
{
    post(element, GST_MESSAGE_WARNING, error->code, g_strdup_printf("%s. %s", error->message, instead));
}

void gst_udm_report_warning(GstElement *element, const char *text)
{
    GST_WARNING_OBJECT(element, "%s", text);
    gst_element_message_full(element, GST_MESSAGE_WARNING, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED,
                             g_strdup(text), NULL, __FILE__, GST_FUNCTION, __LINE__);
}

void gst_udm_report_progress(GstElement *element, GstProgressType type, const char *code, const char *text)
{
    gst_element_post_message(element, gst_message_new_progress(GST_OBJECT(element), type, code, text));
}
