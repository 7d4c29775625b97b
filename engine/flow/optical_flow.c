// SPDX-License-Identifier: LGPL-2.1-or-later
// From the top of the pyramid down: search patches, densify, refine. The operations are those of search.c and refine.c.
#include "flow/optical_flow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow/blocks.h"
#include "flow/with_ops.h"

enum {
    PAD = UDM_FLOW_PAD,
    MAX_LEVELS = 32,
    LEAST_SIDE = 20, // of the top level
    BAND = 8,        // rows of a job
    UPDATES = 3      // of the motion of the camera
};

// Gratings that repeat every 12 pixels repeat every 6 on the second level, where a search from rest finds what moves by
// less than half of that. The finest level begins close to where it ends, so that a second step of refinement is worth
// nothing on clips. Between denoised pictures, more smoothing finds more, and at the finest level more search finds
// what was left of the noise. Chosen on training clips of sigma 5 to 40.
static const udm_flow_effort clean = { .search = 8, .again = 6, .steps = 2, .relaxations = 3 },
                             clean_second = { .search = 8,
                                              .again = 6,
                                              .steps = 2,
                                              .relaxations = 3,
                                              .from_rest = true },
                             clean_finest = { .search = 8, .again = 6, .steps = 1, .relaxations = 3 },
                             noisy = { .search = 8, .again = 6, .steps = 2, .relaxations = 8 },
                             noisy_finest = { .search = 3, .again = 1, .steps = 1, .relaxations = 4 };

struct udm_flow {
    udm_pool *pool;
    const udm_flow_ops *ops;
    int levels;
    udm_flow_level level[MAX_LEVELS];
    float *memory;
    size_t floats;
};

// Takes floats from the memory; while it is only measured, `next` starts at 0 and nothing is used.
typedef struct arena {
    float *memory;
    size_t next;
    bool fits;
} arena;

static float *take(arena *from, size_t rows, size_t columns)
{
    size_t floats;
    float *taken = from->memory ? from->memory + from->next : NULL;
    from->fits &= !__builtin_mul_overflow(rows, columns, &floats) &&
                  !__builtin_add_overflow(from->next, floats, &from->next) && from->next < SIZE_MAX / sizeof(float);
    return taken;
}

// planes: where each is to be noted, and NULL.
static void take_planes(const udm_flow_level *l, float **const *planes, arena *from)
{
    for (; *planes; planes++) {
        float *plane = take(from, (size_t)l->height + 2 * PAD, (size_t)l->stride);
        **planes = plane ? plane + PAD * l->stride + PAD : NULL;
    }
}

static void take_patches(udm_flow_level *l, arena *from)
{
    float **patches[] = { &l->patch_u, &l->patch_v, &l->patch_error, &l->patch_mean,
                          &l->seen_u,  &l->seen_v,  &l->seen_error,  &l->seen_mean };
    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++)
        *patches[i] = take(from, (size_t)l->rows, (size_t)l->columns);
}

// What a level matches patches with makes way for what it refines with, and all that for the next level's. Returns
// where it ends.
static size_t place_work(udm_flow_level *l, arena work)
{
    arena match = work, refine = work;
    take_planes(l, (float **[]){ &l->dx, &l->dy, &l->weight, NULL }, &match);
    take_patches(l, &match);
    take_planes(l,
                (float **[]){ &l->mean, &l->change, &l->diffusivity, &l->split_u, &l->split_v, &l->right, &l->below,
                              &l->a12, &l->b1, &l->b2, &l->scale1, &l->scale2, NULL },
                &refine);
    if (!match.fits || !refine.fits)
        return 0;
    return match.next > refine.next ? match.next : refine.next;
}

static void take_blocks(udm_flow_blocks *b, arena *from)
{
    float **sums[] = { &b->unmoved, &b->found, &b->along, &b->rest_excess, &b->camera_excess,
                       &b->xx,      &b->xy,    &b->yy,    &b->xr,          &b->yr };
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        *sums[i] = take(from, (size_t)b->rows, (size_t)b->columns);
}

static void size_level(udm_flow_level *level, int width, int height)
{
    level->width = width;
    level->height = height;
    level->stride = ((ptrdiff_t)width + 15) / 16 * 16 + 2 * PAD;
    level->odd = width / 2 / 8 * 8 + 16;
    level->columns = udm_flow_patches(width);
    level->rows = udm_flow_patches(height);
    level->blocks.columns = (width + UDM_FLOW_BLOCK - 1) / UDM_FLOW_BLOCK;
    level->blocks.rows = (height + UDM_FLOW_BLOCK - 1) / UDM_FLOW_BLOCK;
}

