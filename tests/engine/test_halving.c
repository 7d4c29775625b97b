// SPDX-License-Identifier: LGPL-2.1-or-later
// Half the size and back: what is straight stays so, noise loses three quarters of its variance, and rest is rest.
#include "temporal/halving.h"
#include "temporal/kernels/kernels.h"

#include "compare.h"

enum { WIDTH = 33, HEIGHT = 21, HALF = (WIDTH + 1) / 2, ROWS = (HEIGHT + 1) / 2, PLANE = WIDTH * HEIGHT };

static const int threads[] = { 1, 3 };

static float slope(int x, int y)
{
    return 0.01f * (float)x - 0.02f * (float)y + 0.1f;
}

// Where all pixels that are read lie inside, at the frame's size: straight planes come back times two.
START_TEST(what_is_straight_stays_so)
{
    udm_pool *pool = udm_pool_new(threads[_i], NULL);
    float small[HALF * ROWS], out[PLANE];
    for (int i = 0; i < HALF * ROWS; i++)
        small[i] = (slope(2 * (i % HALF), 2 * (i / HALF)) + slope(2 * (i % HALF) + 1, 2 * (i / HALF) + 1)) / 2;
    udm_expand_plane(small, 2, WIDTH, HEIGHT, out, pool);
    for (int y = 1; y < HEIGHT - 2; y++)
        for (int x = 1; x < WIDTH - 2; x++)
            ck_assert(fabsf(out[y * WIDTH + x] - 2 * slope(x, y)) < 1e-6f);
    memset(small, 0, sizeof small);
    udm_expand_plane(small, 2, WIDTH, HEIGHT, out, pool);
    for (int i = 0; i < PLANE; i++)
        ck_assert(out[i] == 0);
    udm_pool_free(pool);
}
END_TEST

START_TEST(a_mean_has_a_quarter_of_the_variance)
{
    udm_pool *pool = udm_pool_new(threads[_i], NULL);
    enum { CHANNELS = 2 };
    float planes[CHANNELS * PLANE], level[PLANE], small[CHANNELS * HALF * ROWS], small_level[HALF * ROWS];
    const float variance = 0.04f, ratio = 1 / sqrtf(1 + variance / 4);
    for (int i = 0; i < CHANNELS * PLANE; i++)
        planes[i] = slope(i % WIDTH, i / WIDTH % HEIGHT) * (i < PLANE ? 1 : -1);
    for (int i = 0; i < PLANE; i++)
        level[i] = sqrtf(variance / (1 + variance));
    udm_halve_frame(planes, level, CHANNELS, WIDTH, HEIGHT, small, small_level, pool);
    for (int i = 0; i < HALF * ROWS; i++) {
        const int x = 2 * (i % HALF), y = 2 * (i / HALF), right = x + 1 < WIDTH ? x + 1 : x;
        const int below = y + 1 < HEIGHT ? y + 1 : y;
        const float mean = (slope(x, y) + slope(right, below)) / 2;
        ck_assert(fabsf(small[i] - ratio * mean) < 1e-6f && fabsf(small[HALF * ROWS + i] + ratio * mean) < 1e-6f);
        ck_assert(fabsf(small_level[i] - sqrtf(variance / 4) * ratio) < 1e-6f);
    }
    level[0] = 1; // nothing is known there
    udm_halve_frame(planes, level, CHANNELS, WIDTH, HEIGHT, small, small_level, pool);
    ck_assert(small_level[0] > 0.999f && small_level[0] <= 1 && fabsf(small[0]) < 0.01f);
    udm_pool_free(pool);
}
END_TEST

START_TEST(a_prediction_has_its_variance)
{
    udm_pool *pool = udm_pool_new(threads[_i], NULL);
    float planes[PLANE], level[PLANE], variance[PLANE], small[2][HALF * ROWS], small_level[2][HALF * ROWS];
    for (int i = 0; i < PLANE; i++) {
        planes[i] = slope(i % WIDTH, i / WIDTH);
        variance[i] = 0.04f;
        level[i] = sqrtf(variance[i] / (1 + variance[i]));
    }
    variance[0] = UDM_UNKNOWN_VARIANCE;
    udm_halve_frame(planes, level, 1, WIDTH, HEIGHT, small[0], small_level[0], pool);
    udm_halve_prediction(planes, variance, 1, WIDTH, HEIGHT, small[1], small_level[1], pool);
    ck_assert(small[1][0] == 0 && small_level[1][0] == 1);
    for (int i = 1; i < HALF * ROWS; i++)
        ck_assert(fabsf(small[0][i] - small[1][i]) < 1e-6f && fabsf(small_level[0][i] - small_level[1][i]) < 1e-6f);
    udm_pool_free(pool);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = what_is_straight_stays_so, .cases = COUNT_OF(threads) },
        { .test = a_mean_has_a_quarter_of_the_variance, .cases = COUNT_OF(threads) },
        { .test = a_prediction_has_its_variance, .cases = COUNT_OF(threads) },
    };
    return test_main("halving", tests, COUNT_OF(tests));
}
