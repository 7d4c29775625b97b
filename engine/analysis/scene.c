// SPDX-License-Identifier: LGPL-2.1-or-later
// A hard cut is where two frames, shrunk until their noise is gone and less their means a and b, do not correlate:
// d = sum (a - b)^2 / sum (a^2 + b^2) is 1 - correlation, up to contrast; and where motion does not explain it: d is
// still high if each block takes what fits it best nearby in the other frame (inter against intra cost, as encoders
// decide it), whichever of the two is the other: what something hides or uncovers is found in one of them.
#include "analysis/scene.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    COLUMNS = UDM_SCENE_COLUMNS,
    ROWS = UDM_SCENE_ROWS,
    BLOCK = 4,
    LANES = 16,
    REACH = 3, // of motion between two frames: a tenth of the width
};

// Over eight clips and random pairs of their frames: motion stays under 0.16 without its compensation, but for traffic
// close to the lens (0.45), and under 0.07 with it; 99 of 100 cuts lie over 0.43 and 0.15.
static const double still_limit = 0.3, moved_limit = 0.11;

// Below this contrast (variance, 0-255 scale) a frame is too flat to find a cut by.
static const double least_contrast = 36;

// Of two changes in a row that go on, the smaller is a quarter of the larger or more, and they have this cosine. Those
// that return are half of each other or more, and are changes of light: cells change by a twentieth of the range or
// more in the mean, and nearly all in one direction.
static const double least_ratio = 0.25, least_cosine = 0.5, least_returning = 0.5, least_flash = 12, least_alike = 0.7;

typedef udm_scene_look grid;

struct udm_scene {
    int channels, width, height;
    int columns, rows;
    udm_pool *pool; // or NULL
    bool began;
    grid before;
    double unrest; // a running mean of d in this scene
};

udm_scene *udm_scene_new(int channels, int width, int height, udm_error *error)
{
    udm_scene *scene = calloc(1, sizeof *scene);
    if (!scene) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for scene cuts");
        return NULL;
    }
    scene->channels = channels, scene->width = width, scene->height = height;
    scene->columns = width < COLUMNS ? width : COLUMNS;
    scene->rows = height < ROWS ? height : ROWS;
    return scene;
}

void udm_scene_free(udm_scene *scene)
{
    free(scene);
}

void udm_scene_use(udm_scene *scene, udm_pool *pool)
{
    scene->pool = pool;
}

void udm_scene_reset(udm_scene *scene)
{
    scene->began = false;
    scene->unrest = 0;
}

static int edge(int i, int count, int size)
{
    return (int)((long long)i * size / count);
}

// The sum of `count` pixels, at most LANES, of rows [top, bottom): down first, which takes vectors.
static double strip_sum(const float *line, int width, int top, int bottom, int count)
{
    float sums[LANES] = { 0 }, sum = 0;
    line += (size_t)top * width;
    for (int y = top; y < bottom; y++, line += width)
        for (int i = 0; i < count; i++)
            sums[i] += line[i];
    for (int i = 0; i < count; i++)
        sum += sums[i];
    return sum;
}

// The mean of a cell over the channels. planes: [channels, height, width]
static double cell_mean(const udm_scene *scene, const float *planes, int row, int column)
{
    const int left = edge(column, scene->columns, scene->width), right = edge(column + 1, scene->columns, scene->width);
    const int top = edge(row, scene->rows, scene->height), bottom = edge(row + 1, scene->rows, scene->height);
    double sum = 0;
    for (int c = 0; c < scene->channels; c++) {
        const float *plane = planes + (size_t)c * scene->height * scene->width;
        int x = left;
        for (; right - x >= LANES; x += LANES)
            sum += strip_sum(plane + x, scene->width, top, bottom, LANES);
        if (x < right)
            sum += strip_sum(plane + x, scene->width, top, bottom, right - x);
    }
    return sum / ((double)scene->channels * (right - left) * (bottom - top));
}

typedef struct shrinking {
    const udm_scene *scene;
    const float *planes;
    udm_scene_look *to;
} shrinking;

static void shrink_row(void *context, int row, int worker)
{
    const shrinking *job = context;
    const int columns = job->scene->columns;
    for (int x = 0; x < columns; x++)
        job->to->cells[row * columns + x] = 127.5f * (float)cell_mean(job->scene, job->planes, row, x);
}

void udm_scene_shrink(const udm_scene *scene, const float *planes, udm_scene_look *to)
{
    int count = scene->rows * scene->columns;
    to->mean = to->contrast = 0;
    udm_pool_run(scene->pool, scene->rows, shrink_row, &(shrinking){ scene, planes, to });
    for (int i = 0; i < count; i++)
        to->mean += to->cells[i] / count;
    for (int i = 0; i < count; i++) {
        to->cells[i] -= (float)to->mean;
        to->contrast += to->cells[i] * to->cells[i] / count;
    }
}

typedef struct block {
    int x, y, width, height;
} block;

