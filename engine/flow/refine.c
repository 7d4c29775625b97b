// SPDX-License-Identifier: LGPL-2.1-or-later
// The flow (u, v) that minimises, by the calculus of variations (Brox et al., "High Accuracy Optical Flow Estimation
// Based on a Theory for Warping", ECCV 2004; normalised as by Zimmer et al. 2011),
//
//     sum DATA psi((change + ix du + iy dv) / |grad|) + SMOOTHNESS psi(|grad u, grad v|),  psi(x) = sqrt(x^2 + KINK^2),
//
// linear around the flow found so far (du, dv: the step from there), psi' taken there, solved by red-black
// over-relaxation. One call of prepare, assemble and a few relaxations is one such step.
#include <math.h>
#include <string.h>

#include "flow/simd.h"

enum { PAD = UDM_FLOW_PAD, RUN = 128 }; // pixels assembled at once

INLINE const float *row_of(const udm_flow_level *level, const float *plane, int y)
{
    return plane + udm_clamp_index(y, level->height) * level->stride;
}

void NAME(udm_flow_expand)(const udm_flow_level *level, int y)
{
    const udm_flow_level *from = level->coarser;
    int above = udm_clamp_index((y - 1) >> 1, from->height), below = udm_clamp_index((y + 1) >> 1, from->height);
    float fy = y & 1 ? 0.25f : 0.75f;
    const float *const planes[2] = { from->u, from->v };
    float *const out[2] = { level->u + y * level->stride, level->v + y * level->stride };
    for (int i = 0; i < 2; i++) {
        const float *a = planes[i] + above * from->stride, *b = planes[i] + below * from->stride;
        float *to = out[i];
        for (int x = 0; 2 * x < level->width; x++) { // coarse pixel x lies between fine pixels 2 x and 2 x + 1
            float left = a[x - 1] + (b[x - 1] - a[x - 1]) * fy, right = a[x + 1] + (b[x + 1] - a[x + 1]) * fy;
            float middle = 2 * (a[x] + (b[x] - a[x]) * fy);
            to[2 * x] = 0.5f * left + 0.75f * middle;
            to[2 * x + 1] = 0.75f * middle + 0.5f * right;
        }
    }
}

static void warp(const udm_flow_level *level, int y)
{
    ptrdiff_t at = y * level->stride;
    int stride = (int)level->stride;
    const float *u = level->u + at, *v = level->v + at, *to = level->to, *from = level->from + at;
    float *mean = level->mean + at, *change = level->change + at;
    float right = level->width + PAD - 3, bottom = level->height + PAD - 3;
    INDEPENDENT
    for (int x = 0; x < level->width; x++) {
        float px = udm_clamp((float)x + u[x], 2 - PAD, right), py = udm_clamp((float)y + v[x], 2 - PAD, bottom);
        int ix = (int)(px + PAD) - PAD, iy = (int)(py + PAD) - PAD;
        int spot = iy * stride + ix;
        float fx = px - ix, fy = py - iy;
        float above = to[spot] + (to[spot + 1] - to[spot]) * fx;
        float below = to[spot + stride] + (to[spot + stride + 1] - to[spot + stride]) * fx;
        float warped = above + (below - above) * fy;
        mean[x] = 0.5f * (warped + from[x]);
        change[x] = warped - from[x];
    }
    repeat_ends(mean, level->width, 1);
}

static void diffuse(const udm_flow_level *level, int y)
{
    const float *u = row_of(level, level->u, y), *v = row_of(level, level->v, y);
    const float *u_above = row_of(level, level->u, y - 1), *u_below = row_of(level, level->u, y + 1);
    const float *v_above = row_of(level, level->v, y - 1), *v_below = row_of(level, level->v, y + 1);
    float *restrict out = level->diffusivity + y * level->stride;
    for (int x = 0; x < level->width; x++) {
        float ux = u[x + 1] - u[x - 1], uy = u_below[x] - u_above[x];
        float vx = v[x + 1] - v[x - 1], vy = v_below[x] - v_above[x];
        float square = 0.25f * (ux * ux + uy * uy + vx * vx + vy * vy);
        out[x] = UDM_FLOW_SMOOTHNESS / sqrtf(square + UDM_FLOW_KINK * UDM_FLOW_KINK);
    }
    repeat_ends(out, level->width, 1);
}

