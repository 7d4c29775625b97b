// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a particle goes is where the flow leads back to it: x' + flow(x') = x, found from x by two steps. Chang et al.
// ("How I Warped Your Noise", 2024) integrate white noise of a finer grid instead; here each value stays what it is.
#include "temporal/moving_noise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/maths.h"
#include "base/random.h"

enum { STEPS = 2 };

// Noise, and where its particles lie: [channels, cells], and [2, cells], from the middle of their cells.
typedef struct state {
    float *values, *offsets;
} state;

struct udm_moving_noise {
    int channels, width, height, scale;
    size_t cells;
    uint64_t seed;
    state before, now;
    float *flow;  // of cells, in cells, [2, height, width]
    float *least; // of each cell: how far from its middle the nearest particle is that comes to it, squared
    float *memory;
};

udm_moving_noise *udm_moving_noise_new(int channels, int width, int height, int scale, uint64_t seed, udm_error *error)
{
    udm_moving_noise *noise = calloc(1, sizeof *noise);
    const size_t cells = (size_t)width * height, each = cells * (channels + 2);
    float *at = noise ? noise->memory = calloc(2 * each + 3 * cells, sizeof *at) : NULL;
    if (!at) {
        free(noise);
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for noise that moves");
        return NULL;
    }
    noise->channels = channels, noise->width = width, noise->height = height, noise->scale = scale;
    noise->cells = cells, noise->seed = seed;
    noise->before = (state){ at, at + channels * cells };
    noise->now = (state){ at + each, at + each + channels * cells };
    noise->flow = at + 2 * each, noise->least = noise->flow + 2 * cells;
    return noise;
}

void udm_moving_noise_free(udm_moving_noise *noise)
{
    if (!noise)
        return;
    free(noise->memory);
    free(noise);
}

// The mean over the pixels of each cell.
static void read_flow(udm_moving_noise *noise, const udm_pixel_flow *flow)
{
    const int scale = noise->scale;
    for (size_t i = 0; i < 2 * noise->cells; i++) {
        const float *plane = flow->values + i / noise->cells * flow->width * flow->height;
        const int left = (int)(i % noise->width) * scale, top = (int)(i % noise->cells / noise->width) * scale;
        float sum = 0;
        for (int y = top; y < top + scale; y++)
            for (int x = left; x < left + scale; x++)
                sum += plane[(size_t)udm_min(y, flow->height - 1) * flow->width + udm_min(x, flow->width - 1)];
        noise->flow[i] = sum / ((float)scale * scale * scale);
    }
}

// The cell that a place lies in, or the one at the border next to it; *inside: whether it does.
static size_t cell_of(const udm_moving_noise *noise, float x, float y, bool *inside)
{
    const float column = floorf(x + 0.5f), row = floorf(y + 0.5f);
    *inside = column >= 0 && row >= 0 && column < (float)noise->width && row < (float)noise->height;
    const int c = (int)udm_clamp(column, 0, (float)(noise->width - 1));
    const int r = (int)udm_clamp(row, 0, (float)(noise->height - 1));
    return (size_t)r * noise->width + c;
}

// Where the particle of that cell goes: to the nearest cell, unless another comes nearer to its middle.
static void move(udm_moving_noise *noise, size_t from)
{
    const size_t cells = noise->cells;
    const float x = (float)(from % noise->width) + noise->before.offsets[from];
    const float y = (float)(from / noise->width) + noise->before.offsets[cells + from];
    float to_x = x, to_y = y;
    bool inside;
    size_t to = from;
    for (int i = 0; i < STEPS; i++) {
        const size_t at = cell_of(noise, to_x, to_y, &inside);
        to_x = x - noise->flow[at], to_y = y - noise->flow[cells + at];
    }
    to = cell_of(noise, to_x, to_y, &inside);
    const float dx = to_x - (float)(to % noise->width), dy = to_y - (float)(to / noise->width);
    if (!inside || !(dx * dx + dy * dy < noise->least[to]))
        return;
    noise->least[to] = dx * dx + dy * dy;
    noise->now.offsets[to] = dx, noise->now.offsets[cells + to] = dy;
    for (int c = 0; c < noise->channels; c++)
        noise->now.values[c * cells + to] = noise->before.values[c * cells + from];
}

const float *udm_moving_noise_of(udm_moving_noise *noise, const udm_pixel_flow *flow, uint64_t number)
{
    udm_normal(noise->seed, number, 0, 0, noise->channels * noise->cells, noise->now.values);
    memset(noise->now.offsets, 0, 2 * noise->cells * sizeof(float));
    if (!flow)
        return noise->now.values;
    read_flow(noise, flow);
    for (size_t i = 0; i < noise->cells; i++)
        noise->least[i] = INFINITY;
    for (size_t i = 0; i < noise->cells; i++)
        move(noise, i);
    return noise->now.values;
}

void udm_moving_noise_keep(udm_moving_noise *noise)
{
    const state before = noise->before;
    noise->before = noise->now, noise->now = before;
}
