// SPDX-License-Identifier: LGPL-2.1-or-later
// A pixel belongs to an overlay if it is the same in both pictures where it is, and not along the motion around it:
//
//     |I1(q) - I0(q)| is small,  |I1(q + G) - I0(q)| and |I1(q) - I0(q - G)| are large
//
// G being the mean motion of what moves within 112 pixels. From those it grows over neighbours of the same colour that
// are the same in both pictures, too, as inside of broad strokes. In what fails to be found along its motion, few
// pixels are the same by chance, so an overlay needs twice as many that stay as fit neither way.
//
// Behind it lies what the other picture shows along G, or, where that is hidden as well, what lies beside it.
#include "interp/overlay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/maths.h"

enum { CELL = UDM_SYNTHESIS_CELL, AROUND = 3, LEAST_SEEDS = 20, ROUNDS = 2, NEAR = 3 };

// Squared differences are means of colours, motion is in pixels.
#define SAME 9e-4f        // of what is the same: 4 of 255 levels
#define OTHER 1.4e-2f     // of what is not: 15
#define NEAR_COLOUR 6e-3f // of neighbours in an overlay
#define LEAST_MOTION 1.5f // of the background
#define LEAST_MOVING .3f  // share of what is well known in it
#define EDGE .65f         // share of an overlay in the pixels beside it

typedef enum kind { MOVES, SAME_IN_BOTH, STAYS } kind;

typedef struct cell {
    float u, v, moving, all; // sums, by importance; then the motion around, and its share
    int seeds, neither;
    bool moves, accepted;
    bool beside; // a cell that has enough seeds around it
} cell;

struct udm_overlay {
    int width, height, columns, rows;
    udm_pool *pool;
    cell *cells, *sums; // [rows, columns]
    kind *kinds;        // [height, width]
    float *share;       // [height, width]: of the overlay in a pixel
    bool found;
};

typedef struct overlay_job {
    udm_overlay *overlay;
    udm_synthesis_job *job;
} overlay_job;

udm_overlay *udm_overlay_new(int width, int height, udm_pool *pool, udm_error *error)
{
    udm_overlay *o = calloc(1, sizeof *o);
    const size_t n = (size_t)width * (size_t)height;
    if (o) {
        o->width = width, o->height = height, o->pool = pool;
        o->columns = udm_divide_up(width, CELL), o->rows = udm_divide_up(height, CELL);
        o->cells = calloc((size_t)o->columns * (size_t)o->rows, sizeof *o->cells);
        o->sums = calloc((size_t)o->columns * (size_t)o->rows, sizeof *o->sums);
        o->kinds = calloc(n, sizeof *o->kinds);
        o->share = calloc(n, sizeof *o->share);
    }
    if (!o || !o->cells || !o->sums || !o->kinds || !o->share) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for overlays on frames of %dx%d", width, height);
        udm_overlay_free(o);
        return NULL;
    }
    return o;
}

void udm_overlay_free(udm_overlay *overlay)
{
    if (!overlay)
        return;
    free(overlay->cells);
    free(overlay->sums);
    free(overlay->kinds);
    free(overlay->share);
    free(overlay);
}

static float *pixel(const udm_packed *packed, int x, int y)
{
    return packed->at + 4 * (y * packed->stride + x);
}

static cell *cell_at(const udm_overlay *o, int x, int y)
{
    return &o->cells[y / CELL * o->columns + x / CELL];
}

// ---- the motion around

static void add_motion(udm_overlay *o, const udm_synthesis_job *job)
{
    memset(o->sums, 0, (size_t)o->columns * (size_t)o->rows * sizeof *o->sums);
    for (int k = 0; k < 2; k++)
        for (int y = 0; y < o->height; y += 2)
            for (int x = 0; x < o->width; x += 2) {
                const float *motion = pixel(&job->views[k].motion, x, y), sign = k ? -1 : 1;
                cell *c = &o->sums[y / CELL * o->columns + x / CELL];
                c->all += motion[3];
                if (motion[0] * motion[0] + motion[1] * motion[1] < 1)
                    continue;
                c->moving += motion[3], c->u += sign * motion[3] * motion[0], c->v += sign * motion[3] * motion[1];
            }
}

