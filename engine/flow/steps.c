// SPDX-License-Identifier: LGPL-2.1-or-later
// On the host rows are filled by the operations of level.h; a device is given what it does for the whole level at once.
#include "flow/steps.h"

#include <string.h>

#include "flow/blocks.h"

enum { PAD = UDM_FLOW_PAD, BAND = 8 }; // rows of a job

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

// A picture of a level; row: scratch, as for halve().
static void make_picture(const udm_flow *motion, const udm_flow_level *level, int index)
{
    float *plane = index ? level->to : level->from;
    const udm_flow_level *finer = level - 1;
    if (level == motion->level) {
        for (int y = 0; y < level->height; y++)
            memcpy(plane + y * level->stride, motion->pictures[index] + (size_t)y * level->width,
                   level->width * sizeof(float));
        extend(level, plane);
    } else if (motion->denoised) {
        halve_denoised(finer, index ? finer->to : finer->from, level, plane);
    } else {
        halve(finer, index ? finer->to : finer->from, level, plane, index ? motion->level->u : motion->level->v);
    }
}

typedef struct picture_job {
    const udm_flow *motion;
    const udm_flow_level *level;
} picture_job;

static void picture_part(void *context, int index, int worker)
{
    const picture_job *job = context;
    make_picture(job->motion, job->level, index);
}

static void start_at_rest(const udm_flow_level *level)
{
    for (int y = 0; y < level->height; y++) {
        memset(level->u + y * level->stride, 0, level->width * sizeof(float));
        memset(level->v + y * level->stride, 0, level->width * sizeof(float));
    }
}

// What the neighbours look at.
static void see_patches(const udm_flow_level *level)
{
    const size_t bytes = (size_t)level->rows * level->columns * sizeof(float);
    memcpy(level->seen_u, level->patch_u, bytes);
    memcpy(level->seen_v, level->patch_v, bytes);
    memcpy(level->seen_error, level->patch_error, bytes);
    memcpy(level->seen_mean, level->patch_mean, bytes);
}

static band_job rows_of(const udm_flow *motion, udm_motion_step step, const udm_flow_level *level)
{
    const udm_flow_ops *ops = motion->ops;
    const udm_flow_row rows[UDM_MOTION_STEPS] = {
        [UDM_MOTION_GRADIENT] = ops->gradient,       [UDM_MOTION_EXPAND] = ops->expand,
        [UDM_MOTION_SEARCH] = ops->search,           [UDM_MOTION_PROPAGATE] = ops->propagate,
        [UDM_MOTION_DENSIFY] = ops->densify,         [UDM_MOTION_PREPARE] = ops->prepare,
        [UDM_MOTION_ASSEMBLE] = ops->assemble,       [UDM_MOTION_RELAX_RED] = ops->relax_red,
        [UDM_MOTION_RELAX_BLACK] = ops->relax_black, [UDM_MOTION_JOIN] = ops->join,
        [UDM_MOTION_MEASURE] = udm_flow_measure,     [UDM_MOTION_COMPARE] = udm_flow_compare,
        [UDM_MOTION_REST] = udm_flow_rest,           [UDM_MOTION_FIT] = udm_flow_fit,
        [UDM_MOTION_KEEP] = udm_flow_keep,           [UDM_MOTION_FOLLOW] = udm_flow_follow,
        [UDM_MOTION_SETTLE] = udm_flow_settle,
    };
    if (step == UDM_MOTION_GRADIENT)
        return (band_job){ level, rows[step], 1 - PAD, level->height + PAD - 1, BAND };
    if (step == UDM_MOTION_SEARCH || step == UDM_MOTION_PROPAGATE)
        return (band_job){ level, rows[step], 0, level->rows, 1 };
    if (step >= UDM_MOTION_MEASURE)
        return (band_job){ level, rows[step], 0, level->blocks.rows, 1 };
    return (band_job){ level, rows[step], 0, level->height, BAND };
}

static void step_here(udm_flow *motion, udm_motion_step step, const udm_flow_level *level)
{
    if (step == UDM_MOTION_PICTURE) {
        udm_pool_run(motion->pool, 2, picture_part, &(picture_job){ motion, level });
        return;
    }
    if (step == UDM_MOTION_EXPAND && !level->coarser) {
        start_at_rest(level);
        return;
    }
    if (step == UDM_MOTION_PROPAGATE)
        see_patches(level);
    band_job job = rows_of(motion, step, level);
    udm_pool_run(motion->pool, (job.end - job.first + job.band - 1) / job.band, run_band, &job);
}

static int place_of(const udm_flow *motion, const float *plane)
{
    return (int)(plane - motion->memory);
}

