// SPDX-License-Identifier: LGPL-2.1-or-later
// From the top of the pyramid down: search patches, densify, refine. The operations are those of search.c and refine.c,
// or a device's.
#include "flow/optical_flow.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "backend/fallback.h"
#include "backend/host.h"
#include "flow/blocks.h"
#include "flow/steps.h"
#include "flow/with_ops.h"

enum {
    LEAST_SIDE = 20, // of the top level
    UPDATES = 3      // of the motion of the camera
};

// Gratings that repeat every 12 pixels repeat every 6 on the second level, where a search from rest finds what moves by
// less than half of that. The finest level begins close to where it ends, so that a second step of refinement is worth
// nothing on clips. Who is in a hurry searches less on the two finest levels, refines the second once and the finest
// not at all, which costs less than 0.05 dB. On coarser levels it would cost 1 dB where motion is fast.
// Between denoised pictures, more smoothing finds more, and at the finest level more search finds what was left of the
// noise. Chosen on training clips of sigma 5 to 40.
static const udm_flow_effort clean = { .search = 8, .again = 6, .steps = 2, .relaxations = 3 },
                             clean_second = { .search = 8,
                                              .again = 6,
                                              .steps = 2,
                                              .relaxations = 3,
                                              .from_rest = true },
                             clean_finest = { .search = 8, .again = 6, .steps = 1, .relaxations = 3 },
                             noisy = { .search = 8, .again = 6, .steps = 2, .relaxations = 8 },
                             noisy_finest = { .search = 3, .again = 1, .steps = 1, .relaxations = 4 };

#define LEAST_GAIN_IN_A_HURRY .015f
#define GOOD_IN_A_HURRY 4e-3f // a level of 255 at each pixel

udm_flow *udm_flow_new_with(const udm_flow_ops *ops, int width, int height, udm_pool *pool, udm_error *error)
{
    // 2^30 so that sizes with their padding, and so stride * rows of a job, stay ints
    if (width < 1 || height < 1 || (int64_t)(width + 64LL) * (height + 64LL) > 1 << 30) {
        udm_fail(error, UDM_ERROR_SETTINGS, "motion cannot be found in pictures of %d x %d", width, height);
        return NULL;
    }
    udm_flow *motion = calloc(1, sizeof *motion);
    if (motion) {
        motion->pool = pool;
        motion->ops = ops;
        motion->levels = 1;
        for (int side = width < height ? width : height; side > LEAST_SIDE; side -= side / 2)
            motion->levels++;
        motion->floats = udm_flow_lay_out(motion->level, motion->levels, width, height, NULL);
        motion->memory = motion->floats ? (float *)udm_host_alloc(NULL, motion->floats * sizeof(float), NULL) : NULL;
    }
    if (!motion || !motion->memory) {
        udm_flow_free(motion);
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to find motion in pictures of %d x %d", width, height);
        return NULL;
    }
    udm_flow_lay_out(motion->level, motion->levels, width, height, motion->memory);
    return motion;
}

udm_flow *udm_flow_new(int width, int height, udm_pool *pool, udm_error *error)
{
    return udm_flow_new_with(udm_flow_ops_for(pool), width, height, pool, error);
}

udm_flow *udm_flow_new_on(udm_device *device, int width, int height, udm_pool *pool, udm_error *error)
{
    udm_flow *motion = udm_flow_new(width, height, pool, error);
    if (!motion || !device->finds_motion)
        return motion;
    const size_t floats = motion->floats + 2 * (size_t)width * height;
    const bool fits = floats <= INT_MAX && floats * sizeof(float) <= device->largest;
    motion->there = fits ? device->ops->alloc(device, floats * sizeof(float), NULL) : NULL;
    motion->device = motion->there ? device : NULL; // else the host has the room
    return motion;
}

static void leave_device(udm_flow *motion)
{
    if (motion->there)
        motion->device->ops->free(motion->device, motion->there);
    motion->there = NULL;
    motion->device = NULL;
}

void udm_flow_free(udm_flow *motion)
{
    if (!motion)
        return;
    leave_device(motion);
    udm_host_free(NULL, (udm_memory *)motion->memory);
    free(motion);
}

size_t udm_flow_memory(const udm_flow *motion)
{
    return motion->floats * sizeof(float);
}

static void match_patches(udm_flow *motion, const udm_flow_level *level)
{
    udm_flow_step(motion, UDM_MOTION_GRADIENT, level);
    udm_flow_step(motion, UDM_MOTION_SEARCH, level);
    udm_flow_step(motion, UDM_MOTION_PROPAGATE, level);
    udm_flow_step(motion, UDM_MOTION_DENSIFY, level);
}