static void find_motion(udm_overlay *o, int column, int row, cell *to)
{
    float u = 0, v = 0, moving = 0, all = 0;
    for (int y = udm_max(row - AROUND, 0); y <= udm_min(row + AROUND, o->rows - 1); y++)
        for (int x = udm_max(column - AROUND, 0); x <= udm_min(column + AROUND, o->columns - 1); x++) {
            const cell *c = &o->sums[y * o->columns + x];
            u += c->u, v += c->v, moving += c->moving, all += c->all;
        }
    *to = (cell){ .u = moving > 0 ? u / moving : 0, .v = moving > 0 ? v / moving : 0 };
    to->moves = moving > LEAST_MOVING * all && to->u * to->u + to->v * to->v > LEAST_MOTION * LEAST_MOTION;
}

// ---- which pixels stay

static float difference(const float *a, const float *b)
{
    float sum = 0;
    for (int c = 0; c < 4; c++)
        sum += (a[c] - b[c]) * (a[c] - b[c]);
    return sum / 3;
}

// A pixel and one between others; outside of the picture it is its border.
static void sample(const udm_packed *from, float x, float y, float to[4])
{
    x = udm_clamp(x, 0, (float)(from->width - 1)), y = udm_clamp(y, 0, (float)(from->height - 1));
    const int left = (int)x, top = (int)y;
    const float fx = x - (float)left, fy = y - (float)top;
    const float *above = pixel(from, left, top), *below = pixel(from, left, top + 1);
    for (int c = 0; c < 4; c++)
        to[c] = (1 - fy) * ((1 - fx) * above[c] + fx * above[4 + c]) + fy * ((1 - fx) * below[c] + fx * below[4 + c]);
}

static float miss(const udm_synthesis_job *job, int k, int x, int y, float u, float v)
{
    float there[4];
    sample(&job->views[!k].pixels, (float)x + u, (float)y + v, there);
    return difference(pixel(&job->views[k].pixels, x, y), there);
}

static bool is_same(const udm_synthesis_job *job, int x, int y)
{
    return difference(pixel(&job->views[0].pixels, x, y), pixel(&job->views[1].pixels, x, y)) < SAME;
}

static bool fits(const udm_synthesis_job *job, const cell *c, int x, int y)
{
    return fminf(miss(job, 0, x, y, c->u, c->v), miss(job, 1, x, y, -c->u, -c->v)) <= OTHER;
}

// Whether the flow that was found explains it in both pictures.
static bool is_explained(const udm_synthesis_job *job, int x, int y)
{
    return pixel(&job->views[0].motion, x, y)[3] >= UDM_LEAST_EXPLAINED &&
           pixel(&job->views[1].motion, x, y)[3] >= UDM_LEAST_EXPLAINED;
}

// Whether it stands out from what is near, as strokes do.
static bool stands_out(const udm_packed *pixels, int x, int y)
{
    const float *own = pixel(pixels, x, y);
    return difference(own, pixel(pixels, udm_max(x - NEAR, 0), y)) > OTHER ||
           difference(own, pixel(pixels, udm_min(x + NEAR, pixels->width - 1), y)) > OTHER ||
           difference(own, pixel(pixels, x, udm_max(y - NEAR, 0))) > OTHER ||
           difference(own, pixel(pixels, x, udm_min(y + NEAR, pixels->height - 1))) > OTHER;
}

static bool stays(const udm_synthesis_job *job, const cell *c, int x, int y)
{
    return is_same(job, x, y) && !fits(job, c, x, y);
}

static bool is_seed(const udm_synthesis_job *job, const cell *c, int x, int y)
{
    return !is_explained(job, x, y) && stays(job, c, x, y) && stands_out(&job->views[0].pixels, x, y) &&
           stands_out(&job->views[1].pixels, x, y);
}

// A row of cells.
static void find_seeds(void *context, int row, int worker)
{
    const overlay_job *b = context;
    udm_overlay *o = b->overlay;
    for (int column = 0; column < o->columns; column++) {
        cell *c = &o->cells[row * o->columns + column];
        for (int y = row * CELL; c->moves && y < udm_min((row + 1) * CELL, o->height); y++)
            for (int x = column * CELL; x < udm_min((column + 1) * CELL, o->width); x++)
                c->seeds += is_seed(b->job, c, x, y);
    }
}

