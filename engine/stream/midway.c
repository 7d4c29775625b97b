// SPDX-License-Identifier: LGPL-2.1-or-later
// Motion is straight from picture to picture, so a pixel p of the first with motion F is at p + t F at the instant t.
// Both motions are put down there (forward splatting), more firmly the better they fit (Niklaus and Liu, "Softmax
// Splatting for Video Frame Interpolation", CVPR 2020); where nothing landed it is what lies around. A picture that is
// fetched along the motion at t, but moves otherwise where it is fetched, shows something that is hidden at t.
#include "stream/midway.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stream/motion.h"
#include "stream/warp.h"
#include "tensor/image.h"

enum { BAND = 8, MAX_LEVELS = 32 };

// Chosen on training clips. Luma is in [-1, 1], motion in pixels.
#define MISS_SCALE 10.f       // a motion that misses by a squared luma of 1 / 10 is put down e times more softly,
#define MISMATCH_SCALE 0.3f   // and so is one that the way back misses by 3 squared pixels
#define LEAST_FIT 1e-4f       // but never more softly than this
#define LEAST_HIT 0.01f       // with less than this put down on a pixel, its surroundings have a say
#define NEAR_VARIANCE 1e-2f   // of a picture that is moved by one whole gap,
#define APART_VARIANCE 3e-3f  // and for each squared pixel by which the motions disagree,
#define MOST_MISMATCH 16.f    // which is at most this
#define OUTSIDE_VARIANCE 1e2f // of what lies outside of the picture

typedef struct grid {
    int width, height;
    float *u, *v, *hit; // [height, width]: motion and how firmly it was put down
} grid;

struct udm_midway {
    int width, height, channels;
    udm_pool *pool;
    udm_motion *motion;
    const float *pictures[2];
    float *luma[2];
    float *flow[2]; // [2, height, width]: from each picture to the other
    float *fit[2];  // how firmly each motion is put down
    float *put[2];  // [3, height, width]: what each picture's motion puts down
    grid levels[MAX_LEVELS];
    int level_count;
    float *back[2]; // [2, height, width]: from the instant to each picture
    float *fetched; // [2, height, width]: the motion where a picture is fetched
    float *planes[2], *variance[2], *valid, *mean;
    float *memory;
};

static size_t count_pixels(const udm_midway *m)
{
    return (size_t)m->width * (size_t)m->height;
}

static int bands(int height)
{
    return (height + BAND - 1) / BAND;
}

// The sizes of the pyramid; returns how many floats its planes need.
static size_t plan_levels(udm_midway *m)
{
    size_t values = 0;
    int width = m->width, height = m->height;
    for (m->level_count = 0; m->level_count < MAX_LEVELS; m->level_count++) {
        m->levels[m->level_count] = (grid){ .width = width, .height = height };
        values += 3 * (size_t)width * (size_t)height;
        if (width == 1 && height == 1) {
            m->level_count++;
            break;
        }
        width = (width + 1) / 2, height = (height + 1) / 2;
    }
    return values;
}

static float *take(float **next, size_t values)
{
    float *taken = *next;
    *next += values;
    return taken;
}

static void lay_out(udm_midway *m)
{
    const size_t n = count_pixels(m);
    float *next = m->memory;
    for (int k = 0; k < 2; k++) {
        m->luma[k] = take(&next, n);
        m->flow[k] = take(&next, 2 * n);
        m->fit[k] = take(&next, n);
        m->put[k] = take(&next, 3 * n);
        m->back[k] = take(&next, 2 * n);
        m->planes[k] = take(&next, m->channels * n);
        m->variance[k] = take(&next, n);
    }
    m->fetched = take(&next, 2 * n);
    m->valid = take(&next, n);
    m->mean = take(&next, m->channels * n);
    for (int i = 0; i < m->level_count; i++) {
        grid *level = &m->levels[i];
        const size_t values = (size_t)level->width * (size_t)level->height;
        level->u = take(&next, values);
        level->v = take(&next, values);
        level->hit = take(&next, values);
    }
}

