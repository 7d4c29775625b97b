// SPDX-License-Identifier: LGPL-2.1-or-later
// A pixel of a line is above what is left and right of it, or below both. That is summed over strips of a few rows, in
// which a line that leans stays in its column, and the path from strip to strip with the largest sum is searched for by
// dynamic programming (Viterbi 1967), first of all, then of what is left. Textures have such paths, too, but those
// wander about and have gaps.
#include "repair/lines.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/maths.h"

enum {
    STRIP = 8, // rows
    NEAR = 3,
    FAR = 5,           // columns beside a line that it is compared with
    EDGE = 9,          // columns at the borders in which nothing is searched for
    APART = 4,         // columns between two lines, at least
    ECHO = FAR + NEAR, // columns beside a line in which one of the other sign may be its doing
    USUAL_WIDTH = 960, // of pictures of which each column counts
    END = 8,           // part of the height that is the top, or the bottom,
    END_SHARE = 4,     // and of that, in which a line must be there
    SIGNS = 2,
    EACH = UDM_LINES_MOST / SIGNS,
};

#define LEVEL (2 / 255.f)
#define MOST (24 * LEVEL)    // that a pixel counts
#define WITHOUT (-2 * LEVEL) // what a strip without the line counts, at least,
#define BEND (0.3f * LEVEL)  // and a step to the side
#define EVEN 0.4f            // of what it stands out by: where it does so by less, it has a gap
#define HIDDEN (1 - 8 * LEVEL)
#define UNSEEN 0.15f // what a share is worth less where parts of the height are hidden
#define UNUSUAL 2    // times what strips stand out by
#define MOST_SLOPE 0.05f
#define STRAIGHT 1.5f // columns that a strip may be off

// Of what is bright or dark.
typedef struct side {
    float *sums;   // [strips, columns]
    float *best;   // [2, columns]: of the paths down to a strip, and the one before
    int8_t *steps; // [strips, columns]: where their strip before is
    int *path;     // [strips]
    float *aside;  // [strips]: how far it is from a straight line
    udm_line found[EACH];
    int count;
} side;

struct udm_lines {
    int width, height, scale, columns, strips;
    udm_pool *pool;
    float *memory, *narrow, *strip; // [height, columns], [strips, columns]
    float *rows;                    // [UDM_LINES_MOST, height]
    side sides[SIGNS];
    float least, share;
    const float *luma;
};

static size_t floats_of(const udm_lines *l)
{
    const size_t columns = (size_t)l->columns, strips = (size_t)l->strips, height = (size_t)l->height;
    return columns * (height + strips + SIGNS * (strips + 2)) + SIGNS * strips + UDM_LINES_MOST * height;
}

static bool allocate(udm_lines *l)
{
    const size_t columns = (size_t)l->columns, strips = (size_t)l->strips;
    float *at = l->memory = malloc(floats_of(l) * sizeof *at);
    bool good = at != NULL;
    if (good) {
        l->narrow = at, l->strip = at += columns * (size_t)l->height, l->rows = at += columns * strips;
        at += (size_t)UDM_LINES_MOST * (size_t)l->height;
    }
    for (int k = 0; k < SIGNS; k++) {
        side *s = &l->sides[k];
        s->steps = malloc(columns * strips);
        s->path = malloc(strips * sizeof *s->path);
        good = good && s->steps && s->path;
        if (good)
            s->sums = at, s->best = at += columns * strips, s->aside = at += 2 * columns, at += strips;
    }
    return good;
}

udm_lines *udm_lines_new(int width, int height, udm_pool *pool, udm_error *error)
{
    udm_lines *l = calloc(1, sizeof *l);
    if (l) {
        const int scale = udm_max((width + USUAL_WIDTH / 2) / USUAL_WIDTH, 1);
        *l = (udm_lines){ .width = width, .height = height, .scale = scale, .pool = pool };
        l->columns = width / scale, l->strips = udm_max(height / STRIP, 1);
    }
    if (l && allocate(l))
        return l;
    udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for scratches");
    udm_lines_free(l);
    return NULL;
}

