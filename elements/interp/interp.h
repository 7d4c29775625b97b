// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp: its state, and the functions that its files share.
#ifndef GST_UDM_INTERP_H
#define GST_UDM_INTERP_H

#include "neighbours.h"
#include "options.h"
#include "timeline.h"
#include "transform.h"
#include "unweave.h"

#define GST_UDM_INTERP_FARTHEST 8       // that the engine extrapolates, in gaps
#define GST_UDM_INTERP_CLOSE (1.0 / 64) // of a gap: an input frame so close to an instant is output at it

G_BEGIN_DECLS

#define GST_TYPE_UDM_INTERP (gst_udm_interp_get_type())
G_DECLARE_FINAL_TYPE(GstUdmInterp, gst_udm_interp, GST, UDM_INTERP, GstUdmTransform)

GST_ELEMENT_REGISTER_DECLARE(udminterp)

#define GST_UDM_INTERP_FREE_FACTOR 2 // where neither the property nor downstream asks for a rate

// A frame to create.
typedef struct GstUdmMissing {
    GstBuffer *buffer; // the duplicate that stands for it, or NULL
    GstClockTime time, duration;
} GstUdmMissing;

// A frame that waits.
typedef struct GstUdmArrival {
    GstBuffer *buffer;
    gboolean anew; // it is far ahead of the one before it, and has nothing to do with it
} GstUdmArrival;

// What is known of the timestamps of input frames, in the segment.
typedef struct GstUdmStamps {
    GstClockTime newest;       // of the newest frame that was taken
    GstClockTime interval;     // from the one before it; 0: there was none
    gboolean in_doubt;         // whether the newest may be wrong
    GstClockTime doubted_from; // what was the newest before it
    GstClockTime reached;      // of the newest frame that left, in mode rate
    guint good;                // frames since one was dropped
} GstUdmStamps;

// The frame that leaves next in mode rate, and the interval around its instant that it is exposed over.
typedef struct GstUdmShutter {
    gboolean open; // for a frame at `time`, by which it was opened so long `before`, and closes `after` it
    GstClockTime time, before, after;
    gdouble opens, closes; // the same, in durations of the frame
    gboolean exposed;      // something was
    gboolean late;         // it is, so that nothing more of it is exposed
    gboolean taken;        // its instant was reached; until then it is only foreseen
    GstUdmMissing frame;   // from then on
    GstBuffer *like;       // the input frame that is nearest
    gboolean original;     // and is that of the instant
} GstUdmShutter;

// Of mode fill: are there duplicates that lost their flag on the way?
typedef struct GstUdmSearch {
    guint repeats, changes; // frames that repeat the one before, and others
    gboolean over;          // there are duplicates with the flag, or it took too long
    gboolean found;         // so duplicates are told by their pictures
} GstUdmSearch;

struct _GstUdmInterp {
    GstUdmTransform parent;

    // properties, under the object lock
    GstUdmInterpOptions options;

    // state, under the object lock
    guint64 originals, made, repeated, dropped;

    // state of the streaming thread
    GstUdmInterpOptions now; // the properties as they were when the session was opened
    GstUdmTimeline line;
    GstUdmStamps stamps;
    GstUdmSearch search;      // since start
    GQueue waiting;           // GstUdmArrival: frames that arrived, until it is known what follows them
    gboolean ending;          // nothing follows them
    gboolean closing;         // what is known leaves, and then everything begins anew with the first that waits
    GstUdmPlan *plan;         // or NULL
    GstUdmUnweaver *unweaver; // NULL unless the video is interlaced
    GstUdmNeighbours known;
    GstClockTime last;     // time of the last frame that left `waiting`
    GQueue leading;        // missing before the first known frame of all; mode fill
    GQueue missing;        // missing since the first neighbour; mode fill
    guint repeats;         // duplicates since the first neighbour; mode rate
    GstUdmShutter shutter; // mode rate
    GstBuffer *developed;  // the last frame that left, if it was exposed; mode rate
    guint beyond;          // frames extrapolated past the first neighbour
    GstBuffer *untouched;  // an input frame that leaves next; mode fill
    gboolean hopeless;     // too many frames are missing: they repeat, whatever follows
    guint64 count;         // of output frames; mode rate
};

