// SPDX-License-Identifier: LGPL-2.1-or-later
// Scenes, and the noise of each: the median of the last estimates, each made of a picture and the one before it. The
// first pictures of a scene are all looked at, then one in EVERY, and the next one, too, if an estimate is a surprise:
// so noise that changes is followed within EVERY + 1 pictures, and a flash or a drop of dirt counts for nothing.
//
// A repeat says nothing: neither that there is no noise, nor anything that the picture itself did not say. The next
// picture is asked instead.
#include "analysis/noise_tracker.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/noise_estimation.h"
#include "analysis/scene.h"

enum {
    EVERY = 5,
    FIRST = 3,        // pictures of a scene that are all looked at
    KEPT = 3,         // estimates
    MOST_TRIPLES = 5, // as many of them as three pictures of each count as much as those before
    PATIENCE = 3,     // pictures in a row that repeat, or surprise, before the next one waits its turn
    GRAIN_KEPT = 4    // pairs
};

// A ratio of estimates that asks for another one at once.
static const double surprising = 1.3;

// A pair with less than this share of the most grain that was seen of late is a repeat.
static const double repeated_grain = 0.35;

// What three small pictures say of how fresh coarse noise is may be wrong by as much: this counts as another three.
static const double usual_freshness = 0.3;

// The whiteness above which noise is called white, and how far beyond it is to be called otherwise than before.
static const double white_above = 0.5, clear = 0.15;

struct udm_noise_tracker {
    int channels, width, height;
    udm_scene *scene;
    bool scenes_given, began;
    udm_noise_readers readers;
    udm_noise_picture pictures[2];
    int now;                  // of the two
    int seen;                 // pictures in a row that were prepared, up to the one before: that is the other one
    udm_noise_glance earlier; // the one before the picture before
    udm_grain coarse;         // of this scene: the last level that was seen for sure, a mean of how fresh it was
    int triples;              // ... over so many
    uint64_t frame;           // in this scene
    uint64_t due;             // the frame to be looked at next
    int unsettled;            // pictures in a row that decided nothing
    uint64_t made;            // estimates of this scene
    udm_noise_estimate kept[KEPT];
    double grain[GRAIN_KEPT]; // of pairs
    uint64_t pairs;
    udm_noise_estimate noise;
};

static bool init_readers(udm_noise_readers *readers)
{
    bool good = true;
    for (int i = 0; i < UDM_NOISE_READERS; i++)
        good &= (readers->patches[i] = udm_noise_patches_new()) != NULL;
    return good;
}

static bool init_pictures(udm_noise_tracker *tracker)
{
    return udm_noise_picture_init(&tracker->pictures[0], tracker->channels, tracker->width, tracker->height) &&
           udm_noise_picture_init(&tracker->pictures[1], tracker->channels, tracker->width, tracker->height) &&
           udm_noise_glance_init(&tracker->earlier, tracker->width, tracker->height);
}

udm_noise_tracker *udm_noise_tracker_new(int channels, int width, int height, udm_error *error)
{
    udm_noise_tracker *tracker = calloc(1, sizeof *tracker);
    if (tracker)
        tracker->channels = channels, tracker->width = width, tracker->height = height;
    if (!tracker || !init_readers(&tracker->readers) || !init_pictures(tracker)) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for noise");
        udm_noise_tracker_free(tracker);
        return NULL;
    }
    tracker->scene = udm_scene_new(channels, width, height, error);
    if (!tracker->scene) {
        udm_noise_tracker_free(tracker);
        return NULL;
    }
    return tracker;
}

void udm_noise_tracker_free(udm_noise_tracker *tracker)
{
    if (!tracker)
        return;
    udm_scene_free(tracker->scene);
    for (int i = 0; i < UDM_NOISE_READERS; i++)
        udm_noise_patches_free(tracker->readers.patches[i]);
    udm_noise_picture_clear(&tracker->pictures[0]);
    udm_noise_picture_clear(&tracker->pictures[1]);
    udm_noise_glance_clear(&tracker->earlier);
    free(tracker);
}