static int seeds_around(const udm_overlay *o, int column, int row)
{
    int seeds = 0;
    for (int y = udm_max(row - 1, 0); y <= udm_min(row + 1, o->rows - 1); y++)
        for (int x = udm_max(column - 1, 0); x <= udm_min(column + 1, o->columns - 1); x++)
            seeds += o->cells[y * o->columns + x].seeds;
    return seeds;
}

// Only there anything else has to be known.
static bool find_enough_seeds(udm_overlay *o)
{
    bool any = false;
    for (int i = 0; i < o->columns * o->rows; i++) {
        const int column = i % o->columns, row = i / o->columns;
        if (!o->cells[i].moves || seeds_around(o, column, row) < LEAST_SEEDS)
            continue;
        any = true;
        for (int y = udm_max(row - 1, 0); y <= udm_min(row + 1, o->rows - 1); y++)
            for (int x = udm_max(column - 1, 0); x <= udm_min(column + 1, o->columns - 1); x++)
                o->cells[y * o->columns + x].beside = true;
    }
    return any;
}

// A row of cells. Of what is not the same, one pixel in four is looked at.
static void find_kinds(void *context, int row, int worker)
{
    const overlay_job *b = context;
    const udm_synthesis_job *job = b->job;
    udm_overlay *o = b->overlay;
    for (int y = row * CELL; y < udm_min((row + 1) * CELL, o->height); y++)
        for (int x = 0; x < o->width; x++) {
            cell *c = &o->cells[row * o->columns + x / CELL];
            kind *to = &o->kinds[y * o->width + x];
            *to = MOVES;
            if (!c->moves || !c->beside)
                continue;
            if (is_same(job, x, y))
                *to = fits(job, c, x, y) ? SAME_IN_BOTH : STAYS;
            else if (x % 2 == 0 && y % 2 == 0)
                c->neither += fits(job, c, x, y) ? 0 : 4;
        }
}

static bool accept(udm_overlay *o)
{
    bool any = false;
    for (int row = 0; row < o->rows; row++)
        for (int column = 0; column < o->columns; column++) {
            int neither = 0;
            for (int y = udm_max(row - 1, 0); y <= udm_min(row + 1, o->rows - 1); y++)
                for (int x = udm_max(column - 1, 0); x <= udm_min(column + 1, o->columns - 1); x++)
                    neither += o->cells[y * o->columns + x].neither;
            const int seeds = seeds_around(o, column, row);
            cell *c = &o->cells[row * o->columns + column];
            c->accepted = c->moves && seeds >= LEAST_SEEDS && 3 * seeds > neither;
            any |= c->accepted;
        }
    return any;
}

// Takes over from the pixel before it in a scan.
static void grow_to(udm_overlay *o, const udm_synthesis_job *job, int x, int y, int from_x, int from_y)
{
    const udm_packed *pixels = &job->views[0].pixels;
    if (o->share[y * o->width + x] == 0 && o->share[from_y * o->width + from_x] == 1 &&
        o->kinds[y * o->width + x] == SAME_IN_BOTH && cell_at(o, x, y)->accepted &&
        difference(pixel(pixels, x, y), pixel(pixels, from_x, from_y)) < NEAR_COLOUR)
        o->share[y * o->width + x] = 1;
}

static void grow(udm_overlay *o, const udm_synthesis_job *job)
{
    const int w = o->width, h = o->height;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            o->share[y * w + x] = cell_at(o, x, y)->accepted && o->kinds[y * w + x] == STAYS;
    for (int round = 0; round < ROUNDS; round++) {
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                grow_to(o, job, x, y, udm_max(x - 1, 0), y);
                grow_to(o, job, x, y, x, udm_max(y - 1, 0));
            }
        for (int y = h - 1; y >= 0; y--)
            for (int x = w - 1; x >= 0; x--) {
                grow_to(o, job, x, y, udm_min(x + 1, w - 1), y);
                grow_to(o, job, x, y, x, udm_min(y + 1, h - 1));
            }
    }
}

// The pixels around it are a mixture.
static void soften(udm_overlay *o)
{
    const int w = o->width, h = o->height;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            if (o->share[y * w + x] > 0 || !cell_at(o, x, y)->accepted)
                continue;
            for (int j = udm_max(y - 1, 0); j <= udm_min(y + 1, h - 1); j++)
                for (int i = udm_max(x - 1, 0); i <= udm_min(x + 1, w - 1); i++)
                    if (o->share[j * w + i] == 1)
                        o->share[y * w + x] = EDGE;
        }
}

