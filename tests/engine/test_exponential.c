// SPDX-License-Identifier: LGPL-2.1-or-later
// Both forms of e^x of every instruction set against exp() in doubles, over the whole of their ranges.
#include "testing.h"

#include "base/isa.h"
#include "exponential_arrays.h"

enum { LANES = TEST_EXPONENTIAL_LANES, BLOCK = 4096, BLOCKS = 512 };

UDM_ISA_DECLARE(test_exponential, test_exponential);

static const test_exponential *const all[] = { UDM_ISA_LIST(test_exponential) };

// NULL, and a skip, where this machine cannot run it.
static const test_exponential *set_of(int number)
{
    test_case("%s", all[number]->name);
    if (number < udm_isa_skip(udm_isa_best())) {
        test_skip("this processor has no %s", all[number]->name);
        return NULL;
    }
    return all[number];
}

// Steps of one value to the next that are no round number, from -limit to limit, which both are among them.
static void fill(float x[BLOCK], int block, float limit)
{
    const double step = 2.0 * limit / ((double)BLOCK * BLOCKS - 1);
    for (int i = 0; i < BLOCK; i++)
        x[i] = (float)(-limit + step * (block * BLOCK + i));
}

// How far off the worst value is, in parts of e^x; where the bound has a part for |x|, over 1 + |x|.
static double worst_of(void (*form)(const float *, float *, int), float limit, double by_size)
{
    static float x[BLOCK], got[BLOCK];
    double worst = 0;
    for (int block = 0; block < BLOCKS; block++) {
        fill(x, block, limit);
        form(x, got, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            const double want = exp((double)x[i]),
                         off = fabs(got[i] - want) / want / (1 + by_size * fabs((double)x[i]));
            if (!isfinite(off)) // each assertion that holds is told to another process
                ck_abort_msg("e^%g is %g", (double)x[i], (double)got[i]);
            worst = fmax(worst, off);
        }
    }
    return worst;
}

START_TEST(of_floats)
{
    const test_exponential *set = set_of(_i);
    if (!set)
        return;
    const double worst = worst_of(set->floats, 80, 1), small = worst_of(set->floats, 16, 0);
    test_note("exp_float, %s: off by %.3g (1 + |x|), and by %.3g where |x| is at most 16", set->name, worst, small);
    ck_assert_double_le(worst, set->float_error);
}
END_TEST

START_TEST(of_vectors)
{
    const test_exponential *set = set_of(_i);
    if (!set)
        return;
    const double worst = worst_of(set->vectors, 87, 0);
    test_note("exp_vec, %s: off by %.3g", set->name, worst);
    ck_assert_double_le(worst, set->vector_error);
}
END_TEST

// Beyond its range a vector has the value at the end of it.
START_TEST(beyond)
{
    static const float x[LANES] = { 87, 88, 1e30f, INFINITY, -87, -88, -1e30f, -INFINITY };
    float got[LANES];
    const test_exponential *set = set_of(_i);
    if (!set)
        return;
    set->vectors(x, got, LANES);
    for (int i = 0; i < LANES; i++)
        ck_assert_msg(got[i] == got[i < 4 ? 0 : 4], "e^%g is %g", (double)x[i], (double)got[i]);
    ck_assert_double_eq_tol(got[0] / exp(87), 1, 1e-6);
    ck_assert_double_eq_tol(got[4] / exp(-87), 1, 1e-6);
    const float nan[LANES] = { NAN, 0, 0, 0, 0, 0, 0, 0 };
    set->vectors(nan, got, LANES);
    ck_assert(isnan(got[0]));
    ck_assert_float_eq(got[1], 1);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = of_floats, .cases = UDM_ISA_LISTED },
        { .test = of_vectors, .cases = UDM_ISA_LISTED },
        { .test = beyond, .cases = UDM_ISA_LISTED },
    };
    return test_main("exponential", tests, COUNT_OF(tests));
}
