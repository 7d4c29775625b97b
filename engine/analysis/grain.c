// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocks are looked at that fit nowhere better in the picture before than where they are. What little motion d and
// change of brightness c they have is found by least squares, now - before = d . grad(before) + c: Lucas and Kanade,
// "An iterative image registration technique", IJCAI 1981. What that leaves is grain, or motion of another kind; so the
// blocks with the least of it count.
//
// A third picture tells which. With noise n of its own in each, two successive differences n1 - n0 and n2 - n1 share n1
// with opposite signs, and correlate by -1/2; what motion leaves goes on from one to the next, and correlates by more
// than 0.
#include "analysis/grain.h"

#include <math.h>
#include <stdlib.h>

enum {
    SIDE = 8,
    AREA = SIDE * SIDE,
    REACH = 3,
    MARGIN = REACH + 1, // of a gradient, too
    MAX_BLOCKS = 400,
    MIN_BLOCKS = 16,
    STILLEST = 8, // one block in so many tells noise from motion, and no fewer than:
    LEAST_STILL = 4,
};

// A block is at rest unless elsewhere less than this share of its error is left: of noise alone, the best of many fits
// is always another. Where fewer than this share of the blocks are at rest, what moves passes for grain.
static const float at_rest = 0.8f;
static const double at_rest_share = 0.5;

// Of this share of the blocks the one with the most counts.
static const double share = 0.05;

// What noise of deviation 1 has in that one.
static const double of_noise = 0.85;

static const float constant = 0.02f;

// Of two differences one with so many times the energy of the other says that one of them is of repeats; and what
// changes by less than this variance, by nothing but rounding.
static const double unlike = 4, least_changed = 1e-3;

typedef struct view {
    const float *now, *before; // [height, width]
    int width, height;
} view;

// Of the differences between a block and one (dx, dy) from it, less their mean: the sum of squares.
static float block_error(view of, size_t corner, int dx, int dy)
{
    const float *now = of.now + corner, *before = of.before + corner + dy * (ptrdiff_t)of.width + dx;
    float sums[SIDE] = { 0 }, squares[SIDE] = { 0 }, sum = 0, square = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const float difference = now[(size_t)y * of.width + x] - before[(size_t)y * of.width + x];
            sums[x] += difference;
            squares[x] += difference * difference;
        }
    for (int x = 0; x < SIDE; x++)
        sum += sums[x], square += squares[x];
    return square - sum * sum / AREA;
}

static bool is_at_rest(view of, size_t corner)
{
    const float least = at_rest * block_error(of, corner, 0, 0);
    for (int dy = -REACH; dy <= REACH; dy++)
        for (int dx = -REACH; dx <= REACH; dx++)
            if (block_error(of, corner, dx, dy) < least)
                return false;
    return true;
}

// What neither motion nor a change of brightness explains of now - before, [AREA].
static void unexplained(view of, size_t corner, float *left)
{
    float across[AREA], down[AREA];
    double d = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0, dx = 0, dy = 0;
    for (int i = 0; i < AREA; i++) {
        const size_t offset = (size_t)(i / SIDE) * of.width + i % SIDE;
        const float *at = of.before + corner + offset;
        across[i] = (at[1] - at[-1]) / 2, down[i] = (at[of.width] - at[-of.width]) / 2;
        left[i] = of.now[corner + offset] - *at;
        d += left[i], dx += left[i] * across[i], dy += left[i] * down[i];
        x += across[i], y += down[i], xx += across[i] * across[i], xy += across[i] * down[i], yy += down[i] * down[i];
    }
    dx -= d * x / AREA, dy -= d * y / AREA;
    xx -= x * x / AREA, xy -= x * y / AREA, yy -= y * y / AREA;
    const double determinant = xx * yy - xy * xy, share = determinant > 1e-9 ? 1 / determinant : 0;
    const float right = (float)(share * (yy * dx - xy * dy)), below = (float)(share * (xx * dy - xy * dx));
    const float brighter = (float)((d - right * x - below * y) / AREA);
    for (int i = 0; i < AREA; i++)
        left[i] -= right * across[i] + below * down[i] + brighter;
}

