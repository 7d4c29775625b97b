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
#define STALE 4   // times the patience after which a measurement that forbids to rise is not believed any more
#define STILL 0.3 // seconds that a picture may take that stands still, while somebody looks for a place

const char *gst_udm_level_name(GstUdmLevel level)
{
    static const char *const names[] = { "full", "live", "live-model", "half", "source" };

    return names[level];
}

static void settle(GstUdmPace *pace)
{
    pace->pressure = 0;
    pace->late = FALSE;
    pace->changed = pace->judged = GST_CLOCK_TIME_NONE;
}

void gst_udm_pace_start(GstUdmPace *pace)
{
    *pace = (GstUdmPace){ .patience = PATIENCE, .duration = UNKNOWN_DURATION };
    settle(pace);
}

void gst_udm_pace_flush(GstUdmPace *pace)
{
    settle(pace);
    pace->playing = FALSE;
}

void gst_udm_pace_unlearn(GstUdmPace *pace)
{
    pace->unit = 0;
    pace->patience = PATIENCE;
}

void gst_udm_pace_told(GstUdmPace *pace, GstClockTime frame, GstClockTimeDiff jitter)
{
    pace->watched = pace->playing = TRUE;
    if (!GST_CLOCK_TIME_IS_VALID(pace->judged) || frame < pace->judged)
        return;
    if (jitter <= 0) {
        pace->pressure -= pace->pressure > 0;
        return;
    }
    pace->pressure += LATE;
    pace->late |= pace->pressure >= TOO_LATE || jitter >= (GstClockTimeDiff)pace->duration;
}

void gst_udm_pace_took(GstUdmPace *pace, const GstUdmCosts *costs, GstUdmLevel level, GstClockTime frame,
                       gdouble seconds)
{
    gdouble unit = costs->of[level] > 0 ? seconds / costs->of[level] : pace->unit;

    pace->unit = pace->unit > 0 ? (1 - SMOOTHING) * pace->unit + SMOOTHING * unit : unit;
    if (level == pace->level && !GST_CLOCK_TIME_IS_VALID(pace->judged))
        pace->judged = frame;
}

static gboolean exists(const GstUdmCosts *costs, GstUdmLevel level)
{
    return level == GST_UDM_LEVEL_FULL || level == GST_UDM_LEVEL_SOURCE || costs->of[level] > 0;
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

// The next level down that is fast enough, by what is known.
static void descend(GstUdmPace *pace, const GstUdmCosts *costs)
{
    if (pace->risen)
        pace->patience = MIN(2 * pace->patience, MOST_PATIENCE);
    do
        pace->level++;
    while (!exists(costs, pace->level) || !fits(pace, costs, pace->level, ROOM_TO_STAY));
    pace->risen = FALSE;
    settle(pace);
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
    if (!pace->playing)
        return still(pace, costs);
    while (pace->level < GST_UDM_LEVEL_SOURCE && !exists(costs, pace->level)) // the properties changed
        pace->level++;
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

GstClockTime gst_udm_pace_margin(const GstUdmPace *pace, const GstUdmCosts *costs)
{
    const gdouble time = time_at(pace, costs, pace->level) * GST_SECOND;

    return pace->pressure > 0 ? MIN((GstClockTime)time, pace->duration) : 0;
}