void udm_noise_tracker_reset(udm_noise_tracker *tracker)
{
    udm_scene_reset(tracker->scene);
    tracker->began = false;
}

void udm_noise_tracker_use(udm_noise_tracker *tracker, udm_pool *pool)
{
    tracker->readers.pool = pool;
    udm_scene_use(tracker->scene, pool);
}

void udm_noise_tracker_give_scenes(udm_noise_tracker *tracker)
{
    tracker->scenes_given = true;
}

static void forget_pictures(udm_noise_tracker *tracker)
{
    tracker->seen = 0;
    tracker->earlier.channels = 0;
}

static void begin_scene(udm_noise_tracker *tracker)
{
    tracker->frame = tracker->due = tracker->made = tracker->pairs = 0;
    tracker->unsettled = 0;
    tracker->triples = 0;
    tracker->coarse = (udm_grain){ UDM_GRAIN_UNKNOWN, UDM_GRAIN_UNKNOWN };
    forget_pictures(tracker);
}

// Also remembers the grain of this pair, if it is none.
static bool repeats_grain(udm_noise_tracker *tracker, double grain)
{
    double most = 0;
    if (grain < 0)
        return false;
    for (uint64_t i = 0; i < GRAIN_KEPT && i < tracker->pairs; i++)
        most = tracker->grain[i] > most ? tracker->grain[i] : most;
    if (grain < repeated_grain * most)
        return true;
    tracker->grain[tracker->pairs++ % GRAIN_KEPT] = grain;
    return false;
}

static int ascending(const void *a, const void *b)
{
    const udm_noise_estimate *first = a, *second = b;
    return (first->sigma > second->sigma) - (first->sigma < second->sigma);
}

// A picture alone in which noise is as white as this knows its level; a pair that says much more may be wrong.
static const double sure_alone = 0.9;

// The one of the last estimates in the middle; of two the later one, as there is more behind it.
static udm_noise_estimate median(const udm_noise_tracker *tracker)
{
    udm_noise_estimate sorted[KEPT];
    if (tracker->made < KEPT) {
        const udm_noise_estimate *first = &tracker->kept[0], *last = &tracker->kept[tracker->made - 1];
        const bool sure = first->sigma > 0 && first->whiteness > sure_alone;
        return sure && last->sigma > surprising * first->sigma ? *first : *last;
    }
    memcpy(sorted, tracker->kept, sizeof sorted);
    qsort(sorted, KEPT, sizeof *sorted, ascending);
    return sorted[KEPT / 2];
}

static void keep(udm_noise_tracker *tracker, udm_noise_estimate estimate)
{
    // Where there is nothing to be seen, nothing is learnt; that is told only for want of anything else.
    if (estimate.finding == UDM_NOISE_EMPTY || estimate.finding == UDM_NOISE_TOO_SMALL) {
        if (tracker->made == 0)
            tracker->noise = estimate;
        return;
    }
    const udm_noise_estimate *last = &tracker->kept[(tracker->made + KEPT - 1) % KEPT];
    // What it was, as long as coarse noise could not be told from motion, does not count any longer.
    if (estimate.settled && tracker->made > 0 && !last->settled && last->whiteness < sure_alone)
        tracker->made = 0;
    tracker->kept[tracker->made++ % KEPT] = estimate;
    tracker->noise = median(tracker);
}

// The last estimate is not the one that is told: the noise has changed, or this was a flash.
static bool surprises(const udm_noise_tracker *tracker)
{
    if (tracker->made == 0)
        return false;
    const double last = tracker->kept[(tracker->made - 1) % KEPT].sigma, told = tracker->noise.sigma;
    return last > surprising * told || told > surprising * last;
}

