// SPDX-License-Identifier: LGPL-2.1-or-later
// How much quality is given up so that frames come in time: by levels, from the one that the first frames allow, down
// as soon as frames are late, and up again after all went well for a while. It knows what it is told, and reads no
// clock.
#ifndef GST_UDM_PACE_H
#define GST_UDM_PACE_H

#include <gst/gst.h>

// From the best to the fastest.
typedef enum GstUdmLevel {
    GST_UDM_LEVEL_FULL,       // as the properties say
    GST_UDM_LEVEL_LIVE,       // the precision that is the fastest, no lookahead, one view
    GST_UDM_LEVEL_LIVE_MODEL, // and a model that is made for it
    GST_UDM_LEVEL_HALF,       // and half the width and height
    GST_UDM_LEVEL_QUARTER,    // or a quarter
    GST_UDM_LEVEL_SOURCE,     // frames as they came
    GST_UDM_LEVELS
} GstUdmLevel;

const char *gst_udm_level_name(GstUdmLevel level);

// What a frame costs at each level, in any unit; 0: there is no such level. That of full quality is always there, and
// so is the source frame, which is free.
typedef struct GstUdmCosts {
    gdouble of[GST_UDM_LEVELS];
    guint held;      // frames that full quality holds back
    gboolean steady; // so do the others, while it plays: a change of the level takes time
} GstUdmCosts;

// The fastest level that makes frames.
GstUdmLevel gst_udm_costs_lowest(const GstUdmCosts *costs);

// Times are running times.
typedef struct GstUdmPace {
    GstUdmLevel level;     // of playback
    gboolean watched;      // somebody sees frames by the clock: this is playback, which is not to wait
    gboolean playing;      // not paused, when a picture stands still
    gboolean chosen;       // the level, by how long frames take
    gdouble unit;          // seconds that a cost of 1 takes; 0: not known
    gboolean looking;      // somebody looks for a place, and waits for the next frame
    gdouble waited;        // for that frame already, in seconds
    GstUdmLevel warm;      // of which the last frame was made, so that the next one does not take longer
    guint pressure;        // grows with each late frame, and falls with each that is in time
    gboolean late;         // the level is too high
    gboolean risen;        // the last change of the level was one upwards
    GstClockTime changed;  // the first frame of this level
    GstClockTime judged;   // the first frame whose lateness says something about this level; NONE: not made yet
    GstClockTime made;     // the last frame of this level that was made
    guint behind;          // frames in a row that were late by more than one
    gdouble interval;      // from one frame of this level that is made to the next, in seconds; 0: not known
    GstClockTime patience; // for which all goes well before more is tried
    GstClockTime duration; // of a frame
} GstUdmPace;

void gst_udm_pace_start(GstUdmPace *pace);
void gst_udm_pace_flush(GstUdmPace *pace);   // times begin anew
void gst_udm_pace_unlearn(GstUdmPace *pace); // how long frames take, as they are others now
void gst_udm_pace_watch(GstUdmPace *pace);   // somebody does, and sees the next frame
void gst_udm_pace_play(GstUdmPace *pace, gboolean playing);
// The first frame comes after a seek, which it took so many seconds.
void gst_udm_pace_look(GstUdmPace *pace, gdouble waited);

// A frame was late by `jitter`, or early.
void gst_udm_pace_told(GstUdmPace *pace, GstClockTime frame, GstClockTimeDiff jitter);
// A frame was made at a level.
void gst_udm_pace_took(GstUdmPace *pace, const GstUdmCosts *costs, GstUdmLevel level, GstClockTime frame,
                       gdouble seconds);
// The level for the next frame. Where it is not known how long frames take, it is the lowest.
GstUdmLevel gst_udm_pace_choose(GstUdmPace *pace, const GstUdmCosts *costs, GstClockTime frame, GstClockTime duration);
// Whether a frame that cannot be in time is better left out: those that are made, at half the size or less, are enough
// for a film, in which others as they came would flicker.
gboolean gst_udm_pace_skips(const GstUdmPace *pace, const GstUdmCosts *costs);
// How long before its time a frame has to be begun now, so that it is not late as well, if it leaves when so many
// others have come.
GstClockTime gst_udm_pace_margin(const GstUdmPace *pace, const GstUdmCosts *costs, guint held);
// Whether a frame will be late though none was yet: the first ones of a session that holds so many.
gboolean gst_udm_pace_begins_late(const GstUdmPace *pace, const GstUdmCosts *costs, GstClockTime frame, guint held);

#endif
