// SPDX-License-Identifier: LGPL-2.1-or-later
// A frame at an instant t between two pictures, 0 at the first and 1 at the second:
//
// 1. Optical flow is found both ways. The better it fits, the larger its importance is.
// 2. Were motion straight, a pixel p of the first with motion F would be at p + t F. Both flows are splatted there, by
//    importance (Niklaus and Liu, "Softmax Splatting for Video Frame Interpolation", CVPR 2020), and holes are filled
//    from around them by a pull-push pyramid (Gortler et al., "The Lumigraph", SIGGRAPH 1996).
// 3. Along the motion at t both pictures are warped backwards, and their mean is taken, weighted by how well each is
//    known: a picture that moves otherwise where it is sampled shows something that is hidden at t.
// 4. Where motion explains no more than rest does, the pictures are cross-faded where they are.
//
// With the picture before the first or after the second, motion has an acceleration a (Xu et al., "Quadratic Video
// Interpolation", NeurIPS 2019), which takes a pixel a (t^2 - t) / 2 off the straight way.
// kernels/reference.c has the equations.
#include "interp/synthesis.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/host.h"
#include "backend/lanczos.h"
#include "base/maths.h"
#include "interp/kernels/kernels.h"
#include "interp/light.h"
#include "interp/overlay.h"
#include "flow/optical_flow.h"
#include "tensor/alpha.h"
#include "tensor/planes.h"

enum {
    BAND = UDM_SYNTHESIS_CELL, // rows of a job: a row of cells
    MAX_LEVELS = 32,
    BORDER = UDM_SYNTHESIS_BORDER,
    SQUARE = 8, // side of what is looked at for the longest motion
};

struct udm_synthesis {
    udm_synthesis_job job;
    const udm_synthesis_ops *ops;
    udm_pool *pool;
    udm_flow *motion;
    udm_overlay *overlay;
    udm_light *light;
    bool lit;                 // luma of the second picture is not its own, but has the light of the first
    float *luma[2], *flow[3]; // the third: from the second picture to the one after it
    udm_packed levels[MAX_LEVELS];
    int level_count;
    float *memory;
};

// ---- memory

// Takes floats from the memory; while it is only measured, there is none.
typedef struct arena {
    float *memory;
    size_t next;
} arena;

static float *take(arena *from, size_t floats)
{
    float *taken = from->memory ? from->memory + from->next : NULL;
    from->next += floats;
    return taken;
}

static udm_packed take_packed(arena *from, int width, int height, int border)
{
    const ptrdiff_t stride = width + 2 * border;
    float *taken = take(from, 4 * (size_t)stride * (size_t)(height + 2 * border));
    return (udm_packed){ width, height, stride, taken ? taken + 4 * (border * stride + border) : NULL };
}

static void take_levels(udm_synthesis *m, arena *from)
{
    int width = udm_divide_up(m->job.width, 2), height = udm_divide_up(m->job.height, 2);
    m->level_count = 0;
    for (bool last = false; !last; width = (width + 1) / 2, height = (height + 1) / 2) {
        last = width == 1 && height == 1;
        m->levels[m->level_count++] = take_packed(from, width, height, 0);
    }
}

// Luma shares its memory with the levels, which come after it, and what is splatted with the warped pictures. Returns
// how many floats that takes.
static size_t lay_out(udm_synthesis *m, float *memory)
{
    udm_synthesis_job *job = &m->job;
    const size_t n = (size_t)job->width * (size_t)job->height;
    arena all = { memory, 0 };
    job->mean = take(&all, job->channels * n);
    job->still = take(&all, n);
    job->cells = take_packed(&all, udm_divide_up(job->width, UDM_SYNTHESIS_CELL),
                             udm_divide_up(job->height, UDM_SYNTHESIS_CELL), 0);
    job->tints = take_packed(&all, job->cells.width, job->cells.height, 0);
    for (int k = 0; k < 2; k++) {
        udm_synthesis_view *view = &job->views[k];
        view->pixels = take_packed(&all, job->width, job->height, BORDER);
        view->motion = take_packed(&all, job->width, job->height, BORDER);
        view->acceleration = take_packed(&all, udm_divide_up(job->width, UDM_SYNTHESIS_BEND),
                                         udm_divide_up(job->height, UDM_SYNTHESIS_BEND), BORDER);
        view->support = take(&all, n);
        arena shared = all;
        view->splatted = take_packed(&all, udm_divide_up(job->width, 2), udm_divide_up(job->height, 2), 1);
        view->warped = take(&shared, job->channels * n);
        view->variance = take(&shared, n);
        all.next = all.next > shared.next ? all.next : shared.next;
    }
    for (int i = 0; i < 3; i++)
        m->flow[i] = take(&all, 2 * n);
    arena shared = all;
    take_levels(m, &all);
    for (int k = 0; k < 2; k++)
        job->views[k].luma = m->luma[k] = take(&shared, n);
    return all.next > shared.next ? all.next : shared.next;
}

