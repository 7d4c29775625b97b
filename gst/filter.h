// SPDX-License-Identifier: LGPL-2.1-or-later
// The base of elements that restore frames: as many come out as went in, in their order, each with its own timestamp,
// duration and metas. A subclass says at what time of the process a frame is; with a model that fills holes, the alpha
// of the frames does, and they come out opaque.
#ifndef GST_UDM_FILTER_H
#define GST_UDM_FILTER_H

#include "transform.h"

G_BEGIN_DECLS

#define GST_TYPE_UDM_FILTER (gst_udm_filter_get_type())
#define GST_UDM_FILTER(object) (G_TYPE_CHECK_INSTANCE_CAST((object), GST_TYPE_UDM_FILTER, GstUdmFilter))
#define GST_UDM_FILTER_CLASS(klass) (G_TYPE_CHECK_CLASS_CAST((klass), GST_TYPE_UDM_FILTER, GstUdmFilterClass))
#define GST_UDM_FILTER_GET_CLASS(object) (G_TYPE_INSTANCE_GET_CLASS((object), GST_TYPE_UDM_FILTER, GstUdmFilterClass))

typedef struct GstUdmFilter {
    GstUdmTransform parent;

    // state of the streaming thread
    GQueue held;            // frames that went in and did not come out yet, oldest first
    guint64 count;          // of frames that had to be numbered by counting
    gboolean discontinuity; // before the next frame
} GstUdmFilter;

typedef struct GstUdmFilterClass {
    GstUdmTransformClass parent_class;

    // Fills the time of a frame and its strength from the properties as they are now. FALSE with the error set, if they
    // do not say what the model has to know.
    gboolean (*describe)(GstUdmFilter *self, const udm_model *model, udm_frame *frame, udm_error *error);
} GstUdmFilterClass;

GType gst_udm_filter_get_type(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstUdmFilter, gst_object_unref)

G_END_DECLS

#endif