static void refine(udm_flow *motion, const udm_flow_level *level)
{
    for (int step = 0; step < level->effort.steps; step++) {
        udm_flow_step(motion, UDM_MOTION_PREPARE, level);
        udm_flow_step(motion, UDM_MOTION_ASSEMBLE, level);
        for (int i = 0; i < level->effort.relaxations; i++) {
            udm_flow_step(motion, UDM_MOTION_RELAX_RED, level);
            udm_flow_step(motion, UDM_MOTION_RELAX_BLACK, level);
        }
        udm_flow_step(motion, UDM_MOTION_JOIN, level);
    }
}

static void measure(udm_flow *motion, const udm_flow_level *level)
{
    udm_flow_step(motion, UDM_MOTION_PREPARE, level);
    udm_flow_step(motion, UDM_MOTION_MEASURE, level);
}

// Leaves the motion of the camera in u, v, and what was there in split_u, split_v. The motion itself is found on the
// host, from the blocks.
static void follow_camera(udm_flow *motion, udm_flow_level *level)
{
    udm_flow_fetch_blocks(motion);
    level->moves = udm_flow_camera_fit(level);
    if (!level->moves)
        return;
    udm_flow_step(motion, UDM_MOTION_KEEP, level);
    for (int i = 0; i < UPDATES; i++) {
        udm_flow_step(motion, UDM_MOTION_FOLLOW, level);
        measure(motion, level);
        udm_flow_fetch_blocks(motion);
        udm_flow_camera_improve(level);
    }
    udm_flow_step(motion, UDM_MOTION_FOLLOW, level);
    measure(motion, level);
    udm_flow_step(motion, UDM_MOTION_FIT, level);
    udm_flow_fetch_blocks(motion);
    level->most_move = udm_flow_most_move(level);
}

static void settle(udm_flow *motion, udm_flow_level *level)
{
    measure(motion, level);
    udm_flow_step(motion, UDM_MOTION_COMPARE, level);
    udm_flow_step(motion, UDM_MOTION_REST, level);
    follow_camera(motion, level);
    udm_flow_step(motion, UDM_MOTION_SETTLE, level);
}

static udm_flow_effort effort_for(const udm_flow *motion, float noise, int level)
{
    if (noise > 0)
        return level > 0 ? noisy : noisy_finest;
    udm_flow_effort effort = level == 0 ? clean_finest : level == 1 ? clean_second : clean;
    if (motion->hurries && motion->levels > 1 && level <= 1) {
        effort.least_gain = LEAST_GAIN_IN_A_HURRY;
        effort.steps = level;
        effort.good = level > 0 ? 0 : GOOD_IN_A_HURRY;
    }
    return effort;
}

void udm_flow_hurry(udm_flow *motion)
{
    motion->hurries = true;
}

void udm_flow_estimate(udm_flow *motion, const float *from, const float *to, float noise, float *flow)
{
    motion->pictures[0] = from;
    motion->pictures[1] = to;
    motion->denoised = noise > 0;
    for (int k = 0; k < motion->levels; k++) {
        motion->level[k].care = udm_flow_care_for(noise);
        motion->level[k].effort = effort_for(motion, noise, k);
        udm_flow_step(motion, UDM_MOTION_PICTURE, &motion->level[k]);
    }
    for (int k = motion->levels - 1; k >= 0; k--) {
        const udm_flow_level *level = &motion->level[k];
        udm_flow_step(motion, UDM_MOTION_EXPAND, level);
        match_patches(motion, level);
        refine(motion, level);
    }
    if (noise > 0)
        settle(motion, motion->level);
    udm_flow_fetch(motion, flow);
}

// One search, wherever it takes place.
typedef struct searching {
    udm_flow *motion;
    const float *from, *to;
    float noise;
    float *flow;
} searching;

static bool search(void *context, udm_error *error)
{
    const searching *s = context;
    udm_flow_estimate(s->motion, s->from, s->to, s->noise, s->flow);
    return !s->motion->device || s->motion->device->ops->finish(s->motion->device, error);
}

static bool search_here(void *context, udm_device *to, udm_error *error)
{
    leave_device(((const searching *)context)->motion);
    return true;
}

bool udm_flow_find(udm_flow *motion, const float *from, const float *to, float noise, float *flow, udm_error *error)
{
    searching s = { motion, from, to, noise, flow };
    return motion->device ? udm_fallback_run(motion->device, &(udm_fallback){ &s, search, search_here }, error)
                          : search(&s, error);
}