void udm_lines_free(udm_lines *l)
{
    if (!l)
        return;
    for (int k = 0; k < SIGNS; k++) {
        free(l->sides[k].steps);
        free(l->sides[k].path);
    }
    free(l->memory);
    free(l);
}

size_t udm_lines_memory(const udm_lines *l)
{
    return sizeof *l + floats_of(l) * sizeof(float) +
           SIGNS * (size_t)l->strips * ((size_t)l->columns + sizeof *l->sides->path);
}

int udm_lines_scale(const udm_lines *l)
{
    return l->scale;
}

// ---- what stands out

static void narrow_row(void *context, int y, int worker)
{
    udm_lines *l = context;
    (void)worker;
    const float *from = l->luma + (size_t)y * (size_t)l->width;
    float *to = l->narrow + (size_t)y * (size_t)l->columns;
    for (int x = 0; x < l->columns; x++) {
        float sum = 0;
        for (int k = 0; k < l->scale; k++)
            sum += from[x * l->scale + k];
        to[x] = sum / (float)l->scale;
    }
}

static void sum_strip(void *context, int strip, int worker)
{
    udm_lines *l = context;
    (void)worker;
    float *to = l->strip + (size_t)strip * (size_t)l->columns;
    const int rows = udm_min(STRIP, l->height);
    memset(to, 0, (size_t)l->columns * sizeof *to);
    for (int y = strip * STRIP; y < strip * STRIP + rows; y++) {
        const float *row = (l->scale > 1 ? l->narrow : l->luma) + (size_t)y * (size_t)l->columns;
        for (int x = FAR; x < l->columns - FAR; x++) {
            const float left = (row[x - FAR] + row[x - FAR + 1] + row[x - NEAR]) / 3;
            const float right = (row[x + FAR] + row[x + FAR - 1] + row[x + NEAR]) / 3;
            const float is = (row[x - 1] + 2 * row[x] + row[x + 1]) / 4;
            const float apart = is - udm_clamp(is, fminf(left, right), fmaxf(left, right));
            to[x] += udm_clamp(apart, -MOST, MOST) / (float)rows;
        }
    }
}

// ---- paths

static float *sums_of(const udm_lines *l, const side *s, int strip)
{
    return s->sums + (size_t)strip * (size_t)l->columns;
}

static void prepare(const udm_lines *l, side *s, float sign)
{
    for (int i = 0; i < l->strips; i++)
        for (int x = 0; x < l->columns; x++) {
            const bool inside = x >= EDGE && x < l->columns - EDGE;
            sums_of(l, s, i)[x] =
                inside ? fmaxf(sign * l->strip[(size_t)i * (size_t)l->columns + (size_t)x], WITHOUT) : WITHOUT;
        }
}

// The best path, into s->path. Returns its mean.
static float search(const udm_lines *l, side *s)
{
    const int columns = l->columns;
    float *now = s->best, *before = s->best + columns;
    memcpy(now, s->sums, (size_t)columns * sizeof *now);
    for (int i = 1; i < l->strips; i++) {
        float *swap = now;
        now = before, before = swap;
        int8_t *steps = s->steps + (size_t)i * (size_t)columns;
        const float *sums = sums_of(l, s, i);
        now[0] = before[0] + sums[0], now[columns - 1] = before[columns - 1] + sums[columns - 1];
        steps[0] = steps[columns - 1] = 0;
        for (int x = 1; x < columns - 1; x++) {
            const float left = before[x - 1] - BEND, right = before[x + 1] - BEND, up = before[x];
            const float aside = left > right ? left : right;
            now[x] = sums[x] + (aside > up ? aside : up);
            steps[x] = (int8_t)(aside > up ? (left > right ? -1 : 1) : 0);
        }
    }
    int x = 0;
    for (int k = 1; k < columns; k++)
        x = now[k] > now[x] ? k : x;
    const float sum = now[x];
    for (int i = l->strips - 1; i >= 0; i--) {
        s->path[i] = x;
        x += i > 0 ? s->steps[(size_t)i * (size_t)columns + (size_t)x] : 0;
    }
    return sum / (float)l->strips;
}