// ---- what is behind it

static bool is_covered(const udm_overlay *o, float x, float y)
{
    const int column = udm_clamp_index((int)lrintf(udm_clamp(x, -1e6f, 1e6f)), o->width);
    return o->share[udm_clamp_index((int)lrintf(udm_clamp(y, -1e6f, 1e6f)), o->height) * o->width + column] > 0;
}

static void find_background(udm_overlay *o, udm_synthesis_job *job, int k, int y)
{
    const udm_packed *pixels = &job->views[k].pixels, *motion = &job->views[k].motion;
    int known = -1; // the last pixel that shows the background
    for (int x = 0; x < o->width; x++) {
        const cell *c = cell_at(o, x, y);
        const float u = k ? -c->u : c->u, v = k ? -c->v : c->v;
        float *own = pixel(motion, x, y), *colour = pixel(pixels, x, y);
        const bool covered = o->share[y * o->width + x] > 0;
        if (c->accepted && (covered || is_covered(o, (float)x + own[0], (float)y + own[1]) ||
                            miss(job, k, x, y, u, v) < miss(job, k, x, y, own[0], own[1])))
            own[0] = u, own[1] = v;
        if (!covered) {
            known = x;
            continue;
        }
        int next = x;
        while (next < o->width && o->share[y * o->width + next] > 0)
            next++;
        if (!is_covered(o, (float)x + u, (float)y + v))
            sample(&job->views[!k].pixels, (float)x + u, (float)y + v, colour);
        else if (known >= 0 || next < o->width)
            memcpy(colour, pixel(pixels, known >= 0 && (next == o->width || x - known < next - x) ? known : next, y),
                   4 * sizeof *colour);
    }
}

static void repeat_border(const udm_packed *packed)
{
    enum { BORDER = UDM_SYNTHESIS_BORDER };
    for (int y = -BORDER; y < packed->height + BORDER; y++)
        for (int x = -BORDER; x < packed->width + BORDER; x++) {
            const int from_x = udm_clamp_index(x, packed->width), from_y = udm_clamp_index(y, packed->height);
            if (x != from_x || y != from_y)
                memcpy(pixel(packed, x, y), pixel(packed, from_x, from_y), 4 * sizeof(float));
        }
}

bool udm_overlay_take_off(udm_overlay *o, udm_synthesis_job *job)
{
    overlay_job both = { o, job };
    bool moves = false;
    o->found = false;
    add_motion(o, job);
    for (int i = 0; i < o->columns * o->rows; i++) {
        find_motion(o, i % o->columns, i / o->columns, &o->cells[i]);
        moves |= o->cells[i].moves;
    }
    if (!moves)
        return false;
    udm_pool_run(o->pool, o->rows, find_seeds, &both);
    if (!find_enough_seeds(o))
        return false;
    udm_pool_run(o->pool, o->rows, find_kinds, &both);
    if (!accept(o))
        return false;
    grow(o, job);
    soften(o);
    for (int k = 0; k < 2; k++)
        for (int y = 0; y < o->height; y++)
            find_background(o, job, k, y);
    for (int k = 0; k < 2; k++)
        repeat_border(&job->views[k].pixels), repeat_border(&job->views[k].motion);
    return o->found = true;
}

void udm_overlay_put_on(const udm_overlay *o, const udm_synthesis_job *job, int channels, float *planes, float *still)
{
    const size_t n = (size_t)o->width * (size_t)o->height;
    const float t = udm_clamp(job->position, 0, 1);
    for (size_t i = 0; o->found && i < n; i++) {
        const float share = o->share[i];
        if (share == 0)
            continue;
        if (still)
            still[i] += share * (1 - still[i]);
        for (int c = 0; c < channels; c++) {
            const size_t at = (c < job->channels ? (size_t)c * n : 0) + i;
            const float a = job->views[0].picture[at], b = job->views[1].picture[at];
            planes[(size_t)c * n + i] += share * (a + t * (b - a) - planes[(size_t)c * n + i]);
        }
    }
}
