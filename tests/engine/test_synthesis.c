// SPDX-License-Identifier: LGPL-2.1-or-later
// Both pictures at an instant are the same whatever the instruction set; and at sizes that are a pixel wide.
#include "check.h"
#include "interp/kernels/kernels.h"

enum { WIDTH = 61, HEIGHT = 45, AREA = WIDTH * HEIGHT, CHANNELS = 3 };

static float pictures[2][CHANNELS * AREA];

static void draw(int width, int height, int channels)
{
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < channels * width * height; i++) {
            const float x = (float)(i % width) - 2.5f * (float)k, y = (float)(i / width % height) + 1.2f * (float)k;
            pictures[k][i] = 0.6f * sinf(0.4f * x + (float)(i / (width * height))) * cosf(0.3f * y);
        }
}

static double largest(const float *a, const float *b, int count)
{
    double most = 0;
    for (int i = 0; i < count; i++)
        most = fmax(most, fabs((double)a[i] - b[i]));
    return most;
}

TEST(instruction_sets_agree)
{
    static float means[2][CHANNELS * AREA], variances[2][AREA];
    udm_pool *pool = udm_pool_new(2, NULL);
    REQUIRE(pool);
    draw(WIDTH, HEIGHT, CHANNELS);
    int k = 0;
    for (const udm_synthesis_ops *const *ops = udm_synthesis_ops_list(); *ops; ops++, k = 1) {
        udm_synthesis *m = udm_synthesis_new_with(*ops, WIDTH, HEIGHT, CHANNELS, pool, NULL);
        REQUIRE(m);
        udm_synthesis_pair(m, pictures[0], pictures[1], NULL);
        udm_synthesis_at(m, 0.3);
        memcpy(means[k], udm_synthesis_mean(m), sizeof means[k]);
        memcpy(variances[k], udm_synthesis_variance(m, 0), sizeof variances[k]);
        CHECK_CLOSE(largest(means[k], means[0], CHANNELS * AREA), 0, 1e-3);
        CHECK_CLOSE(largest(variances[k], variances[0], AREA), 0, 1e-3);
        udm_synthesis_free(m);
    }
    udm_pool_free(pool);
}

TEST(any_size)
{
    static const int sizes[][2] = { { 1, 1 }, { 1, 40 }, { 40, 1 }, { 2, 3 }, { 17, 5 } };
    udm_pool *pool = udm_pool_new(1, NULL);
    REQUIRE(pool);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int width = sizes[i][0], height = sizes[i][1];
        draw(width, height, 1);
        memcpy(pictures[1], pictures[0], (size_t)(width * height) * sizeof(float));
        udm_synthesis *m = udm_synthesis_new(width, height, 1, pool, NULL);
        REQUIRE(m);
        udm_synthesis_pair(m, pictures[0], pictures[1], NULL);
        udm_synthesis_at(m, 0.5);
        CHECK_CLOSE(largest(udm_synthesis_mean(m), pictures[0], width * height), 0, 1e-3);
        udm_synthesis_free(m);
    }
    udm_pool_free(pool);
}

CHECK_MAIN()
