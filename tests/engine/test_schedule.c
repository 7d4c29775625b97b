// SPDX-License-Identifier: LGPL-2.1-or-later
// Schedules against closed forms, discrete against continuous time, and time against level.
#include "schedule/schedule.h"

#include "check.h"

static const udm_betas ddpm = { 0.0001, 0.02 };

static udm_noise make(const udm_schedule *schedule, udm_betas betas, int steps)
{
    udm_noise noise = { 0 };
    udm_error error = { 0 };
    CHECK(udm_noise_init(&noise, schedule, betas, steps, &error));
    return noise;
}

TEST(find)
{
    CHECK(udm_schedule_find("linear") == &udm_schedule_linear);
    CHECK(udm_schedule_find("cosine") == &udm_schedule_cosine);
    CHECK(udm_schedule_find("squaredcos_cap_v2") == &udm_schedule_cosine);
    CHECK(udm_schedule_find("scaled_linear") == &udm_schedule_scaled_linear);
    CHECK(udm_schedule_find("laplace") == NULL);
    CHECK(udm_schedule_find("") == NULL);
    for (int i = 0; udm_schedules[i]; i++)
        CHECK(udm_schedule_find(udm_schedules[i]->name) == udm_schedules[i] && *udm_schedules[i]->about);
}

// Three steps are few enough to be worked out with pencil and paper.
TEST(linear_discrete)
{
    udm_noise noise = make(&udm_schedule_linear, (udm_betas){ 0.1, 0.5 }, 3);
    CHECK_CLOSE(noise.alpha_bars[0], 0.9, 1e-15);
    CHECK_CLOSE(noise.alpha_bars[1], 0.9 * 0.7, 1e-15);
    CHECK_CLOSE(noise.alpha_bars[2], 0.9 * 0.7 * 0.5, 1e-15);
    CHECK_CLOSE(udm_noise_alpha_bar(&noise, 2 / 3.0), 0.63, 1e-15);
    CHECK_CLOSE(udm_noise_level(&noise, 1 / 3.0), sqrt(0.1), 1e-15);
    udm_noise_clear(&noise);
    CHECK(noise.alpha_bars == NULL);
}

TEST(scaled_linear_discrete)
{
    udm_noise noise = make(&udm_schedule_scaled_linear, (udm_betas){ 0.04, 0.36 }, 3);
    CHECK_CLOSE(noise.alpha_bars[0], 0.96, 1e-15);
    CHECK_CLOSE(noise.alpha_bars[1], 0.96 * 0.84, 1e-15);
    CHECK_CLOSE(noise.alpha_bars[2], 0.96 * 0.84 * 0.64, 1e-15);
    udm_noise_clear(&noise);
}

// The betas multiply back to the cosine, up to the last step, which is capped.
TEST(cosine_discrete)
{
    udm_noise noise = make(&udm_schedule_cosine, ddpm, 1000);
    double first = cos(0.008 / 1.008 * acos(-1) / 2);
    for (int i = 0; i < 999; i++) {
        double angle = ((i + 1) / 1000.0 + 0.008) / 1.008 * acos(-1) / 2;
        CHECK_CLOSE(noise.alpha_bars[i], pow(cos(angle) / first, 2), 1e-12);
    }
    CHECK_CLOSE(noise.alpha_bars[999] / noise.alpha_bars[998], 0.001, 1e-15);
    udm_noise_clear(&noise);
}

// DDPM's 1000 steps end with next to no signal: the paper says L_T is close to 0; exp(-10.05) without the higher
// orders.
TEST(linear_known_end)
{
    udm_noise noise = make(&udm_schedule_linear, ddpm, 1000);
    double sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += log1p(-(0.0001 + i * (0.02 - 0.0001) / 999));
    CHECK_CLOSE(log(noise.alpha_bars[999]), sum, 1e-9);
    CHECK_CLOSE(noise.alpha_bars[999], 4.0358e-5, 1e-9);
    udm_noise_clear(&noise);
}

TEST(linear_continuous)
{
    udm_noise noise = make(&udm_schedule_linear, ddpm, 0);
    for (double t = 0; t <= 1; t += 0.125)
        CHECK_CLOSE(log(udm_noise_alpha_bar(&noise, t)), -(0.5 * t * t * (20 - 0.1) + t * 0.1),
                    1e-12); // eq. 33, beta 0.1, 20
}

// Simpson's rule is exact for the rate, which is quadratic.
TEST(scaled_linear_continuous)
{
    udm_noise noise = make(&udm_schedule_scaled_linear, (udm_betas){ 0.00085, 0.012 }, 0);
    for (double t = 0; t <= 1; t += 0.125) {
        double a = sqrt(0.00085), middle = a + (sqrt(0.012) - a) * t / 2, last = a + (sqrt(0.012) - a) * t;
        double integral = 1000 * t / 6 * (a * a + 4 * middle * middle + last * last);
        CHECK_CLOSE(log(udm_noise_alpha_bar(&noise, t)), -integral, 1e-12);
    }
}

TEST(cosine_continuous)
{
    udm_noise noise = make(&udm_schedule_cosine, ddpm, 0);
    CHECK_CLOSE(udm_noise_alpha_bar(&noise, 0), 1, 0);
    CHECK_CLOSE(udm_noise_alpha_bar(&noise, 1), 0, 1e-15);
    // Where the angle is 45 degrees: (t + s) / (1 + s) = 1/2.
    CHECK_CLOSE(udm_noise_alpha_bar(&noise, 0.496), 0.5 / pow(cos(0.008 / 1.008 * acos(-1) / 2), 2), 1e-12);
}

