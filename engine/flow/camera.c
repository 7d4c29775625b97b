// SPDX-License-Identifier: LGPL-2.1-or-later
// The motion of the whole picture, as a camera makes it that pans, turns, zooms or rolls over what is far away: six
// figures, by least squares over blocks.
#include <math.h>
#include <stdlib.h>

#include "flow/blocks.h"

enum {
    BLOCK = UDM_FLOW_BLOCK,
    LEAST_BLOCKS = 12,
    ROUNDS = 5, // of looking for the motion that most share,
    SHIFTS = 3, // of which the first look for a shift alone
};

#define FIRST_SCALE 4. // pixels by which blocks may be apart from it, halved from round to round
#define DAMPING 5e-3 // relative to the terms of the shift; those of its variation are 0.04 of them over a whole picture
#define LEAST_DAMPING 1e-6
#define MOST_WRONG 3.f // a block that fits so many times worse than along the flow found does not follow the camera

// J^T J and -J^T r for the six figures.
typedef struct normal {
    double a[6][7];
    int count;
} normal;

// The measurements of a block: its middle, and five sums over its pixels.
typedef struct measurement {
    double x, y;
    double xx, xy, yy, xr, yr;
} measurement;

static void add(normal *to, const measurement *e)
{
    const double at[3] = { 1, e->x, e->y };
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            const double both = at[i] * at[j];
            to->a[i][j] += both * e->xx;
            to->a[i][3 + j] += both * e->xy;
            to->a[3 + i][j] += both * e->xy;
            to->a[3 + i][3 + j] += both * e->yy;
        }
        to->a[i][6] -= at[i] * e->xr;
        to->a[3 + i][6] -= at[i] * e->yr;
    }
    to->count++;
}

// By elimination, damped: the terms that vary over the picture are damped more the fewer blocks measure them, and may
// take a few steps. False if nothing has a gradient.
static bool solve(normal *n, double damping, double step[6])
{
    const double strength = n->a[0][0] + n->a[3][3];
    for (int k = 0; k < 6; k++) {
        n->a[k][k] += (k % 3 ? damping : LEAST_DAMPING) * strength;
        const double pivot = n->a[k][k];
        if (!(pivot > 0) || !isfinite(pivot))
            return false;
        for (int i = k + 1; i < 6; i++) {
            const double share = n->a[i][k] / pivot;
            for (int j = k; j < 7; j++)
                n->a[i][j] -= share * n->a[k][j];
        }
    }
    for (int k = 5; k >= 0; k--) {
        step[k] = n->a[k][6];
        for (int j = k + 1; j < 6; j++)
            step[k] -= n->a[k][j] * step[j];
        step[k] /= n->a[k][k];
    }
    double sum = 0;
    for (int k = 0; k < 6; k++)
        sum += step[k];
    return isfinite(sum);
}

static bool improve(udm_flow_camera *camera, double damping, normal *by)
{
    double step[6];
    if (by->count < LEAST_BLOCKS || !solve(by, damping, step))
        return false;
    for (int i = 0; i < 3; i++) {
        camera->u[i] += step[i];
        camera->v[i] += step[3 + i];
    }
    return true;
}

typedef struct place {
    int at;      // of the block
    double x, y; // its middle, in widths from that of the picture
} place;

static place middle_of(const udm_flow_level *level, int column, int row)
{
    const int x = udm_clamp_index(column * BLOCK + BLOCK / 2, level->width);
    const int y = udm_clamp_index(row * BLOCK + BLOCK / 2, level->height);
    return (place){ row * level->blocks.columns + column, (x - 0.5 * (level->width - 1)) / level->width,
                    (y - 0.5 * (level->height - 1)) / level->width };
}

static void motion_at(const udm_flow_camera *camera, const place *p, double *u, double *v)
{
    *u = camera->u[0] + camera->u[1] * p->x + camera->u[2] * p->y;
    *v = camera->v[0] + camera->v[1] * p->x + camera->v[2] * p->y;
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float median(float *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

// A shift by the median of the blocks' flows. xr and yr serve as scratch: nothing was measured yet of the camera's
// motion.
static bool start(udm_flow_level *level)
{
    const udm_flow_blocks *b = &level->blocks;
    int count = 0;
    for (int row = 0; row < b->rows; row++)
        for (int column = 0; column < b->columns; column++) {
            const place p = middle_of(level, column, row);
            if (!udm_flow_excessive(b->rest_excess[p.at]))
                continue;
            b->xr[count] = b->middle_u[p.at];
            b->yr[count++] = b->middle_v[p.at];
        }
    level->camera = (udm_flow_camera){ { 0 }, { 0 } };
    if (count < LEAST_BLOCKS)
        return false;
    level->camera.u[0] = median(b->xr, count);
    level->camera.v[0] = median(b->yr, count);
    return true;
}

bool udm_flow_camera_fit(udm_flow_level *level)
{
    const udm_flow_blocks *b = &level->blocks;
    double scale = FIRST_SCALE;
    bool found = start(level);
    for (int round = 0; round < ROUNDS && found; round++, scale /= 2) {
        normal n = { .count = 0 };
        for (int row = 0; row < b->rows; row++)
            for (int column = 0; column < b->columns; column++) {
                const place p = middle_of(level, column, row);
                double u, v;
                if (!udm_flow_excessive(b->rest_excess[p.at]))
                    continue;
                motion_at(&level->camera, &p, &u, &v);
                u -= b->middle_u[p.at];
                v -= b->middle_v[p.at];
                const double weight = (b->xx[p.at] + b->yy[p.at]) / (1 + (u * u + v * v) / (scale * scale));
                add(&n, &(measurement){ p.x, p.y, weight, 0, weight, weight * u, weight * v });
            }
        found = improve(&level->camera, round < SHIFTS ? 1e3 : DAMPING, &n);
    }
    return found;
}

void udm_flow_camera_improve(udm_flow_level *level)
{
    const udm_flow_blocks *b = &level->blocks;
    normal n = { .count = 0 };
    for (int row = 0; row < b->rows; row++)
        for (int column = 0; column < b->columns; column++) {
            const place p = middle_of(level, column, row);
            if (!udm_flow_excessive(b->rest_excess[p.at]) || !(b->along[p.at] < MOST_WRONG * b->found[p.at]))
                continue;
            add(&n, &(measurement){ p.x, p.y, b->xx[p.at], b->xy[p.at], b->yy[p.at], b->xr[p.at], b->yr[p.at] });
        }
    improve(&level->camera, DAMPING, &n);
}
