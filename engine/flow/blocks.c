// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flow/blocks.h"

#include <string.h>

enum { BLOCK = UDM_FLOW_BLOCK };

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

static int index_of(const udm_flow_level *level, int column, int row)
{
    return row * level->blocks.columns + column;
}

static const float *row_of(const udm_flow_level *level, const float *plane, int y)
{
    return plane + udm_clamp_index(y, level->height) * level->stride;
}

// Sums over the columns of a block.
typedef struct sums {
    float along[BLOCK], xx[BLOCK], xy[BLOCK], yy[BLOCK], xr[BLOCK], yr[BLOCK];
} sums;

static void add_row(const udm_flow_level *level, int left, int y, int width, sums *to)
{
    const float *mean = row_of(level, level->mean, y) + left, *above = row_of(level, level->mean, y - 1) + left;
    const float *below = row_of(level, level->mean, y + 1) + left, *change = row_of(level, level->change, y) + left;
    for (int i = 0; i < width; i++) {
        const float x = 0.5f * (mean[i + 1] - mean[i - 1]), y = 0.5f * (below[i] - above[i]), r = change[i];
        to->along[i] += r * r;
        to->xx[i] += x * x;
        to->xy[i] += x * y;
        to->yy[i] += y * y;
        to->xr[i] += x * r;
        to->yr[i] += y * r;
    }
}

void udm_flow_measure(const udm_flow_level *level, int row)
{
    const udm_flow_blocks *b = &level->blocks;
    for (int column = 0; column < b->columns; column++) {
        const int left = column * BLOCK, top = row * BLOCK, at = index_of(level, column, row);
        const int x = udm_clamp_index(left + BLOCK / 2, level->width);
        const ptrdiff_t middle = udm_clamp_index(top + BLOCK / 2, level->height) * level->stride + x;
        sums of = { 0 };
        for (int y = top; y < top + within(top, level->height); y++)
            add_row(level, left, y, within(left, level->width), &of);
        b->along[at] = sum(of.along);
        b->xx[at] = sum(of.xx);
        b->xy[at] = sum(of.xy);
        b->yy[at] = sum(of.yy);
        b->xr[at] = sum(of.xr);
        b->yr[at] = sum(of.yr);
        b->middle_u[at] = level->u[middle];
        b->middle_v[at] = level->v[middle];
    }
}

void udm_flow_compare(const udm_flow_level *level, int row)
{
    for (int column = 0; column < level->blocks.columns; column++) {
        const int left = column * BLOCK, top = row * BLOCK, at = index_of(level, column, row);
        const int width = within(left, level->width);
        float unmoved[BLOCK] = { 0 };
        for (int y = top; y < top + within(top, level->height); y++) {
            const float *from = level->from + y * level->stride + left, *to = level->to + y * level->stride + left;
            for (int i = 0; i < width; i++)
                unmoved[i] += (to[i] - from[i]) * (to[i] - from[i]);
        }
        level->blocks.unmoved[at] = sum(unmoved);
        level->blocks.found[at] = level->blocks.along[at];
    }
}

static bool is_block(const udm_flow_level *level, int column, int row)
{
    return column >= 0 && row >= 0 && column < level->blocks.columns && row < level->blocks.rows;
}

// How many times as much is wrong as along the flow that was found, in a block and those around it.
static void compare_with_found(const udm_flow_level *level, int row, const float *wrong, float *excess)
{
    for (int column = 0; column < level->blocks.columns; column++) {
        float this = 0, found = UDM_FLOW_LEAST_DIFFERENCE;
        for (int y = row - 1; y <= row + 1; y++)
            for (int x = column - 1; x <= column + 1; x++)
                if (is_block(level, x, y)) {
                    this += wrong[index_of(level, x, y)];
                    found += level->blocks.found[index_of(level, x, y)];
                }
        excess[index_of(level, column, row)] = this / found;
    }
}

void udm_flow_rest(const udm_flow_level *level, int row)
{
    compare_with_found(level, row, level->blocks.unmoved, level->blocks.rest_excess);
}

void udm_flow_fit(const udm_flow_level *level, int row)
{
    compare_with_found(level, row, level->blocks.along, level->blocks.camera_excess);
}

static bool holds(const udm_flow_level *level, const float *excess, int around, int column, int row)
{
    for (int y = row - around; y <= row + around; y++)
        for (int x = column - around; x <= column + around; x++)
            if (is_block(level, x, y) && udm_flow_excessive(excess[index_of(level, x, y)]))
                return false;
    return true;
}

bool udm_flow_most_move(const udm_flow_level *level)
{
    int rest = 0, move = 0;
    for (int i = 0; i < level->blocks.columns * level->blocks.rows; i++) {
        const bool no_rest = udm_flow_excessive(level->blocks.rest_excess[i]);
        const bool no_camera = udm_flow_excessive(level->blocks.camera_excess[i]);
        rest += no_camera && !no_rest;
        move += no_rest && !no_camera;
    }
    return move > rest;
}

void udm_flow_keep(const udm_flow_level *level, int row)
{
    const int top = row * BLOCK;
    for (int y = top; y < top + within(top, level->height); y++) {
        const ptrdiff_t at = y * level->stride;
        memcpy(level->split_u + at, level->u + at, (size_t)level->width * sizeof(float));
        memcpy(level->split_v + at, level->v + at, (size_t)level->width * sizeof(float));
    }
}

void udm_flow_follow(const udm_flow_level *level, int row)
{
    const udm_flow_camera *camera = &level->camera;
    const int top = row * BLOCK;
    const float scale = 1 / (float)level->width;
    for (int y = top; y < top + within(top, level->height); y++) {
        const float down = (y - 0.5f * (level->height - 1)) * scale;
        const float u = (float)camera->u[0] + (float)camera->u[2] * down;
        const float v = (float)camera->v[0] + (float)camera->v[2] * down;
        float *us = level->u + y * level->stride, *vs = level->v + y * level->stride;
        for (int x = 0; x < level->width; x++) {
            const float across = (x - 0.5f * (level->width - 1)) * scale;
            us[x] = u + (float)camera->u[1] * across;
            vs[x] = v + (float)camera->v[1] * across;
        }
        us[-1] = us[0]; // what the operations see around the border
        vs[-1] = vs[0];
        us[level->width] = us[level->width - 1];
        vs[level->width] = vs[level->width - 1];
    }
}

static void settle_row(const udm_flow_level *level, ptrdiff_t at, size_t bytes, bool rest, bool camera)
{
    if (rest) {
        memset(level->u + at, 0, bytes);
        memset(level->v + at, 0, bytes);
    } else if (level->moves && !camera) {
        memcpy(level->u + at, level->split_u + at, bytes);
        memcpy(level->v + at, level->split_v + at, bytes);
    }
}

void udm_flow_settle(const udm_flow_level *level, int row)
{
    const int top = row * BLOCK;
    for (int column = 0; column < level->blocks.columns; column++) {
        const int left = column * BLOCK;
        const size_t bytes = (size_t)within(left, level->width) * sizeof(float);
        const bool camera = level->moves && holds(level, level->blocks.camera_excess, UDM_FLOW_FAR, column, row);
        const bool rest =
            !(camera && level->most_move) && holds(level, level->blocks.rest_excess, UDM_FLOW_NEAR, column, row);
        for (int y = top; y < top + within(top, level->height); y++)
            settle_row(level, y * level->stride + left, bytes, rest, camera);
    }
}
