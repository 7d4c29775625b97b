// SPDX-License-Identifier: LGPL-2.1-or-later
// A sample is suspicious if it is above all of its eight neighbours, or below all of them, by more than both the noise
// and the grain of the picture make likely. A frame has impulses if a share of its samples is suspicious in either
// direction: texture, text and stars have a few, and mostly in one. Only then are samples replaced, also those of pairs
// and triples: what differs from all but two of its neighbours, and is about as bright as what was suspicious.
//
// Hot and dead pixels of a sensor are fewer. But they stay where they are while the picture moves, as neither texture
// nor stars do. A pixel that stands out and has nothing like it around, as strokes of text would, gains a vote with
// each frame in which the ring of 16 pixels around its neighbours has changed, and loses one where it is like its
// neighbours, and now and then where all rests. With enough votes it is replaced wherever it stands out at all.
//
// Rank-ordered differences: Garnett, Huegerich, Chui, He, "A universal noise removal algorithm with an impulse
// detector", IEEE TIP 2005.
#include "analysis/impulses.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    AROUND = 8,
    CLOSE = 2,       // neighbours that may be impulses, too
    BINS = 256,      // of the histogram of differences, each a quarter of a grey level
    EVERY = 4,       // rows, of which one is looked at for that
    MOST_REACH = 3,  // of the window of the median, in pixels
    LEAST_KNOWN = 5, // samples in it
    RING = 16,       // samples two pixels away
    ENOUGH = 5,      // votes for a pixel to be stuck
    MOST = 25,
    MOST_CHANNELS = 4,
    MEMORY = 16, // frames at rest after which a vote is forgotten
};

#define LEVEL (2 / 255.f)
#define FAR 5.f                 // times the deviation of the noise, and not less than
#define LEAST (20 * LEVEL)      // this
#define APART 1.f               // times the range of the neighbours that is far, too
#define SHARE 1e-3              // of the samples that are suspicious, in either direction
#define STUCK 0.3f              // of far, for what is or may be stuck
#define MOVED 1.5f              // times the deviation that noise alone gives the change of a ring, and not less than
#define LEAST_MOVED (4 * LEVEL) // this
#define ALIKE (24 * LEVEL)      // what is as bright as an impulse may differ by, beside FAR

struct udm_impulses {
    int channels, width, height;
    udm_pool *pool;
    size_t *counts; // [2, height]: of suspicious samples of a row, too bright and too dark
    double *sums;   // [2, height]: of their values
    uint8_t *marks; // [height, width]: what is an impulse
    float *last;    // [channels, height, width]: the frame before, as it came,
    bool follows;   // ... if there is one
    uint64_t frame;
    uint8_t *votes; // [channels, height, width]
};

udm_impulses *udm_impulses_new(int channels, int width, int height, udm_pool *pool, udm_error *error)
{
    const size_t rows = 2 * (size_t)height, pixels = (size_t)width * (size_t)height,
                 samples = pixels * (size_t)channels;
    udm_impulses *impulses = calloc(1, sizeof *impulses);
    if (impulses) {
        *impulses = (udm_impulses){ .channels = channels, .width = width, .height = height, .pool = pool };
        impulses->counts = malloc(rows * sizeof *impulses->counts);
        impulses->sums = malloc(rows * sizeof *impulses->sums);
        impulses->marks = malloc(pixels);
        impulses->last = malloc(samples * sizeof *impulses->last);
        impulses->votes = calloc(samples, 1);
    }
    if (impulses && impulses->counts && impulses->sums && impulses->marks && impulses->last && impulses->votes)
        return impulses;
    udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for impulses");
    udm_impulses_free(impulses);
    return NULL;
}

void udm_impulses_free(udm_impulses *impulses)
{
    if (!impulses)
        return;
    free(impulses->counts);
    free(impulses->sums);
    free(impulses->marks);
    free(impulses->last);
    free(impulses->votes);
    free(impulses);
}