// n steps with betas that are 1000 / n times as large approach continuous time like 1 / n.
TEST(limit_of_many_steps)
{
    for (int i = 0; udm_schedules[i]; i++) {
        double worst[2] = { 0, 0 };
        for (int fine = 0; fine < 2; fine++) {
            int steps = fine ? 100000 : 10000;
            udm_betas betas = { ddpm.start * 1000 / steps, ddpm.end * 1000 / steps };
            udm_noise discrete = make(udm_schedules[i], betas, steps), continuous = make(udm_schedules[i], ddpm, 0);
            for (double t = 0; t <= 1; t += 0.1)
                worst[fine] =
                    fmax(worst[fine], fabs(udm_noise_alpha_bar(&discrete, t) - udm_noise_alpha_bar(&continuous, t)));
            udm_noise_clear(&discrete);
        }
        CHECK_CLOSE(worst[1], 0, 1e-4);
        CHECK(worst[1] < 0.2 * worst[0] || worst[0] < 1e-9);
    }
}

TEST(one_step)
{
    for (int i = 0; udm_schedules[i]; i++) {
        udm_noise noise = make(udm_schedules[i], ddpm, 1);
        CHECK(noise.alpha_bars[0] > 0 && noise.alpha_bars[0] < 1);
        udm_noise_clear(&noise);
    }
}

TEST(ends_and_monotone)
{
    static const int steps[] = { 0, 1, 7, 1000 };
    for (int i = 0; udm_schedules[i]; i++) {
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            udm_noise noise = make(udm_schedules[i], udm_schedules[i]->defaults, steps[k]);
            CHECK_CLOSE(udm_noise_alpha_bar(&noise, 0), 1, 0);
            CHECK_CLOSE(udm_noise_level(&noise, 0), 0, 0);
            CHECK_CLOSE(udm_noise_time(&noise, 0), 0, 0);
            CHECK_CLOSE(udm_noise_time(&noise, 1), 1, 1e-6);
            CHECK_CLOSE(udm_noise_alpha_bar(&noise, -1), 1, 0);
            CHECK_CLOSE(udm_noise_alpha_bar(&noise, 2), udm_noise_alpha_bar(&noise, 1), 0);
            for (int at = 0; at < 1000; at++) {
                double before = udm_noise_alpha_bar(&noise, at / 1000.0),
                       after = udm_noise_alpha_bar(&noise, (at + 1) / 1000.0);
                CHECK(steps[k] == 0 || steps[k] == 1000 ? after < before : after <= before);
                CHECK(after >= 0 && after <= 1);
            }
            udm_noise_clear(&noise);
        }
    }
}

TEST(level_and_time)
{
    for (int i = 0; udm_schedules[i]; i++) {
        udm_noise noise = make(udm_schedules[i], udm_schedules[i]->defaults, 0);
        double highest = udm_noise_level(&noise, 1);
        for (double level = 0.001; level < highest; level += 0.001)
            CHECK_CLOSE(udm_noise_level(&noise, udm_noise_time(&noise, level)), level, 1e-9);
        for (double t = 0.01; t < 0.9; t += 0.01)
            CHECK_CLOSE(udm_noise_time(&noise, udm_noise_level(&noise, t)), t, 1e-6);
    }
}

// In discrete time every step comes back, and a level between two goes to the nearer.
TEST(level_and_time_discrete)
{
    udm_noise noise = make(&udm_schedule_scaled_linear, (udm_betas){ 0.04, 0.36 }, 5);
    for (int step = 0; step <= 5; step++)
        CHECK_CLOSE(udm_noise_time(&noise, udm_noise_level(&noise, step / 5.0)), step / 5.0, 1e-12);
    double low = udm_noise_level(&noise, 0.4), high = udm_noise_level(&noise, 0.6);
    CHECK_CLOSE(udm_noise_time(&noise, low + 0.4 * (high - low)), 0.4, 1e-12);
    CHECK_CLOSE(udm_noise_time(&noise, low + 0.6 * (high - low)), 0.6, 1e-12);
    udm_noise_clear(&noise);
}

TEST(bad_settings)
{
    static const udm_betas bad[] = { { 0, 0.02 }, { 0.02, 0.01 }, { 0.1, 1 }, { -1, 0.5 }, { NAN, 0.1 }, { 0.1, NAN } };
    udm_noise noise = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        udm_error error = { 0 };
        CHECK(!udm_noise_init(&noise, &udm_schedule_linear, bad[i], 10, &error));
        CHECK(error.code == UDM_ERROR_SETTINGS && *error.message);
    }
    CHECK(!udm_noise_init(&noise, &udm_schedule_linear, ddpm, -1, NULL));
}

// Lin et al. 2023, algorithm 1: nothing is left at the end, the first step stays, and the signal is shifted and scaled.
TEST(zero_terminal_snr)
{
    udm_noise plain = make(&udm_schedule_linear, ddpm, 1000), noise = make(&udm_schedule_linear, ddpm, 1000);
    udm_noise_end_without_signal(&noise);
    CHECK_CLOSE(noise.alpha_bars[999], 0, 0);
    CHECK_CLOSE(noise.alpha_bars[0], plain.alpha_bars[0], 1e-12);
    const double first = sqrt(plain.alpha_bars[0]), last = sqrt(plain.alpha_bars[999]);
    CHECK_CLOSE(sqrt(noise.alpha_bars[500]), (sqrt(plain.alpha_bars[500]) - last) * first / (first - last), 1e-12);
    udm_noise_clear(&plain);
    udm_noise_clear(&noise);
}

CHECK_MAIN()
