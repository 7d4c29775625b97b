// SPDX-License-Identifier: LGPL-2.1-or-later
// Philox against the known answers of its authors, and the statistics and the addressing of the normal numbers.
#include "base/random.h"

#include "check.h"

TEST(philox_known_answers)
{
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
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        udm_philox(known[i].counter, known[i].key, out);
        for (int k = 0; k < 4; k++)
            CHECK_CLOSE(out[k], known[i].out[k], 0);
    }
}

TEST(normal_has_the_moments_of_a_normal)
{
    enum { N = 1 << 18 };
    float *x = malloc(N * sizeof *x);
    REQUIRE(x);
    udm_normal(7, 3, 1, 0, N, x);
    double sum[5] = { 0 };
    for (int i = 0; i < N; i++)
        for (int p = 1; p < 5; p++)
            sum[p] += pow(x[i], p);
    CHECK_CLOSE(sum[1] / N, 0, 0.01);
    CHECK_CLOSE(sum[2] / N, 1, 0.015);
    CHECK_CLOSE(sum[3] / N, 0, 0.03);
    CHECK_CLOSE(sum[4] / N, 3, 0.1);
    double neighbours = 0;
    for (int i = 1; i < N; i++)
        neighbours += x[i] * x[i - 1];
    CHECK_CLOSE(neighbours / N, 0, 0.01);
    free(x);
}

TEST(normal_does_not_depend_on_how_it_is_cut)
{
    enum { N = 100 };
    float whole[N], part[N];
    udm_normal(1, 2, 3, 0, N, whole);
    for (int cut = 0; cut <= N; cut += 7) {
        udm_normal(1, 2, 3, 0, cut, part);
        udm_normal(1, 2, 3, cut, N - cut, part + cut);
        CHECK(memcmp(whole, part, sizeof whole) == 0);
    }
}

TEST(normal_differs_by_seed_frame_and_step)
{
    float base[4], other[4];
    udm_normal(1, 2, 3, 0, 4, base);
    const uint64_t names[][3] = {
        { 2, 2, 3 }, { 1, 3, 3 }, { 1, 2, 4 }, { 1 + (1ull << 32), 2, 3 }, { 1, 2 + (1ull << 32), 3 }
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        udm_normal(names[i][0], names[i][1], (uint32_t)names[i][2], 0, 4, other);
        for (int k = 0; k < 4; k++)
            CHECK(base[k] != other[k]);
    }
}

CHECK_MAIN()
