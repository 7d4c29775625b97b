// SPDX-License-Identifier: LGPL-2.1-or-later
// The reverse step against closed forms, and the samplers on a Gaussian, where the estimate of x0 is
// known exactly.
#include "sampler/sampler.h"

#include "base/random.h"
#include "check.h"
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
static float x0[N], xt[N], e[N], scratch[N], out[N];

TEST(nothing_is_known_of_noise_that_is_not_there)
{
    set_even(&from, 1);
    udm_normal(1, 0, 0, 0, N, x0);
    udm_process_gaussian.inverse(&from.levels, 1, x0, x0, out);
    for (int i = 0; i < N; i += 97)
        CHECK_CLOSE(out[i], 0, 0);
}

TEST(advance_has_the_variance_of_the_later_time)
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
    CHECK_CLOSE(sum / N, 0.5 * sqrt(0.3), 0.02);
    CHECK_CLOSE(squares / N - sum * sum / N / N, 0.7, 0.02);
}

TEST(predictions_give_the_same_x0)
{
    set_even(&from, 0.4);
    udm_normal(3, 0, 0, 0, N, x0);
    udm_normal(3, 0, 1, 0, N, e);
    udm_process_gaussian.forward(&from.levels, 1, x0, e, xt);
    const float a = from.signal[0], s = from.noise[0];
    for (int i = 0; i < N; i++)
        scratch[i] = a * e[i] - s * x0[i]; // v
    const float *const outputs[] = { [UDM_PREDICT_EPSILON] = e, [UDM_PREDICT_X0] = x0, [UDM_PREDICT_V] = scratch };
    for (int kind = 0; kind < 3; kind++) {
        udm_predict_x0(kind, &from.levels, 1, outputs[kind], xt, out);
        for (int i = 0; i < N; i += 97)
            CHECK_CLOSE(out[i], x0[i], 1e-5);
        udm_predict_output(kind, &from.levels, 1, x0, xt, out); // and back
        for (int i = 0; i < N; i += 97)
            CHECK_CLOSE(out[i], outputs[kind][i], 1e-5);
    }
}

// u + g (c - u), and the deviation that c had; half of it for a rescale of 1/2.
TEST(guidance)
{
    const float without[4] = { 0, 1, 2, 3 }, told[4] = { 1, 1, 4, 4 };
    const double g[4] = { 2, 1, 6, 5 }; // guidance 2
    const double before = 1.5, after = sqrt((1.5 * 1.5 + 2.5 * 2.5 + 2.5 * 2.5 + 1.5 * 1.5) / 4);
    for (double rescale = 0; rescale <= 1; rescale += 0.5) {
        float with[4];
        memcpy(with, told, sizeof with);
        udm_guide(2, rescale, 4, without, with);
        for (int i = 0; i < 4; i++)
            CHECK_CLOSE(with[i], g[i] * (rescale * before / after + 1 - rescale), 1e-6);
    }
    float same[4];
    memcpy(same, told, sizeof same);
    udm_guide(1, 0.7, 4, without, same);
    for (int i = 0; i < 4; i++)
        CHECK_CLOSE(same[i], told[i], 1e-6);
}

// Values 0, 1, .. 10 over 5: the 0.8 quantile of their sizes is 1.6, which becomes 1; at most 1.2 is pressed together.
TEST(thresholds)
{
    const udm_bounds clip = { .clip = 0.5 }, dynamic = { .ratio = 0.8, .most = 3 },
                     narrow = { .ratio = 0.8, .most = 1.2 };
    const udm_bounds none = { .ratio = 0.2, .most = 3, .clip = 0.1 };
    float start[11], x[11];
    for (int i = 0; i < 11; i++)
        start[i] = (i % 2 ? -1 : 1) * (float)((i * 7) % 11) / 5;
    const struct {
        const udm_bounds *bounds;
        double range, by; // clamped to the range and divided
    } list[] = { { &clip, 0.5, 1 }, { &dynamic, 1.6, 1.6 }, { &narrow, 1.2, 1.2 }, { &none, 1, 1 } };
    for (int k = 0; k < 4; k++) {
        memcpy(x, start, sizeof x);
        REQUIRE(udm_bound_x0(list[k].bounds, 11, x, NULL));
        for (int i = 0; i < 11; i++)
            CHECK_CLOSE(x[i], fmax(fmin(start[i], list[k].range), -list[k].range) / list[k].by, 1e-6);
    }
}

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
    for (int i = 0; i < N; i += 97) {
        double eps = (xt[i] - sqrt(a_t) * x0[i]) / sqrt(1 - a_t);
        CHECK_CLOSE(out[i], sqrt(a_s) * x0[i] + sqrt(1 - a_s - sigma * sigma) * eps + sigma * e[i], 1e-5);
    }
}

TEST(ddim_is_the_step_of_its_paper)
{
    check_step(&udm_sampler_ddim, 0);
}

TEST(ddpm_is_ddim_with_eta_1)
{
    check_step(&udm_sampler_ddpm, 1);
}

TEST(trivial_forgets_the_state)
{
    set_even(&from, 0.3);
    set_even(&to, 0.6);
    udm_normal(5, 0, 0, 0, N, x0);
    udm_normal(5, 0, 1, 0, N, xt);
    udm_normal(5, 0, 2, 0, N, e);
    udm_reverse_step(&udm_process_gaussian, &udm_sampler_trivial, 0, &from.levels, &to.levels, 1, x0, xt, e, scratch,
                     out);
    for (int i = 0; i < N; i += 97)
        CHECK_CLOSE(out[i], sqrt(0.6) * x0[i] + sqrt(0.4) * e[i], 1e-5);
}

// x0 is N(mean, deviation^2); E[x0 | x_t] is the estimate of a perfect network. From pure noise down to time 0.
static void check_gaussian(const udm_sampler *sampler, int steps, double tolerance)
{
    const double mean = 0.4, variance = 0.09;
    udm_noise noise;
    REQUIRE(udm_noise_init(&noise, &udm_schedule_cosine, udm_schedule_cosine.defaults, 0, NULL));
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
    CHECK_CLOSE(sum / N, mean, 0.01);
    CHECK_CLOSE(squares / N - sum * sum / N / N, variance, tolerance * variance);
    udm_noise_clear(&noise);
}

TEST(ddim_samples_a_gaussian)
{
    check_gaussian(&udm_sampler_ddim, 200, 0.05);
}

TEST(ddpm_samples_a_gaussian)
{
    check_gaussian(&udm_sampler_ddpm, 400, 0.05);
}

TEST(every_sampler_is_found_by_its_name)
{
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++) {
        CHECK(udm_sampler_find((*sampler)->name) == *sampler);
        CHECK((*sampler)->about && *(*sampler)->about);
    }
    CHECK(udm_sampler_find("none of these") == NULL);
}

CHECK_MAIN()