udm_synthesis *udm_synthesis_new_with(const udm_synthesis_ops *ops, int width, int height, int channels, udm_pool *pool,
                                      udm_error *error)
{
    udm_synthesis *m = calloc(1, sizeof *m);
    if (!m) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for motion");
        return NULL;
    }
    m->job.width = width, m->job.height = height, m->job.channels = channels;
    m->pool = pool, m->ops = ops;
    m->motion = udm_flow_new(width, height, pool, error); // which refuses sizes that are too large
    if (m->motion)
        udm_flow_hurry(m->motion);
    m->overlay = m->motion ? udm_overlay_new(width, height, pool, error) : NULL;
    m->light = m->overlay ? udm_light_new(width, height, pool, error) : NULL;
    m->memory = m->light ? (float *)udm_host_alloc(NULL, lay_out(m, NULL) * sizeof(float), NULL) : NULL;
    if (m->light && !m->memory)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the motion of frames of %dx%d", width, height);
    if (!m->memory) {
        udm_synthesis_free(m);
        return NULL;
    }
    lay_out(m, m->memory);
    for (int phase = 0; phase <= UDM_SYNTHESIS_PHASES; phase++)
        udm_lanczos_weights((double)phase / UDM_SYNTHESIS_PHASES, m->job.lanczos[phase]);
    return m;
}

udm_synthesis *udm_synthesis_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    return udm_synthesis_new_with(udm_synthesis_ops_for(pool), width, height, channels, pool, error);
}

void udm_synthesis_free(udm_synthesis *synthesis)
{
    if (!synthesis)
        return;
    udm_flow_free(synthesis->motion);
    udm_overlay_free(synthesis->overlay);
    udm_light_free(synthesis->light);
    udm_host_free(NULL, (udm_memory *)synthesis->memory);
    free(synthesis);
}

// ---- rows

typedef struct band_job {
    const udm_synthesis_job *job;
    udm_synthesis_row row;
    int k, rows;
} band_job;

static void run_band(void *context, int index, int worker)
{
    const band_job *b = context;
    for (int y = index * BAND; y < (index + 1) * BAND && y < b->rows; y++)
        b->row(b->job, b->k, y);
}

static void for_rows(udm_synthesis *m, udm_synthesis_row row, int k, int rows)
{
    udm_pool_run(m->pool, udm_divide_up(rows, BAND), run_band, &(band_job){ &m->job, row, k, rows });
}

// ---- a pair

static void find_luma(const udm_synthesis *m, const float *picture, float *luma)
{
    const size_t pixels = (size_t)m->job.width * m->job.height;
    if (m->job.channels == 4)
        udm_alpha_luma(picture, pixels, luma);
    else
        udm_planes_to_luma(picture, m->job.channels, pixels, luma);
}

static void find_lumas(void *context, int k, int worker)
{
    const udm_synthesis *m = context;
    find_luma(m, m->job.views[k].picture, m->luma[k]);
}

// outer: the motion to the picture on the other side.
static void accelerate(udm_synthesis *m, int k, const float *outer, double gap)
{
    udm_synthesis_view *view = &m->job.views[k];
    view->accelerated = true, view->outer_flow = outer, view->outer_gap = (float)gap;
    for_rows(m, m->ops->accelerate, k, view->acceleration.height);
}

