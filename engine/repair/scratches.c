// SPDX-License-Identifier: LGPL-2.1-or-later
// A scratch adds light, or takes some, in proportion to a bell across it (Kokaram, "Motion Picture Restoration", 1998,
// chapter on line scratches): how much is the median of many rows, so that what is below it stays. Where nothing is
// left below, at black and white, both sides fill it. What ends within the picture is part of it, such as a door. A
// line that was sure in one frame is one in the next even where less of it stands out.
#include "repair/scratches.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/maths.h"
#include "repair/trend.h"
#include "tensor/planes.h"

enum {
    REACH = 5,       // columns on either side that a scratch may change, in pictures of usual size
    MOST_SCALE = 16, // of larger ones
    ROWS = 20,       // above and below a row, of which the median is
    EVERY = 4,       // row has a median of its own
    TRACKS = 2 * UDM_LINES_MOST,
    CROWD = 8,    // lines in a frame, and more, are a pattern
    PATIENCE = 3, // frames that a scratch may not be seen in
    WIDTHS = 7,
};

#define LEVEL (2 / 255.f)
#define LEAST (2 * LEVEL) // that a scratch stands out by, with an amount of 1,
#define MORE (4 * LEVEL)  // and how much more with 0
#define SURE 0.75f        // of the height
#define LIKELY 0.55f      // ... where the scene has had one
#define NEAR 2.5f         // columns that it may have moved by since
#define CLIPPED (1 - 2 * LEVEL)

static const float widths[WIDTHS] = { 0.4f, 0.55f, 0.7f, 0.9f, 1.2f, 1.6f, 2.2f }; // deviations of the bell

// A line of the frames before.
typedef struct track {
    bool bright, sure;
    float middle;
    int missed;
} track;

struct udm_scratches {
    int channels, width, height;
    float least;
    udm_lines *lines;
    float *luma, *strength, *medians; // [height, width], [height], [height]
    uint8_t *changed;                 // [height, width]
    track tracks[TRACKS];
    int count;
};

udm_scratches *udm_scratches_new(int channels, int width, int height, double amount, udm_pool *pool, udm_error *error)
{
    udm_scratches *s = calloc(1, sizeof *s);
    const size_t n = (size_t)width * (size_t)height;
    if (s) {
        *s = (udm_scratches){ .channels = channels, .width = width, .height = height };
        s->least = LEAST + MORE * (1 - (float)amount);
        s->luma = malloc((n + 2 * (size_t)height) * sizeof *s->luma);
        s->changed = malloc(n);
    }
    if (!s || !s->luma || !s->changed) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for scratches");
        udm_scratches_free(s);
        return NULL;
    }
    s->strength = s->luma + n, s->medians = s->strength + height;
    s->lines = udm_lines_new(width, height, pool, error);
    if (s->lines)
        return s;
    udm_scratches_free(s);
    return NULL;
}

void udm_scratches_free(udm_scratches *s)
{
    if (!s)
        return;
    udm_lines_free(s->lines);
    free(s->luma);
    free(s->changed);
    free(s);
}

size_t udm_scratches_memory(const udm_scratches *s)
{
    const size_t n = (size_t)s->width * (size_t)s->height;
    return sizeof *s + udm_lines_memory(s->lines) + (n + 2 * (size_t)s->height) * sizeof *s->luma + n;
}

// ---- over time

static track *track_of(udm_scratches *s, const udm_line *line)
{
    const float near = NEAR * (float)udm_lines_scale(s->lines);
    for (int i = 0; i < s->count; i++)
        if (s->tracks[i].bright == line->bright && fabsf(s->tracks[i].middle - line->middle) <= near)
            return &s->tracks[i];
    return NULL;
}

// Whether it is a scratch.
static bool follow(udm_scratches *s, const udm_line *line)
{
    track *t = track_of(s, line);
    if (!t && s->count < TRACKS)
        s->tracks[s->count++] = (track){ .bright = line->bright }, t = &s->tracks[s->count - 1];
    const bool sure = (line->share >= SURE && !line->ends) || (t && t->sure);
    if (t)
        t->sure = sure, t->middle = line->middle, t->missed = 0;
    return sure;
}

static void begin_frame(udm_scratches *s, bool begins)
{
    int kept = 0;
    for (int i = 0; i < s->count && !begins; i++)
        if (s->tracks[i].missed++ < PATIENCE)
            s->tracks[kept++] = s->tracks[i];
    s->count = kept;
}

// ---- what it adds

// A row of a plane around a line.
typedef struct section {
    int first, count;                        // columns
    float apart[2 * REACH * MOST_SCALE + 1]; // from what both sides make expected
    float bell[2 * REACH * MOST_SCALE + 1];
    float expected[2 * REACH * MOST_SCALE + 1];
} section;

static float mean_of(const float *row, int width, int first, int count)
{
    float sum = 0;
    for (int x = first; x < first + count; x++)
        sum += row[udm_clamp_index(x, width)];
    return sum / (float)count;
}