static void take_out(const udm_lines *l, const side *s)
{
    for (int i = 0; i < l->strips; i++)
        for (int x = udm_max(s->path[i] - APART, 0); x <= udm_min(s->path[i] + APART, l->columns - 1); x++)
            sums_of(l, s, i)[x] = WITHOUT;
}

// ---- lines

// x = middle + slope * (strip - strips / 2)
typedef struct straight {
    double middle, slope;
} straight;

static double place_of(const udm_lines *l, const straight *line, double strip)
{
    return line->middle + line->slope * (strip - l->strips / 2.0);
}

// NULL: any straight line
static bool fits(const udm_lines *l, const side *s, const straight *line, int strip)
{
    const int x = s->path[strip];
    return sums_of(l, s, strip)[x] >= l->least && (!line || fabs(x - place_of(l, line, strip)) <= STRAIGHT);
}

// By least squares through those strips that fit the line so far. Returns how many those are.
static int fit(const udm_lines *l, const side *s, const straight *so_far, straight *line)
{
    double t = 0, x = 0, tt = 0, tx = 0;
    int n = 0;
    for (int i = 0; i < l->strips; i++)
        if (fits(l, s, so_far, i)) {
            const double at = i - l->strips / 2.0, is = s->path[i];
            n++, t += at, x += is, tt += at * at, tx += at * is;
        }
    const double apart = n * tt - t * t;
    line->slope = apart > 0 ? (n * tx - t * x) / apart : 0;
    line->middle = n > 0 ? (x - line->slope * t) / n : 0;
    return n;
}

static void measure_aside(const udm_lines *l, const side *s, const straight *line, float sign)
{
    for (int i = 0; i < l->strips; i++) {
        const float *sums = l->strip + (size_t)i * (size_t)l->columns;
        float weight = 0, place = 0;
        for (int x = s->path[i] - 2; fits(l, s, line, i) && x <= s->path[i] + 2; x++) {
            const float sum = fmaxf(sign * sums[x], 0);
            weight += sum, place += sum * (float)x;
        }
        s->aside[i] = weight > 0 ? place / weight - (float)place_of(l, line, i) : 0;
    }
}

static float smoothed(const udm_lines *l, const float *values, int i)
{
    static const float weights[] = { 3, 2, 1 };
    float sum = 0;
    for (int k = -2; k <= 2; k++)
        sum += weights[k < 0 ? -k : k] / 9 * values[udm_clamp_index(i + k, l->strips)];
    return sum;
}

// Of the columns of the picture.
static float widened(const udm_lines *l, double column)
{
    return ((float)column + 0.5f) * (float)l->scale - 0.5f;
}

static void write_places(const udm_lines *l, const side *s, const straight *line, float *at)
{
    for (int y = 0; y < l->height; y++) {
        const float strip = udm_clamp(((float)y + 0.5f) / STRIP - 0.5f, 0, (float)(l->strips - 1));
        const int i = (int)strip;
        const float part = strip - (float)i, next = smoothed(l, s->aside, i + 1);
        const float aside = smoothed(l, s->aside, i) * (1 - part) + next * part;
        at[y] = widened(l, place_of(l, line, ((double)y + 0.5) / STRIP - 0.5) + (double)aside);
    }
}

// Where it is white or black already, a line cannot be seen.
static bool is_hidden(const udm_lines *l, const side *s, bool bright, int strip)
{
    const int y = udm_min(strip * STRIP + STRIP / 2, l->height - 1), x = s->path[strip] * l->scale + l->scale / 2;
    const float value = l->luma[(size_t)y * (size_t)l->width + (size_t)x];
    return (bright ? value : -value) > HIDDEN;
}

// The strips that fit, and by how much they stand out.
static int count_fits(const udm_lines *l, const side *s, const straight *line, float least, float *strength)
{
    int count = 0;
    float sum = 0;
    for (int i = 0; i < l->strips; i++) {
        const float value = sums_of(l, s, i)[s->path[i]];
        if (value >= least && fits(l, s, line, i))
            count++, sum += value;
    }
    *strength = count > 0 ? sum / (float)count : 0;
    return count;
}

