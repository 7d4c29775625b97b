// SPDX-License-Identifier: LGPL-2.1-or-later
// For each block of BLOCK x BLOCK pixels and each channel, the mean m of what the prediction lacks, weighted by
// w = 1 / (1 + d^2 / (FAR^2 u))^2 / u, where d is a pixel's difference and u the variance that it should have: a pixel
// that shows something else than the prediction hardly counts (the influence function of Geman and McClure). m has the
// variance v = sum(w^2 u) / sum(w)^2, and counts as far as it stands out from that: by 1 - SURE v / m^2. Between the
// middles of blocks it is interpolated.
#include "temporal/illumination.h"

#include <stdlib.h>

#include "temporal/variance.h"

enum { BLOCK = 32, MOST_CHANNELS = 4 };

#define FAR 3.f
#define SURE 4.f
#define LEAST 1e-6f // variance: a tenth of a grey level

struct udm_illumination {
    int width, height, channels, columns, rows; // pixels; blocks
    udm_pool *pool;
    float offsets[]; // [channels, rows, columns]
};

static size_t blocks(const udm_illumination *illumination)
{
    return (size_t)illumination->columns * (size_t)illumination->rows;
}

udm_illumination *udm_illumination_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    if (width < 1 || height < 1 || channels < 1 || channels > MOST_CHANNELS) {
        udm_fail(error, UDM_ERROR_SETTINGS, "the illumination of %d planes of %d x %d cannot be matched", channels,
                 width, height);
        return NULL;
    }
    const int columns = (width - 1) / BLOCK + 1, rows = (height - 1) / BLOCK + 1;
    const size_t floats = (size_t)columns * (size_t)rows * (size_t)channels;
    udm_illumination *illumination = malloc(sizeof *illumination + floats * sizeof(float));
    if (!illumination) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the illumination of %d planes", channels);
        return NULL;
    }
    *illumination = (udm_illumination){
        .width = width, .height = height, .channels = channels, .columns = columns, .rows = rows, .pool = pool
    };
    return illumination;
}

void udm_illumination_free(udm_illumination *illumination)
{
    free(illumination);
}

size_t udm_illumination_memory(const udm_illumination *illumination)
{
    return sizeof *illumination + blocks(illumination) * (size_t)illumination->channels * sizeof(float);
}

typedef struct match_job {
    udm_illumination *illumination;
    const udm_illumination_input *input;
    float *predicted;
} match_job;

// Sums over the pixels of a column of a block: of w, of w^2 u and, for each channel, of w d.
typedef struct sums {
    float weight[BLOCK], variance[BLOCK], difference[MOST_CHANNELS][BLOCK];
} sums;

static void add_row(const match_job *job, size_t first, int count, sums *sums)
{
    const udm_illumination *illumination = job->illumination;
    const size_t plane = (size_t)illumination->width * (size_t)illumination->height;
    const float *frame = job->input->frame + first, *predicted = job->predicted + first;
    const float *level = job->input->level + first, *variance = job->input->variance + first,
                unknown = job->input->unknown;
    float square[BLOCK] = { 0 }, weight[BLOCK];
    for (int c = 0; c < illumination->channels; c++)
        for (int i = 0; i < count; i++) {
            const float d = frame[(size_t)c * plane + i] - predicted[(size_t)c * plane + i];
            square[i] += d * d;
        }
    const float share = 1 / (FAR * FAR * (float)illumination->channels);
    for (int i = 0; i < count; i++) {
        const float both = variance_of(level[i], unknown) + variance[i], u = both > LEAST ? both : LEAST;
        const float near = u / (u + share * square[i]);
        weight[i] = variance[i] < unknown ? near * near / u : 0;
        sums->weight[i] += weight[i];
        sums->variance[i] += weight[i] * weight[i] * u;
    }
    for (int c = 0; c < illumination->channels; c++)
        for (int i = 0; i < count; i++)
            sums->difference[c][i] += weight[i] * (frame[(size_t)c * plane + i] - predicted[(size_t)c * plane + i]);
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
    udm_illumination *illumination = job->illumination;
    const int left = index % illumination->columns * BLOCK, top = index / illumination->columns * BLOCK;
    const int count = illumination->width - left < BLOCK ? illumination->width - left : BLOCK;
    const int bottom = illumination->height - top < BLOCK ? illumination->height : top + BLOCK;
    sums sums = { 0 };
    for (int y = top; y < bottom; y++)
        add_row(job, (size_t)y * (size_t)illumination->width + (size_t)left, count, &sums);
    const float weight = sum(sums.weight), threshold = SURE * sum(sums.variance);
    for (int c = 0; c < illumination->channels; c++) {
        const float total = sum(sums.difference[c]), excess = total * total - threshold;
        illumination->offsets[(size_t)c * blocks(illumination) + (size_t)index] =
            excess > 0 ? excess / (total * weight) : 0;
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
static void shift_line(const match_job *job, int y, const float *above, const float *below, float down,
                       float *predicted)
{
    const udm_illumination *illumination = job->illumination;
    const float *variance = job->input->variance + (size_t)y * (size_t)illumination->width,
                unknown = job->input->unknown;
    for (int b = -1, first = 0; first < illumination->width; b++) {
        const int l = within(b, illumination->columns), r = within(b + 1, illumination->columns);
        const int next = (b + 1) * BLOCK + BLOCK / 2, end = next < illumination->width ? next : illumination->width;
        const float from = between(above[l], below[l], down), step = between(above[r], below[r], down) - from;
        for (int x = first; x < end; x++) {
            const float offset = from + step * beyond(x, b);
            predicted[x] += variance[x] < unknown ? offset : 0;
        }
        first = end;
    }
}

static void shift_row(void *context, int index, int worker)
{
    const match_job *job = context;
    const udm_illumination *illumination = job->illumination;
    const size_t plane = (size_t)illumination->width * (size_t)illumination->height;
    const int block = (index + BLOCK / 2) / BLOCK - 1; // the last whose middle is not below
    const size_t above = (size_t)within(block, illumination->rows) * (size_t)illumination->columns;
    const size_t below = (size_t)within(block + 1, illumination->rows) * (size_t)illumination->columns;
    for (int c = 0; c < illumination->channels; c++) {
        const float *offsets = illumination->offsets + (size_t)c * blocks(illumination);
        float *predicted = job->predicted + (size_t)c * plane + (size_t)index * (size_t)illumination->width;
        shift_line(job, index, offsets + above, offsets + below, beyond(index, block), predicted);
    }
}

void udm_illumination_match(udm_illumination *illumination, const udm_illumination_input *input, float *predicted)
{
    match_job job = { illumination, input, predicted };
    udm_pool_run(illumination->pool, (int)blocks(illumination), measure_block, &job);
    udm_pool_run(illumination->pool, illumination->height, shift_row, &job);
}
