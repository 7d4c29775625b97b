// SPDX-License-Identifier: LGPL-2.1-or-later
// The reverse step against closed forms, and the samplers on a Gaussian, where the estimate of x0 is
// known exactly.
#include "sampler/sampler.h"

#include "base/random.h"
#include "compare.h"
#include "sampler/guidance.h"
#include "sampler/prediction.h"
#include "schedule/schedule.h"

enum { N = 20000 };

// Levels that are the same for all N values.
typedef struct even {
    float signal[N], noise[N];
    udm_levels levels;
} even;

static void set_even(even *at, double alpha_bar)
{
    for (int i = 0; i < N; i++)
        at->signal[i] = (float)sqrt(alpha_bar), at->noise[i] = (float)sqrt(1 - alpha_bar);
    at->levels = (udm_levels){ .pixels = N, .signal = at->signal, .noise = at->noise };
}

static even from, to;
static float x0[N], xt[N], e[N], scratch[N], out[N], want[N];

START_TEST(nothing_is_known_of_noise_that_is_not_there)
{
    static const float nothing[N];
    set_even(&from, 1);
    udm_normal(1, 0, 0, 0, N, x0);
    udm_process_gaussian.inverse(&from.levels, 1, x0, x0, out);
    assert_within(out, nothing, N, 0);
}
END_TEST

START_TEST(advance_has_the_variance_of_the_later_time)
{
    set_even(&from, 0.8);
    set_even(&to, 0.3);
    for (int i = 0; i < N; i++)
        x0[i] = 0.5f;
    udm_normal(2, 0, 0, 0, N, e);
    udm_process_gaussian.forward(&from.levels, 1, x0, e, xt);
    udm_normal(2, 0, 1, 0, N, e);
    udm_process_gaussian.advance(&from.levels, &to.levels, 1, xt, e, out);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++)
        sum += out[i], squares += out[i] * out[i];
    ck_assert_double_eq_tol(sum / N, 0.5 * sqrt(0.3), 0.02);
    ck_assert_double_eq_tol(squares / N - sum * sum / N / N, 0.7, 0.02);
}
END_TEST

START_TEST(predictions_give_the_same_x0)
{
    set_even(&from, 0.4);
    udm_normal(3, 0, 0, 0, N, x0);
    udm_normal(3, 0, 1, 0, N, e);
    udm_process_gaussian.forward(&from.levels, 1, x0, e, xt);
    const float a = from.signal[0], s = from.noise[0];
    for (int i = 0; i < N; i++)
        scratch[i] = a * e[i] - s * x0[i]; // v
    const float *const outputs[] = { [UDM_PREDICT_EPSILON] = e, [UDM_PREDICT_X0] = x0, [UDM_PREDICT_V] = scratch };
    test_case("%s", (const char *const[]){ "epsilon", "x0", "v" }[_i]);
    udm_predict_x0(_i, &from.levels, 1, outputs[_i], xt, out);
    assert_within(out, x0, N, 1e-5);
    udm_predict_output(_i, &from.levels, 1, x0, xt, out); // and back
    assert_within(out, outputs[_i], N, 1e-5);
}
END_TEST

// u + g (c - u), and the deviation that c had; half of it for a rescale of 1/2.
START_TEST(guidance)
{
    const float without[4] = { 0, 1, 2, 3 }, told[4] = { 1, 1, 4, 4 };
    const double g[4] = { 2, 1, 6, 5 }; // guidance 2
    const double before = 1.5, after = sqrt((1.5 * 1.5 + 2.5 * 2.5 + 2.5 * 2.5 + 1.5 * 1.5) / 4);
    for (double rescale = 0; rescale <= 1; rescale += 0.5) {
        float with[4], wanted[4];
        memcpy(with, told, sizeof with);
        udm_guide(2, rescale, 4, without, with);
        for (int i = 0; i < 4; i++)
            wanted[i] = (float)(g[i] * (rescale * before / after + 1 - rescale));
        test_at("rescale %g", rescale);
        assert_within(with, wanted, 4, 1e-6);
    }
    float same[4];
    memcpy(same, told, sizeof same);
    udm_guide(1, 0.7, 4, without, same);
    assert_within(same, told, 4, 1e-6);
}
END_TEST

// Values 0, 1, .. 10 over 5: the 0.8 quantile of their sizes is 1.6, which becomes 1; at most 1.2 is pressed together.
static const struct {
    const char *name;
    udm_bounds bounds;
    double range, by; // clamped to the range and divided
} bounds[] = {
    { "clip", { .clip = 0.5 }, 0.5, 1 },
    { "dynamic", { .ratio = 0.8, .most = 3 }, 1.6, 1.6 },
    { "narrow", { .ratio = 0.8, .most = 1.2 }, 1.2, 1.2 },
    { "low quantile", { .ratio = 0.2, .most = 3, .clip = 0.1 }, 1, 1 },
};

START_TEST(thresholds)
{
    const double range = bounds[_i].range;
    float x[11], wanted[11];
    udm_error error = { 0 };
    test_case("%s", bounds[_i].name);
    for (int i = 0; i < 11; i++) {
        x[i] = (i % 2 ? -1 : 1) * (float)((i * 7) % 11) / 5;
        wanted[i] = (float)(fmax(fmin(x[i], range), -range) / bounds[_i].by);
    }
    assert_ok(udm_bound_x0(&bounds[_i].bounds, 11, x, &error), &error);
    assert_within(x, wanted, 11, 1e-6);
}
END_TEST

