// SPDX-License-Identifier: LGPL-2.1-or-later
// Philox against the known answers of its authors, and the statistics and the addressing of the normal numbers.
#include "base/random.h"

#include "compare.h"

static const struct {
    uint32_t counter[4], key[2], out[4];
} known[] = {
    // of the kat_vectors file of Random123, philox4x32 10
    { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff },
      { 0xffffffff, 0xffffffff },
      { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
      { 0xa4093822, 0x299f31d0 },
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};

START_TEST(philox_known_answers)
{
    uint32_t out[4];
    test_case("counter %08x...", known[_i].counter[0]);
    udm_philox(known[_i].counter, known[_i].key, out);
    for (int k = 0; k < 4; k++)
        ck_assert_uint_eq(out[k], known[_i].out[k]);
}
END_TEST

START_TEST(normal_has_the_moments_of_a_normal)
{
    enum { N = 1 << 18 };
    float *x = malloc(N * sizeof *x);
    ck_assert_ptr_nonnull(x);
    udm_normal(7, 3, 1, 0, N, x);
    double sum[5] = { 0 };
    for (int i = 0; i < N; i++)
        for (int p = 1; p < 5; p++)
            sum[p] += pow(x[i], p);
    ck_assert_double_eq_tol(sum[1] / N, 0, 0.01);
    ck_assert_double_eq_tol(sum[2] / N, 1, 0.015);
    ck_assert_double_eq_tol(sum[3] / N, 0, 0.03);
    ck_assert_double_eq_tol(sum[4] / N, 3, 0.1);
    double neighbours = 0;
    for (int i = 1; i < N; i++)
        neighbours += x[i] * x[i - 1];
    ck_assert_double_eq_tol(neighbours / N, 0, 0.01);
    free(x);
}
END_TEST

START_TEST(normal_does_not_depend_on_how_it_is_cut)
{
    enum { N = 100 };
    float whole[N], part[N];
    udm_normal(1, 2, 3, 0, N, whole);
    for (int cut = 0; cut <= N; cut += 7) {
        udm_normal(1, 2, 3, 0, cut, part);
        udm_normal(1, 2, 3, cut, N - cut, part + cut);
        test_at("cut at %d", cut);
        assert_same(part, whole, N);
    }
}
END_TEST

START_TEST(normal_differs_by_seed_frame_and_step)
{
    float base[4], other[4];
    udm_normal(1, 2, 3, 0, 4, base);
    const uint64_t names[][3] = {
        { 2, 2, 3 }, { 1, 3, 3 }, { 1, 2, 4 }, { 1 + (1ull << 32), 2, 3 }, { 1, 2 + (1ull << 32), 3 }
    };
    for (int i = 0; i < COUNT_OF(names); i++) {
        udm_normal(names[i][0], names[i][1], (uint32_t)names[i][2], 0, 4, other);
        test_at("name %d", i);
        for (int k = 0; k < 4; k++)
            ck_assert_float_ne(base[k], other[k]);
    }
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = philox_known_answers, .cases = COUNT_OF(known) },
        { .test = normal_has_the_moments_of_a_normal },
        { .test = normal_does_not_depend_on_how_it_is_cut },
        { .test = normal_differs_by_seed_frame_and_step },
    };
    return test_main("random", tests, COUNT_OF(tests));
}
