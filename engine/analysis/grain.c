// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocks are looked at that fit nowhere better in the picture before than where they are. What little motion d and
// change of brightness c they have is found by least squares, now - before = d . grad(before) + c: Lucas and Kanade,
// "An iterative image registration technique", IJCAI 1981. What that leaves is grain, or motion of another kind; so the
// blocks with the least of it count.
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

// The variance of (now - before) / sqrt 2 that neither motion nor a change of brightness explains.
static double unexplained(view of, size_t corner)
{
    double d = 0, dd = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0, dx = 0, dy = 0;
    for (int i = 0; i < AREA; i++) {
        const size_t offset = (size_t)(i / SIDE) * of.width + i % SIDE;
        const float *at = of.before + corner + offset;
        const double across = (at[1] - at[-1]) / 2, down = (at[of.width] - at[-of.width]) / 2;
        const double difference = of.now[corner + offset] - *at;
        d += difference, dd += difference * difference, dx += difference * across, dy += difference * down;
        x += across, y += down, xx += across * across, xy += across * down, yy += down * down;
    }
    dd -= d * d / AREA, dx -= d * x / AREA, dy -= d * y / AREA;
    xx -= x * x / AREA, xy -= x * y / AREA, yy -= y * y / AREA;
    const double determinant = xx * yy - xy * xy;
    if (determinant > 1e-9)
        dd -= (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / determinant;
    return fmax(dd, 0) / 2 / (AREA - 3);
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

static int ascending(const void *a, const void *b)
{
    const double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

double udm_grain(const udm_noise_picture *now, const udm_noise_picture *before, int octave)
{
    const view of = { now->octaves[0][octave], before->octaves[0][octave], now->width >> octave,
                      now->height >> octave };
    const int across = (of.width - 2 * MARGIN) / SIDE, down = (of.height - 2 * MARGIN) / SIDE;
    if (across < 1 || down < 1)
        return -1;
    const int step = (across * down + MAX_BLOCKS - 1) / MAX_BLOCKS;
    double found[MAX_BLOCKS];
    int count = 0, looked_at = 0;
    for (int i = 0; i < across * down; i += step) {
        const size_t corner = (size_t)(MARGIN + i / across * SIDE) * of.width + MARGIN + i % across * SIDE;
        if (!bears_witness(of, corner))
            continue;
        looked_at++;
        if (is_at_rest(of, corner))
            found[count++] = unexplained(of, corner);
    }
    if (count < MIN_BLOCKS || count < at_rest_share * looked_at)
        return -1;
    qsort(found, count, sizeof *found, ascending);
    return sqrt(found[(int)(share * count)]) * (1 << octave) / of_noise;
}
