// SPDX-License-Identifier: LGPL-2.1-or-later
// How much quality is given up so that frames come in time.
#include "pace.h"

#define UNKNOWN_DURATION (GST_SECOND / 25)
#define SMOOTHING 0.25   // the share of the newest frame in the mean time
#define LATE 2           // what a late frame adds to the pressure, from which one in time takes 1
#define TOO_LATE 5       // the pressure at which the level falls
#define ROOM_TO_STAY 0.9 // of a frame's duration, for making it
#define ROOM_TO_RISE 0.7
#define PATIENCE (2 * GST_SECOND)
#define MOST_PATIENCE (64 * GST_SECOND)
#define LEAST 1e-6   // seconds for a frame, of which 0 would be as if it was not known
#define STALE 4      // times the patience after which a measurement that forbids to rise is not believed any more
#define STILL 0.25   // seconds for making a picture that stands still, while somebody looks for a place
#define LONGEST 0.09 // seconds from one picture to the next that still are a film

const char *gst_udm_level_name(GstUdmLevel level)
{
    static const char *const names[] = { "full", "live", "live-model", "half", "source" };

    return names[level];
}

static gboolean exists(const GstUdmCosts *costs, GstUdmLevel level)
{
    return level == GST_UDM_LEVEL_FULL || level == GST_UDM_LEVEL_SOURCE || costs->of[level] > 0;
}

GstUdmLevel gst_udm_costs_lowest(const GstUdmCosts *costs)
{
    GstUdmLevel level = GST_UDM_LEVEL_SOURCE;

    do
        level--;
    while (!exists(costs, level));
    return level;
}

static void settle(GstUdmPace *pace)
{
    pace->pressure = 0;
    pace->late = FALSE;
    pace->changed = pace->judged = pace->made = GST_CLOCK_TIME_NONE;
    pace->interval = 0;
}

void gst_udm_pace_start(GstUdmPace *pace)
{
    *pace = (GstUdmPace){ .patience = PATIENCE, .duration = UNKNOWN_DURATION };
    settle(pace);
}

void gst_udm_pace_flush(GstUdmPace *pace)
{
    settle(pace);
}

void gst_udm_pace_unlearn(GstUdmPace *pace)
{
    pace->unit = 0;
    pace->chosen = FALSE;
    pace->patience = PATIENCE;
}

void gst_udm_pace_watch(GstUdmPace *pace)
{
    pace->watched = TRUE;
}

void gst_udm_pace_play(GstUdmPace *pace, gboolean playing)
{
    pace->playing = playing;
}

void gst_udm_pace_told(GstUdmPace *pace, GstClockTime frame, GstClockTimeDiff jitter)
{
    pace->watched = TRUE;
    if (!GST_CLOCK_TIME_IS_VALID(pace->judged) || frame < pace->judged)
        return;
    if (jitter <= 0) {
        pace->pressure -= pace->pressure > 0;
        return;
    }
    pace->pressure += LATE;
    pace->late |= pace->pressure >= TOO_LATE || jitter >= (GstClockTimeDiff)pace->duration;
}

static gdouble smooth(gdouble mean, gdouble newest)
{
    return mean > 0 ? (1 - SMOOTHING) * mean + SMOOTHING * newest : newest;
}

void gst_udm_pace_took(GstUdmPace *pace, const GstUdmCosts *costs, GstUdmLevel level, GstClockTime frame,
                       gdouble seconds)
{
    if (costs->of[level] > 0)
        pace->unit = smooth(pace->unit, MAX(seconds, LEAST) / costs->of[level]);
    if (level != pace->level)
        return;
    if (!GST_CLOCK_TIME_IS_VALID(pace->judged))
        pace->judged = frame;
    if (GST_CLOCK_TIME_IS_VALID(pace->made) && frame > pace->made)
        pace->interval = smooth(pace->interval > 0 ? pace->interval : (gdouble)pace->duration / GST_SECOND,
                                (gdouble)(frame - pace->made) / GST_SECOND);
    pace->made = frame;
}

// In seconds; 0 if it is not known.
static gdouble time_at(const GstUdmPace *pace, const GstUdmCosts *costs, GstUdmLevel level)
{
    return level == GST_UDM_LEVEL_SOURCE ? 0 : pace->unit * costs->of[level];
}

static gboolean fits(const GstUdmPace *pace, const GstUdmCosts *costs, GstUdmLevel level, gdouble room)
{
    return time_at(pace, costs, level) <= room * (gdouble)pace->duration / GST_SECOND;
}

