// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the field after differs from that before it of like parity something moves. There, with b a row of one field
// between rows a and c of the other,
//
//     K = mean of max(0, (b - a) (b - c))
//
// is great if both show two instants. It is compared with Q, the same of three rows of one field, which tells how rough
// the picture is, and with the greatest K of this pair and its neighbours. And where the first of the two fields is as
// the one after the second, or the second as the one before the first, while all else moves, they are of one picture.
#include "fields/combing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/maths.h"

enum { ACROSS = 16, DOWN = 8, KEPT = 4 }; // samples of a block; fields that are looked at at once

#define FLOOR 1.f            // of a squared difference: what rounding and codecs leave
#define MOVES 3.f            // times the difference of blocks that are at rest, from where on something moves
#define RESTS 0.15f          // of the greater difference: the other one is none
#define ONE_SIDED_MOST 0.1f  // of the motion on one side, to which that on the other is none,
#define ONE_SIDED_LEAST 0.3f // and from which on it is as good as that
#define NOISE 0.6f           // of noise's squared difference, which its K is
#define STEEP 2.f            // times what is to be expected, from where on K tells anything
#define FEW 0.004f           // of all blocks: so many that move are half as much evidence as many

typedef struct field {
    float *luma;
    float *moved, *combed, *rough; // [blocks]: against the field before the last, the last field, itself
    int parity;
    bool moved_known, combed_known;
} field;

struct udm_combing {
    int width, rows, columns, lines; // of blocks
    udm_pool *pool;
    float *memory;
    size_t floats;
    field fields[KEPT]; // the newest last
    float *sorted;
    int count; // of fields
};

static void take(float **where, size_t count, float *memory, size_t *next)
{
    *where = memory ? memory + *next : NULL;
    *next += count;
}

static size_t lay_out(udm_combing *c, float *memory)
{
    const size_t blocks = (size_t)c->columns * (size_t)c->lines;
    size_t next = 0;
    for (int i = 0; i < KEPT; i++) {
        take(&c->fields[i].luma, (size_t)c->width * (size_t)c->rows, memory, &next);
        take(&c->fields[i].moved, blocks, memory, &next);
        take(&c->fields[i].combed, blocks, memory, &next);
        take(&c->fields[i].rough, blocks, memory, &next);
    }
    take(&c->sorted, blocks, memory, &next);
    return next;
}

udm_combing *udm_combing_new(int width, int rows, udm_pool *pool, udm_error *error)
{
    udm_combing *c = calloc(1, sizeof *c);
    if (c) {
        c->width = width, c->rows = rows, c->pool = pool;
        c->columns = udm_divide_up(width, ACROSS), c->lines = udm_divide_up(rows, DOWN);
        c->floats = lay_out(c, NULL);
        c->memory = malloc(c->floats * sizeof(float));
    }
    if (!c || !c->memory) {
        udm_combing_free(c);
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to compare fields of %dx%d", width, rows);
        return NULL;
    }
    lay_out(c, c->memory);
    return c;
}

void udm_combing_free(udm_combing *c)
{
    if (!c)
        return;
    free(c->memory);
    free(c);
}

void udm_combing_reset(udm_combing *c)
{
    c->count = 0;
}

size_t udm_combing_memory(const udm_combing *c)
{
    return c->floats * sizeof(float);
}

float *udm_combing_field(udm_combing *c)
{
    return c->fields[0].luma;
}

// ---- measurements of a field

static const float *row_of(const udm_combing *c, const field *f, int r)
{
    return f->luma + (size_t)udm_clamp_index(r, c->rows) * c->width;
}

static float comb(const float *a, const float *b, const float *other, int from, int to)
{
    float sum = 0;
    for (int x = from; x < to; x++) {
        const float product = (b[x] - a[x]) * (b[x] - other[x]);
        sum += product > 0 ? product : 0;
    }
    return sum;
}

static float square_difference(const float *a, const float *b, int from, int to)
{
    float sum = 0;
    for (int x = from; x < to; x++)
        sum += (a[x] - b[x]) * (a[x] - b[x]);
    return sum;
}

static void measure_line(void *context, int line, int worker)
{
    const udm_combing *c = context;
    const field *now = &c->fields[KEPT - 1], *last = now - 1, *before = now - 2;
    const int begin = line * DOWN, end = udm_min(begin + DOWN, c->rows);
    for (int k = 0; k < c->columns; k++) {
        const int from = k * ACROSS, to = udm_min(from + ACROSS, c->width);
        float moved = 0, combed = 0, rough = 0;
        for (int r = begin; r < end; r++) {
            const float *row = row_of(c, now, r), *above = row_of(c, last, r - 1 + now->parity);
            rough += comb(row_of(c, now, r - 1), row, row_of(c, now, r + 1), from, to);
            if (now->moved_known)
                moved += square_difference(row, row_of(c, before, r), from, to);
            if (now->combed_known && (now->parity == 1 || r > 0))
                combed += comb(above, row, row_of(c, last, r + now->parity), from, to);
        }
        const size_t i = (size_t)line * c->columns + k;
        const float scale = 1.f / (float)((end - begin) * (to - from));
        now->moved[i] = moved * scale, now->combed[i] = combed * scale, now->rough[i] = rough * scale;
    }
}

