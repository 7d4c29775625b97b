// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp: its state, and what its files do for each other.
#ifndef GST_UDM_INTERP_H
#define GST_UDM_INTERP_H

#include "neighbours.h"
#include "options.h"
#include "timeline.h"
#include "transform.h"

G_BEGIN_DECLS

#define GST_TYPE_UDM_INTERP (gst_udm_interp_get_type())
G_DECLARE_FINAL_TYPE(GstUdmInterp, gst_udm_interp, GST, UDM_INTERP, GstUdmTransform)

GST_ELEMENT_REGISTER_DECLARE(udminterp)

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

GstUdmInterpOptions gst_udm_interp_options_copy(GstUdmInterp *self); // takes the object lock

// ---- engine.c: what the engine is opened with, and how many frames are held for it

extern const GstUdmEngine gst_udm_interp_engine;

gpointer gst_udm_interp_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error);
guint gst_udm_interp_delay(GstUdmTransform *trans);
guint gst_udm_interp_buffers(GstUdmTransform *trans);
// Frames that may wait.
guint gst_udm_interp_most_waiting(const GstUdmInterpOptions *options);
// The most missing frames before the first known one that wait to be extrapolated from it.
guint gst_udm_interp_most_leading(const GstUdmInterpOptions *options);

// ---- negotiation.c: the caps of both sides

GstCaps *gst_udm_interp_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                       GstCaps *filter);
// What `other` becomes before the rest of it is fixed.
GstCaps *gst_udm_interp_fixate_rate(GstPadDirection direction, GstCaps *caps, GstCaps *other);
gboolean gst_udm_interp_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in, const GstVideoInfo *out);

// ---- input.c: which frames are known, which stand for missing ones, and which never came

gboolean gst_udm_interp_follows(GstUdmTransform *trans, GstBuffer *frame);
// Whether the next frame is going to fill what a GAP event says is missing.
gboolean gst_udm_interp_fills(GstUdmInterp *self, GstEvent *event);
// Takes a frame that waits no more.
GstFlowReturn gst_udm_interp_accept(GstUdmInterp *self, GstBuffer *buffer);
// Nothing comes after what was accepted. FALSE if nothing was.
gboolean gst_udm_interp_finish(GstUdmInterp *self);
// The longest time from a frame to the next in which some may have been lost: after a longer one all begins anew.
GstClockTimeDiff gst_udm_interp_longest_gap(GstUdmInterp *self, GstClockTime frame);
void gst_udm_missing_free(gpointer missing);

// ---- output.c: from which neighbours a frame is made, or which of them it repeats

// The next frame that can be made of what was accepted, or NULL.
GstFlowReturn gst_udm_interp_produce(GstUdmInterp *self, GstBuffer **output);

// ---- queue.c: frames that came and wait until the known frame after them has come, too

GstFlowReturn gst_udm_interp_take(GstUdmTransform *trans, GstBuffer *buffer);
GstFlowReturn gst_udm_interp_next(GstUdmTransform *trans, GstBuffer **output);
gboolean gst_udm_interp_end(GstUdmTransform *trans);
void gst_udm_interp_forget(GstUdmTransform *trans);
// The first known frame that waits, if there is one.
GstUdmNeighbour gst_udm_interp_foreseen(GstUdmInterp *self);
// How far a time lies ahead of the last frame that came, in the direction of play.
GstClockTimeDiff gst_udm_interp_ahead(GstUdmInterp *self, GstClockTime time);
// The same from one time to another.
GstClockTimeDiff gst_udm_interp_apart(GstUdmInterp *self, GstClockTime from, GstClockTime to);

G_END_DECLS

#endif
