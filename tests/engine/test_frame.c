// SPDX-License-Identifier: LGPL-2.1-or-later
// What the other tests stand on: the comparison of arrays sees every kind of difference, and the frame tells a failure,
// a crash, a hang and a skip from a pass, each for one case alone.
#include <unistd.h>

#include "compare.h"
#include "folder.h"

enum { COUNT = 4 };

static const float reference[COUNT] = { 0.5f, -2, 0, 1 };

// NULL if they agree.
static const char *fault(const float *got, const float *want, double relative, double absolute)
{
    return compare_fault(COMPARE_VALUES(got), COMPARE_VALUES(want), COUNT, relative, absolute);
}

static const float not_finite[] = { NAN, INFINITY, -INFINITY };

START_TEST(what_is_no_number_is_a_difference)
{
    test_case("%g", not_finite[_i]);
    for (int at = 0; at < COUNT; at++) {
        float broken[COUNT];
        memcpy(broken, reference, sizeof broken);
        broken[at] = not_finite[_i];
        test_at("[%d]", at);
        ck_assert_ptr_nonnull(fault(broken, reference, 1e9, 1e9));
        ck_assert_ptr_nonnull(fault(reference, broken, 1e9, 1e9));
        ck_assert_ptr_nonnull(fault(broken, broken, 1e9, 1e9));
        ck_assert_ptr_nonnull(compare_bits(COMPARE_VALUES(broken), COMPARE_VALUES(broken), COUNT, sizeof *broken));
        ck_assert(isnan(relative_difference(broken, reference, COUNT)));
    }
}
END_TEST

START_TEST(tolerances_are_relative_to_the_largest)
{
    const float off[COUNT] = { 0.5f, -2, 0.01f, 1 }, small[COUNT] = { 0 }, smaller[COUNT] = { [3] = 1e-6f };
    ck_assert_ptr_null(fault(off, reference, 0.0051, 0)); // of 2
    ck_assert_ptr_nonnull(fault(off, reference, 0.0049, 0));
    ck_assert_ptr_null(fault(off, reference, 0, 0.011));
    ck_assert_ptr_nonnull(fault(off, reference, 0, 0.009));
    ck_assert_ptr_null(fault(reference, reference, 0, 0));
    ck_assert_ptr_nonnull(fault(smaller, small, 1, 0)); // of 0
    ck_assert_ptr_null(fault(smaller, small, 0, 2e-6));
    ck_assert_double_eq_tol(relative_difference(off, reference, COUNT), 0.005, 1e-6);
}
END_TEST

START_TEST(the_fault_says_where_and_what)
{
    const uint8_t got[] = { 1, 2, 9, 4 }, want[] = { 1, 3, 3, 4 };
    const char *says = compare_fault(COMPARE_VALUES(got), COMPARE_VALUES(want), COUNT, 0, 1);
    ck_assert_ptr_nonnull(says);
    ck_assert_str_eq(says, "[2] of 4 is 9, not 3: off by 6, where 1 is allowed");
    ck_assert_ptr_null(compare_fault(COMPARE_VALUES(got), COMPARE_VALUES(want), 2, 0, 1));
}
END_TEST

START_TEST(bits_are_more_than_values)
{
    const float zero[] = { 0, 1 }, minus_zero[] = { -0.f, 1 };
    ck_assert_ptr_null(compare_bits(COMPARE_VALUES(zero), COMPARE_VALUES(zero), 2, sizeof *zero));
    ck_assert_ptr_nonnull(compare_bits(COMPARE_VALUES(zero), COMPARE_VALUES(minus_zero), 2, sizeof *zero));
    ck_assert_ptr_null(compare_fault(COMPARE_VALUES(zero), COMPARE_VALUES(minus_zero), 2, 0, 0));
}
END_TEST

// ---- the frame: tests that end in every way, of which the second case passes

START_TEST(fails)
{
    ck_assert_int_eq(_i, 1);
}
END_TEST

START_TEST(crashes)
{
    if (_i == 0)
        abort();
}
END_TEST

START_TEST(hangs)
{
    for (volatile int forever = _i == 0; forever;)
        ;
}
END_TEST

START_TEST(skips)
{
    if (_i == 0)
        test_skip("there is nothing to test");
}
END_TEST

// A skip that fails is a failure.
START_TEST(skips_and_fails)
{
    test_skip("too early");
    ck_assert_int_eq(_i, 1);
}
END_TEST

static const struct {
    const char *name, *says; // of the first case
    bool passes;
} ends[] = {
    { "fails", "_i == 0, 1 == 1", false },
    { "crashes", "not ok 1 - crashes", false },
    { "hangs", "Test timeout expired", false },
    { "skips", "ok 1 - skips # SKIP there is nothing to test", true },
    { "skips_and_fails", "not ok 1 - skips_and_fails\n", false },
};

// Whatever its first case does, the second is told as a pass. What the frame prints of them goes to a file.
START_TEST(one_case_fails_alone)
{
    const test_entry entries[] = {
        { .test = fails }, { .test = crashes },         { .test = hangs, .timeout = 1 },
        { .test = skips }, { .test = skips_and_fails },
    };
    char told[2048] = "";
    test_counts counts = { 0 };
    test_words *const said = test_said;
    test_case("%s", ends[_i].name);
    const folder made = folder_new();
    FILE *const file = fopen(folder_path(&made, "told"), "w+");
    const int out = dup(STDOUT_FILENO);
    ck_assert_ptr_nonnull(file);
    setenv("CK_FORK", "yes", 1);
    setenv("CK_TIMEOUT_MULTIPLIER", "1", 1);
    unsetenv("CK_RUN_CASE");
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    test_said = test_shared(sizeof *test_said);
    test_run("ends", &entries[_i], 0, &counts);
    test_run("ends", &entries[_i], 1, &counts);
    test_said = said;
    dup2(out, STDOUT_FILENO);
    close(out);
    rewind(file);
    ck_assert_uint_gt(fread(told, 1, sizeof told - 1, file), 0);
    fclose(file);
    folder_free(&made);
    assert_contains(told, ends[_i].says);
    assert_contains(told, "\nok 2 - ");
    ck_assert_int_eq(counts.told, 2);
    ck_assert_int_eq(counts.failed, !ends[_i].passes);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = what_is_no_number_is_a_difference, .cases = COUNT_OF(not_finite) },
        { .test = tolerances_are_relative_to_the_largest },
        { .test = the_fault_says_where_and_what },
        { .test = bits_are_more_than_values },
        { .test = one_case_fails_alone, .cases = COUNT_OF(ends) },
    };
    return test_main("frame", tests, COUNT_OF(tests));
}