// For a device. What is not of the step may be of another level, as levels share their memory.
static udm_motion_level describe(const udm_flow *motion, const udm_flow_level *l)
{
#define AT(name) .name = place_of(motion, l->name)
#define SUM(name) .name = place_of(motion, motion->level->blocks.name)
    udm_motion_level there = {
        .width = l->width,
        .height = l->height,
        .stride = (int)l->stride,
        .columns = l->columns,
        .rows = l->rows,
        .block_columns = l->blocks.columns,
        .block_rows = l->blocks.rows,
        AT(from),
        AT(to),
        AT(dx),
        AT(dy),
        AT(u),
        AT(v),
        AT(mean),
        AT(change),
        AT(diffusivity),
        AT(right),
        AT(below),
        AT(a12),
        AT(b1),
        AT(b2),
        AT(scale1),
        AT(scale2),
        .kept_u = place_of(motion, l->split_u),
        .kept_v = place_of(motion, l->split_v),
        AT(patch_u),
        AT(patch_v),
        AT(patch_error),
        AT(patch_mean),
        AT(seen_u),
        AT(seen_v),
        AT(seen_error),
        AT(seen_mean),
        SUM(unmoved),
        SUM(found),
        SUM(along),
        SUM(rest_excess),
        SUM(camera_excess),
        SUM(xx),
        SUM(xy),
        SUM(yy),
        SUM(xr),
        SUM(yr),
        SUM(middle_u),
        SUM(middle_v),
        .planes = (int)motion->floats,
        .search = l->effort.search,
        .again = l->effort.again,
        .from_rest = l->effort.from_rest,
        .denoised = motion->denoised,
        .moves = l->moves,
        .most_move = l->most_move,
        .damp = l->care.damp,
        .least_miss = l->care.least_miss,
        .contrast = l->care.contrast,
        .camera_u0 = (float)l->camera.u[0],
        .camera_u1 = (float)l->camera.u[1],
        .camera_u2 = (float)l->camera.u[2],
        .camera_v0 = (float)l->camera.v[0],
        .camera_v1 = (float)l->camera.v[1],
        .camera_v2 = (float)l->camera.v[2],
    };
#undef AT
#undef SUM
    if (l != motion->level) {
        there.finer_from = place_of(motion, l[-1].from);
        there.finer_to = place_of(motion, l[-1].to);
        there.finer_stride = (int)l[-1].stride;
    }
    if (l->coarser) {
        there.coarser_u = place_of(motion, l->coarser->u);
        there.coarser_v = place_of(motion, l->coarser->v);
        there.coarser_width = l->coarser->width;
        there.coarser_height = l->coarser->height;
        there.coarser_stride = (int)l->coarser->stride;
    }
    return there;
}

static udm_tensor planes_there(const udm_flow *motion, int first, int count)
{
    const udm_flow_level *l = motion->level;
    const size_t pixels = (size_t)l->width * l->height;
    return (udm_tensor){ .memory = motion->there,
                         .offset = (motion->floats + first * pixels) * sizeof(float),
                         .shape = { count, l->height, l->width },
                         .layout = UDM_PLANAR };
}

static void step_there(udm_flow *motion, udm_motion_step step, const udm_flow_level *level)
{
    const udm_ops *ops = motion->device->ops;
    const udm_tensor pictures[2] = { planes_there(motion, 0, 1), planes_there(motion, 1, 1) };
    const udm_motion_level there = describe(motion, level);
    if (step == UDM_MOTION_PICTURE && level == motion->level)
        ops->upload(motion->device, pictures, motion->pictures, 2);
    if (step != UDM_MOTION_JOIN)
        ops->motion(motion->device, step, &there, motion->there);
}

void udm_flow_step(udm_flow *motion, udm_motion_step step, const udm_flow_level *level)
{
    (motion->device ? step_there : step_here)(motion, step, level);
}

void udm_flow_fetch_blocks(udm_flow *motion)
{
    const udm_flow_blocks *b = &motion->level->blocks;
    const udm_tensor sums = { .memory = motion->there,
                              .offset = (size_t)(b->unmoved - motion->memory) * sizeof(float),
                              .shape = { UDM_FLOW_SUMS, b->rows, b->columns },
                              .layout = UDM_PLANAR };
    if (motion->device)
        motion->device->ops->download(motion->device, &(float *){ b->unmoved }, &sums, 1);
}

static void copy_out(const udm_flow_level *level, const float *plane, float *to)
{
    for (int y = 0; y < level->height; y++)
        memcpy(to + (size_t)y * level->width, plane + y * level->stride, level->width * sizeof(float));
}

void udm_flow_fetch(udm_flow *motion, float *flow)
{
    const udm_flow_level *finest = motion->level;
    const udm_tensor there = planes_there(motion, 0, 2);
    if (motion->device) {
        udm_flow_step(motion, UDM_MOTION_OUT, finest);
        motion->device->ops->download(motion->device, &flow, &there, 1);
        return;
    }
    copy_out(finest, finest->u, flow);
    copy_out(finest, finest->v, flow + (size_t)finest->width * finest->height);
}
