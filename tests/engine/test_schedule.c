// SPDX-License-Identifier: LGPL-2.1-or-later
// Schedules against closed forms, discrete against continuous time, and time against level.
#include "schedule/schedule.h"

#include "compare.h"
#include "lists.h"

static const udm_betas ddpm = { 0.0001, 0.02 };

static udm_noise make(const udm_schedule *schedule, udm_betas betas, int steps)
{
    udm_noise noise = { 0 };
    udm_error error = { 0 };
    assert_ok(udm_noise_init(&noise, schedule, betas, steps, &error), &error);
    return noise;
}

START_TEST(find)
{
    ck_assert_ptr_eq(udm_schedule_find("linear"), &udm_schedule_linear);
    ck_assert_ptr_eq(udm_schedule_find("cosine"), &udm_schedule_cosine);
    ck_assert_ptr_eq(udm_schedule_find("squaredcos_cap_v2"), &udm_schedule_cosine);
    ck_assert_ptr_eq(udm_schedule_find("scaled_linear"), &udm_schedule_scaled_linear);
    ck_assert_ptr_null(udm_schedule_find("laplace"));
    ck_assert_ptr_null(udm_schedule_find(""));
    for (int i = 0; udm_schedules[i]; i++) {
        test_at("%s", udm_schedules[i]->name);
        ck_assert_ptr_eq(udm_schedule_find(udm_schedules[i]->name), udm_schedules[i]);
        ck_assert_str_ne(udm_schedules[i]->about, "");
    }
}
END_TEST

// Three steps are few enough to be worked out with pencil and paper.
START_TEST(linear_discrete)
{
    udm_noise noise = make(&udm_schedule_linear, (udm_betas){ 0.1, 0.5 }, 3);
    ck_assert_double_eq_tol(noise.alpha_bars[0], 0.9, 1e-15);
    ck_assert_double_eq_tol(noise.alpha_bars[1], 0.9 * 0.7, 1e-15);
    ck_assert_double_eq_tol(noise.alpha_bars[2], 0.9 * 0.7 * 0.5, 1e-15);
    ck_assert_double_eq_tol(udm_noise_alpha_bar(&noise, 2 / 3.0), 0.63, 1e-15);
    ck_assert_double_eq_tol(udm_noise_level(&noise, 1 / 3.0), sqrt(0.1), 1e-15);
    udm_noise_clear(&noise);
    ck_assert_ptr_null(noise.alpha_bars);
}
END_TEST

START_TEST(scaled_linear_discrete)
{
    udm_noise noise = make(&udm_schedule_scaled_linear, (udm_betas){ 0.04, 0.36 }, 3);
    ck_assert_double_eq_tol(noise.alpha_bars[0], 0.96, 1e-15);
    ck_assert_double_eq_tol(noise.alpha_bars[1], 0.96 * 0.84, 1e-15);
    ck_assert_double_eq_tol(noise.alpha_bars[2], 0.96 * 0.84 * 0.64, 1e-15);
    udm_noise_clear(&noise);
}
END_TEST

// The betas multiply back to the cosine, up to the last step, which is capped.
START_TEST(cosine_discrete)
{
    udm_noise noise = make(&udm_schedule_cosine, ddpm, 1000);
    double first = cos(0.008 / 1.008 * acos(-1) / 2);
    double want[999];
    for (int i = 0; i < 999; i++) {
        double angle = ((i + 1) / 1000.0 + 0.008) / 1.008 * acos(-1) / 2;
        want[i] = pow(cos(angle) / first, 2);
    }
    assert_within(noise.alpha_bars, want, 999, 1e-12);
    ck_assert_double_eq_tol(noise.alpha_bars[999] / noise.alpha_bars[998], 0.001, 1e-15);
    udm_noise_clear(&noise);
}
END_TEST

// DDPM's 1000 steps end with next to no signal: the paper says L_T is close to 0; exp(-10.05) without the higher
// orders.
START_TEST(linear_known_end)
{
    udm_noise noise = make(&udm_schedule_linear, ddpm, 1000);
    double sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += log1p(-(0.0001 + i * (0.02 - 0.0001) / 999));
    ck_assert_double_eq_tol(log(noise.alpha_bars[999]), sum, 1e-9);
    ck_assert_double_eq_tol(noise.alpha_bars[999], 4.0358e-5, 1e-9);
    udm_noise_clear(&noise);
}
END_TEST