void NAME(udm_flow_prepare)(const udm_flow_level *level, int y)
{
    warp(level, y);
    diffuse(level, y);
}

// No links beyond the left and the upper border, and nothing to pull there: the memory was another level's before.
static void clear_border(const udm_flow_level *level, int y)
{
    float *const planes[] = { level->right, level->below, level->split_u, level->split_v };
    size_t bytes = (size_t)level->stride * sizeof(float);
    for (size_t i = 0; i < sizeof planes / sizeof *planes; i++) {
        float *row = planes[i] + y * level->stride;
        row[level->odd - 1] = 0; // left of the first pixel
        if (y == 0)
            memset(row - level->stride - PAD, 0, bytes);
        if (y == level->height - 1)
            memset(row + level->stride - PAD, 0, bytes);
    }
}

// What assemble() finds for RUN pixels of a row, before they are split by colour.
typedef struct run {
    float right[RUN], below[RUN], a12[RUN], b1[RUN], b2[RUN], scale1[RUN], scale2[RUN], u[RUN], v[RUN];
} run;

// Rows of planes around the run, all from its first pixel on.
typedef struct stencil {
    const float *mean[3], *change, *diffusivity[3], *u, *v;
    float above, below; // whether there are pixels there
} stencil;

// count pixels from column x on, of which the plane ends at `width`.
INLINE void assemble_run(const stencil *s, int x, int y, int count, const float size[2], float contrast, run *out)
{
    const float *const *m = s->mean, *g = s->diffusivity[1];
    for (int i = 0; i < count; i++) {
        float u = s->u[i], v = s->v[i], change = s->change[i], px = x + i + u, py = y + v;
        float ix = 0.5f * (m[1][i + 1] - m[1][i - 1]), iy = 0.5f * (m[2][i] - m[0][i]);
        float square = ix * ix + iy * iy + contrast; // the force: DATA / square / sqrt(change^2 / square + KINK^2)
        float force = UDM_FLOW_DATA / sqrtf(square * (change * change + UDM_FLOW_KINK * UDM_FLOW_KINK * square));
        force = px > -0.5f && py > -0.5f && px < size[0] - 0.5f && py < size[1] - 0.5f ? force : 0;
        float a11 = force * ix * ix, a12 = force * ix * iy, a22 = force * iy * iy;
        float left = x + i > 0 ? 0.5f * (g[i] + g[i - 1]) : 0,
              right = x + i + 1 < size[0] ? 0.5f * (g[i] + g[i + 1]) : 0;
        float above = s->above * 0.5f * (g[i] + s->diffusivity[0][i]);
        float below = s->below * 0.5f * (g[i] + s->diffusivity[2][i]);
        float links = left + right + above + below + 1e-6f; // a single pixel has none
        out->right[i] = right;
        out->below[i] = below;
        out->a12[i] = a12;
        out->b1[i] = a11 * u + a12 * v - force * ix * change + 1e-6f * u;
        out->b2[i] = a12 * u + a22 * v - force * iy * change + 1e-6f * v;
        float both = UDM_FLOW_OMEGA / ((a11 + links) * (a22 + links));
        out->scale1[i] = both * (a22 + links);
        out->scale2[i] = both * (a11 + links);
    }
}

INLINE void split(const udm_flow_level *level, float *restrict plane, ptrdiff_t at, const float *restrict from,
                  int count)
{
    for (int i = 0; 2 * i < count; i++)
        plane[at + i] = from[2 * i];
    for (int i = 0; 2 * i + 1 < count; i++)
        plane[at + level->odd + i] = from[2 * i + 1];
}