// x_s = sqrt(a_s) x0 + sqrt(1 - a_s - sigma^2) eps + sigma e: DDIM's equation 12 with its sigma for eta.
static void check_step(const udm_sampler *sampler, double eta)
{
    const double a_t = 0.3, a_s = 0.6;
    const double sigma = eta * sqrt((1 - a_s) / (1 - a_t) * (1 - a_t / a_s));
    set_even(&from, a_t);
    set_even(&to, a_s);
    udm_normal(4, 0, 0, 0, N, x0);
    udm_normal(4, 0, 1, 0, N, xt);
    udm_normal(4, 0, 2, 0, N, e);
    udm_reverse_step(&udm_process_gaussian, sampler, 0, &from.levels, &to.levels, 1, x0, xt, e, scratch, out);
    for (int i = 0; i < N; i++) {
        double eps = (xt[i] - sqrt(a_t) * x0[i]) / sqrt(1 - a_t);
        want[i] = (float)(sqrt(a_s) * x0[i] + sqrt(1 - a_s - sigma * sigma) * eps + sigma * e[i]);
    }
    assert_within(out, want, N, 1e-5);
}

START_TEST(ddim_is_the_step_of_its_paper)
{
    check_step(&udm_sampler_ddim, 0);
}
END_TEST

START_TEST(ddpm_is_ddim_with_eta_1)
{
    check_step(&udm_sampler_ddpm, 1);
}
END_TEST

START_TEST(trivial_forgets_the_state)
{
    set_even(&from, 0.3);
    set_even(&to, 0.6);
    udm_normal(5, 0, 0, 0, N, x0);
    udm_normal(5, 0, 1, 0, N, xt);
    udm_normal(5, 0, 2, 0, N, e);
    udm_reverse_step(&udm_process_gaussian, &udm_sampler_trivial, 0, &from.levels, &to.levels, 1, x0, xt, e, scratch,
                     out);
    for (int i = 0; i < N; i++)
        want[i] = (float)(sqrt(0.6) * x0[i] + sqrt(0.4) * e[i]);
    assert_within(out, want, N, 1e-5);
}
END_TEST

// x0 is N(mean, deviation^2); E[x0 | x_t] is the estimate of a perfect network. From pure noise down to time 0.
static void check_gaussian(const udm_sampler *sampler, int steps, double tolerance)
{
    const double mean = 0.4, variance = 0.09;
    udm_noise noise;
    ck_assert(udm_noise_init(&noise, &udm_schedule_cosine, udm_schedule_cosine.defaults, 0, NULL));
    udm_normal(6, 0, 0, 0, N, xt);
    for (int k = 0; k < steps; k++) {
        set_even(&from, udm_noise_alpha_bar(&noise, 1 - (double)k / steps));
        set_even(&to, udm_noise_alpha_bar(&noise, 1 - (k + 1.0) / steps));
        const double a = from.signal[0], s2 = (double)from.noise[0] * from.noise[0];
        const double gain = a * variance / (a * a * variance + s2);
        for (int i = 0; i < N; i++)
            x0[i] = (float)(mean + gain * (xt[i] - a * mean));
        udm_normal(6, 0, k + 1, 0, N, e);
        udm_reverse_step(&udm_process_gaussian, sampler, 0, &from.levels, &to.levels, 1, x0, xt, e, scratch, xt);
    }
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++)
        sum += xt[i], squares += xt[i] * xt[i];
    ck_assert_double_eq_tol(sum / N, mean, 0.01);
    ck_assert_double_eq_tol(squares / N - sum * sum / N / N, variance, tolerance * variance);
    udm_noise_clear(&noise);
}

START_TEST(ddim_samples_a_gaussian)
{
    check_gaussian(&udm_sampler_ddim, 200, 0.05);
}
END_TEST

START_TEST(ddpm_samples_a_gaussian)
{
    check_gaussian(&udm_sampler_ddpm, 400, 0.05);
}
END_TEST

START_TEST(every_sampler_is_found_by_its_name)
{
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++) {
        test_at("%s", (*sampler)->name);
        ck_assert_ptr_eq(udm_sampler_find((*sampler)->name), *sampler);
        ck_assert_ptr_nonnull((*sampler)->about);
        ck_assert_str_ne((*sampler)->about, "");
    }
    ck_assert_ptr_null(udm_sampler_find("none of these"));
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = nothing_is_known_of_noise_that_is_not_there },
        { .test = advance_has_the_variance_of_the_later_time },
        { .test = predictions_give_the_same_x0, .cases = 3 },
        { .test = guidance },
        { .test = thresholds, .cases = COUNT_OF(bounds) },
        { .test = ddim_is_the_step_of_its_paper },
        { .test = ddpm_is_ddim_with_eta_1 },
        { .test = trivial_forgets_the_state },
        { .test = ddim_samples_a_gaussian },
        { .test = ddpm_samples_a_gaussian },
        { .test = every_sampler_is_found_by_its_name },
    };
    return test_main("sampler", tests, COUNT_OF(tests));
}