static void wait(udm_noise_tracker *tracker, bool repeated)
{
    const bool unsettled = repeated || surprises(tracker);
    tracker->unsettled = unsettled ? tracker->unsettled + 1 : 0;
    const bool at_once = tracker->made < FIRST || (unsettled && tracker->unsettled <= PATIENCE);
    tracker->due = tracker->frame + (at_once ? 1 : EVERY);
}

// What these pictures cannot tell, those before them may have: whether what is coarse is noise, and, where all moves
// now, how much there is of it.
static void remember_grain(udm_noise_tracker *tracker, udm_noise_evidence *evidence)
{
    udm_grain *coarse = &tracker->coarse;
    if (evidence->fresh > UDM_GRAIN_UNKNOWN) {
        if (tracker->triples == 0)
            tracker->triples = 1, coarse->fresh = usual_freshness;
        tracker->triples += tracker->triples < MOST_TRIPLES;
        coarse->level = evidence->grain[0];
        coarse->fresh += (evidence->fresh - coarse->fresh) / tracker->triples;
    }
    evidence->fresh = coarse->fresh;
    if (evidence->paired && evidence->grain[0] < 0)
        evidence->grain[0] = coarse->level;
}

static void estimate(udm_noise_tracker *tracker)
{
    const udm_noise_picture *now = &tracker->pictures[tracker->now];
    const udm_noise_picture *before = tracker->seen > 0 ? &tracker->pictures[!tracker->now] : NULL;
    udm_noise_evidence evidence = udm_noise_measure(&tracker->readers, now, before, &tracker->earlier);
    const bool repeated =
        before && (!evidence.paired || (!evidence.certain && repeats_grain(tracker, evidence.grain[0])));
    remember_grain(tracker, &evidence);
    if (!repeated || tracker->made == 0)
        keep(tracker, udm_noise_judge(&evidence));
    wait(tracker, repeated);
}

// A picture is prepared if it is looked at, or the next one is; if it is the one after that, a glance will do.
static void look(udm_noise_tracker *tracker, const float *planes, bool repeats)
{
    if (repeats) { // the picture that was prepared last is still the one before the next
        tracker->due += tracker->due == tracker->frame;
        return;
    }
    const bool due = tracker->frame >= tracker->due;
    if (tracker->frame + 1 < tracker->due) {
        forget_pictures(tracker);
        if (tracker->frame + 2 == tracker->due)
            udm_noise_glance_set(&tracker->earlier, tracker->channels, tracker->width, tracker->height, planes);
        return;
    }
    tracker->now = !tracker->now;
    if (tracker->seen > 1)
        udm_noise_glance_keep(&tracker->earlier, &tracker->pictures[tracker->now]);
    udm_noise_picture_set(&tracker->pictures[tracker->now], tracker->channels, planes, tracker->readers.pool);
    if (due)
        estimate(tracker);
    tracker->seen++;
}

static bool is_white(const udm_noise_tracker *tracker, bool begins, bool subsampled, bool before)
{
    if (subsampled)
        return false;
    if (!(tracker->noise.confidence > 0))
        return true;
    return tracker->noise.whiteness > (begins ? white_above : before ? white_above - clear : white_above + clear);
}

bool udm_noise_tracker_look(udm_noise_tracker *tracker, const float *planes, udm_noise_hint hint)
{
    const bool given = hint.sigma >= 0;
    const bool begins = tracker->scenes_given
                            ? !tracker->began
                            : udm_scene_begins(tracker->scene, planes, given ? hint.sigma : tracker->noise.sigma);
    tracker->began = true;
    if (begins)
        begin_scene(tracker);
    const bool white = tracker->noise.white;
    if (given)
        forget_pictures(tracker);
    else
        look(tracker, planes, hint.repeats && !begins);
    tracker->noise.white = is_white(tracker, begins, hint.subsampled, white);
    tracker->frame++;
    return begins;
}

const udm_noise_estimate *udm_noise_tracker_noise(const udm_noise_tracker *tracker)
{
    return &tracker->noise;
}
