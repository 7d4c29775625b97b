// SPDX-License-Identifier: LGPL-2.1-or-later
// Both pictures at an instant are the same whatever the instruction set; and at sizes that are a pixel wide.
#include "compare.h"
#include "lists.h"
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

// NULL if this machine has not got it.
static const udm_synthesis_ops *find_ops(const char *name)
{
    for (const udm_synthesis_ops *const *ops = udm_synthesis_ops_list(); *ops; ops++)
        if (strcmp((*ops)->name, name) == 0)
            return *ops;
    return NULL;
}

// The mean, and the logarithms of the variances, which are from 0.001 to that of what is unknown.
static void make(const udm_synthesis_ops *ops, float *mean, float *log_variance)
{
    udm_pool *pool = udm_pool_new(2, NULL);
    ck_assert_ptr_nonnull(pool);
    udm_synthesis *m = udm_synthesis_new_with(ops, WIDTH, HEIGHT, CHANNELS, pool, NULL);
    ck_assert_ptr_nonnull(m);
    udm_synthesis_pair(m, pictures[0], pictures[1], NULL);
    udm_synthesis_at(m, 0.3);
    memcpy(mean, udm_synthesis_mean(m), CHANNELS * AREA * sizeof *mean);
    for (int i = 0; i < AREA; i++)
        log_variance[i] = logf(udm_synthesis_variance(m, 0)[i]);
    udm_synthesis_free(m);
    udm_pool_free(pool);
}

START_TEST(instruction_sets_agree)
{
    static float mean[CHANNELS * AREA], want_mean[CHANNELS * AREA], log_variance[AREA], want_log_variance[AREA];
    const udm_synthesis_ops *plainest = find_ops(instruction_sets[0]), *ops = find_ops(instruction_sets[_i]);
    test_case("%s", instruction_sets[_i]);
    if (!ops) {
        test_skip("this processor has no %s", instruction_sets[_i]);
        return;
    }
    ck_assert_ptr_nonnull(plainest);
    draw(WIDTH, HEIGHT, CHANNELS);
    make(plainest, want_mean, want_log_variance);
    make(ops, mean, log_variance);
    assert_close(mean, want_mean, CHANNELS * AREA, 1e-3);
    assert_within(log_variance, want_log_variance, AREA, 1e-3);
}
END_TEST

static const int sizes[][2] = { { 1, 1 }, { 1, 40 }, { 40, 1 }, { 2, 3 }, { 17, 5 } };

START_TEST(any_size)
{
    const int width = sizes[_i][0], height = sizes[_i][1];
    test_case("%dx%d", width, height);
    udm_pool *pool = udm_pool_new(1, NULL);
    ck_assert_ptr_nonnull(pool);
    draw(width, height, 1);
    memcpy(pictures[1], pictures[0], (size_t)(width * height) * sizeof(float));
    udm_synthesis *m = udm_synthesis_new(width, height, 1, pool, NULL);
    ck_assert_ptr_nonnull(m);
    udm_synthesis_pair(m, pictures[0], pictures[1], NULL);
    udm_synthesis_at(m, 0.5);
    assert_within(udm_synthesis_mean(m), pictures[0], width * height, 1e-3);
    udm_synthesis_free(m);
    udm_pool_free(pool);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = instruction_sets_agree, .cases = COUNT_OF(instruction_sets) },
        { .test = any_size, .cases = COUNT_OF(sizes) },
    };
    return test_main("midway", tests, COUNT_OF(tests));
}