void udm_impulses_reset(udm_impulses *impulses)
{
    impulses->follows = false;
    impulses->frame = 0;
    memset(impulses->votes, 0, (size_t)impulses->channels * (size_t)impulses->width * (size_t)impulses->height);
}

typedef struct plane_job {
    udm_impulses *impulses;
    const float *from;
    float *to;
    const float *last; // the plane of the frame before; NULL: there is none
    uint8_t *votes;
    float far;          // a difference
    bool forgets;       // votes of what rests
    float moved;        // the least root mean square of a ring that has changed
    float bright, dark; // of impulses
} plane_job;

// The deviation of noise and fine grain, from the median of what differs from the mean of the four neighbours.
static float grain_of(const udm_impulses *impulses, const float *plane)
{
    size_t bins[BINS] = { 0 }, below = 0, samples = 0;
    for (int y = 1; y < impulses->height - 1; y += EVERY) {
        const float *row = plane + (size_t)y * (size_t)impulses->width, *up = row - impulses->width,
                    *down = row + impulses->width;
        for (int x = 1; x < impulses->width - 1; x++, samples++) {
            const float d = fabsf(row[x] - (row[x - 1] + row[x + 1] + up[x] + down[x]) / 4) * (4 / LEVEL);
            bins[d < BINS - 1 ? (int)d : BINS - 1]++;
        }
    }
    int median = 0;
    while (median < BINS - 1 && (below += bins[median]) * 2 < samples)
        median++;
    return ((float)median + 0.5f) * (LEVEL / 4) / (0.6745f * sqrtf(1.25f));
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int clamped(int at, int count)
{
    return at < 0 ? 0 : at < count ? at : count - 1;
}

// Brings the lowest `close` + 1 values to the front, and as many of the highest to the end.
static void sort_ends(float around[AROUND], int close)
{
    for (int first = 0, last = AROUND - 1; first <= close; first++, last--) {
        for (int k = first + 1; k <= last; k++) {
            const float value = around[k], low = around[first];
            around[first] = value < low ? value : low, around[k] = value < low ? low : value;
        }
        for (int k = first + 1; k < last; k++) {
            const float value = around[k], high = around[last];
            around[last] = value > high ? value : high, around[k] = value > high ? high : value;
        }
    }
}

// How far a sample stands out of its neighbours, all but `close` of them, in units of what is far for them: the further
// they are apart themselves, the more that is. Above 1, or below -1: it does.
static float outstanding(const plane_job *job, int x, int y, int close)
{
    const udm_impulses *impulses = job->impulses;
    const float value = job->from[(size_t)y * (size_t)impulses->width + (size_t)x];
    float around[AROUND];
    for (int k = 0, count = 0; k <= AROUND; k++) {
        const int px = clamped(x + k % 3 - 1, impulses->width), py = clamped(y + k / 3 - 1, impulses->height);
        if (k != AROUND / 2)
            around[count++] = job->from[(size_t)py * (size_t)impulses->width + (size_t)px];
    }
    sort_ends(around, close);
    const float low = around[close], high = around[AROUND - 1 - close], far = job->far + APART * (high - low);
    return value > high ? (value - high) / far : value < low ? (value - low) / far : 0;
}

// Marks samples that are far from one of those beside them, as an impulse is but in a row of them; the others lose a
// vote.
static void mark_jumps(const float *restrict row, int width, float far, uint8_t *restrict marks,
                       uint8_t *restrict votes)
{
    for (int x = 1; x < width - 1; x++)
        marks[x] = (fabsf(row[x] - row[x - 1]) > far) | (fabsf(row[x] - row[x + 1]) > far);
    for (int x = 1; x < width - 1; x++)
        votes[x] -= (votes[x] > 0) & !marks[x];
}

// The next sample of a row that is marked, from x on; `end` if there is none.
static int next_marked(const uint8_t *marks, int x, int end)
{
    const uint8_t *found = x < end ? memchr(marks + x, 1, (size_t)(end - x)) : NULL;
    return found ? (int)(found - marks) : end;
}

// Whether what lies around a sample that stands out has moved, and has nothing that stands out like it.
static bool bears_witness(const plane_job *job, int x, int y, bool bright)
{
    const int width = job->impulses->width, height = job->impulses->height;
    const float value = job->from[(size_t)y * (size_t)width + (size_t)x];
    float change = 0;
    for (int dy = -2; dy <= 2; dy++)
        for (int dx = -2; dx <= 2; dx += dy == -2 || dy == 2 ? 1 : 4) {
            const size_t at = (size_t)clamped(y + dy, height) * (size_t)width + (size_t)clamped(x + dx, width);
            if (bright ? job->from[at] > value - STUCK * job->far : job->from[at] < value + STUCK * job->far)
                return false;
            change += (job->from[at] - job->last[at]) * (job->from[at] - job->last[at]);
        }
    return change > RING * job->moved * job->moved;
}

// One more vote for what stands out, or one less.
static void vote(const plane_job *job, int x, int y, float out)
{
    uint8_t *votes = &job->votes[(size_t)y * (size_t)job->impulses->width + (size_t)x];
    if (out == 0 || (job->forgets && fabsf(out) > STUCK))
        *votes -= *votes > 0;
    if (job->last && fabsf(out) > STUCK && *votes < MOST && bears_witness(job, x, y, out > 0))
        ++*votes;
}

static void suspect_row(void *context, int index, int worker)
{
    const plane_job *job = context;
    udm_impulses *impulses = job->impulses;
    const int width = impulses->width, height = impulses->height;
    const float *row = job->from + (size_t)index * (size_t)width;
    uint8_t *marks = impulses->marks + (size_t)index * (size_t)width;
    uint8_t *votes = job->votes + (size_t)index * (size_t)width;
    size_t counts[2] = { 0 };
    double sums[2] = { 0 };
    memset(marks, 0, (size_t)width);
    const int end = index > 0 && index < height - 1 ? width - 1 : 0;
    if (end > 0)
        mark_jumps(row, width, job->far, marks, votes);
    for (int x = next_marked(marks, 1, end); x < end; x = next_marked(marks, x + 1, end)) {
        const float out = outstanding(job, x, index, 0);
        vote(job, x, index, out);
        marks[x] = fabsf(out) > STUCK && votes[x] >= ENOUGH;
        if (fabsf(out) > 1)
            counts[out < 0]++, sums[out < 0] += (double)row[x];
    }
    for (int k = 0; k < 2; k++)
        impulses->counts[k * height + index] = counts[k], impulses->sums[k * height + index] = sums[k];
}

static void mark_row(void *context, int index, int worker)
{
    const plane_job *job = context;
    const udm_impulses *impulses = job->impulses;
    const float *row = job->from + (size_t)index * (size_t)impulses->width, alike = job->far + ALIKE;
    uint8_t *marks = impulses->marks + (size_t)index * (size_t)impulses->width;
    for (int x = 0; x < impulses->width; x++) {
        const bool bright = row[x] > job->bright - alike, dark = row[x] < job->dark + alike;
        const float out = bright || dark ? outstanding(job, x, index, CLOSE) : 0;
        marks[x] |= (bright && out > 1) || (dark && out < -1);
    }
}

// The median of what is no impulse, in as small a window as has enough of that.
static float surroundings(const plane_job *job, int x, int y)
{
    const udm_impulses *impulses = job->impulses;
    float values[(2 * MOST_REACH + 1) * (2 * MOST_REACH + 1)];
    int count = 0;
    for (int reach = 1; reach <= MOST_REACH && count < LEAST_KNOWN; reach++) {
        count = 0;
        for (int py = y - reach; py <= y + reach; py++)
            for (int px = x - reach; px <= x + reach; px++) {
                const size_t at = (size_t)py * (size_t)impulses->width + (size_t)px;
                if (px >= 0 && py >= 0 && px < impulses->width && py < impulses->height && !impulses->marks[at])
                    values[count++] = job->from[at];
            }
    }
    if (count == 0)
        return job->from[(size_t)y * (size_t)impulses->width + (size_t)x];
    qsort(values, (size_t)count, sizeof *values, by_value);
    return (values[count / 2] + values[(count - 1) / 2]) / 2;
}

static void fill_row(void *context, int index, int worker)
{
    const plane_job *job = context;
    const size_t first = (size_t)index * (size_t)job->impulses->width;
    const uint8_t *marks = job->impulses->marks + first;
    const int width = job->impulses->width;
    size_t filled = 0;
    for (int x = next_marked(marks, 0, width); x < width; x = next_marked(marks, x + 1, width), filled++)
        job->to[first + (size_t)x] = surroundings(job, x, index);
    job->impulses->counts[index] = filled;
}

// Whether single samples have fallen on the plane: then all that are alike are marked, beside those that are stuck.
static bool is_spoiled(const udm_impulses *impulses, plane_job *job)
{
    const int height = impulses->height;
    size_t counts[2] = { 0 };
    double sums[2] = { 0 };
    for (int i = 0; i < 2 * height; i++)
        counts[i / height] += impulses->counts[i], sums[i / height] += impulses->sums[i];
    const double least = SHARE * impulses->width * height;
    if ((double)counts[0] <= least || (double)counts[1] <= least)
        return false;
    job->bright = (float)(sums[0] / (double)counts[0]), job->dark = (float)(sums[1] / (double)counts[1]);
    return true;
}

static size_t remove_from(udm_impulses *impulses, int channel, float grain, float *plane)
{
    const int height = impulses->height;
    const size_t pixels = (size_t)impulses->width * (size_t)height, first = (size_t)channel * pixels;
    const float far = FAR * grain, moved = MOVED * grain * sqrtf(2);
    plane_job job = { .impulses = impulses,
                      .from = plane,
                      .to = plane,
                      .last = impulses->follows ? impulses->last + first : NULL,
                      .votes = impulses->votes + first,
                      .forgets = impulses->frame % MEMORY == MEMORY - 1,
                      .far = far > LEAST ? far : LEAST,
                      .moved = moved > LEAST_MOVED ? moved : LEAST_MOVED };
    size_t filled = 0;
    udm_pool_run(impulses->pool, height, suspect_row, &job);
    udm_pool_copy(impulses->pool, impulses->last + first, plane, pixels * sizeof *plane);
    job.from = impulses->last + first;
    if (is_spoiled(impulses, &job))
        udm_pool_run(impulses->pool, height, mark_row, &job);
    udm_pool_run(impulses->pool, height, fill_row, &job);
    for (int y = 0; y < height; y++)
        filled += impulses->counts[y];
    return filled;
}

typedef struct grain_job {
    const udm_impulses *impulses;
    const float *planes;
    float grain[MOST_CHANNELS];
} grain_job;

static void find_grain(void *context, int c, int worker)
{
    grain_job *job = context;
    const size_t pixels = (size_t)job->impulses->width * (size_t)job->impulses->height;
    job->grain[c] = grain_of(job->impulses, job->planes + (size_t)c * pixels);
}

size_t udm_impulses_remove(udm_impulses *impulses, float *planes)
{
    grain_job job = { .impulses = impulses, .planes = planes };
    size_t filled = 0;
    udm_pool_run(impulses->pool, impulses->channels, find_grain, &job);
    for (int c = 0; c < impulses->channels; c++)
        filled += remove_from(impulses, c, job.grain[c],
                              planes + (size_t)c * (size_t)impulses->width * (size_t)impulses->height);
    impulses->follows = true;
    impulses->frame++;
    return filled;
}
