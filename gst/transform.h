// SPDX-License-Identifier: LGPL-2.1-or-later
// The base class of elements that pass frames through the engine and hold some of them back: the shared properties, the
// model, the engine's session, and what happens to held frames at EOS, flushes, new caps and new segments.
#ifndef GST_UDM_TRANSFORM_H
#define GST_UDM_TRANSFORM_H

#include <gst/video/gstvideofilter.h>

#include "smaller.h"
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

/**
 * GstUdmTransform:
 *
 * The base class of the video filters, with the properties that they share.
 *
 * Since: 0.2
 */
typedef struct GstUdmTransform {
    GstVideoFilter parent;

    // properties, under the object lock
    GstUdmSettings settings; // the subclass sets the default of the model

    // state, under the object lock
    GstUdmLatency latency;
    GstUdmLateness lateness;
    gboolean started;
    guint loads;         // counts them, as only the last one matters
    gboolean has_loaded; // a model was loaded while frames flow
    GstUdmModel *loaded; // that model, until the next frame takes it; NULL if it is missing

    // state of the streaming thread
    GstUdmModel *chosen; // from the first start to the NULL state; NULL if none is set or it is missing
    GstUdmModel *model;  // the same, or NULL if it is not for such frames
    GstUdmSession session;
    gboolean plain;   // it has the defaults of what experts set, as that does not work
    gboolean unable;  // it has no model, as that does not work with the settings
    guint told;       // the version of the settings of which that was said
    gboolean idle;    // frames are taken, but not for the session, which is closed
    guint version;    // of the settings that the session was opened with; 0 if it has to be opened
    gboolean refused; // the caps that came last: they are interlaced

    // state of the streaming thread: keeping pace with playback
    GstUdmCosts costs;      // of the levels, with the settings and caps as they are
    GstUdmLevel level;      // that the session was opened at, which is never that of source frames
    GstUdmSmaller *smaller; // NULL if frames are computed at their full size
    gboolean hurried;       // what is held leaves as it came
    gboolean stands;        // what is made is a picture that stands still: the session is open for such
    gboolean trying;        // how long a frame takes, for nobody
    gboolean skipped;       // a frame, since the last that was measured
    gboolean made;          // a frame, since the last that was measured
    guint left;             // frames that left since then
    gint64 spent;           // microseconds on frames since then
} GstUdmTransform;

typedef struct GstUdmTransformClass {
    GstVideoFilterClass parent_class;

    gboolean works_without_model; // if the property "model" is empty; others pass frames through unchanged
    const char *without_model;    // for people: what happens if the model is missing, or for something else
    // Whether the model is for frames of these caps; *error says why it is not.
    gboolean (*suits)(const udm_model *model, const GstVideoInfo *in, udm_error *error);

    // Whether the properties leave frames of these caps as they are, but for being deinterlaced.
    gboolean (*wants_passthrough)(GstUdmTransform *self, const GstVideoInfo *in, const GstVideoInfo *out);
    // What the session runs, and how to open it, which happens whenever caps or settings change. NULL with *error set
    // on failure.
    const GstUdmEngine *engine;
    // Whether interlaced caps are taken, though frames that leave are progressive; NULL: none are.
    gboolean (*takes_interlaced)(GstUdmTransform *self, const GstCaps *caps);
    // Whether what is missing from a time of the segment on is made up for once the next frame has arrived, so that a
    // GAP event is none; may be NULL.
    gboolean (*fills)(GstUdmTransform *self, GstClockTime time);
    // Opens what has to be there whether or not the session is; may be NULL. FALSE with *error set on failure.
    gboolean (*prepare)(GstUdmTransform *self, const GstVideoInfo *in, const udm_settings *settings, udm_error *error);
    gpointer (*open)(GstUdmTransform *self, const udm_settings *settings, udm_error *error);
    // The most frames that a frame is held back for, and the most buffers that are held at once.
    guint (*delay)(GstUdmTransform *self);
    guint (*buffers)(GstUdmTransform *self);

    // Whether a frame continues those that are held; otherwise they are drained before it.
    gboolean (*follows)(GstUdmTransform *self, GstBuffer *frame);
    gboolean tells_by_one; // a frame alone tells how long frames take
    // What frames cost at each level, in units of one pass in float32; that of full quality is 1 when it is called.
    void (*estimate)(GstUdmTransform *self, const GstVideoInfo *info, GstUdmCosts *costs);
    GstFlowReturn (*take)(GstUdmTransform *self, GstBuffer *frame); // takes the reference
    // The next frame to push, or NULL if it takes another input frame first.
    GstFlowReturn (*next)(GstUdmTransform *self, GstBuffer **output);
    // No input frame will follow: next() now returns all that is held. FALSE if nothing is.
    gboolean (*end)(GstUdmTransform *self);
    void (*forget)(GstUdmTransform *self); // drops what is held

    void (*add_stats)(GstUdmTransform *self, GstStructure *stats); // under the object lock; may be NULL
} GstUdmTransformClass;

GType gst_udm_transform_get_type(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstUdmTransform, gst_object_unref)

// Whether this frame is to leave as it came, or its neighbour in its place, because there is no time to make it. held:
// frames that have to come before it leaves.
gboolean gst_udm_transform_is_late(GstUdmTransform *self, GstClockTime pts, GstClockTime duration, guint held);
// Whether such a frame is not to leave at all.
gboolean gst_udm_transform_leaves_out(GstUdmTransform *self);
// A frame was made, by the engine if it is open: updates the statistics.
void gst_udm_transform_made(GstUdmTransform *self);

// Posts the error that a buffer does not match its caps.
GstFlowReturn gst_udm_transform_invalid_buffer(GstUdmTransform *self);
// The flow return for a failure of the engine; posts the error, unless it was cancelled.
GstFlowReturn gst_udm_transform_failed(GstUdmTransform *self, const udm_error *error);

G_END_DECLS

#endif
