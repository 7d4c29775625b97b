// SPDX-License-Identifier: LGPL-2.1-or-later
// A frame y has noise of variance s, and the prediction g of it noise of variance p; both noises have the covariance c.
// What is left of the prediction without the part b = c / s that it shares with the frame,
//
//     g' = (g - b y) / (1 - b)   of variance   (p - b c) / (1 - b)^2,
//
// has noise that is independent of the frame's, as the filter and the networks take it for granted. Where the frame is
// all that the prediction was made of, b is 1 and nothing is left: the frame stands alone.
//
// The mean of a Kalman filter has as much in common with the last frame that it was updated with as is its variance: so
// c = r p, where r is the correlation of the noise of that frame with this one's. In each block of BLOCK x BLOCK pixels
//
//     r = 1 - D / 2 N,
//
// D being the variance of the difference of both frames along the motion, in luma, and N the mean square of what an
// estimate without noise leaves of the frame: its noise, and some texture, for which r counts only from SOME on, in
// full from MOST. Where the level is right, fresh noise has a D of 2 s, so r counts only where D is well below that.
#include "temporal/correlation.h"

#include <math.h>
#include <stdlib.h>

#include "temporal/variance.h"

enum { BLOCK = 16 };

#define SOME 0.3f
#define MOST 0.6f
#define FRESH 0.85f  // share of the least D that fresh noise has: from here on r does not count, and in full up to
#define NEARLY 0.7f  // ... this
#define SHARED 0.9f  // of b: from here on what is left of the prediction is worth less than a tenth of the frame
#define LEAST 1e-12f // mean square: that of a frame without noise

static const float luma_weights[3] = { 0.299f, 0.587f, 0.114f };

struct udm_correlation {
    int width, height, channels, columns, rows; // pixels; blocks
    udm_pool *pool;
    float shared[]; // r as far as it counts, [rows, columns]
};

udm_correlation *udm_correlation_new(int width, int height, int channels, udm_pool *pool, udm_error *error)
{
    const int columns = (width - 1) / BLOCK + 1, rows = (height - 1) / BLOCK + 1;
    const size_t bytes = sizeof(udm_correlation) + (size_t)columns * (size_t)rows * sizeof(float);
    udm_correlation *correlation = malloc(bytes);
    if (!correlation) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for what two frames share");
        return NULL;
    }
    *correlation = (udm_correlation){
        .width = width, .height = height, .channels = channels, .columns = columns, .rows = rows, .pool = pool
    };
    return correlation;
}

void udm_correlation_free(udm_correlation *correlation)
{
    free(correlation);
}

size_t udm_correlation_memory(const udm_correlation *correlation)
{
    return sizeof *correlation + (size_t)correlation->columns * (size_t)correlation->rows * sizeof(float);
}

typedef struct measure_job {
    udm_correlation *correlation;
    const udm_correlation_input *input;
} measure_job;

// Sums over the pixels of a column of a block that have a partner.
typedef struct sums {
    float difference[BLOCK], residual[BLOCK], squares[2][BLOCK]; // squares: of the first two
    float noise[BLOCK], count[BLOCK];
} sums;

// The pixels in the other frame that those of a line of a block have moved to, to the nearest; -1: beyond its border.
// True if none moved.
static bool partners(const measure_job *job, int left, int y, int count, ptrdiff_t *to)
{
    const int width = job->correlation->width, height = job->correlation->height;
    const size_t first = (size_t)y * (size_t)width + (size_t)left;
    const float *u = job->input->flow + first, *v = u + (size_t)width * (size_t)height;
    float motion = 0;
    for (int i = 0; i < count; i++)
        motion += fabsf(u[i]) + fabsf(v[i]);
    for (int i = 0; i < count && motion > 0; i++) {
        const float px = (float)(left + i) + u[i] + 0.5f, py = (float)y + v[i] + 0.5f;
        const bool within = px >= 0 && py >= 0 && px < (float)width && py < (float)height;
        to[i] = within ? (ptrdiff_t)(int)py * width + (int)px : -1;
    }
    return motion <= 0;
}

static inline void add_pixels(const measure_job *job, int left, int y, int count, sums *sums)
{
    const udm_correlation *correlation = job->correlation;
    const size_t plane = (size_t)correlation->width * (size_t)correlation->height;
    const size_t first = (size_t)y * (size_t)correlation->width + (size_t)left;
    const float *level = job->input->level + first, *clean = job->input->clean + first;
    ptrdiff_t to[BLOCK];
    float luma[BLOCK] = { 0 }, other[BLOCK] = { 0 }, has[BLOCK];
    const bool still = partners(job, left, y, count, to);
    for (int i = 0; i < count; i++)
        has[i] = still || to[i] >= 0;
    for (int c = 0; c < correlation->channels; c++) {
        const float weight = correlation->channels == 1 ? 1 : luma_weights[c];
        const float *frame = job->input->frame + (size_t)c * plane + first;
        const float *beside = job->input->beside + (size_t)c * plane;
        for (int i = 0; i < count; i++)
            luma[i] += weight * frame[i];
        for (int i = 0; i < count && still; i++)
            other[i] += weight * beside[first + (size_t)i];
        for (int i = 0; i < count && !still; i++)
            other[i] += weight * beside[to[i] < 0 ? 0 : to[i]];
    }
    for (int i = 0; i < count; i++) {
        const float d = has[i] * (luma[i] - other[i]), n = has[i] * (luma[i] - clean[i]);
        sums->difference[i] += d, sums->squares[0][i] += d * d;
        sums->residual[i] += n, sums->squares[1][i] += n * n;
        sums->noise[i] += has[i] * variance_of(level[i], 1), sums->count[i] += has[i];
    }
}