START_TEST(linear_continuous)
{
    udm_noise noise = make(&udm_schedule_linear, ddpm, 0);
    for (double t = 0; t <= 1; t += 0.125) // eq. 33, beta 0.1, 20
        ck_assert_double_eq_tol(log(udm_noise_alpha_bar(&noise, t)), -(0.5 * t * t * (20 - 0.1) + t * 0.1), 1e-12);
}
END_TEST

// Simpson's rule is exact for the rate, which is quadratic.
START_TEST(scaled_linear_continuous)
{
    udm_noise noise = make(&udm_schedule_scaled_linear, (udm_betas){ 0.00085, 0.012 }, 0);
    for (double t = 0; t <= 1; t += 0.125) {
        double a = sqrt(0.00085), middle = a + (sqrt(0.012) - a) * t / 2, last = a + (sqrt(0.012) - a) * t;
        double integral = 1000 * t / 6 * (a * a + 4 * middle * middle + last * last);
        ck_assert_double_eq_tol(log(udm_noise_alpha_bar(&noise, t)), -integral, 1e-12);
    }
}
END_TEST

START_TEST(cosine_continuous)
{
    udm_noise noise = make(&udm_schedule_cosine, ddpm, 0);
    ck_assert_double_eq(udm_noise_alpha_bar(&noise, 0), 1);
    ck_assert_double_eq_tol(udm_noise_alpha_bar(&noise, 1), 0, 1e-15);
    // Where the angle is 45 degrees: (t + s) / (1 + s) = 1/2.
    ck_assert_double_eq_tol(udm_noise_alpha_bar(&noise, 0.496), 0.5 / pow(cos(0.008 / 1.008 * acos(-1) / 2), 2), 1e-12);
}
END_TEST

// n steps with betas that are 1000 / n times as large approach continuous time like 1 / n.
START_TEST(limit_of_many_steps)
{
    enum { TIMES = 11 };
    const udm_schedule *schedule = udm_schedules[_i];
    double off[2];
    test_case("%s", schedule->name);
    for (int fine = 0; fine < 2; fine++) {
        const int steps = fine ? 100000 : 10000;
        const udm_betas betas = { ddpm.start * 1000 / steps, ddpm.end * 1000 / steps };
        udm_noise discrete = make(schedule, betas, steps), continuous = make(schedule, ddpm, 0);
        double got[TIMES], want[TIMES];
        for (int t = 0; t < TIMES; t++) {
            got[t] = udm_noise_alpha_bar(&discrete, t / 10.);
            want[t] = udm_noise_alpha_bar(&continuous, t / 10.);
        }
        assert_within(got, want, TIMES, fine ? 1e-4 : 1e-3);
        off[fine] = compare_arrays(COMPARE_VALUES(got), COMPARE_VALUES(want), TIMES).off;
        udm_noise_clear(&discrete);
    }
    if (off[0] >= 1e-9)
        ck_assert_double_lt(off[1], 0.2 * off[0]);
}
END_TEST

START_TEST(one_step)
{
    test_case("%s", udm_schedules[_i]->name);
    udm_noise noise = make(udm_schedules[_i], ddpm, 1);
    ck_assert_double_gt(noise.alpha_bars[0], 0);
    ck_assert_double_lt(noise.alpha_bars[0], 1);
    udm_noise_clear(&noise);
}
END_TEST

static void check_ends(const udm_noise *noise)
{
    ck_assert_double_eq(udm_noise_alpha_bar(noise, 0), 1);
    ck_assert_double_eq(udm_noise_level(noise, 0), 0);
    ck_assert_double_eq(udm_noise_time(noise, 0), 0);
    ck_assert_double_eq_tol(udm_noise_time(noise, 1), 1, 1e-6);
    ck_assert_double_eq(udm_noise_alpha_bar(noise, -1), 1);
    ck_assert_double_eq(udm_noise_alpha_bar(noise, 2), udm_noise_alpha_bar(noise, 1));
}

START_TEST(ends_and_monotone)
{
    static const int steps[] = { 0, 1, 7, 1000 };
    test_case("%s", udm_schedules[_i]->name);
    for (int k = 0; k < COUNT_OF(steps); k++) {
        udm_noise noise = make(udm_schedules[_i], udm_schedules[_i]->defaults, steps[k]);
        test_at("%d steps", steps[k]);
        check_ends(&noise);
        for (int at = 0; at < 1000; at++) {
            const double before = udm_noise_alpha_bar(&noise, at / 1000.0),
                         after = udm_noise_alpha_bar(&noise, (at + 1) / 1000.0);
            test_at("%d steps, time %g", steps[k], (at + 1) / 1000.0);
            if (steps[k] == 0 || steps[k] == 1000)
                ck_assert_double_lt(after, before);
            else
                ck_assert_double_le(after, before);
            ck_assert_double_ge(after, 0);
            ck_assert_double_le(after, 1);
        }
        udm_noise_clear(&noise);
    }
}
END_TEST

