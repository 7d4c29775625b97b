// SPDX-License-Identifier: LGPL-2.1-or-later
// How much quality is given up so that frames come in time.
#include "pace.h"

#define UNKNOWN_DURATION (GST_SECOND / 25)
#define SMOOTHING 0.25   // the share of the newest frame in the mean time
#define BEHIND 5         // frames late in a row that say that those left out are not enough
#define SPARE 1.2        // of the time that a frame takes, so that most are in time
#define LATE 2           // what a late frame adds to the pressure, from which one in time takes 1
#define TOO_LATE 5       // the pressure at which the level falls
#define ROOM_TO_STAY 0.9 // of a frame's duration, for making it
#define ROOM_TO_RISE 0.7
#define PATIENCE (2 * GST_SECOND)
#define MOST_PATIENCE (64 * GST_SECOND)
#define LEAST 1e-6   // seconds for a frame, of which 0 would be as if it was not known
#define STALE 4      // times the patience after which a measurement that forbids to rise is not believed any more
#define STILL 0.25   // seconds until a picture stands still, while somebody looks for a place
#define COLD 2       // times as long as others takes the first frame of a session
#define LONGEST 0.09 // seconds from one picture to the next that still are a film

const char *gst_udm_level_name(GstUdmLevel level)
{
    static const char *const names[] = { "full", "live", "live-model", "half", "quarter", "source" };

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
    pace->behind = 0;
    pace->changed = pace->judged = pace->made = GST_CLOCK_TIME_NONE;
    pace->interval = 0;
}

void gst_udm_pace_start(GstUdmPace *pace)
{
    *pace = (GstUdmPace){ .patience = PATIENCE, .duration = UNKNOWN_DURATION, .warm = GST_UDM_LEVELS };
    settle(pace);
}

void gst_udm_pace_flush(GstUdmPace *pace)
{
    pace->looking = FALSE;
    settle(pace);
}

void gst_udm_pace_unlearn(GstUdmPace *pace)
{
    pace->unit = 0;
    pace->warm = GST_UDM_LEVELS;
    pace->chosen = FALSE;
    pace->patience = PATIENCE;
}

void gst_udm_pace_watch(GstUdmPace *pace)
{
    pace->watched = TRUE;
}

void gst_udm_pace_play(GstUdmPace *pace, gboolean playing)
{
    if (playing && !pace->playing)
        settle(pace);
    pace->playing = playing;
}

void gst_udm_pace_look(GstUdmPace *pace, gdouble waited)
{
    pace->looking = TRUE;
    pace->waited = waited;
}

void gst_udm_pace_told(GstUdmPace *pace, GstClockTime frame, GstClockTimeDiff jitter)
{
    pace->watched = TRUE;
    if (!GST_CLOCK_TIME_IS_VALID(pace->judged) || frame < pace->judged)
        return;
    pace->behind = jitter > (GstClockTimeDiff)pace->duration ? pace->behind + 1 : 0;
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
    pace->warm = level;
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

// The best level at which frames may be left out. Where a change of the level takes time, it is not tried whether half
// the size will do.
static GstUdmLevel gentlest(const GstUdmCosts *costs)
{
    return costs->of[GST_UDM_LEVEL_HALF] > 0 && !costs->steady ? GST_UDM_LEVEL_HALF : gst_udm_costs_lowest(costs);
}

// Whether a level makes a film, by leaving frames out.
static gboolean suffices(const GstUdmPace *pace, const GstUdmCosts *costs, GstUdmLevel level, gdouble longest)
{
    return level >= gentlest(costs) && level < GST_UDM_LEVEL_SOURCE && exists(costs, level) &&
           2 * (gdouble)pace->duration <= LONGEST * GST_SECOND && time_at(pace, costs, level) <= longest &&
           (pace->level != level || (pace->interval <= LONGEST && pace->behind < BEHIND));
}

static void move(GstUdmPace *pace, GstUdmLevel level)
{
    if (level != pace->level)
        settle(pace);
    pace->level = level;
}

// From `level` on the next that is fast enough, by what is known; or one before it, but none that is better than the
// one as it is, that makes a film all the same.
static GstUdmLevel fast_enough(const GstUdmPace *pace, const GstUdmCosts *costs, GstUdmLevel level, gdouble room)
{
    while (!exists(costs, level) || !fits(pace, costs, level, room))
        level++;
    for (GstUdmLevel film = MAX(pace->level, gentlest(costs)); film < level; film++)
        if (suffices(pace, costs, film, LONGEST))
            return film;
    return level;
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
    if (!fits(pace, costs, above, ROOM_TO_RISE) && !suffices(pace, costs, above, ROOM_TO_RISE * LONGEST) &&
        (pace->level < GST_UDM_LEVEL_SOURCE || quiet < STALE * pace->patience))
        return;
    pace->level = above;
    pace->risen = TRUE;
    settle(pace);
}

// The best level at which a picture that stands still comes soon. One that somebody waits for has the time that is
// left, and the session is not opened for it in vain; those after it, which nobody sees, make a better one ready.
static GstUdmLevel still(const GstUdmPace *pace, const GstUdmCosts *costs)
{
    const gdouble room = pace->looking ? STILL - pace->waited : STILL;
    GstUdmLevel best = GST_UDM_LEVEL_FULL;

    for (GstUdmLevel level = best; level < GST_UDM_LEVEL_SOURCE; level++)
        if (exists(costs, level)) {
            const gdouble frames = level == GST_UDM_LEVEL_FULL ? 1 + costs->held : 1;

            best = level;
            if (frames * time_at(pace, costs, level) * (pace->looking && level != pace->warm ? COLD : 1) <= room)
                break;
        }
    return best;
}

static GstUdmLevel choose(GstUdmPace *pace, const GstUdmCosts *costs, GstClockTime frame)
{
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

GstUdmLevel gst_udm_pace_choose(GstUdmPace *pace, const GstUdmCosts *costs, GstClockTime frame, GstClockTime duration)
{
    GstUdmLevel level;

    pace->duration = GST_CLOCK_TIME_IS_VALID(duration) && duration > 0 ? duration : UNKNOWN_DURATION;
    if (!pace->watched)
        return GST_UDM_LEVEL_FULL;
    if (pace->unit == 0)
        return gst_udm_costs_lowest(costs);
    level = pace->playing ? choose(pace, costs, frame) : still(pace, costs);
    pace->looking = FALSE;
    if (level != pace->warm)
        pace->warm = GST_UDM_LEVELS; // what is warm is closed
    return level;
}

gboolean gst_udm_pace_skips(const GstUdmPace *pace, const GstUdmCosts *costs)
{
    return pace->watched && pace->playing && suffices(pace, costs, pace->level, LONGEST);
}

GstClockTime gst_udm_pace_margin(const GstUdmPace *pace, const GstUdmCosts *costs, guint held)
{
    const gdouble time = time_at(pace, costs, pace->level) * GST_SECOND;

    if (gst_udm_pace_skips(pace, costs))
        return (GstClockTime)(SPARE * time * (1 + held));
    return pace->pressure > 0 ? MIN((GstClockTime)time, pace->duration) : 0;
}

gboolean gst_udm_pace_begins_late(const GstUdmPace *pace, const GstUdmCosts *costs, GstClockTime frame, guint held)
{
    return held > 0 && gst_udm_pace_skips(pace, costs) && !GST_CLOCK_TIME_IS_VALID(pace->judged) &&
           GST_CLOCK_TIME_IS_VALID(pace->changed) && frame <= pace->changed + gst_udm_pace_margin(pace, costs, held);
}
