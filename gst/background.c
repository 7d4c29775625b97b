// SPDX-License-Identifier: LGPL-2.1-or-later
// The model of a filter, which may be changed while frames flow: it is loaded meanwhile.
#include "background.h"

#include "loading.h"
#include "report.h"

GstUdmModel *gst_udm_background_load(GstUdmTransform *self, char *name)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    GstUdmModel *model = NULL;

    if (name && *name)
        model = gst_udm_load_model(GST_ELEMENT(self), name, NULL, klass->without_model);
    g_free(name);
    return model;
}

// In a thread of its own.
static void load_while_frames_flow(GstElement *element, gpointer number)
{
    GstUdmTransform *self = GST_UDM_TRANSFORM(element);
    GstUdmModel *model, *old;
    gboolean wanted;
    char *name;

    GST_OBJECT_LOCK(self);
    wanted = self->loads == GPOINTER_TO_UINT(number);
    name = g_strdup(self->settings.model);
    GST_OBJECT_UNLOCK(self);
    if (!wanted) {
        g_free(name);
        return;
    }
    model = old = gst_udm_background_load(self, name);
    GST_OBJECT_LOCK(self);
    if (self->started && self->loads == GPOINTER_TO_UINT(number)) {
        old = self->loaded;
        self->loaded = model;
        self->has_loaded = TRUE;
    }
    GST_OBJECT_UNLOCK(self);
    gst_udm_model_release(old);
}

void gst_udm_background_begin(GstUdmTransform *self)
{
    guint number;

    GST_OBJECT_LOCK(self);
    number = ++self->loads;
    GST_OBJECT_UNLOCK(self);
    gst_element_call_async(GST_ELEMENT(self), load_while_frames_flow, GUINT_TO_POINTER(number), NULL);
}

GstUdmModel *gst_udm_background_take(GstUdmTransform *self, gboolean *changed)
{
    GstUdmModel *model = self->chosen;

    GST_OBJECT_LOCK(self);
    if (self->has_loaded)
        model = g_steal_pointer(&self->loaded);
    *changed = model != self->chosen;
    if (self->has_loaded && !*changed)
        gst_udm_model_release(model);
    self->has_loaded = FALSE;
    GST_OBJECT_UNLOCK(self);
    return model;
}

void gst_udm_background_judge(GstUdmTransform *self, const GstVideoInfo *in)
{
    GstUdmTransformClass *klass = GST_UDM_TRANSFORM_GET_CLASS(self);
    udm_error error = { 0 };

    self->model = self->chosen;
    self->unable = FALSE;
    if (!self->chosen || !in || klass->suits(gst_udm_model_get(self->chosen), in, &error))
        return;
    self->model = NULL;
    gst_udm_report_instead(GST_ELEMENT(self), &error, klass->without_model);
}

void gst_udm_background_forget(GstUdmTransform *self)
{
    GstUdmModel *loaded;

    GST_OBJECT_LOCK(self);
    self->started = FALSE;
    self->loads++;
    loaded = g_steal_pointer(&self->loaded);
    self->has_loaded = FALSE;
    GST_OBJECT_UNLOCK(self);
    gst_udm_model_release(loaded);
}