START_TEST(level_and_time)
{
    test_case("%s", udm_schedules[_i]->name);
    udm_noise noise = make(udm_schedules[_i], udm_schedules[_i]->defaults, 0);
    const double highest = udm_noise_level(&noise, 1);
    for (double level = 0.001; level < highest; level += 0.001)
        ck_assert_double_eq_tol(udm_noise_level(&noise, udm_noise_time(&noise, level)), level, 1e-9);
    for (double t = 0.01; t < 0.9; t += 0.01)
        ck_assert_double_eq_tol(udm_noise_time(&noise, udm_noise_level(&noise, t)), t, 1e-6);
}
END_TEST

// In discrete time every step comes back, and a level between two goes to the nearer.
START_TEST(level_and_time_discrete)
{
    udm_noise noise = make(&udm_schedule_scaled_linear, (udm_betas){ 0.04, 0.36 }, 5);
    for (int step = 0; step <= 5; step++)
        ck_assert_double_eq_tol(udm_noise_time(&noise, udm_noise_level(&noise, step / 5.0)), step / 5.0, 1e-12);
    double low = udm_noise_level(&noise, 0.4), high = udm_noise_level(&noise, 0.6);
    ck_assert_double_eq_tol(udm_noise_time(&noise, low + 0.4 * (high - low)), 0.4, 1e-12);
    ck_assert_double_eq_tol(udm_noise_time(&noise, low + 0.6 * (high - low)), 0.6, 1e-12);
    udm_noise_clear(&noise);
}
END_TEST

static const struct {
    udm_betas betas;
    int steps;
} bad[] = {
    { { 0, 0.02 }, 10 },  { { 0.02, 0.01 }, 10 }, { { 0.1, 1 }, 10 },       { { -1, 0.5 }, 10 },
    { { NAN, 0.1 }, 10 }, { { 0.1, NAN }, 10 },   { { 0.0001, 0.02 }, -1 },
};

START_TEST(bad_settings)
{
    udm_noise noise = { 0 };
    udm_error error = { 0 };
    test_case("%g to %g in %d steps", bad[_i].betas.start, bad[_i].betas.end, bad[_i].steps);
    ck_assert(!udm_noise_init(&noise, &udm_schedule_linear, bad[_i].betas, bad[_i].steps, &error));
    ck_assert_str_ne(error.message, "");
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    ck_assert(!udm_noise_init(&noise, &udm_schedule_linear, bad[_i].betas, bad[_i].steps, NULL));
}
END_TEST

// Lin et al. 2023, algorithm 1: nothing is left at the end, the first step stays, and the signal is shifted and scaled.
START_TEST(zero_terminal_snr)
{
    udm_noise plain = make(&udm_schedule_linear, ddpm, 1000), noise = make(&udm_schedule_linear, ddpm, 1000);
    udm_noise_end_without_signal(&noise);
    ck_assert_double_eq(noise.alpha_bars[999], 0);
    ck_assert_double_eq_tol(noise.alpha_bars[0], plain.alpha_bars[0], 1e-12);
    const double first = sqrt(plain.alpha_bars[0]), last = sqrt(plain.alpha_bars[999]);
    ck_assert_double_eq_tol(sqrt(noise.alpha_bars[500]), (sqrt(plain.alpha_bars[500]) - last) * first / (first - last),
                            1e-12);
    udm_noise_clear(&plain);
    udm_noise_clear(&noise);
}
END_TEST

int main(void)
{
    const int schedules = list_length(udm_schedules);
    const test_entry tests[] = {
        { .test = find },
        { .test = linear_discrete },
        { .test = scaled_linear_discrete },
        { .test = cosine_discrete },
        { .test = linear_known_end },
        { .test = linear_continuous },
        { .test = scaled_linear_continuous },
        { .test = cosine_continuous },
        { .test = limit_of_many_steps, .cases = schedules },
        { .test = one_step, .cases = schedules },
        { .test = ends_and_monotone, .cases = schedules },
        { .test = level_and_time, .cases = schedules },
        { .test = level_and_time_discrete },
        { .test = bad_settings, .cases = COUNT_OF(bad) },
        { .test = zero_terminal_snr },
    };
    return test_main("schedule", tests, COUNT_OF(tests));
}
