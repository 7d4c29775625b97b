// SPDX-License-Identifier: LGPL-2.1-or-later
// Motion is found by brightness that stays, and what only one picture shows has that one's brightness, so a fade must
// be told from both.
//
// Of a whole picture, light is a gain and an offset: those that give coarse cells, from the darkest to the brightest,
// wherever they moved to, the same mean and deviation, if little is left of their differences then.
//
// At an instant, light is looked for in cells: where both pictures, warped, show the same, their difference is fitted
// by what they show, d = o + s m, m being their mean and o apart for each channel, by least squares over the cells
// around one. It counts by 1 - (R + a little) / E, where E is the mean square of what that explains and R of what it
// does not. What one picture shows as a is then (1 - s / 2)^-1 (o + s a) brighter in the other, and what the other
// shows as b was (1 + s / 2)^-1 (o + s b) darker.
#include "interp/light.h"

#include <math.h>
#include <stdlib.h>

#include "base/maths.h"

enum { CELL = UDM_SYNTHESIS_CELL, CHANNELS = 4, COLUMNS = 32, ROWS = 18, STEP = 2, LEAST_SEEN = 24 };

// Luma and colours are in [-1, 1].
#define LEAST_LEFT .2f         // of squared differences: a match must leave less
#define LEAST_DIFFERENCE 1e-4f // mean squared, of what is worth a match: 1.3 of 255 levels
#define MOST_GAIN 16.f
#define LEAST_DEVIATION 4e-3f // half a level: less says nothing of the gain
#define MOST_SLOPE 1.8f       // a picture and black have 2
#define LEAST_SPREAD 1e-3f    // variance of what a slope is found by

// Of a cell: sums over what both show, then those around it, weighted; change is second less first.
typedef struct sums {
    float count, change[CHANNELS], mean[CHANNELS];
    float change_mean, mean_mean, change_change;
} sums;

// What one picture shows as x is offset + slope x brighter in the second than in the first.
typedef struct way {
    float offset[CHANNELS], slope;
} way;

typedef struct fit {
    way of[2]; // of what the first shows, and the second
    bool lit;
} fit;

struct udm_light {
    int width, height, columns, rows;
    udm_pool *pool;
    sums *cells; // [rows, columns]
    fit *fits;   // likewise
};

udm_light *udm_light_new(int width, int height, udm_pool *pool, udm_error *error)
{
    udm_light *light = calloc(1, sizeof *light);
    if (light) {
        *light =
            (udm_light){ width, height, udm_divide_up(width, CELL), udm_divide_up(height, CELL), pool, NULL, NULL };
        const size_t cells = (size_t)light->columns * (size_t)light->rows;
        light->cells = calloc(cells, sizeof *light->cells);
        light->fits = calloc(cells, sizeof *light->fits);
    }
    if (!light || !light->cells || !light->fits) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for light on frames of %dx%d", width, height);
        udm_light_free(light);
        return NULL;
    }
    return light;
}

void udm_light_free(udm_light *light)
{
    if (!light)
        return;
    free(light->cells);
    free(light->fits);
    free(light);
}

// ---- of whole pictures

// The means of coarse cells, in order, their mean, and their deviation from it.
typedef struct coarse {
    float cells[ROWS * COLUMNS];
    int count;
    double mean, deviation;
} coarse;