void NAME(udm_flow_assemble)(const udm_flow_level *level, int y)
{
    float size[2] = { level->width, level->height };
    clear_border(level, y);
    stencil s = { .above = y > 0, .below = y < level->height - 1 };
    for (int x = 0; x < level->width; x += RUN) {
        int count = level->width - x < RUN ? level->width - x : RUN;
        for (int i = 0; i < 3; i++) {
            s.mean[i] = row_of(level, level->mean, y + i - 1) + x;
            s.diffusivity[i] = row_of(level, level->diffusivity, y + i - 1) + x;
        }
        ptrdiff_t row = y * level->stride, at = row + x / 2;
        s.change = level->change + row + x;
        s.u = level->u + row + x;
        s.v = level->v + row + x;
        run out;
        assemble_run(&s, x, y, count, size, level->care.contrast, &out);
        split(level, level->right, at, out.right, count);
        split(level, level->below, at, out.below, count);
        split(level, level->a12, at, out.a12, count);
        split(level, level->b1, at, out.b1, count);
        split(level, level->b2, at, out.b2, count);
        split(level, level->scale1, at, out.scale1, count);
        split(level, level->scale2, at, out.scale2, count);
        split(level, level->split_u, at, s.u, count);
        split(level, level->split_v, at, s.v, count);
    }
}

// The even or the odd pixels of a row. Beyond the borders the links are 0, and there is padding to read.
INLINE void relax(const udm_flow_level *level, int y, bool odd)
{
    ptrdiff_t row = y * level->stride, mine = row + (odd ? level->odd : 0), left = row + (odd ? 0 : level->odd - 1);
    ptrdiff_t above = mine - level->stride, below = mine + level->stride;
    const float *restrict a12 = level->a12 + mine, *restrict b1 = level->b1 + mine, *restrict b2 = level->b2 + mine;
    const float *scale1 = level->scale1 + mine, *scale2 = level->scale2 + mine;
    const float *right_link = level->right + mine, *left_link = level->right + left;
    const float *below_link = level->below + mine, *above_link = level->below + above;
    float *u = level->split_u, *v = level->split_v;
    int count = odd ? level->width / 2 : (level->width + 1) / 2;
    INDEPENDENT
    for (int i = 0; i < count; i++) {
        float l = left_link[i], r = right_link[i], a = above_link[i], b = below_link[i];
        float pull_u = l * u[left + i] + r * u[left + 1 + i] + a * u[above + i] + b * u[below + i];
        float pull_v = l * v[left + i] + r * v[left + 1 + i] + a * v[above + i] + b * v[below + i];
        float new_u = (1 - UDM_FLOW_OMEGA) * u[mine + i] + scale1[i] * (b1[i] + pull_u - a12[i] * v[mine + i]);
        u[mine + i] = new_u;
        v[mine + i] = (1 - UDM_FLOW_OMEGA) * v[mine + i] + scale2[i] * (b2[i] + pull_v - a12[i] * new_u);
    }
}

void NAME(udm_flow_relax_red)(const udm_flow_level *level, int y)
{
    relax(level, y, y & 1);
}

void NAME(udm_flow_relax_black)(const udm_flow_level *level, int y)
{
    relax(level, y, !(y & 1));
}

void NAME(udm_flow_join)(const udm_flow_level *level, int y)
{
    ptrdiff_t row = y * level->stride;
    float *const planes[2] = { level->u + row, level->v + row };
    const float *const splits[2] = { level->split_u + row, level->split_v + row };
    for (int k = 0; k < 2; k++) {
        float *restrict to = planes[k];
        for (int i = 0; 2 * i < level->width;
             i++) // an even row writes one pixel of padding, which repeat_ends corrects
            to[2 * i] = splits[k][i], to[2 * i + 1] = splits[k][level->odd + i];
        repeat_ends(to, level->width, 1);
    }
}