// Whether there is next to nothing of a line at the top or at the bottom: a scratch along a film goes on to the frames
// before and after.
static bool does_end(const udm_lines *l, const side *s, const straight *line, bool bright, float least)
{
    const int count = udm_max(l->strips / END, 1);
    for (int first = 0; first <= l->strips - count; first += udm_max(l->strips - count, 1)) {
        int there = 0;
        for (int i = first; i < first + count; i++)
            there += is_hidden(l, s, bright, i) || (sums_of(l, s, i)[s->path[i]] >= least && fits(l, s, line, i));
        if (END_SHARE * there < count)
            return true;
    }
    return false;
}

static void keep(const udm_lines *l, side *s, bool bright)
{
    straight first, line;
    float strength, even;
    if (fit(l, s, NULL, &first) < 2 || fit(l, s, &first, &line) < 2)
        return;
    count_fits(l, s, &line, l->least, &strength);
    const int count = count_fits(l, s, &line, EVEN * strength, &even);
    int open = 0;
    for (int i = 0; i < l->strips; i++)
        open += !is_hidden(l, s, bright, i) || fits(l, s, &line, i);
    const float seen = (float)count / (float)l->strips, unseen = open > 0 ? (float)count / (float)open - UNSEEN : 0;
    const float share = fmaxf(seen, 2 * open > l->strips ? unseen : 0);
    const float slope = (float)(line.slope * l->scale / STRIP);
    if (share < l->share || fabsf(slope) > MOST_SLOPE)
        return;
    udm_line *to = &s->found[s->count];
    *to = (udm_line){ .bright = bright,
                      .ends = does_end(l, s, &line, bright, EVEN * strength),
                      .share = share,
                      .strength = even,
                      .middle = widened(l, line.middle),
                      .at = l->rows + (size_t)(bright * EACH + s->count) * (size_t)l->height };
    measure_aside(l, s, &line, bright ? 1 : -1);
    write_places(l, s, &line, to->at);
    s->count++;
}

static void find_side(void *context, int index, int worker)
{
    udm_lines *l = context;
    (void)worker;
    side *s = &l->sides[index];
    const float enough = l->share * l->least + (1 - l->share) * WITHOUT; // of a path, on average
    s->count = 0;
    prepare(l, s, index > 0 ? 1 : -1);
    for (int tries = 0; tries < EACH && search(l, s) >= enough; tries++) {
        keep(l, s, index > 0);
        take_out(l, s);
    }
}

// What is beside a dark line stands out as bright, and the other way round.
static bool is_echo(const udm_lines *l, const udm_line *line)
{
    const side *other = &l->sides[!line->bright];
    for (int i = 0; i < other->count; i++)
        if (fabsf(other->found[i].middle - line->middle) < (float)(ECHO * l->scale) &&
            other->found[i].strength > line->strength)
            return true;
    return false;
}

// What strips stand out by on average, whether lines are there or not.
static float usual(const udm_lines *l)
{
    const size_t count = (size_t)l->strips * (size_t)l->columns;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)fabsf(l->strip[i]);
    return (float)(sum / (double)count);
}

int udm_lines_find(udm_lines *l, const float *luma, float least, float share, udm_line found[UDM_LINES_MOST])
{
    int count = 0;
    if (l->columns <= 2 * EDGE)
        return 0;
    l->luma = luma, l->share = share;
    if (l->scale > 1)
        udm_pool_run(l->pool, l->height, narrow_row, l);
    udm_pool_run(l->pool, l->strips, sum_strip, l);
    l->least = fmaxf(least, UNUSUAL * usual(l));
    udm_pool_run(l->pool, SIGNS, find_side, l);
    for (int k = 0; k < SIGNS; k++)
        for (int i = 0; i < l->sides[k].count; i++)
            if (!is_echo(l, &l->sides[k].found[i]))
                found[count++] = l->sides[k].found[i];
    return count;
}
