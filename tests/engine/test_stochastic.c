// SPDX-License-Identifier: LGPL-2.1-or-later
// Samplers that draw noise: what comes out of them, where it is known exactly.
#include "compare.h"
#include "lists.h"
#include "moments.h"
#include "orders.h"

// Where the probability flow leads, at the ratio *context: a perfect consistency network.
static bool estimate_end(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    const double least = *(const double *)context;
    (void)number, (void)error;
    for (size_t i = 0; i < at->pixels; i++) {
        const double a = at->signal[i], s = at->noise[i];
        x0[i] = (float)(MOMENTS_MEAN + sqrt((MOMENTS_VARIANCE + least * least) / (MOMENTS_VARIANCE + s * s / a / a)) *
                                           (xt[i] / a - MOMENTS_MEAN));
    }
    return true;
}

static bool has_order(const udm_sampler *sampler)
{
    return sampler->stochastic && sampler->order > 0 && !sampler->needs_power;
}

START_TEST(samplers_have_their_order)
{
    static const int steps[] = { 40, 80, 160 };
    const udm_sampler *sampler = nth_sampler(has_order, _i);
    udm_noise noise = moments_noise();
    double errors[3];
    test_case("%s", sampler->name);
    for (int i = 0; i < 3; i++)
        errors[i] = moments_off_by(sampler, &noise, steps[i]);
    ck_assert_double_gt(orders_slope(3, steps, errors), sampler->order - 0.2);
    ck_assert_double_lt(errors[2], 0.02);
    udm_noise_clear(&noise);
}
END_TEST

// Bao et al. 2022: with the optimal variance DDPM is exact on a Gaussian, whatever the number of steps.
START_TEST(analytic_variance_is_exact)
{
    udm_noise noise = moments_noise();
    for (int steps = 2; steps <= 32; steps *= 4) {
        test_at("%d steps", steps);
        ck_assert_double_le(moments_off_by(&udm_sampler_ddpm_analytic, &noise, steps), 1e-5);
        ck_assert_double_gt(moments_off_by(&udm_sampler_ddpm, &noise, steps), 0.05);
    }
    udm_noise_clear(&noise);
}
END_TEST

static const udm_sampler *const anew[] = { &udm_sampler_consistency, &udm_sampler_lcm, &udm_sampler_trivial };

// The methods that draw all noise anew need what a consistency network says, and then any number of steps is right.
START_TEST(consistency_networks_are_exact)
{
    udm_noise noise = moments_noise();
    test_case("%s", anew[_i]->name);
    for (int steps = 1; steps <= 4; steps++) {
        udm_loop_settings settings = moments_settings(anew[_i], &noise, steps);
        settings.timesteps = (udm_timesteps){ &udm_spacing_trailing, &noise, .steps = steps };
        double least = anew[_i] == &udm_sampler_consistency ? udm_timesteps_least_ratio(&settings.timesteps, 1) : 0;
        const udm_loop_calls calls = { &least, estimate_end, moments_draw, NULL };
        const moments got = moments_run(&settings, &calls, 0.98);
        test_at("%d steps", steps);
        ck_assert_double_eq_tol(got.mean, MOMENTS_MEAN, 1e-3);
        ck_assert_double_eq_tol(got.deviation, sqrt(MOMENTS_VARIANCE + least * least), 1e-3);
    }
    udm_noise_clear(&noise);
}
END_TEST

START_TEST(eta_1_is_ddpm)
{
    udm_noise noise = moments_noise();
    udm_loop_settings settings = moments_settings(&udm_sampler_ddim, &noise, 10);
    settings.eta = 1;
    const udm_loop_calls calls = { NULL, moments_estimate, moments_draw, NULL };
    const moments ddim = moments_run(&settings, &calls, 0.98);
    settings.sampler = &udm_sampler_ddpm;
    const moments ddpm = moments_run(&settings, &calls, 0.98);
    ck_assert_double_eq(ddim.mean, ddpm.mean);
    ck_assert_double_eq(ddim.deviation, ddpm.deviation);
    udm_noise_clear(&noise);
}
END_TEST