// All but the last block of a line are whole, which the compiler should know.
static void add_row(const measure_job *job, int left, int y, int count, sums *sums)
{
    if (count == BLOCK)
        add_pixels(job, left, y, BLOCK, sums);
    else
        add_pixels(job, left, y, count, sums);
}

static float sum(const float values[BLOCK])
{
    float total = 0;
    for (int i = 0; i < BLOCK; i++)
        total += values[i];
    return total;
}

// The sum of squares about the mean.
static float deviation(const float values[BLOCK], const float squares[BLOCK], float count)
{
    const float total = sum(values);
    return count > 0 ? sum(squares) - total * total / count : 0;
}

// 0 up to `from`, 1 from `to` on.
static float ramp(float value, float from, float to)
{
    const float share = (value - from) / (to - from);
    return share < 0 ? 0 : share < 1 ? share : 1;
}

// The least variance that noise of variance 1 has in luma: that of independent channels.
static float least_luma(int channels)
{
    float total = 0;
    for (int c = 0; c < channels; c++)
        total += luma_weights[c] * luma_weights[c];
    return channels == 1 ? 1 : total;
}

static void measure_block(void *context, int index, int worker)
{
    const measure_job *job = context;
    udm_correlation *correlation = job->correlation;
    const int left = index % correlation->columns * BLOCK, top = index / correlation->columns * BLOCK;
    const int count = correlation->width - left < BLOCK ? correlation->width - left : BLOCK;
    const int bottom = correlation->height - top < BLOCK ? correlation->height : top + BLOCK;
    sums sums = { 0 };
    for (int y = top; y < bottom; y++)
        add_row(job, left, y, count, &sums);
    const float pixels = sum(sums.count), fresh = 2 * least_luma(correlation->channels) * sum(sums.noise);
    const float difference = deviation(sums.difference, sums.squares[0], pixels);
    const float twice = 2 * deviation(sums.residual, sums.squares[1], pixels);
    const float below = difference < fresh ? 1 - ramp(difference / fresh, NEARLY, FRESH) : 0;
    const float r = twice > LEAST * pixels && difference < twice ? 1 - difference / twice : 0;
    correlation->shared[index] = job->input->repeat && difference < fresh ? 1 : below * r * ramp(r, SOME, MOST);
}

bool udm_correlation_measure(udm_correlation *correlation, const udm_correlation_input *input)
{
    const int blocks = correlation->columns * correlation->rows;
    udm_pool_run(correlation->pool, blocks, measure_block, &(measure_job){ correlation, input });
    for (int i = 0; i < blocks; i++)
        if (correlation->shared[i] > 0)
            return true;
    return false;
}

typedef struct remove_job {
    const udm_correlation *correlation;
    const float *frame, *level;
    float unknown;
    float *predicted, *variance;
} remove_job;

static int within(int at, int count)
{
    return at < 0 ? 0 : at < count ? at : count - 1;
}

// r at a pixel, between the middles of the blocks around it.
static float shared_at(const udm_correlation *correlation, int x, int y)
{
    const float bx = ((float)x + 0.5f) / BLOCK - 0.5f, by = ((float)y + 0.5f) / BLOCK - 0.5f;
    const int column = (int)floorf(bx), row = (int)floorf(by);
    const float right = bx - (float)column, down = by - (float)row;
    const float *above = correlation->shared + (size_t)within(row, correlation->rows) * (size_t)correlation->columns;
    const float *below =
        correlation->shared + (size_t)within(row + 1, correlation->rows) * (size_t)correlation->columns;
    const int l = within(column, correlation->columns), r = within(column + 1, correlation->columns);
    const float upper = above[l] + right * (above[r] - above[l]), lower = below[l] + right * (below[r] - below[l]);
    return upper + down * (lower - upper);
}

// Whether none of the blocks around a row of pixels has anything in common.
static bool shares_nothing(const udm_correlation *correlation, int y)
{
    const int row = (int)floorf(((float)y + 0.5f) / BLOCK - 0.5f);
    for (int k = 0; k < 2; k++) {
        const size_t first = (size_t)within(row + k, correlation->rows) * (size_t)correlation->columns;
        for (int i = 0; i < correlation->columns; i++)
            if (correlation->shared[first + (size_t)i] > 0)
                return false;
    }
    return true;
}

static void remove_row(void *context, int index, int worker)
{
    const remove_job *job = context;
    const udm_correlation *correlation = job->correlation;
    const size_t plane = (size_t)correlation->width * (size_t)correlation->height;
    const size_t first = (size_t)index * (size_t)correlation->width;
    if (shares_nothing(correlation, index))
        return;
    for (int x = 0; x < correlation->width; x++) {
        const size_t at = first + (size_t)x;
        const float noise = variance_of(job->level[at], job->unknown), p = job->variance[at];
        const float c = shared_at(correlation, x, index) * p;
        if (c <= 0 || p >= job->unknown || noise <= 0)
            continue;
        const float share = c / noise;
        if (share >= SHARED) {
            job->variance[at] = job->unknown;
            continue;
        }
        const float rest = 1 / (1 - share);
        job->variance[at] = (p - share * c) * rest * rest;
        for (size_t i = at; i < plane * (size_t)correlation->channels; i += plane)
            job->predicted[i] = (job->predicted[i] - share * job->frame[i]) * rest;
    }
}

void udm_correlation_remove(const udm_correlation *correlation, const float *frame, const float *level, float unknown,
                            float *predicted, float *variance)
{
    udm_pool_run(correlation->pool, correlation->height, remove_row,
                 &(remove_job){ correlation, frame, level, unknown, predicted, variance });
}