static float mean_of(const udm_light *light, const float *luma, int column, int row, int columns, int rows)
{
    const int left = column * light->width / columns, right = (column + 1) * light->width / columns;
    const int top = row * light->height / rows, bottom = (row + 1) * light->height / rows;
    double sum = 0;
    for (int y = top; y < bottom; y++) {
        float line = 0;
        for (int x = left; x < right; x++)
            line += luma[(size_t)y * (size_t)light->width + (size_t)x];
        sum += line;
    }
    return (float)(sum / ((double)(right - left) * (bottom - top)));
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

typedef struct match_job {
    const udm_light *light;
    float *const *luma;
    coarse of[2];
} match_job;

static void shrink(void *context, int k, int worker)
{
    match_job *match = context;
    const udm_light *light = match->light;
    const float *luma = match->luma[k];
    coarse *to = &match->of[k];
    const int columns = udm_min(light->width, COLUMNS), rows = udm_min(light->height, ROWS);
    to->count = columns * rows, to->mean = 0, to->deviation = 0;
    for (int i = 0; i < to->count; i++) {
        to->cells[i] = mean_of(light, luma, i % columns, i / columns, columns, rows);
        to->mean += to->cells[i] / to->count;
    }
    for (int i = 0; i < to->count; i++)
        to->deviation += (to->cells[i] - to->mean) * (to->cells[i] - to->mean) / to->count;
    to->deviation = sqrt(to->deviation);
    qsort(to->cells, (size_t)to->count, sizeof *to->cells, by_size);
}

typedef struct brighten_job {
    float *luma;
    int width, height;
    float gain, offset;
} brighten_job;

static void brighten(void *context, int row, int worker)
{
    const brighten_job *b = context;
    const int end = udm_min((row + 1) * CELL, b->height);
    for (size_t i = (size_t)row * CELL * (size_t)b->width; i < (size_t)end * (size_t)b->width; i++)
        b->luma[i] = b->gain * b->luma[i] + b->offset;
}

int udm_light_match(const udm_light *light, float *const luma[2])
{
    match_job match = { .light = light, .luma = luma };
    udm_pool_run(light->pool, 2, shrink, &match);
    const coarse *of = match.of;
    const int from = of[0].deviation < of[1].deviation ? 0 : 1;
    const coarse *faint = &of[from], *like = &of[!from];
    const bool flat = like->deviation < LEAST_DEVIATION;
    if (!flat && !(MOST_GAIN * faint->deviation > like->deviation))
        return -1;
    const double gain = flat ? 1 : like->deviation / faint->deviation, offset = like->mean - gain * faint->mean;
    double differs = 0, left = 0;
    for (int i = 0; i < faint->count; i++) {
        const double before = like->cells[i] - faint->cells[i],
                     after = like->cells[i] - gain * faint->cells[i] - offset;
        differs += before * before / faint->count, left += after * after / faint->count;
    }
    if (differs < LEAST_DIFFERENCE || left > LEAST_LEFT * differs)
        return -1;
    udm_pool_run(light->pool, light->rows, brighten,
                 &(brighten_job){ luma[from], light->width, light->height, (float)gain, (float)offset });
    return from;
}

// ---- at an instant

typedef struct follow_job {
    udm_light *light;
    const udm_synthesis_job *job;
} follow_job;

// Whether both pictures show the same, as far as motion tells.
static bool are_seen(const udm_synthesis_job *job, size_t at)
{
    for (int k = 0; k < 2; k++) {
        const float far = job->distance[k];
        if (!(job->views[k].variance[at] <= far * far * (UDM_WARP_VARIANCE + UDM_OCCLUSION_VARIANCE)))
            return false;
    }
    return true;
}

static void add_pixel(const udm_synthesis_job *job, size_t at, sums *to)
{
    const size_t n = (size_t)job->width * (size_t)job->height;
    to->count++;
    for (int c = 0; c < job->channels; c++) {
        const float a = job->views[0].warped[(size_t)c * n + at], b = job->views[1].warped[(size_t)c * n + at];
        const float change = b - a, mean = .5f * (a + b);
        to->change[c] += change, to->mean[c] += mean;
        to->change_mean += change * mean, to->mean_mean += mean * mean, to->change_change += change * change;
    }
}

void udm_light_measure(udm_light *light, const udm_synthesis_job *job, int row)
{
    for (int column = 0; column < light->columns; column++) {
        sums of = { 0 };
        for (int y = row * CELL; y < udm_min((row + 1) * CELL, light->height); y += STEP)
            for (int x = column * CELL; x < udm_min((column + 1) * CELL, light->width); x += STEP) {
                const size_t at = (size_t)y * (size_t)light->width + (size_t)x;
                if (are_seen(job, at))
                    add_pixel(job, at, &of);
            }
        light->cells[row * light->columns + column] = of;
    }
}

static sums sum_around(const udm_light *light, int column, int row)
{
    sums all = { 0 };
    for (int j = udm_max(row - 1, 0); j <= udm_min(row + 1, light->rows - 1); j++)
        for (int i = udm_max(column - 1, 0); i <= udm_min(column + 1, light->columns - 1); i++) {
            const sums *one = &light->cells[j * light->columns + i];
            const float weight = (i == column ? 2 : 1) * (j == row ? 2 : 1);
            all.count += weight * one->count, all.change_mean += weight * one->change_mean;
            all.mean_mean += weight * one->mean_mean, all.change_change += weight * one->change_change;
            for (int c = 0; c < CHANNELS; c++)
                all.change[c] += weight * one->change[c], all.mean[c] += weight * one->mean[c];
        }
    return all;
}

// The mean squared change that a fit explains, as cells have it.
typedef struct change {
    float grey, tint;
} change;

static fit fit_to(const sums *of, int channels, change *explained)
{
    fit found = { .lit = false };
    float covariance = of->change_mean / of->count, spread = of->mean_mean / of->count, square = 0, sum = 0, tint = 0;
    for (int c = 0; c < CHANNELS; c++) {
        const float by = of->change[c] / of->count, mean = of->mean[c] / of->count;
        covariance -= by * mean, spread -= mean * mean, square += by * by;
        if (c < 3)
            sum += by, tint += by * by;
    }
    const float slope = udm_clamp(covariance / (fmaxf(spread, 0) + LEAST_SPREAD), -MOST_SLOPE, MOST_SLOPE);
    const float sloped = (2 * covariance - slope * spread) * slope, all = of->change_change / of->count;
    tint = channels == 1 ? 0 : tint - sum * sum / 3;
    *explained = (change){ (square + sloped - tint) / (channels == 1 ? 1 : 3), tint / 3 };
    const float share = 1 - (fmaxf(all - (square + sloped), 0) + LEAST_DIFFERENCE) / (square + sloped + UDM_TINY);
    if (!(share > 0))
        return found;
    found.lit = true;
    for (int k = 0; k < 2; k++) {
        const float gain = share / (k ? 1 + .5f * slope : 1 - .5f * slope);
        found.of[k].slope = gain * slope;
        for (int c = 0; c < CHANNELS; c++)
            found.of[k].offset[c] = gain * (of->change[c] - slope * of->mean[c]) / of->count;
    }
    return found;
}

static void fit_cells(void *context, int row, int worker)
{
    const follow_job *f = context;
    const udm_light *light = f->light;
    for (int column = 0; column < light->columns; column++) {
        const sums around = sum_around(light, column, row);
        fit *found = &light->fits[row * light->columns + column];
        change explained = { 0 };
        *found = around.count >= LEAST_SEEN ? fit_to(&around, f->job->channels, &explained) : (fit){ .lit = false };
        if (!found->lit)
            continue;
        float *cell = f->job->cells.at + 4 * (row * f->job->cells.stride + column);
        float *tint = f->job->tints.at + 4 * (row * f->job->tints.stride + column);
        for (int i = 0; i < 2; i++) {
            cell[i] = fmaxf(cell[i] - cell[2] * explained.grey, 0);
            tint[i] = fmaxf(tint[i] - tint[2] * explained.tint, 0);
        }
    }
}

static void add_share(fit *to, const fit *from, float share)
{
    for (int k = 0; k < 2; k++) {
        for (int c = 0; c < CHANNELS; c++)
            to->of[k].offset[c] += share * from->of[k].offset[c];
        to->of[k].slope += share * from->of[k].slope;
    }
}

static void light_pixel(const udm_synthesis_job *job, size_t at, const way of[2], float t)
{
    const size_t n = (size_t)job->width * (size_t)job->height;
    const float variance[2] = { job->views[0].variance[at], job->views[1].variance[at] };
    const float second = variance[0] / (variance[0] + variance[1] + UDM_TINY);
    for (int c = 0; c < job->channels; c++) {
        const size_t i = (size_t)c * n + at;
        float *a = job->views[0].warped + i, *b = job->views[1].warped + i;
        *a += t * (of[0].offset[c] + of[0].slope * *a);
        *b -= (1 - t) * (of[1].offset[c] + of[1].slope * *b);
        job->mean[i] = *a + (*b - *a) * second;
    }
}

// Pixels between the middles of four cells, `columns` and `rows` of which may be the same.
static void light_pixels(const follow_job *f, const int columns[2], const int rows[2], int column, int row)
{
    const udm_light *light = f->light;
    const fit *corners[4];
    bool lit = false;
    for (int i = 0; i < 4; i++) {
        corners[i] = &light->fits[rows[i / 2] * light->columns + columns[i % 2]];
        lit |= corners[i]->lit;
    }
    const float t = udm_clamp(f->job->position, 0, 1);
    const int left = column * CELL + CELL / 2, top = row * CELL + CELL / 2;
    for (int y = udm_max(top, 0); lit && y < udm_min(top + CELL, light->height); y++)
        for (int x = udm_max(left, 0); x < udm_min(left + CELL, light->width); x++) {
            const float fx = ((float)(x - left) + .5f) / CELL, fy = ((float)(y - top) + .5f) / CELL;
            fit here = { .lit = true };
            for (int i = 0; i < 4; i++)
                add_share(&here, corners[i], (i % 2 ? fx : 1 - fx) * (i / 2 ? fy : 1 - fy));
            light_pixel(f->job, (size_t)y * (size_t)light->width + (size_t)x, here.of, t);
        }
}

static void light_row(void *context, int index, int worker)
{
    const follow_job *f = context;
    const int row = index - 1, rows[2] = { udm_max(row, 0), udm_min(row + 1, f->light->rows - 1) };
    for (int column = -1; column < f->light->columns; column++) {
        const int columns[2] = { udm_max(column, 0), udm_min(column + 1, f->light->columns - 1) };
        light_pixels(f, columns, rows, column, row);
    }
}

void udm_light_follow(udm_light *light, const udm_synthesis_job *job)
{
    follow_job f = { light, job };
    udm_pool_run(light->pool, light->rows, fit_cells, &f);
    udm_pool_run(light->pool, light->rows + 1, light_row, &f);
}
