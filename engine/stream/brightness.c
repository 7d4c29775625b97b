// SPDX-License-Identifier: LGPL-2.1-or-later
// For each block of BLOCK x BLOCK pixels and each channel, the mean m of what the guess lacks, weighted by
// w = 1 / (1 + d^2 / (FAR^2 u))^2 / u, where d is a pixel's difference and u the variance that it should have: a pixel
// that shows something else than the guess hardly counts (the influence function of Geman and McClure). m has the
// variance v = sum(w^2 u) / sum(w)^2, and counts as far as it stands out from that: by 1 - SURE v / m^2. Between the
// middles of blocks it is interpolated.
#include "stream/brightness.h"

#include <stdlib.h>

#include "stream/variance.h"

enum { BLOCK = 32, MOST_CHANNELS = 4 };

#define FAR 3.f
#define SURE 4.f
#define LEAST 1e-6f // variance: a tenth of a grey level

struct udm_brightness {
    int width, height, channels, columns, rows; // pixels; blocks
    udm_pool *pool;
    float offsets[]; // [channels, rows, columns]
};

static size_t blocks(const udm_brightness *brightness)
{
    return (size_t)brightness->columns * (size_t)brightness->rows;
}

udm_brightness *udm_brightness_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    if (width < 1 || height < 1 || channels < 1 || channels > MOST_CHANNELS) {
        udm_fail(error, UDM_ERROR_SETTINGS, "there is no brightness of %d planes of %d x %d", channels, width, height);
        return NULL;
    }
    const int columns = (width - 1) / BLOCK + 1, rows = (height - 1) / BLOCK + 1;
    const size_t floats = (size_t)columns * (size_t)rows * (size_t)channels;
    udm_brightness *brightness = malloc(sizeof *brightness + floats * sizeof(float));
    if (!brightness) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the brightness of %d planes", channels);
        return NULL;
    }
    *brightness = (udm_brightness){
        .width = width, .height = height, .channels = channels, .columns = columns, .rows = rows, .pool = pool
    };
    return brightness;
}

void udm_brightness_free(udm_brightness *brightness)
{
    free(brightness);
}

size_t udm_brightness_memory(const udm_brightness *brightness)
{
    return sizeof *brightness + blocks(brightness) * (size_t)brightness->channels * sizeof(float);
}

typedef struct match_job {
    udm_brightness *brightness;
    const udm_lit *lit;
    float *guess;
} match_job;

// Sums over the pixels of a column of a block: of w, of w^2 u and, for each channel, of w d.
typedef struct sums {
    float weight[BLOCK], variance[BLOCK], difference[MOST_CHANNELS][BLOCK];
} sums;

static void add_row(const match_job *job, size_t first, int count, sums *sums)
{
    const udm_brightness *brightness = job->brightness;
    const size_t plane = (size_t)brightness->width * (size_t)brightness->height;
    const float *frame = job->lit->frame + first, *guess = job->guess + first;
    const float *level = job->lit->level + first, *variance = job->lit->variance + first, unknown = job->lit->unknown;
    float square[BLOCK] = { 0 }, weight[BLOCK];
    for (int c = 0; c < brightness->channels; c++)
        for (int i = 0; i < count; i++) {
            const float d = frame[(size_t)c * plane + i] - guess[(size_t)c * plane + i];
            square[i] += d * d;
        }
    const float share = 1 / (FAR * FAR * (float)brightness->channels);
    for (int i = 0; i < count; i++) {
        const float both = variance_of(level[i], unknown) + variance[i], u = both > LEAST ? both : LEAST;
        const float near = u / (u + share * square[i]);
        weight[i] = variance[i] < unknown ? near * near / u : 0;
        sums->weight[i] += weight[i];
        sums->variance[i] += weight[i] * weight[i] * u;
    }
    for (int c = 0; c < brightness->channels; c++)
        for (int i = 0; i < count; i++)
            sums->difference[c][i] += weight[i] * (frame[(size_t)c * plane + i] - guess[(size_t)c * plane + i]);
}

static float sum(const float values[BLOCK])
{
    float total = 0;
    for (int i = 0; i < BLOCK; i++)
        total += values[i];
    return total;
}

static void measure_block(void *context, int index, int worker)
{
    const match_job *job = context;
    udm_brightness *brightness = job->brightness;
    const int left = index % brightness->columns * BLOCK, top = index / brightness->columns * BLOCK;
    const int count = brightness->width - left < BLOCK ? brightness->width - left : BLOCK;
    const int bottom = brightness->height - top < BLOCK ? brightness->height : top + BLOCK;
    sums sums = { 0 };
    for (int y = top; y < bottom; y++)
        add_row(job, (size_t)y * (size_t)brightness->width + (size_t)left, count, &sums);
    const float weight = sum(sums.weight), doubtful = SURE * sum(sums.variance);
    for (int c = 0; c < brightness->channels; c++) {
        const float total = sum(sums.difference[c]), certain = total * total - doubtful;
        brightness->offsets[(size_t)c * blocks(brightness) + (size_t)index] =
            certain > 0 ? certain / (total * weight) : 0;
    }
}

static int within(int at, int count)
{
    return at < 0 ? 0 : at < count ? at : count - 1;
}

static float between(float a, float b, float share)
{
    return a + share * (b - a);
}

// How far a pixel is beyond the middle of a block, in blocks.
static float beyond(int pixel, int block)
{
    return ((float)pixel + 0.5f) / BLOCK - 0.5f - (float)block;
}

// One line of a plane, from the middle of a block to that of the next.
static void shift_line(const match_job *job, int y, const float *above, const float *below, float down, float *guess)
{
    const udm_brightness *brightness = job->brightness;
    const float *variance = job->lit->variance + (size_t)y * (size_t)brightness->width, unknown = job->lit->unknown;
    for (int b = -1, first = 0; first < brightness->width; b++) {
        const int l = within(b, brightness->columns), r = within(b + 1, brightness->columns);
        const int next = (b + 1) * BLOCK + BLOCK / 2, end = next < brightness->width ? next : brightness->width;
        const float from = between(above[l], below[l], down), step = between(above[r], below[r], down) - from;
        for (int x = first; x < end; x++) {
            const float offset = from + step * beyond(x, b);
            guess[x] += variance[x] < unknown ? offset : 0;
        }
        first = end;
    }
}

static void shift_row(void *context, int index, int worker)
{
    const match_job *job = context;
    const udm_brightness *brightness = job->brightness;
    const size_t plane = (size_t)brightness->width * (size_t)brightness->height;
    const int block = (index + BLOCK / 2) / BLOCK - 1; // the last whose middle is not below
    const size_t above = (size_t)within(block, brightness->rows) * (size_t)brightness->columns;
    const size_t below = (size_t)within(block + 1, brightness->rows) * (size_t)brightness->columns;
    for (int c = 0; c < brightness->channels; c++) {
        const float *offsets = brightness->offsets + (size_t)c * blocks(brightness);
        float *guess = job->guess + (size_t)c * plane + (size_t)index * (size_t)brightness->width;
        shift_line(job, index, offsets + above, offsets + below, beyond(index, block), guess);
    }
}

void udm_brightness_match(udm_brightness *brightness, const udm_lit *lit, float *guess)
{
    match_job job = { brightness, lit, guess };
    udm_pool_run(brightness->pool, (int)blocks(brightness), measure_block, &job);
    udm_pool_run(brightness->pool, brightness->height, shift_row, &job);
}