// Sizes every level and places its planes; the floats they take, or 0 where that does not fit.
static size_t lay_out(udm_flow *motion, int width, int height, float *memory)
{
    arena all = { memory, 0, true };
    for (int k = 0; k < motion->levels; k++) {
        udm_flow_level *level = &motion->level[k];
        level->coarser = k + 1 < motion->levels ? level + 1 : NULL;
        size_level(level, width, height);
        take_planes(level, (float **[]){ &level->from, &level->to, &level->u, &level->v, NULL }, &all);
        width -= width / 2;
        height -= height / 2;
    }
    take_blocks(&motion->level[0].blocks, &all);
    for (int k = motion->levels - 1; k > 0; k--)
        place_work(&motion->level[k], all);
    return all.fits ? place_work(&motion->level[0], all) : 0; // the largest
}

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
        motion->floats = lay_out(motion, width, height, NULL);
        motion->memory = motion->floats ? calloc(motion->floats, sizeof(float)) : NULL;
    }
    if (!motion || !motion->memory) {
        udm_flow_free(motion);
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to find motion in pictures of %d x %d", width, height);
        return NULL;
    }
    lay_out(motion, width, height, motion->memory);
    return motion;
}

udm_flow *udm_flow_new(int width, int height, udm_pool *pool, udm_error *error)
{
    return udm_flow_new_with(udm_flow_ops_for(pool), width, height, pool, error);
}

void udm_flow_free(udm_flow *motion)
{
    if (motion)
        free(motion->memory);
    free(motion);
}

size_t udm_flow_memory(const udm_flow *motion)
{
    return motion->floats * sizeof(float);
}

typedef struct band_job {
    const udm_flow_level *level;
    udm_flow_row row;
    int first, end, band;
} band_job;

static void run_band(void *context, int index, int worker)
{
    const band_job *job = context;
    int first = job->first + index * job->band, end = job->end - first < job->band ? job->end : first + job->band;
    for (int y = first; y < end; y++)
        job->row(job->level, y);
}

static void for_rows(udm_flow *motion, udm_flow_row row, const udm_flow_level *level, int first, int end, int band)
{
    band_job job = { level, row, first, end, band };
    udm_pool_run(motion->pool, (end - first + band - 1) / band, run_band, &job);
}

static void for_pixels(udm_flow *motion, udm_flow_row row, const udm_flow_level *level)
{
    for_rows(motion, row, level, 0, level->height, BAND);
}

static void for_patches(udm_flow *motion, udm_flow_row row, const udm_flow_level *level)
{
    for_rows(motion, row, level, 0, level->rows, 1);
}

// Repeats the borders into the padding.
static void extend(const udm_flow_level *level, float *plane)
{
    size_t bytes = (size_t)level->stride * sizeof(float);
    float *first = plane - PAD, *last = first + (level->height - 1) * level->stride;
    for (int y = 0; y < level->height; y++) {
        float *row = plane + y * level->stride;
        for (ptrdiff_t x = 0; x < PAD; x++)
            row[x - PAD] = row[0];
        for (ptrdiff_t x = level->width; x < level->stride - PAD; x++)
            row[x] = row[level->width - 1];
    }
    for (ptrdiff_t y = 1; y <= PAD; y++) {
        memcpy(first - y * level->stride, first, bytes);
        memcpy(last + y * level->stride, last, bytes);
    }
}

// (1 3 3 1) / 8 along each axis: less is left of fine patterns than by the mean of four pixels, which turns them into
// coarser ones that seem to move otherwise. What lies at at[-step] to at[2 step].
static inline float low_pass(const float *at, ptrdiff_t step)
{
    return (at[-step] + at[2 * step] + 3 * (at[0] + at[step])) * 0.125f;
}

// row: scratch, as long as one of the fine level with its padding.
static void halve(const udm_flow_level *fine, const float *from, const udm_flow_level *level, float *to, float *row)
{
    for (int y = 0; y < level->height; y++) {
        float *out = to + y * level->stride;
        for (int x = -1; x < 2 * level->width + 1; x++)
            row[x] = low_pass(from + 2 * y * fine->stride + x, fine->stride);
        for (int x = 0; x < level->width; x++)
            out[x] = low_pass(row + 2 * x, 1);
    }
    extend(level, to);
}

// Where there was noise, the mean: the less a denoiser left of fine patterns, the more is lost of them.
static void halve_denoised(const udm_flow_level *fine, const float *from, const udm_flow_level *level, float *to)
{
    for (int y = 0; y < level->height; y++) {
        const float *above = from + 2 * y * fine->stride, *below = above + fine->stride;
        float *row = to + y * level->stride;
        for (int x = 0; x < level->width; x++)
            row[x] = 0.25f * (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]);
    }
    extend(level, to);
}

typedef struct pyramid_job {
    udm_flow *motion;
    const float *pictures[2];
    bool denoised;
} pyramid_job;

