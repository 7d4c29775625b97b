// SPDX-License-Identifier: LGPL-2.1-or-later
// Inside udminterp: its options, its state, and what each of its files does.
#ifndef GST_UDM_INTERP_PRIVATE_H
#define GST_UDM_INTERP_PRIVATE_H

#include "frames.h"
#include "neighbours.h"
#include "timeline.h"
#include "udminterp.h"

typedef enum GstUdmInterpMode { GST_UDM_INTERP_MODE_RATE, GST_UDM_INTERP_MODE_FILL } GstUdmInterpMode;

typedef struct GstUdmInterpOptions {
    GstUdmInterpMode mode;
    guint factor;
    gdouble scene_threshold;
    guint extrapolate;
    gboolean de_duplicate, fill_holes;
    guint max_gap;
    guint lookahead;
} GstUdmInterpOptions;

#define GST_TYPE_UDM_INTERP_MODE (gst_udm_interp_mode_get_type())
#define GST_UDM_INTERP_FREE_FACTOR 2 // where neither the property nor downstream asks for one

// A frame that has to be made.
typedef struct GstUdmMissing {
    GstBuffer *buffer; // the duplicate that stands for it, or NULL
    GstClockTime time, duration;
} GstUdmMissing;

struct _GstUdmInterp {
    GstUdmTransform parent;

    // properties, under the object lock
    GstUdmInterpOptions options;

    // state, under the object lock
    guint64 originals, made, repeated;

    // state of the streaming thread
    GstUdmInterpOptions now; // the properties as they were when the session was opened
    GstUdmTimeline line;
    GQueue waiting;  // frames that came, until it is known what follows them
    gboolean ending; // nothing follows them
    GstUdmNeighbours known;
    GstClockTime last;    // of the last frame that waits no more
    GQueue leading;       // missing before the first neighbour of all; with mode fill
    GQueue missing;       // since the first neighbour; with mode fill
    guint repeats;        // that came since the first neighbour; with mode rate
    guint beyond;         // frames that were extrapolated from the first neighbour
    GstBuffer *untouched; // leaves next
    gboolean hopeless;    // there are too many missing: they are repeated, whatever comes
    guint64 count;        // of frames that went out; with mode rate
};

// ---- options.c

GType gst_udm_interp_mode_get_type(void);
void gst_udm_interp_options_install(GObjectClass *object_class);
void gst_udm_interp_options_init(GstUdmInterpOptions *options);
GstUdmInterpOptions gst_udm_interp_options_get(GstUdmInterp *self);
// Under the object lock; FALSE if the id is none of ours.
gboolean gst_udm_interp_options_set_property(GstUdmInterpOptions *options, guint id, const GValue *value);
gboolean gst_udm_interp_options_get_property(const GstUdmInterpOptions *options, guint id, GValue *value);
gboolean gst_udm_interp_options_change_caps(guint id); // whether both sides have to agree anew

// ---- negotiation.c

GstCaps *gst_udm_interp_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                       GstCaps *filter);
// What `other` becomes before the rest of it is fixed.
GstCaps *gst_udm_interp_fixate_rate(GstPadDirection direction, GstCaps *caps, GstCaps *other);
gboolean gst_udm_interp_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in, const GstVideoInfo *out);

// ---- waiting.c

GstFlowReturn gst_udm_interp_take(GstUdmTransform *trans, GstBuffer *buffer);
gboolean gst_udm_interp_end(GstUdmTransform *trans);
// The next frame whose time has come, or NULL.
GstBuffer *gst_udm_interp_next_arrival(GstUdmInterp *self);
// The first known frame that waits, if there is one.
GstUdmNeighbour gst_udm_interp_foreseen(GstUdmInterp *self);
// How far a time lies ahead of the last frame that came, in the direction of play.
GstClockTimeDiff gst_udm_interp_ahead(GstUdmInterp *self, GstClockTime time);
// The same from one time to another.
GstClockTimeDiff gst_udm_interp_apart(GstUdmInterp *self, GstClockTime from, GstClockTime to);
// Frames that may wait.
guint gst_udm_interp_most_waiting(const GstUdmInterpOptions *options);

// ---- arrivals.c

void gst_udm_interp_forget(GstUdmTransform *trans);
gboolean gst_udm_interp_follows(GstUdmTransform *trans, GstBuffer *frame);
// Takes a frame that waits no more.
GstFlowReturn gst_udm_interp_accept(GstUdmInterp *self, GstBuffer *buffer);
// Nothing comes after what was accepted. FALSE if nothing was.
gboolean gst_udm_interp_finish(GstUdmInterp *self);
// The longest time from a frame to the next in which some may have been lost: after a longer one all begins anew.
GstClockTimeDiff gst_udm_interp_longest_gap(GstUdmInterp *self, GstClockTime frame);
void gst_udm_missing_free(gpointer missing);
// The most missing frames before the first known one that wait to be extrapolated from it.
guint gst_udm_interp_most_leading(const GstUdmInterpOptions *options);

// ---- departures.c

GstFlowReturn gst_udm_interp_next(GstUdmTransform *trans, GstBuffer **output);

#endif
