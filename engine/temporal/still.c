// SPDX-License-Identifier: LGPL-2.1-or-later
// For each pixel: d = frame - frame before, moved; light = the mean of d around it, where d is small; agreement
// a = 1 / (1 + |d - light|^2 / t^2)^2, with the mean of |d - light|^2 over 5x5 pixels; n = 1 + a min(n moved, MOST -
// 1); out = guess + (drawn - guess) / n, where the guess is what came out before, moved, and brighter by the light.
#include "temporal/still.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/maths.h"
#include "flow/warp.h"

enum { CHANNELS = 3, NEAR = 2, WIDE = 12 }; // pixels to either side, of errors and of light

#define MOST 8.0f           // frames in the mean
#define TRUST (6 / 127.5f)  // t
#define LIGHT (24 / 127.5f) // what differs by more is no light

struct udm_still {
    int width, height;
    size_t pixels;
    udm_warper *warper;
    float *memory; // all of the following
    // What came out and the frame it came of, side by side, [2 x 3, height, width]; how many frames are in it.
    float *kept, *kept_count, *now, *now_count;
    float *moved, *moved_count, *inside; // kept, moved
    float *light;                        // [3, height, width]
    float *error, *weight, *sum;         // [height, width]
};

static size_t floats(size_t pixels)
{
    return pixels * (3 * (2 * CHANNELS + 1) + 1 + CHANNELS + 3);
}

size_t udm_still_memory(int width, int height)
{
    return floats((size_t)width * height) * sizeof(float);
}

static void lay_out(udm_still *still)
{
    const size_t n = still->pixels;
    float *at = still->memory;
    still->kept = at, still->now = at += 2 * CHANNELS * n, still->moved = at += 2 * CHANNELS * n;
    still->kept_count = at += 2 * CHANNELS * n, still->now_count = at += n, still->moved_count = at += n;
    still->inside = at += n, still->light = at += n, still->error = at += CHANNELS * n;
    still->weight = at += n, still->sum = at += n;
}

udm_still *udm_still_new(int width, int height, udm_device *device, udm_error *error)
{
    udm_still *still = calloc(1, sizeof *still);
    if (still) {
        still->width = width, still->height = height, still->pixels = (size_t)width * height;
        still->memory = calloc(floats(still->pixels), sizeof(float));
    }
    if (!still || !still->memory) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to hold pictures of %dx%d still", width, height);
        free(still);
        return NULL;
    }
    lay_out(still);
    still->warper = udm_warper_new(device, error);
    if (still->warper)
        return still;
    udm_still_free(still);
    return NULL;
}

void udm_still_free(udm_still *still)
{
    if (!still)
        return;
    udm_warper_free(still->warper);
    free(still->memory);
    free(still);
}

// The sum of `count` values, `step` apart, over those up to `reach` to either side, into `sum`, which has room for
// them.
static void sum_line(float *values, int count, size_t step, int reach, float *sum)
{
    double all = 0;
    for (int i = 0; i < udm_min(reach, count); i++)
        all += values[i * step];
    for (int i = 0; i < count; i++) {
        all += i + reach < count ? values[(i + reach) * step] : 0;
        all -= i > reach ? values[(i - reach - 1) * step] : 0;
        sum[i] = (float)all;
    }
    for (int i = 0; i < count; i++)
        values[i * step] = sum[i];
}

// Of squares around each pixel, in place.
static void sum_around(const udm_still *still, float *plane, int reach)
{
    for (int y = 0; y < still->height; y++)
        sum_line(plane + (size_t)y * still->width, still->width, 1, reach, still->sum);
    for (int x = 0; x < still->width; x++)
        sum_line(plane + x, still->height, (size_t)still->width, reach, still->sum);
}

// d into `light`, and what each pixel counts where its mean is taken.
static void find_change(udm_still *still, const float *frame)
{
    const size_t n = still->pixels;
    const float *before = still->moved + CHANNELS * n;
    for (size_t i = 0; i < n; i++) {
        float square = 0;
        for (int c = 0; c < CHANNELS; c++) {
            const float d = frame[c * n + i] - before[c * n + i];
            square += d * d / CHANNELS, still->light[c * n + i] = d;
        }
        still->weight[i] = still->inside[i] / (1 + square / (LIGHT * LIGHT)) + 1e-6f;
    }
}

static void find_light(udm_still *still)
{
    const size_t n = still->pixels;
    for (size_t i = 0; i < CHANNELS * n; i++)
        still->light[i] *= still->weight[i % n];
    for (int c = 0; c < CHANNELS; c++)
        sum_around(still, still->light + c * n, WIDE);
    sum_around(still, still->weight, WIDE);
    for (size_t i = 0; i < CHANNELS * n; i++)
        still->light[i] /= still->weight[i % n];
}

// |d - light|^2 over 5x5 pixels.
static void find_error(udm_still *still, const float *frame)
{
    const size_t n = still->pixels;
    const float *before = still->moved + CHANNELS * n;
    for (size_t i = 0; i < n; i++) {
        still->error[i] = 0;
        for (int c = 0; c < CHANNELS; c++) {
            const float d = frame[c * n + i] - before[c * n + i] - still->light[c * n + i];
            still->error[i] += d * d / CHANNELS;
        }
        still->weight[i] = 1;
    }
    sum_around(still, still->error, NEAR);
    sum_around(still, still->weight, NEAR);
    for (size_t i = 0; i < n; i++)
        still->error[i] /= still->weight[i];
}

static void mix(udm_still *still, float *drawn)
{
    const size_t n = still->pixels;
    for (size_t i = 0; i < n; i++) {
        const float doubt = 1 + still->error[i] / (TRUST * TRUST), agreement = still->inside[i] / (doubt * doubt);
        const float count = 1 + agreement * udm_clamp(still->moved_count[i], 0, MOST - 1);
        for (int c = 0; c < CHANNELS; c++) {
            const float guess = still->moved[c * n + i] + still->light[c * n + i];
            drawn[c * n + i] = guess + (drawn[c * n + i] - guess) / count;
        }
        still->now_count[i] = count;
    }
}

static bool move(udm_still *still, const float *flow, udm_error *error)
{
    udm_warp_input what = { .width = still->width,
                            .height = still->height,
                            .channels = 2 * CHANNELS,
                            .filter = UDM_LANCZOS_3,
                            .flow = flow,
                            .planes = still->kept };
    if (!udm_warper_run(still->warper, &what, still->moved, still->inside, error))
        return false;
    what.channels = 1, what.filter = UDM_BILINEAR, what.planes = still->kept_count;
    return udm_warper_run(still->warper, &what, still->moved_count, NULL, error);
}

bool udm_still_hold(udm_still *still, const float *flow, const float *frame, float *drawn, udm_error *error)
{
    const size_t n = still->pixels;
    if (flow) {
        if (!move(still, flow, error))
            return false;
        find_change(still, frame);
        find_light(still);
        find_error(still, frame);
        mix(still, drawn);
    }
    for (size_t i = 0; i < n && !flow; i++)
        still->now_count[i] = 1;
    memcpy(still->now, drawn, CHANNELS * n * sizeof *drawn);
    memcpy(still->now + CHANNELS * n, frame, CHANNELS * n * sizeof *frame);
    return true;
}

void udm_still_keep(udm_still *still)
{
    float *kept = still->kept, *count = still->kept_count;
    still->kept = still->now, still->kept_count = still->now_count;
    still->now = kept, still->now_count = count;
}