static void find_flow(udm_synthesis *m, bool foreseen)
{
    if (foreseen) {
        float *known = m->flow[2];
        m->flow[2] = m->flow[0], m->flow[0] = known;
    } else {
        udm_flow_estimate(m->motion, m->luma[0], m->luma[1], 0, m->flow[0]);
    }
    m->job.views[0].flow = m->flow[0], m->job.views[1].flow = m->flow[1];
}

void udm_synthesis_pair(udm_synthesis *m, const float *first, const float *second, const udm_synthesis_history *history)
{
    m->job.views[0].picture = first, m->job.views[1].picture = second;
    m->job.views[0].accelerated = m->job.views[1].accelerated = false;
    udm_pool_run(m->pool, 2, find_lumas, m);
    m->lit = udm_light_match(m->light, m->luma) == 1;
    find_flow(m, history && history->foreseen);
    if (history && history->gap > 0)
        accelerate(m, 0, m->flow[1], history->gap); // which still leads from the first to the one before it
    udm_flow_estimate(m->motion, m->luma[1], m->luma[0], 0, m->flow[1]);
    for (int k = 0; k < 2; k++)
        for_rows(m, m->ops->pack, k, m->job.height);
    for (int k = 0; k < 2; k++)
        for_rows(m, m->ops->importance, k, udm_divide_up(m->job.height, 2));
    if (udm_overlay_take_off(m->overlay, &m->job))
        for (int k = 0; k < 2; k++)
            for_rows(m, m->ops->importance, k, udm_divide_up(m->job.height, 2));
}

void udm_synthesis_follow(udm_synthesis *m, const float *after, double gap)
{
    find_luma(m, after, m->luma[0]);
    if (m->lit)
        find_luma(m, m->job.views[1].picture, m->luma[1]);
    udm_light_match(m->light, (float *const[2]){ m->luma[1], m->luma[0] });
    udm_flow_estimate(m->motion, m->luma[1], m->luma[0], 0, m->flow[2]);
    accelerate(m, 1, m->flow[2], gap);
}

// Squared slopes of luma, up to that of an edge, where x and y lie in the picture.
static double slope_at(const udm_packed *motion, const float *at)
{
    const double across = 0.5 * ((double)at[4 + 2] - at[-4 + 2]);
    const double down = 0.5 * ((double)at[4 * motion->stride + 2] - at[-4 * motion->stride + 2]);
    return fmin(across * across + down * down, 1e-2);
}

// Of one picture, beside the other: sums of slopes of all that there is, of what is unexplained, and of what lies
// still.
static void add_change(const udm_packed *motion, const udm_packed *other, double sums[3])
{
    for (int y = 0; y < motion->height; y++)
        for (int x = 0; x < motion->width; x++) {
            const ptrdiff_t i = 4 * (y * motion->stride + x);
            const double slope = slope_at(motion, motion->at + i);
            sums[0] += slope;
            sums[1] += motion->at[i + 3] < UDM_LEAST_EXPLAINED ? slope : 0;
            sums[2] += fabsf(motion->at[i + 2] - other->at[i + 2]) < UDM_SAME_LUMA ? slope : 0;
        }
}

udm_synthesis_change udm_synthesis_measure_change(const udm_synthesis *m)
{
    double sums[3] = { 0 };
    for (int k = 0; k < 2; k++)
        add_change(&m->job.views[k].motion, &m->job.views[!k].motion, sums);
    return sums[0] > 0 ? (udm_synthesis_change){ sums[1] / sums[0], sums[2] / sums[0] }
                       : (udm_synthesis_change){ 1, 0 };
}

// The mean motion of a square, squared.
static double motion_of(const udm_synthesis *m, int left, int top)
{
    const int width = m->job.width, right = left + SQUARE < width ? left + SQUARE : width;
    const int bottom = top + SQUARE < m->job.height ? top + SQUARE : m->job.height;
    const float *u = m->flow[0], *v = u + (size_t)width * m->job.height;
    double sum_u = 0, sum_v = 0;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            const size_t at = (size_t)y * width + x;
            sum_u += u[at], sum_v += v[at];
        }
    const double pixels = (right - left) * (bottom - top);
    return (sum_u * sum_u + sum_v * sum_v) / (pixels * pixels);
}

