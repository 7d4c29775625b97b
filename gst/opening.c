// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening the session of a filter.
#include "opening.h"

#include "frames.h"
#include "report.h"

#define WITH_DEFAULTS                                                                                                  \
    "The defaults of device, precision, sampler, schedule, spacing, steps and ensemble are used instead"

// Lets the level take effect.
static void lower(GstUdmTransform *self, const GstVideoInfo *info, udm_settings *settings)
{
    const GstVideoInfo *size;

    g_clear_pointer(&self->smaller, gst_udm_smaller_free);
    if (self->level >= GST_UDM_LEVEL_HALF)
        self->smaller = gst_udm_smaller_new(info, self->level == GST_UDM_LEVEL_HALF ? 2 : 4);
    size = gst_udm_smaller_info(self->smaller, info);
    settings->width = GST_VIDEO_INFO_WIDTH(size);
    settings->height = GST_VIDEO_INFO_HEIGHT(size);
    if (self->level != GST_UDM_LEVEL_FULL)
        settings->precision = "auto";
}

// What other settings may change. There is no other memory.
static gboolean is_of_settings(const udm_error *error)
{
    return error->code != UDM_ERROR_MEMORY && error->code != UDM_ERROR_CANCELLED;
}

static void set_defaults(udm_settings *settings)
{
    udm_settings defaults;

    udm_settings_init(&defaults, sizeof defaults);
    settings->device = defaults.device;
    settings->precision = "auto";
    settings->sampler = defaults.sampler;
    settings->schedule = defaults.schedule;
    settings->spacing = defaults.spacing;
    settings->steps = defaults.steps;
}

// With the settings as they are, or with what works of them, which is told once.
static gpointer open_with_what_works(GstUdmTransform *self, udm_settings *settings, udm_error *error)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    const gboolean told = self->told == self->version;
    udm_error again = { 0 };
    gpointer object;

    self->plain = FALSE;
    object = klass->open(self, settings, error);
    if (object || !is_of_settings(error))
        return object;
    self->told = self->version;
    self->plain = TRUE;
    set_defaults(settings);
    object = klass->open(self, settings, &again);
    if (object && !told)
        gst_udm_report_instead(GST_ELEMENT(self), error, WITH_DEFAULTS);
    if (object || !is_of_settings(&again) || !self->model)
        return object;
    if (!told)
        gst_udm_report_instead(GST_ELEMENT(self), error, klass->without_model);
    self->unable = TRUE;
    self->model = NULL;
    self->idle = !klass->works_without_model;
    return self->idle ? NULL : klass->open(self, settings, error);
}

gboolean gst_udm_opening_open(GstUdmTransform *self, const GstVideoInfo *info)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    gboolean prepared = TRUE, passthrough = gst_base_transform_is_passthrough(GST_BASE_TRANSFORM(self));
    udm_settings settings;
    udm_error error = { 0 };
    gpointer object;

    GST_OBJECT_LOCK(self);
    settings = gst_udm_settings_to_engine(&self->settings);
    self->version = self->settings.version;
    GST_OBJECT_UNLOCK(self);
    settings.width = GST_VIDEO_INFO_WIDTH(info);
    settings.height = GST_VIDEO_INFO_HEIGHT(info);
    settings.channels = gst_udm_info_channels(info);
    settings.alpha = GST_VIDEO_INFO_HAS_ALPHA(info);

    gst_udm_session_close(&self->session); // first, so that there is never memory for two
    if (klass->prepare)
        prepared = klass->prepare(self, info, &settings, &error);
    lower(self, info, &settings);
    object = prepared && !self->idle ? open_with_what_works(self, &settings, &error) : NULL;
    if (object) {
        gst_udm_session_open(&self->session, klass->engine, object);
    } else if (!prepared || !self->idle) {
        self->version = 0; // so that the next frame tries again
        gst_udm_report_error(GST_ELEMENT(self), &error);
    }
    // A latency that changed with the level would be a jump in playback.
    if (passthrough || self->level == GST_UDM_LEVEL_FULL)
        gst_udm_latency_set(&self->latency, GST_ELEMENT(self), passthrough ? 0 : klass->delay(self), info);
    return prepared && (object || self->idle);
}