GstUdmInterpOptions gst_udm_interp_options_copy(GstUdmInterp *self); // takes the object lock

// ---- engine.c: what the engine is opened with, and how many frames are held for it

extern const GstUdmEngine gst_udm_interp_engine;

gboolean gst_udm_interp_takes_interlaced(GstUdmTransform *trans, const GstCaps *caps);
// What has to be there whether or not the session is.
gboolean gst_udm_interp_open_rest(GstUdmTransform *trans, const GstVideoInfo *in, const udm_settings *settings,
                                  udm_error *error);

gboolean gst_udm_interp_suits(const udm_model *model, const GstVideoInfo *in, udm_error *error);
gpointer gst_udm_interp_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error);
void gst_udm_interp_estimate(GstUdmTransform *trans, const GstVideoInfo *info, GstUdmCosts *costs);
guint gst_udm_interp_delay(GstUdmTransform *trans);
guint gst_udm_interp_buffers(GstUdmTransform *trans);
// The most frames that wait.
guint gst_udm_interp_most_waiting(const GstUdmInterpOptions *options);
// The most missing frames before the first known one that wait to be extrapolated from it.
guint gst_udm_interp_most_leading(const GstUdmInterpOptions *options);

// ---- negotiation.c: the caps of both sides

GstCaps *gst_udm_interp_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                       GstCaps *filter);
// Fixates the frame rate of `other`.
GstCaps *gst_udm_interp_fixate_rate(GstPadDirection direction, GstCaps *caps, GstCaps *other);
gboolean gst_udm_interp_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in, const GstVideoInfo *out);

// ---- input.c: which input frames are known, which are duplicates, and which were lost

gboolean gst_udm_interp_follows(GstUdmTransform *trans, GstBuffer *frame);
// Whether the gap that begins then will be filled once the next frame has arrived.
gboolean gst_udm_interp_fills(GstUdmTransform *trans, GstClockTime time);
// Takes a frame out of the queue.
GstFlowReturn gst_udm_interp_accept(GstUdmInterp *self, GstBuffer *buffer);
// No frame follows those accepted; the last of them is repeated by so many more. FALSE if there were none.
gboolean gst_udm_interp_finish(GstUdmInterp *self, guint more);
// The longest time between two frames that can be filled; after a longer one, everything starts anew.
GstClockTimeDiff gst_udm_interp_longest_gap(GstUdmInterp *self, GstClockTime frame);
void gst_udm_missing_free(gpointer missing);

// ---- stamps.c: timestamps of input frames: which are used, put right, or not believed

void gst_udm_stamps_reset(GstUdmStamps *stamps);
// Takes the next frame, whose timestamp it may put right. anew: whether it is far ahead of the one before it. FALSE if
// it is dropped.
gboolean gst_udm_interp_admit(GstUdmInterp *self, GstBuffer **frame, gboolean *anew);
gboolean gst_udm_interp_is_later(GstUdmInterp *self, GstClockTime time); // than the newest frame
gboolean gst_udm_interp_is_far_ahead(GstUdmInterp *self, GstBuffer *frame);
gboolean gst_udm_interp_is_in_doubt(GstUdmInterp *self); // the newest frame that waits
void gst_udm_interp_report_jump(GstUdmInterp *self, GstClockTime to);

// ---- output.c: output frames are interpolated, repeated or passed through

// The next output frame, or NULL if it takes more input frames.
GstFlowReturn gst_udm_interp_produce(GstUdmInterp *self, GstBuffer **output);

gboolean gst_udm_interp_is_joined(GstUdmInterp *self, const GstUdmNeighbour *a, const GstUdmNeighbour *b,
                                  GstFlowReturn *ret); // whether frames can be made between them