double udm_synthesis_longest(const udm_synthesis *m)
{
    enum { BINS = 512, FASTEST = 100 }; // one of so many squares may be faster
    const double bin = 0.5;
    int counts[BINS] = { 0 }, squares = 0, longest = BINS - 1;
    for (int y = 0; y < m->job.height; y += SQUARE)
        for (int x = 0; x < m->job.width; x += SQUARE, squares++)
            counts[(int)fmin(sqrt(motion_of(m, x, y)) / bin, BINS - 1)]++;
    for (int left = squares / FASTEST; longest > 0 && left >= counts[longest]; longest--)
        left -= counts[longest];
    return longest > 0 ? (longest + 1) * bin : 0;
}

// ---- an instant

// Rows of a picture are splatted onto each other, so each picture is one job.
static void splat(void *context, int k, int worker)
{
    udm_synthesis *m = context;
    const udm_packed *to = &m->job.views[k].splatted;
    memset(to->at - 4 * (to->stride + 1), 0, 4 * sizeof(float) * (size_t)to->stride * (size_t)(to->height + 2));
    for (int y = 0; y < to->height; y++)
        m->ops->splat(&m->job, k, y);
}

// The motion at the instant, into levels[0]: the pyramid is pulled up and pushed down.
static void fill_holes(udm_synthesis *m)
{
    udm_synthesis_job *job = &m->job;
    job->fine = &m->levels[0];
    for_rows(m, m->ops->merge, 0, job->fine->height);
    for (int i = 1; i < m->level_count; i++) {
        job->fine = &m->levels[i - 1], job->coarse = &m->levels[i];
        for_rows(m, m->ops->pull, 0, job->coarse->height);
    }
    for (int i = m->level_count - 1; i >= 0; i--) {
        job->fine = &m->levels[i], job->coarse = i + 1 < m->level_count ? &m->levels[i + 1] : NULL;
        for_rows(m, m->ops->push, 0, job->fine->height);
    }
    job->filled = &m->levels[0];
}

// A row of cells. Light is measured while what it is measured in is at hand.
static void warp_cells(void *context, int row, int worker)
{
    udm_synthesis *m = context;
    for (int y = row * BAND; y < (row + 1) * BAND && y < m->job.height; y++)
        m->ops->warp(&m->job, 0, y);
    udm_light_measure(m->light, &m->job, row);
}

void udm_synthesis_at(udm_synthesis *m, double position)
{
    m->job.position = (float)position;
    m->job.distance[0] = (float)position, m->job.distance[1] = (float)(1 - position);
    m->job.curve = (float)(position * (position - 1) / 2);
    udm_pool_run(m->pool, 2, splat, m);
    fill_holes(m);
    udm_pool_run(m->pool, m->job.cells.height, warp_cells, m);
    udm_light_follow(m->light, &m->job);
    for (int y = 0; y < m->job.cells.height; y++)
        m->ops->weigh_still(&m->job, 0, y);
    for_rows(m, m->ops->blend_still, 0, m->job.height);
    udm_overlay_put_on(m->overlay, &m->job, m->job.channels, m->job.mean, m->job.still);
}

void udm_synthesis_put_overlay(const udm_synthesis *synthesis, int channels, float *planes)
{
    udm_overlay_put_on(synthesis->overlay, &synthesis->job, channels, planes, NULL);
}

const float *udm_synthesis_warped(const udm_synthesis *synthesis, int which)
{
    return synthesis->job.views[which].warped;
}

const float *udm_synthesis_variance(const udm_synthesis *synthesis, int which)
{
    return synthesis->job.views[which].variance;
}

const float *udm_synthesis_support(const udm_synthesis *synthesis, int which)
{
    return synthesis->job.views[which].support;
}

const float *udm_synthesis_still(const udm_synthesis *synthesis)
{
    return synthesis->job.still;
}

const float *udm_synthesis_mean(const udm_synthesis *synthesis)
{
    return synthesis->job.mean;
}
