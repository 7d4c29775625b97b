// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream/motion/rest.h"

#include <stdbool.h>
#include <string.h>

enum {
    BLOCK = UDM_MOTION_BLOCK,
    AROUND = 2, // blocks on each side that must not move either
};

// What noise makes of a picture at rest: unmoved it differs up to this many times as much, in squares, as along the
// flow that was fitted to it. Of stills of sigma 10 to 40, one place in twenty differs more than 1.2 to 1.3 times; of
// pictures that move by 0.3 pixels, half of the places do that have any texture. Chosen on training clips.
#define MOST_EXCESS 1.35f

// Added to the squared differences, which is below what is seen: two pictures that are the same are at rest.
#define LEAST_DIFFERENCE 1e-7f

static float sum(const float values[BLOCK])
{
    float sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += values[i];
    return sum;
}

static int within(int begin, int size)
{
    return size - begin < BLOCK ? size - begin : BLOCK;
}

void udm_motion_compare(const udm_motion_level *level, int row)
{
    for (int column = 0; column < level->block_columns; column++) {
        const int left = column * BLOCK, top = row * BLOCK;
        const int width = within(left, level->width), height = within(top, level->height);
        float unmoved[BLOCK] = { 0 }, moved[BLOCK] = { 0 };
        for (int y = top; y < top + height; y++) {
            const ptrdiff_t at = y * level->stride + left;
            const float *from = level->from + at, *to = level->to + at, *change = level->change + at;
            for (int i = 0; i < width; i++) {
                unmoved[i] += (to[i] - from[i]) * (to[i] - from[i]);
                moved[i] += change[i] * change[i];
            }
        }
        level->unmoved[row * level->block_columns + column] = sum(unmoved);
        level->moved[row * level->block_columns + column] = sum(moved);
    }
}

static bool is_block(const udm_motion_level *level, int column, int row)
{
    return column >= 0 && row >= 0 && column < level->block_columns && row < level->block_rows;
}

void udm_motion_judge(const udm_motion_level *level, int row)
{
    for (int column = 0; column < level->block_columns; column++) {
        float unmoved = 0, moved = LEAST_DIFFERENCE;
        for (int y = row - 1; y <= row + 1; y++)
            for (int x = column - 1; x <= column + 1; x++)
                if (is_block(level, x, y)) {
                    unmoved += level->unmoved[y * level->block_columns + x];
                    moved += level->moved[y * level->block_columns + x];
                }
        level->excess[row * level->block_columns + column] = unmoved / moved;
    }
}

static bool at_rest(const udm_motion_level *level, int column, int row)
{
    for (int y = row - AROUND; y <= row + AROUND; y++)
        for (int x = column - AROUND; x <= column + AROUND; x++)
            if (is_block(level, x, y) && !(level->excess[y * level->block_columns + x] < MOST_EXCESS))
                return false;
    return true;
}

void udm_motion_settle(const udm_motion_level *level, int row)
{
    const int top = row * BLOCK, height = within(top, level->height);
    for (int column = 0; column < level->block_columns; column++) {
        const int left = column * BLOCK;
        const size_t bytes = (size_t)within(left, level->width) * sizeof(float);
        if (!at_rest(level, column, row))
            continue;
        for (int y = top; y < top + height; y++) {
            memset(level->u + y * level->stride + left, 0, bytes);
            memset(level->v + y * level->stride + left, 0, bytes);
        }
    }
}