START_TEST(euler_ancestral_is_ddpm)
{
    udm_noise noise = moments_noise();
    for (int steps = 3; steps < 40; steps *= 3)
        ck_assert_double_eq_tol(moments_off_by(&udm_sampler_euler_ancestral, &noise, steps),
                                moments_off_by(&udm_sampler_ddpm, &noise, steps), 1e-6);
    udm_noise_clear(&noise);
}
END_TEST

// Two pixels whose correlation is RHO, of which the first is known to be 1; a channel is a sample.
enum { SAMPLES = 4000 };
static const double RHO = 0.8;

static bool estimate_pair(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    const double a = at->signal[0], s = at->noise[0];
    const double d = a * a + s * s, o = a * a * RHO, det = d * d - o * o;
    (void)context, (void)number, (void)error;
    ck_assert_float_eq(at->noise[1], at->noise[0]);
    for (int c = 0; c < SAMPLES; c++) {
        const float *x = xt + 2 * c;
        const double u = (d * x[0] - o * x[1]) / det, v = (d * x[1] - o * x[0]) / det; // covariance^-1 x
        x0[2 * c] = (float)(a * (u + RHO * v));
        x0[2 * c + 1] = (float)(a * (v + RHO * u));
    }
    return true;
}

static bool draw_pairs(void *context, int number, float *e, udm_error *error)
{
    (void)context, (void)error;
    udm_normal(9, 1, (uint32_t)number, 0, 2 * SAMPLES, e);
    return true;
}

static moments repaint(const udm_noise *noise, int repeats)
{
    static float x[2 * SAMPLES];
    static const float times[2] = { 0, 0.98f };
    const udm_loop_settings settings = {
        .process = &udm_process_gaussian,
        .sampler = &udm_sampler_repaint,
        .timesteps = { &udm_spacing_log_snr, noise, .steps = 60 },
        .repeats = repeats,
        .channels = SAMPLES,
        .pixels = 2,
    };
    const udm_loop_calls calls = { .estimate = estimate_pair, .draw = draw_pairs };
    udm_loop *loop = udm_loop_new(&settings, NULL);
    double sum = 0, squares = 0;
    udm_normal(9, 0, 0, 0, 2 * SAMPLES, x);
    for (int c = 0; c < SAMPLES; c++)
        x[2 * c] = 1;
    udm_error error = { 0 };
    ck_assert_ptr_nonnull(loop);
    assert_ok(udm_loop_run(loop, &calls, times, x, &error), &error);
    for (int c = 0; c < SAMPLES; c++) {
        ck_assert_double_eq_tol(x[2 * c], 1, 1e-6);
        sum += x[2 * c + 1], squares += x[2 * c + 1] * x[2 * c + 1];
    }
    udm_loop_free(loop);
    return (moments){ sum / SAMPLES, sqrt(squares / SAMPLES - sum * sum / SAMPLES / SAMPLES) };
}

START_TEST(repaint_fits_what_is_missing_to_what_is_known)
{
    udm_noise noise = moments_noise();
    const moments once = repaint(&noise, 1), often = repaint(&noise, 10);
    ck_assert_double_lt(fabs(often.mean - RHO), fabs(once.mean - RHO) / 4);
    ck_assert_double_eq_tol(often.mean, RHO, 0.1);
    ck_assert_double_eq_tol(often.deviation, sqrt(1 - RHO * RHO), 0.05);
    udm_noise_clear(&noise);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = samplers_have_their_order, .cases = count_samplers(has_order) },
        { .test = analytic_variance_is_exact },
        { .test = consistency_networks_are_exact, .cases = COUNT_OF(anew) },
        { .test = eta_1_is_ddpm },
        { .test = euler_ancestral_is_ddpm },
        { .test = repaint_fits_what_is_missing_to_what_is_known },
    };
    return test_main("stochastic", tests, COUNT_OF(tests));
}