udm_midway *udm_midway_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    udm_midway *m = calloc(1, sizeof *m);
    if (!m) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for motion");
        return NULL;
    }
    m->width = width, m->height = height, m->channels = channels, m->pool = pool;
    const size_t values = plan_levels(m) + (23 + 3 * (size_t)channels) * count_pixels(m);
    m->motion = udm_motion_new(width, height, pool, error);
    m->memory = m->motion ? calloc(values, sizeof(float)) : NULL;
    if (m->motion && !m->memory)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the motion of frames of %dx%d", width, height);
    if (!m->memory) {
        udm_midway_free(m);
        return NULL;
    }
    lay_out(m);
    return m;
}

void udm_midway_free(udm_midway *midway)
{
    if (!midway)
        return;
    udm_motion_free(midway->motion);
    free(midway->memory);
    free(midway);
}

// How well the motion of a picture fits: what it finds in the other, and how well it agrees with the way back.
static void judge(udm_midway *m, int k)
{
    const size_t n = count_pixels(m);
    const float *const flows[2] = { m->flow[k], m->flow[!k] };
    float *moved = m->planes[0], *fit = m->fit[k]; // planes hold nothing yet
    const udm_moving what = { m->width, m->height, 1, UDM_BILINEAR, m->flow[k], m->luma[!k] };
    udm_flow_mismatch(m->pool, m->width, m->height, flows, fit);
    udm_warp(m->pool, &what, moved, NULL);
    for (size_t i = 0; i < n; i++) {
        const float miss = moved[i] - m->luma[k][i];
        fit[i] = LEAST_FIT + expf(-MISS_SCALE * miss * miss - MISMATCH_SCALE * fminf(fit[i], MOST_MISMATCH));
    }
}

void udm_midway_pair(udm_midway *m, const float *first, const float *second)
{
    m->pictures[0] = first, m->pictures[1] = second;
    for (int k = 0; k < 2; k++)
        udm_planes_to_luma(m->pictures[k], m->channels, count_pixels(m), m->luma[k]);
    for (int k = 0; k < 2; k++)
        udm_motion_estimate(m->motion, m->luma[k], m->luma[!k], m->flow[k]);
    for (int k = 0; k < 2; k++)
        judge(m, k);
}

typedef struct instant {
    udm_midway *m;
    float part[2]; // of its motion that each picture goes, and how far away it so is
} instant;

// One picture's motion on the grid of the instant; its sign is that of first to second.
static void put_down(void *context, int k, int worker)
{
    const instant *at = context;
    const udm_midway *m = at->m;
    const size_t n = count_pixels(m);
    const float *u = m->flow[k], *v = u + n, sign = k ? -1.f : 1.f, near = fmaxf(1 - fabsf(at->part[k]), 0.05f);
    float *put = m->put[k];
    memset(put, 0, 3 * n * sizeof *put);
    for (size_t i = 0; i < n; i++) {
        const float x = (float)(i % m->width) + at->part[k] * u[i], y = (float)(i / m->width) + at->part[k] * v[i];
        if (!(x > -1 && x < (float)m->width && y > -1 && y < (float)m->height))
            continue;
        const int left = (int)floorf(x), top = (int)floorf(y);
        const float fx = x - (float)left, fy = y - (float)top, weight = near * m->fit[k][i];
        for (int corner = 0; corner < 4; corner++) {
            const int px = left + (corner & 1), py = top + (corner >> 1);
            if (px < 0 || py < 0 || px >= m->width || py >= m->height)
                continue;
            const float part = weight * (corner & 1 ? fx : 1 - fx) * (corner >> 1 ? fy : 1 - fy);
            float *to = put + (size_t)py * m->width + px;
            to[0] += part;
            to[n] += part * sign * u[i];
            to[2 * n] += part * sign * v[i];
        }
    }
}

// Sums of 2x2, for where nothing landed.
static void coarsen(const grid *fine, grid *coarse)
{
    memset(coarse->u, 0, (size_t)coarse->width * coarse->height * sizeof(float));
    memset(coarse->v, 0, (size_t)coarse->width * coarse->height * sizeof(float));
    memset(coarse->hit, 0, (size_t)coarse->width * coarse->height * sizeof(float));
    for (int y = 0; y < fine->height; y++)
        for (int x = 0; x < fine->width; x++) {
            const size_t from = (size_t)y * fine->width + x, to = (size_t)(y / 2) * coarse->width + x / 2;
            coarse->u[to] += fine->u[from];
            coarse->v[to] += fine->v[from];
            coarse->hit[to] += fine->hit[from];
        }
}