static void look_across(const udm_scratches *s, const float *row, float at, float deviation, section *to)
{
    const int scale = udm_lines_scale(s->lines), reach = REACH * scale - 1, middle = (int)lroundf(at);
    const float left = mean_of(row, s->width, middle - reach - 1 - scale, scale + 1);
    const float right = mean_of(row, s->width, middle + reach + 1, scale + 1);
    to->first = middle - reach, to->count = 2 * reach + 1;
    for (int k = 0; k < to->count; k++) {
        const float x = (float)(to->first + k) - at;
        to->expected[k] = left + (right - left) * (float)(k + 1) / (float)(to->count + 1);
        to->apart[k] = row[udm_clamp_index(to->first + k, s->width)] - to->expected[k];
        to->bell[k] = expf(-0.5f * (x / deviation) * (x / deviation));
    }
}

static float mean_over(const section *a, const float *values)
{
    float sum = 0;
    for (int k = 0; k < a->count; k++)
        sum += values[k];
    return sum / (float)a->count;
}

// How much of the bell is in it, whatever its mean is.
static float project(const section *a)
{
    const float apart = mean_over(a, a->apart), bell = mean_over(a, a->bell);
    float both = 0, square = 0;
    for (int k = 0; k < a->count; k++)
        both += (a->apart[k] - apart) * (a->bell[k] - bell), square += (a->bell[k] - bell) * (a->bell[k] - bell);
    return square > 0 ? both / square : 0;
}

static float median_around(const udm_scratches *s, int y)
{
    double values[2 * ROWS + 1];
    int count = 0;
    for (int row = udm_max(y - ROWS, 0); row <= udm_min(y + ROWS, s->height - 1); row++)
        values[count++] = (double)s->strength[row];
    return (float)udm_median(values, count);
}

// How strong it is in each row of a plane, into s->medians: never of the other sign.
static void measure(udm_scratches *s, const udm_line *line, const float *plane, float deviation)
{
    section a;
    for (int y = 0; y < s->height; y++) {
        look_across(s, plane + (size_t)y * (size_t)s->width, line->at[y], deviation, &a);
        s->strength[y] = project(&a);
    }
    for (int y = 0; y < s->height; y++) {
        const float median = y % EVERY == 0 ? median_around(s, y) : s->medians[y - 1];
        s->medians[y] = line->bright ? fmaxf(median, 0) : fminf(median, 0);
    }
}

// What is left of a plane with the bell taken out.
static double remainder_of(const udm_scratches *s, const udm_line *line, const float *plane, float deviation)
{
    section a;
    double sum = 0;
    for (int y = 0; y < s->height; y++) {
        look_across(s, plane + (size_t)y * (size_t)s->width, line->at[y], deviation, &a);
        const float apart = mean_over(&a, a.apart), bell = mean_over(&a, a.bell);
        for (int k = 0; k < a.count; k++)
            sum += (double)fabsf(a.apart[k] - apart - s->medians[y] * (a.bell[k] - bell));
    }
    return sum;
}

static float deviation_of(udm_scratches *s, const udm_line *line)
{
    const float scale = (float)udm_lines_scale(s->lines);
    float found = 0;
    double least = HUGE_VAL;
    for (int i = 0; i < WIDTHS; i++) {
        measure(s, line, s->luma, widths[i] * scale);
        const double left = remainder_of(s, line, s->luma, widths[i] * scale);
        if (left < least)
            least = left, found = widths[i] * scale;
    }
    return found;
}

// ---- without it

static void take_out(udm_scratches *s, const udm_line *line, float *plane, float deviation)
{
    section a;
    measure(s, line, plane, deviation);
    for (int y = 0; y < s->height; y++) {
        float *row = plane + (size_t)y * (size_t)s->width;
        look_across(s, row, line->at[y], deviation, &a);
        for (int k = 0; k < a.count; k++) {
            const int x = a.first + k;
            const float adds = s->medians[y] * a.bell[k];
            if (x < 0 || x >= s->width || fabsf(adds) < LEVEL / 4)
                continue;
            row[x] = fabsf(row[x]) < CLIPPED ? row[x] - adds : a.expected[k];
            s->changed[(size_t)y * (size_t)s->width + (size_t)x] |= fabsf(adds) >= LEVEL / 2;
        }
    }
}

size_t udm_scratches_remove(udm_scratches *s, float *planes, bool begins)
{
    const size_t n = (size_t)s->width * (size_t)s->height;
    udm_line found[UDM_LINES_MOST];
    size_t changed = 0;
    begin_frame(s, begins);
    udm_planes_to_luma(planes, s->channels, n, s->luma);
    const int count = udm_lines_find(s->lines, s->luma, s->least, LIKELY, found);
    memset(s->changed, 0, n);
    for (int i = 0; i < count && count < CROWD; i++) {
        if (!follow(s, &found[i]))
            continue;
        const float deviation = deviation_of(s, &found[i]);
        for (int c = 0; c < s->channels; c++)
            take_out(s, &found[i], planes + (size_t)c * n, deviation);
    }
    for (size_t i = 0; i < n; i++)
        changed += s->changed[i];
    return changed;
}