// Of a block: the variance of (now - before) / sqrt 2 that is left, that of the pair before, and how both go together.
typedef struct block {
    double now, before, both;
} block;

// earlier: [height, width] or NULL.
static block measure(view of, const float *earlier, size_t corner)
{
    float now[AREA], before[AREA];
    block found = { 0 };
    unexplained(of, corner, now);
    for (int i = 0; i < AREA; i++)
        found.now += now[i] * now[i] / (2 * (AREA - 3));
    if (!earlier)
        return found;
    unexplained((view){ of.before, earlier, of.width, of.height }, corner, before);
    for (int i = 0; i < AREA; i++) {
        found.before += before[i] * before[i] / (2 * (AREA - 3));
        found.both += now[i] * before[i] / (2 * (AREA - 3));
    }
    return found;
}

static bool varies(const float *block, int width)
{
    for (int i = 0; i < AREA; i++)
        if (fabsf(block[(size_t)(i / SIDE) * width + i % SIDE] - *block) > constant)
            return true;
    return false;
}

// A block of which one picture is empty, a border or what was clipped, says nothing. Nor does one that did not change.
static bool bears_witness(view of, size_t corner)
{
    return varies(of.now + corner, of.width) && varies(of.before + corner, of.width);
}

static int by_now(const void *a, const void *b)
{
    const block *first = a, *second = b;
    return (first->now > second->now) - (first->now < second->now);
}

static int by_all(const void *a, const void *b)
{
    const block *first = a, *second = b;
    const double less = first->now + first->before, more = second->now + second->before;
    return (less > more) - (less < more);
}

// Of the blocks that change least. blocks: [count], which it sorts.
static double freshness(block *blocks, int count)
{
    block all = { 0 };
    qsort(blocks, count, sizeof *blocks, by_all);
    for (int i = 0; i < count / STILLEST || i < LEAST_STILL; i++)
        all.now += blocks[i].now, all.before += blocks[i].before, all.both += blocks[i].both;
    if (all.now < least_changed || all.now > unlike * all.before || all.before > unlike * all.now)
        return UDM_GRAIN_UNKNOWN;
    return -4 * all.both / (all.now + all.before);
}

udm_grain udm_grain_measure(const udm_noise_picture *now, const udm_noise_picture *before, const float *earlier,
                            int octave)
{
    const view of = { now->octaves[0][octave], before->octaves[0][octave], now->width >> octave,
                      now->height >> octave };
    const int across = (of.width - 2 * MARGIN) / SIDE, down = (of.height - 2 * MARGIN) / SIDE;
    const udm_grain nothing = { UDM_GRAIN_UNKNOWN, UDM_GRAIN_UNKNOWN };
    if (across < 1 || down < 1)
        return nothing;
    const int step = (across * down + MAX_BLOCKS - 1) / MAX_BLOCKS;
    block found[MAX_BLOCKS];
    int count = 0, looked_at = 0;
    for (int i = 0; i < across * down; i += step) {
        const size_t corner = (size_t)(MARGIN + i / across * SIDE) * of.width + MARGIN + i % across * SIDE;
        if (!bears_witness(of, corner))
            continue;
        looked_at++;
        if (is_at_rest(of, corner))
            found[count++] = measure(of, earlier, corner);
    }
    if (count < MIN_BLOCKS || count < at_rest_share * looked_at)
        return nothing;
    qsort(found, count, sizeof *found, by_now);
    const double level = sqrt(found[(int)(share * count)].now) * (1 << octave) / of_noise;
    return (udm_grain){ level, earlier ? freshness(found, count) : UDM_GRAIN_UNKNOWN };
}