gboolean gst_udm_interp_is_late(GstUdmInterp *self, const GstUdmMissing *missing); // no time to make what could be made
GstFlowReturn gst_udm_interp_produce_one(GstUdmInterp *self, const GstUdmMissing *missing, GstBuffer **output);
// A buffer for a frame that is made, like one of the input; original: it is that one.
GstFlowReturn gst_udm_interp_prepare(GstUdmInterp *self, const GstUdmMissing *missing, GstBuffer *like,
                                     gboolean original, GstBuffer **buffer);
// A frame at another time, which becomes that of a duplicate unless it has a buffer of its own.
GstBuffer *gst_udm_interp_repeat(GstUdmInterp *self, GstBuffer *frame, const GstUdmMissing *missing);
void gst_udm_interp_count(GstUdmInterp *self, guint64 *counter);

// ---- planned.c: the plan of the film

// What a plan says of two frames.
typedef enum GstUdmTie {
    GST_UDM_TIE_UNKNOWN,
    GST_UDM_TIE_ADJACENT, // one follows the other, however long it takes
    GST_UDM_TIE_CUT       // they are of two scenes
} GstUdmTie;

gboolean gst_udm_interp_read_plan(GstUdmInterp *self); // FALSE with a message posted if it cannot be followed
void gst_udm_interp_forget_plan(GstUdmInterp *self);
// FALSE with *error set if it is of other frames.
gboolean gst_udm_interp_check_plan(GstUdmInterp *self, const GstVideoInfo *in, udm_error *error);
const GstUdmPlanned *gst_udm_interp_planned(GstUdmInterp *self, GstBuffer *frame); // NULL: nothing is known of it
// Finds a frame in the plan, if there is one; an error if it is not there.
GstFlowReturn gst_udm_interp_follow_plan(GstUdmInterp *self, GstUdmNeighbour *frame);
gboolean gst_udm_interp_is_next(GstUdmInterp *self, GstBuffer *frame); // after the newest frame that was taken
GstUdmTie gst_udm_interp_tie(const GstUdmNeighbour *a, const GstUdmNeighbour *b);
// Into so many parts the time from each frame of the film to the next is divided; 0: instants are those of a rate.
guint gst_udm_interp_parts(GstUdmInterp *self);
// As gst_udm_recipe(), at exactly one of those parts, and numbered by the frames of the film.
GstUdmRecipe gst_udm_interp_recipe(GstUdmInterp *self, const GstUdmNeighbour *a, const GstUdmNeighbour *b,
                                   GstClockTime time);

// ---- shutter.c: frames that are exposed over an interval, in mode rate

gboolean gst_udm_interp_may_blur(GstUdmInterp *self); // now or later
// The next frame of the instants between the first neighbour and the second; NULL if there is none left.
GstFlowReturn gst_udm_interp_next_exposed(GstUdmInterp *self, GstBuffer **output);
// The most input frames that a frame waits for beyond the one that ends its interval.
guint gst_udm_interp_most_exposed(GstUdmInterp *self);
void gst_udm_shutter_clear(GstUdmShutter *shutter);

// ---- queue.c: input frames wait for the known frame that follows them

GstFlowReturn gst_udm_interp_take(GstUdmTransform *trans, GstBuffer *buffer);
GstFlowReturn gst_udm_interp_next(GstUdmTransform *trans, GstBuffer **output);
gboolean gst_udm_interp_end(GstUdmTransform *trans);
void gst_udm_interp_forget(GstUdmTransform *trans);
// The first known frame in the queue; its buffer is NULL if there is none.
GstUdmNeighbour gst_udm_interp_foreseen(GstUdmInterp *self);
// The newest frame that waits, which is no longer in the queue.
GstBuffer *gst_udm_interp_take_back(GstUdmInterp *self);
// How far a time is ahead of the newest frame, in the direction of playback.
GstClockTimeDiff gst_udm_interp_ahead(GstUdmInterp *self, GstClockTime time);
// How far `to` is ahead of `from`, in the direction of playback.
GstClockTimeDiff gst_udm_interp_apart(GstUdmInterp *self, GstClockTime from, GstClockTime to);

G_END_DECLS

#endif
