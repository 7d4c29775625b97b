// SPDX-License-Identifier: LGPL-2.1-or-later
// The base of elements that send frames through the engine and hold some of them back: the shared properties, the
// model, the engine's session, and everything that has to happen to held frames at ends, flushes, new caps and new
// segments.
#ifndef GST_UDM_TRANSFORM_H
#define GST_UDM_TRANSFORM_H

#include <gst/video/gstvideofilter.h>

#include "lateness.h"
#include "latency.h"
#include "models.h"
#include "session.h"
#include "settings.h"

G_BEGIN_DECLS

#define GST_TYPE_UDM_TRANSFORM (gst_udm_transform_get_type())
#define GST_UDM_TRANSFORM(object) (G_TYPE_CHECK_INSTANCE_CAST((object), GST_TYPE_UDM_TRANSFORM, GstUdmTransform))
#define GST_UDM_TRANSFORM_CLASS(klass) (G_TYPE_CHECK_CLASS_CAST((klass), GST_TYPE_UDM_TRANSFORM, GstUdmTransformClass))
#define GST_UDM_TRANSFORM_GET_CLASS(object)                                                                            \
    (G_TYPE_INSTANCE_GET_CLASS((object), GST_TYPE_UDM_TRANSFORM, GstUdmTransformClass))

typedef struct GstUdmTransform {
    GstVideoFilter parent;

    // properties, under the object lock
    GstUdmSettings settings; // the subclass sets the default of the model

    // state, under the object lock
    GstUdmLatency latency;
    GstUdmLateness lateness;

    // state of the streaming thread
    GstUdmModel *model; // from the first start until NULL; NULL also if the subclass works without, and none is set
    GstUdmSession session;
    guint version; // of the settings that the session was opened with, 0 if it has to be opened
} GstUdmTransform;

typedef struct GstUdmTransformClass {
    GstVideoFilterClass parent_class;

    gboolean works_without_model; // when the property "model" is empty

    // Whether the properties ask for frames of this kind as they are.
    gboolean (*wants_passthrough)(GstUdmTransform *self, const GstVideoInfo *in, const GstVideoInfo *out);
    // What the session runs, and how it is opened whenever caps or settings change: NULL with the error set, if it
    // cannot be.
    const GstUdmEngine *engine;
    gpointer (*open)(GstUdmTransform *self, const udm_settings *settings, udm_error *error);
    // For how many frames a frame may be held back, and how many buffers may be held at once.
    guint (*delay)(GstUdmTransform *self);
    guint (*buffers)(GstUdmTransform *self);

    // Whether a frame goes on from those that are held, or they have to leave before it comes.
    gboolean (*follows)(GstUdmTransform *self, GstBuffer *frame);
    GstFlowReturn (*take)(GstUdmTransform *self, GstBuffer *frame); // owns it
    // The next frame to push, or NULL if there has to be another first.
    GstFlowReturn (*next)(GstUdmTransform *self, GstBuffer **output);
    // There will be no other. FALSE if nothing is held; else next() now gives all that is.
    gboolean (*end)(GstUdmTransform *self);
    void (*forget)(GstUdmTransform *self); // drops what is held

    void (*add_stats)(GstUdmTransform *self, GstStructure *stats); // under the object lock; may be NULL
} GstUdmTransformClass;

GType gst_udm_transform_get_type(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstUdmTransform, gst_object_unref)

// A buffer does not hold a frame of its caps: posts the error.
GstFlowReturn gst_udm_transform_invalid_buffer(GstUdmTransform *self);
// What a failure of the engine means for the stream: posts the error, unless it was cancelled.
GstFlowReturn gst_udm_transform_failed(GstUdmTransform *self, const udm_error *error);

G_END_DECLS

#endif