// Of the cells of a block of a and those that lie (dx, dy) from it in b.
static float block_error(const udm_scene *scene, const grid *a, const grid *b, block at, int dx, int dy)
{
    float sum = 0;
    for (int y = at.y; y < at.y + at.height; y++) {
        int here = y * scene->columns + at.x, there = here + dy * scene->columns + dx;
        for (int x = 0; x < at.width; x++) {
            float difference = a->cells[here + x] - b->cells[there + x];
            sum += difference * difference;
        }
    }
    return sum;
}

static float best_error(const udm_scene *scene, const grid *a, const grid *b, block at, int reach)
{
    float best = INFINITY;
    for (int dy = -reach; dy <= reach; dy++) {
        if (at.y + dy < 0 || at.y + dy + at.height > scene->rows)
            continue;
        for (int dx = -reach; dx <= reach; dx++) {
            if (at.x + dx >= 0 && at.x + dx + at.width <= scene->columns)
                best = fminf(best, block_error(scene, a, b, at, dx, dy));
        }
    }
    return best;
}

// d, with the blocks of b moved by as much as reach. noise: its variance in a cell.
static double distance(const udm_scene *scene, const grid *a, const grid *b, int reach, double noise)
{
    double cells = (double)scene->rows * scene->columns, error = 0;
    for (int y = 0; y < scene->rows; y += BLOCK) {
        for (int x = 0; x < scene->columns; x += BLOCK) {
            int width = scene->columns - x, height = scene->rows - y;
            block at = { x, y, width < BLOCK ? width : BLOCK, height < BLOCK ? height : BLOCK };
            error += best_error(scene, a, b, at, reach) / cells;
        }
    }
    // What noise adds to the error is taken off, of which the best of many fits has lost about half already; and where
    // there is no contrast it must not pass for one.
    double added = reach > 0 ? noise : 2 * noise;
    return fmax(error - added, 0) / (a->contrast + b->contrast + least_contrast + 4 * noise);
}

// What motion does not explain, whichever of the two is the other.
static double unexplained(const udm_scene *scene, const grid *a, const grid *b, double noise)
{
    return fmin(distance(scene, a, b, REACH, noise), distance(scene, b, a, REACH, noise));
}

static bool is_cut(udm_scene *scene, const grid *now, double sigma)
{
    const grid *before = &scene->before;
    double samples = (double)scene->channels * scene->width * scene->height;
    double noise = sigma * sigma * scene->rows * scene->columns / samples;
    double still = distance(scene, now, before, 0, noise);
    // In a scene that is always in motion, a cut must stand out from that.
    bool cut = still > fmax(still_limit, 2 * scene->unrest) && unexplained(scene, now, before, noise) > moved_limit;
    scene->unrest = cut ? 0 : scene->unrest + (still - scene->unrest) / 4;
    return cut;
}

bool udm_scene_begins(udm_scene *scene, const float *planes, double sigma)
{
    grid now;
    udm_scene_shrink(scene, planes, &now);
    bool begins = !scene->began || is_cut(scene, &now, sigma);
    scene->began = true;
    scene->before = now;
    return begins;
}

double udm_scene_change(const udm_scene *scene, const udm_scene_look *a, const udm_scene_look *b)
{
    // Both on the scale of the first, so that one limit serves.
    const double still = distance(scene, a, b, 0, 0);
    const double moved = unexplained(scene, a, b, 0) * still_limit / moved_limit;
    return fmin(fmin(still, moved), 1);
}

// Of two changes: sums over cells of their products, of the cells themselves, and of how large those are.
typedef struct changes {
    double first_first, first_second, second_second, sums[2], sizes[2];
} changes;

static changes changes_of(const udm_scene *scene, const grid *first, const grid *second, const grid *third)
{
    changes all = { 0 };
    const double brighter[2] = { second->mean - first->mean, third->mean - second->mean };
    for (int i = 0; i < scene->rows * scene->columns; i++) {
        const double a = second->cells[i] - first->cells[i] + brighter[0];
        const double b = third->cells[i] - second->cells[i] + brighter[1];
        all.first_first += a * a, all.first_second += a * b, all.second_second += b * b;
        all.sums[0] += a, all.sums[1] += b, all.sizes[0] += fabs(a), all.sizes[1] += fabs(b);
    }
    return all;
}

static bool are_flashes(const udm_scene *scene, const changes *c)
{
    for (int i = 0; i < 2; i++)
        if (c->sizes[i] < least_flash * scene->rows * scene->columns || fabs(c->sums[i]) < least_alike * c->sizes[i])
            return false;
    return true;
}

udm_scene_course udm_scene_course_of(const udm_scene *scene, const udm_scene_look *first, const udm_scene_look *second,
                                     const udm_scene_look *third)
{
    const changes c = changes_of(scene, first, second, third);
    const double larger = sqrt(fmax(c.first_first, c.second_second)),
                 smaller = sqrt(fmin(c.first_first, c.second_second));
    const double alike = least_cosine * larger * smaller;
    if (c.first_second > alike && smaller >= least_ratio * larger)
        return UDM_SCENE_GOES_ON;
    if (c.first_second < -alike && smaller >= least_returning * larger && are_flashes(scene, &c))
        return UDM_SCENE_RETURNS;
    return UDM_SCENE_TURNS;
}