static void turn(udm_combing *c)
{
    const field next = c->fields[0];
    memmove(c->fields, c->fields + 1, (KEPT - 1) * sizeof *c->fields);
    c->fields[KEPT - 1] = next;
    c->count++;
}

static void measure(udm_combing *c, int parity)
{
    field *now = &c->fields[KEPT - 1];
    now->parity = parity;
    now->moved_known = c->count > 2 && now[-2].parity == parity;
    now->combed_known = c->count > 1 && now[-1].parity != parity;
    udm_pool_run(c->pool, c->lines, measure_line, c);
}

void udm_combing_add(udm_combing *c, int parity)
{
    turn(c);
    measure(c, parity);
}

void udm_combing_repeat(udm_combing *c)
{
    const int parity = c->fields[KEPT - 2].parity;
    memcpy(c->fields[0].luma, c->fields[KEPT - 2].luma, (size_t)c->width * (size_t)c->rows * sizeof(float));
    udm_combing_add(c, parity);
}

// ---- what they say

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// What a tenth of the blocks is below, but for those of borders, which are 0.
static float low_of(const udm_combing *c, const float *map)
{
    const int blocks = c->columns * c->lines;
    int count = 0;
    for (int i = 0; i < blocks; i++)
        if (map[i] > 0)
            c->sorted[count++] = map[i];
    qsort(c->sorted, (size_t)count, sizeof(float), compare);
    return count > 0 ? c->sorted[count / 10] : 0;
}

// The squared difference that is of noise: as of blocks at rest, or, where all moves, no more than smooth ones allow.
static float noise_of(const udm_combing *c, const field *f)
{
    return fmaxf(fminf(low_of(c, f->moved), low_of(c, f->rough) / NOISE), FLOOR);
}

static float combed_of(const field *f, int i)
{
    return f->combed_known ? f->combed[i] : 0;
}

// What is seen of all blocks in which something moves.
typedef struct evidence {
    float sum, weights;  // of what they say
    float before, after; // how much they moved from each field of the pair to that of like parity outside of it
    int moving;
} evidence;

// Of the pair of `second` and the field before it.
static void judge(const field *second, const field *third, int i, float noise, evidence *e)
{
    const float before = second->moved_known ? second->moved[i] : third->moved[i];
    const float after = third && third->moved_known ? third->moved[i] : before;
    const float least = fminf(before, after) - noise, most = fmaxf(before, after) - noise;
    if (most < (MOVES - 1) * noise)
        return;
    e->moving++;
    e->before += fmaxf(before - noise, 0);
    e->after += fmaxf(after - noise, 0);
    if (least < RESTS * most) // it came or went: nothing to see between the two
        return;
    const float here = second->combed[i] + FLOOR;
    const float expected = fmaxf(fmaxf(second->rough[i], second[-1].rough[i]), NOISE * noise) + FLOOR;
    float greatest = fmaxf(here, combed_of(second - 1, i) + FLOOR);
    if (third)
        greatest = fmaxf(greatest, combed_of(third, i) + FLOOR);
    const float weight = udm_clamp(greatest / (STEEP * expected) - 1, 0, 1);
    if (weight > 0)
        e->sum += weight * udm_clamp(2 * logf(here / expected) / logf(greatest / expected) - 1, -1, 1);
    e->weights += weight;
}

// 1 if nothing moved on one side of the pair while something did on the other, as within a picture of three fields; to
// 0, if about as much did.
static float rests_of(const evidence *e)
{
    const float ratio = fminf(e->before, e->after) / fmaxf(fmaxf(e->before, e->after), FLOOR);
    return udm_clamp((ONE_SIDED_LEAST - ratio) / (ONE_SIDED_LEAST - ONE_SIDED_MOST), 0, 1);
}

float udm_combing_seen(const udm_combing *c, int fields_after)
{
    const field *second = &c->fields[KEPT - 1 - fields_after], *third = fields_after > 0 ? second + 1 : NULL;
    const int blocks = c->columns * c->lines;
    const bool before = second->moved_known, after = third && third->moved_known;
    evidence e = { 0 };
    if (!second->combed_known || (!before && !after))
        return 0;
    const float noise = fminf(before ? noise_of(c, second) : INFINITY, after ? noise_of(c, third) : INFINITY);
    for (int i = 0; i < blocks; i++)
        judge(second, third, i, noise, &e);
    const float few = FEW * (float)blocks, rests = rests_of(&e);
    return e.sum / (e.weights + few) * (1 - rests) - rests * (float)e.moving / ((float)e.moving + few);
}