// Whether the lowest level makes a film, by leaving frames out.
static gboolean suffices(const GstUdmPace *pace, const GstUdmCosts *costs)
{
    const GstUdmLevel level = gst_udm_costs_lowest(costs);

    return 2 * (gdouble)pace->duration <= LONGEST * GST_SECOND && time_at(pace, costs, level) <= LONGEST &&
           (pace->level != level || pace->interval <= LONGEST);
}

static void move(GstUdmPace *pace, GstUdmLevel level)
{
    if (level != pace->level)
        settle(pace);
    pace->level = level;
}

// From `level` on the next that is fast enough, by what is known.
static GstUdmLevel fast_enough(const GstUdmPace *pace, const GstUdmCosts *costs, GstUdmLevel level, gdouble room)
{
    while (!exists(costs, level) || !fits(pace, costs, level, room))
        level++;
    return level == GST_UDM_LEVEL_SOURCE && suffices(pace, costs) ? gst_udm_costs_lowest(costs) : level;
}

static void descend(GstUdmPace *pace, const GstUdmCosts *costs)
{
    if (pace->risen)
        pace->patience = MIN(2 * pace->patience, MOST_PATIENCE);
    pace->risen = FALSE;
    move(pace, fast_enough(pace, costs, pace->level + 1, ROOM_TO_STAY));
    pace->pressure = 0;
    pace->late = FALSE;
}

// The next level up, if it has been quiet for long enough and that is fast enough. At the source frame nothing is
// measured any more, so that it is tried again once in a while.
static void ascend(GstUdmPace *pace, const GstUdmCosts *costs, GstClockTime frame)
{
    GstClockTime quiet = frame > pace->changed ? frame - pace->changed : 0;
    GstUdmLevel above = pace->level;

    do
        above--;
    while (!exists(costs, above));
    if (pace->pressure > 0 || quiet < pace->patience)
        return;
    if (!fits(pace, costs, above, ROOM_TO_RISE) &&
        (pace->level < GST_UDM_LEVEL_SOURCE || quiet < STALE * pace->patience))
        return;
    pace->level = above;
    pace->risen = TRUE;
    settle(pace);
}

// The best level at which a picture that stands still comes soon.
static GstUdmLevel still(const GstUdmPace *pace, const GstUdmCosts *costs)
{
    GstUdmLevel best = GST_UDM_LEVEL_FULL;

    for (GstUdmLevel level = best; level < GST_UDM_LEVEL_SOURCE; level++)
        if (exists(costs, level)) {
            best = level;
            if (time_at(pace, costs, level) <= STILL)
                break;
        }
    return best;
}

GstUdmLevel gst_udm_pace_choose(GstUdmPace *pace, const GstUdmCosts *costs, GstClockTime frame, GstClockTime duration)
{
    pace->duration = GST_CLOCK_TIME_IS_VALID(duration) && duration > 0 ? duration : UNKNOWN_DURATION;
    if (!pace->watched)
        return GST_UDM_LEVEL_FULL;
    if (pace->unit == 0)
        return gst_udm_costs_lowest(costs);
    if (!pace->playing)
        return still(pace, costs);
    while (pace->level < GST_UDM_LEVEL_SOURCE && !exists(costs, pace->level)) // the properties changed
        pace->level++;
    if (!pace->chosen)
        move(pace, fast_enough(pace, costs, GST_UDM_LEVEL_FULL, ROOM_TO_RISE));
    pace->chosen = TRUE;
    if (pace->late && pace->level < GST_UDM_LEVEL_SOURCE)
        descend(pace, costs);
    else if (pace->level > GST_UDM_LEVEL_FULL && GST_CLOCK_TIME_IS_VALID(pace->changed))
        ascend(pace, costs, frame);
    if (!GST_CLOCK_TIME_IS_VALID(pace->changed))
        pace->changed = frame;
    if (pace->level == GST_UDM_LEVEL_SOURCE && !GST_CLOCK_TIME_IS_VALID(pace->judged))
        pace->judged = frame;
    return pace->level;
}

gboolean gst_udm_pace_skips(const GstUdmPace *pace, const GstUdmCosts *costs)
{
    return pace->watched && pace->playing && pace->level == gst_udm_costs_lowest(costs) && suffices(pace, costs);
}

GstClockTime gst_udm_pace_margin(const GstUdmPace *pace, const GstUdmCosts *costs)
{
    const gdouble time = time_at(pace, costs, pace->level) * GST_SECOND;

    if (gst_udm_pace_skips(pace, costs))
        return (GstClockTime)time;
    return pace->pressure > 0 ? MIN((GstClockTime)time, pace->duration) : 0;
}