// Sums become means; where too little was put down, what the coarser level has fills up.
static void refine(const grid *coarse, grid *fine)
{
    for (int y = 0; y < fine->height; y++)
        for (int x = 0; x < fine->width; x++) {
            const size_t at = (size_t)y * fine->width + x, from = (size_t)(y / 2) * coarse->width + x / 2;
            const float lack = fmaxf(LEAST_HIT - fine->hit[at], 0) + 1e-12f, sum = fine->hit[at] + lack;
            fine->u[at] = (fine->u[at] + lack * coarse->u[from]) / sum;
            fine->v[at] = (fine->v[at] + lack * coarse->v[from]) / sum;
        }
}

// The motion at the instant, into levels[0].
static void settle(udm_midway *m)
{
    const size_t n = count_pixels(m);
    grid *finest = &m->levels[0], *last = &m->levels[m->level_count - 1];
    for (size_t i = 0; i < n; i++) {
        finest->hit[i] = m->put[0][i] + m->put[1][i];
        finest->u[i] = m->put[0][n + i] + m->put[1][n + i];
        finest->v[i] = m->put[0][2 * n + i] + m->put[1][2 * n + i];
    }
    for (int i = 1; i < m->level_count; i++)
        coarsen(&m->levels[i - 1], &m->levels[i]);
    const float sum = last->hit[0] + 1e-12f;
    last->u[0] /= sum, last->v[0] /= sum;
    for (int i = m->level_count - 2; i >= 0; i--)
        refine(&m->levels[i + 1], &m->levels[i]);
}

// A picture at the instant, and how well it is known there.
static void fetch(const instant *at, int k)
{
    udm_midway *m = at->m;
    const size_t n = count_pixels(m);
    const grid *motion = &m->levels[0];
    const float away = at->part[k], sign = k ? -1.f : 1.f;
    for (size_t i = 0; i < n; i++) {
        m->back[k][i] = -sign * away * motion->u[i];
        m->back[k][n + i] = -sign * away * motion->v[i];
    }
    udm_moving what = { m->width, m->height, m->channels, UDM_LANCZOS_3, m->back[k], m->pictures[k] };
    udm_warp(m->pool, &what, m->planes[k], m->valid);
    what.channels = 2, what.filter = UDM_BILINEAR, what.planes = m->flow[k];
    udm_warp(m->pool, &what, m->fetched, NULL);
    for (size_t i = 0; i < n; i++) {
        const float du = sign * m->fetched[i] - motion->u[i], dv = sign * m->fetched[n + i] - motion->v[i];
        const float apart = fminf(du * du + dv * dv, MOST_MISMATCH);
        m->variance[k][i] = m->valid[i] > 0 ? away * away * (NEAR_VARIANCE + APART_VARIANCE * apart) : OUTSIDE_VARIANCE;
    }
}

static void mean_band(void *context, int index, int worker)
{
    udm_midway *m = context;
    const size_t n = count_pixels(m), first = (size_t)index * BAND * m->width;
    const size_t after = first + (size_t)BAND * m->width, end = after < n ? after : n;
    for (size_t i = first; i < end; i++) {
        const float v0 = m->variance[0][i], v1 = m->variance[1][i], share = v0 / (v0 + v1 + 1e-12f);
        for (int c = 0; c < m->channels; c++) {
            const float a = m->planes[0][c * n + i], b = m->planes[1][c * n + i];
            m->mean[c * n + i] = a + share * (b - a);
        }
    }
}

void udm_midway_at(udm_midway *m, double position)
{
    instant at = { .m = m, .part = { (float)position, (float)(1 - position) } };
    udm_pool_run(m->pool, 2, put_down, &at);
    settle(m);
    for (int k = 0; k < 2; k++)
        fetch(&at, k);
    udm_pool_run(m->pool, bands(m->height), mean_band, m);
}

const float *udm_midway_planes(const udm_midway *midway, int which)
{
    return midway->planes[which];
}

const float *udm_midway_variance(const udm_midway *midway, int which)
{
    return midway->variance[which];
}

const float *udm_midway_mean(const udm_midway *midway)
{
    return midway->mean;
}