static void build_pyramid(void *context, int index, int worker)
{
    const pyramid_job *job = context;
    udm_flow_level *level = job->motion->level;
    float *plane = index ? level->to : level->from;
    for (int y = 0; y < level->height; y++)
        memcpy(plane + y * level->stride, job->pictures[index] + (size_t)y * level->width,
               level->width * sizeof(float));
    extend(level, plane);
    for (int k = 1; k < job->motion->levels; k++) {
        float *next = index ? level[k].to : level[k].from;
        if (job->denoised)
            halve_denoised(&level[k - 1], plane, &level[k], next);
        else
            halve(&level[k - 1], plane, &level[k], next, index ? level->u : level->v);
        plane = next;
    }
}

static void start_at_rest(const udm_flow_level *level)
{
    for (int y = 0; y < level->height; y++) {
        memset(level->u + y * level->stride, 0, level->width * sizeof(float));
        memset(level->v + y * level->stride, 0, level->width * sizeof(float));
    }
}

static void match_patches(udm_flow *motion, const udm_flow_level *level)
{
    const udm_flow_ops *ops = motion->ops;
    size_t bytes = (size_t)level->rows * level->columns * sizeof(float);
    for_rows(motion, ops->gradient, level, 1 - PAD, level->height + PAD - 1, BAND);
    for_patches(motion, ops->search, level);
    memcpy(level->seen_u, level->patch_u, bytes);
    memcpy(level->seen_v, level->patch_v, bytes);
    memcpy(level->seen_error, level->patch_error, bytes);
    memcpy(level->seen_mean, level->patch_mean, bytes);
    for_patches(motion, ops->propagate, level);
    for_pixels(motion, ops->densify, level);
}

static void refine(udm_flow *motion, const udm_flow_level *level)
{
    const udm_flow_ops *ops = motion->ops;
    for (int step = 0; step < level->effort.steps; step++) {
        for_pixels(motion, ops->prepare, level);
        for_pixels(motion, ops->assemble, level);
        for (int i = 0; i < level->effort.relaxations; i++) {
            for_pixels(motion, ops->relax_red, level);
            for_pixels(motion, ops->relax_black, level);
        }
        for_pixels(motion, ops->join, level);
    }
}

static void for_blocks(udm_flow *motion, udm_flow_row row, const udm_flow_level *level)
{
    for_rows(motion, row, level, 0, level->blocks.rows, 1);
}

static void measure(udm_flow *motion, const udm_flow_level *level)
{
    for_pixels(motion, motion->ops->prepare, level);
    for_blocks(motion, udm_flow_measure, level);
}

// Leaves the motion of the camera in u, v, and what was there in split_u, split_v.
static void follow_camera(udm_flow *motion, udm_flow_level *level)
{
    level->moves = udm_flow_camera_fit(level);
    if (!level->moves)
        return;
    for_blocks(motion, udm_flow_keep, level);
    for (int i = 0; i < UPDATES; i++) {
        for_blocks(motion, udm_flow_follow, level);
        measure(motion, level);
        udm_flow_camera_improve(level);
    }
    for_blocks(motion, udm_flow_follow, level);
    measure(motion, level);
    for_blocks(motion, udm_flow_fit, level);
    level->most_move = udm_flow_most_move(level);
}

static void settle(udm_flow *motion, udm_flow_level *level)
{
    measure(motion, level);
    for_blocks(motion, udm_flow_compare, level);
    for_blocks(motion, udm_flow_rest, level);
    follow_camera(motion, level);
    for_blocks(motion, udm_flow_settle, level);
}

static void copy_out(const udm_flow_level *level, const float *plane, float *to)
{
    for (int y = 0; y < level->height; y++)
        memcpy(to + (size_t)y * level->width, plane + y * level->stride, level->width * sizeof(float));
}

static udm_flow_effort effort_for(float noise, int level)
{
    if (noise > 0)
        return level > 0 ? noisy : noisy_finest;
    return level == 0 ? clean_finest : level == 1 ? clean_second : clean;
}

void udm_flow_estimate(udm_flow *motion, const float *from, const float *to, float noise, float *flow)
{
    for (int k = 0; k < motion->levels; k++) {
        motion->level[k].care = udm_flow_care_for(noise);
        motion->level[k].effort = effort_for(noise, k);
    }
    udm_pool_run(motion->pool, 2, build_pyramid, &(pyramid_job){ motion, { from, to }, noise > 0 });
    start_at_rest(&motion->level[motion->levels - 1]);
    for (int k = motion->levels - 1; k >= 0; k--) {
        const udm_flow_level *level = &motion->level[k];
        if (level->coarser)
            for_pixels(motion, motion->ops->expand, level);
        match_patches(motion, level);
        refine(motion, level);
    }
    udm_flow_level *finest = &motion->level[0];
    if (noise > 0)
        settle(motion, finest);
    copy_out(finest, finest->u, flow);
    copy_out(finest, finest->v, flow + (size_t)finest->width * finest->height);
}
