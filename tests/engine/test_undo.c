// SPDX-License-Identifier: LGPL-2.1-or-later
// The reverse of each forward process, where the answer is known.
#include "compare.h"
#include "exact.h"
#include "processes.h"

static bool is_cold(const udm_process *process)
{
    return process->cold;
}

// Cold diffusion, algorithm 2: x_s = x_t - D(x0, t) + D(x0, s), D being F without e.
START_TEST(the_step_of_cold_processes_is_that_of_their_paper)
{
    static clip t, s;
    static float zero[ALL], at_t[ALL], at_s[ALL], want[ALL], scratch[ALL];
    const udm_process *process = nth_process(is_cold, _i);
    test_case("%s", process->name);
    make_clip(&t, process, 0.6);
    make_clip(&s, process, 0.4);
    udm_normal(5, 0, 0, 0, ALL, t.xt);
    udm_reverse_step(process, &udm_sampler_ddim, 0, &t.at, &s.at, CHANNELS, t.x0, t.xt, NULL, scratch, t.out);
    process->forward(&t.at, CHANNELS, t.x0, zero, at_t);
    process->forward(&s.at, CHANNELS, t.x0, zero, at_s);
    for (int i = 0; i < ALL; i++)
        want[i] = t.xt[i] - at_t[i] + at_s[i];
    assert_within(t.out, want, ALL, 1e-5);
}
END_TEST

static bool estimate_half(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    for (size_t i = 0; i < at->pixels; i++)
        x0[i] = xt[i] / 2;
    return true;
}

static bool draw_nothing(void *context, int number, float *e, udm_error *error)
{
    memset(e, 0, PIXELS * sizeof *e);
    return true;
}

// Their algorithm 1 ends with the estimate, algorithm 2 with what it leaves unexplained, too.
START_TEST(cold_processes_end_as_the_sampler_says)
{
    static clip k;
    static float half[PIXELS];
    const udm_process *process = nth_process(is_cold, _i);
    udm_noise noise;
    udm_error error = { 0 };
    test_case("%s", process->name);
    ck_assert(udm_noise_init(&noise, &udm_schedule_flow, udm_schedule_flow.defaults, 0, NULL));
    for (int trivial = 0; trivial < 2; trivial++) {
        make_clip(&k, process, 0.3);
        udm_loop_settings settings = { .process = process,
                                       .sampler = trivial ? &udm_sampler_trivial : &udm_sampler_ddim,
                                       .timesteps = { .spacing = &udm_spacing_trailing, .noise = &noise, .steps = 1 },
                                       .channels = 1,
                                       .pixels = PIXELS,
                                       .width = WIDTH,
                                       .height = HEIGHT,
                                       .extent = EXTENT };
        udm_loop *loop = udm_loop_new(&settings, &error);
        ck_assert_msg(loop, "%s", error.message);
        memcpy(k.xt, k.x0, sizeof k.xt);
        const udm_loop_calls calls = { .estimate = estimate_half, .draw = draw_nothing };
        assert_ok(udm_loop_run(loop, &calls, k.time, k.xt, &error), &error);
        for (int i = 0; i < PIXELS; i++)
            half[i] = k.x0[i] / 2;
        if (trivial)
            assert_within(k.xt, half, PIXELS, 0);
        else
            ck_assert_double_gt(compare_arrays(COMPARE_VALUES(k.xt), COMPARE_VALUES(half), PIXELS).off, 0.1);
        udm_loop_free(loop);
    }
    udm_noise_clear(&noise);
}
END_TEST

// BBDM: x_s = x0 + (s / t) (x_t - x0) + sqrt(s (t - s) / t) e.
START_TEST(the_step_of_the_bridge_is_its_posterior)
{
    static clip t, s;
    static float want[ALL], scratch[ALL];
    make_clip(&t, &udm_process_bridge, 0.6);
    make_clip(&s, &udm_process_bridge, 0.4);
    udm_normal(5, 0, 0, 0, ALL, t.xt);
    udm_reverse_step(&udm_process_bridge, &udm_sampler_ddpm, 0, &t.at, &s.at, CHANNELS, t.x0, t.xt, t.e, scratch,
                     t.out);
    for (int i = 0; i < ALL; i++)
        want[i] = (float)(t.x0[i] + 0.4 / 0.6 * (t.xt[i] - t.x0[i]) + sqrt(0.4 * 0.2 / 0.6) * t.e[i] -
                          (s.anchor[i] - t.anchor[i]));
    assert_within(t.out, want, ALL, 1e-5);
}
END_TEST

enum { MANY = 6000 };

typedef struct many {
    const udm_process *process;
    int channels;
    float times[MANY], x[3 * MANY], anchor[3 * MANY];
} many;

static bool draw_many(void *context, int number, float *e, udm_error *error)
{
    const many *m = context;
    (void)error;
    udm_normal(8, 1, (uint32_t)number, 0, (size_t)m->channels * MANY, e);
    return true;
}

static void run_many(many *m, const udm_sampler *sampler, const udm_spacing *spacing, int steps,
                     bool (*estimate)(void *, int, const udm_levels *, const float *, float *, udm_error *))
{
    udm_noise noise;
    udm_error error = { 0 };
    assert_ok(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, &error), &error);
    const udm_loop_settings settings = {
        .process = m->process,
        .sampler = sampler,
        .timesteps = { spacing, &noise, .steps = steps },
        .channels = m->channels,
        .pixels = MANY,
        .width = MANY,
        .height = 1,
        .anchor = m->anchor,
    };
    const udm_loop_calls calls = { .context = m, .estimate = estimate, .draw = draw_many };
    for (int i = 0; i < MANY; i++)
        m->times[i] = 1;
    udm_loop *loop = udm_loop_new(&settings, &error);
    ck_assert_msg(loop, "%s", error.message);
    assert_ok(udm_loop_run(loop, &calls, m->times, m->x, &error), &error);
    udm_loop_free(loop);
    udm_noise_clear(&noise);
}

static const double SYMBOL_SHARES[3] = { 0.6, 0.3, 0.1 };

// p(x0 = i | x_t = k), which is proportional to p_i Q_t[i, k]. "absorbing" has no data at its last symbol.
static bool estimate_symbols(void *context, int number, const udm_levels *at, const float *xt, float *x0,
                             udm_error *error)
{
    const bool absorbing = ((const many *)context)->process == &udm_process_absorbing;
    (void)number, (void)error;
    for (size_t i = 0; i < MANY; i++) {
        const double lost = udm_levels_share(at, i);
        const int is = xt[i] > 0 ? 0 : xt[MANY + i] > 0 ? 1 : 2;
        double p[3], sum = 0;
        for (int c = 0; c < 3; c++) {
            const double to = absorbing ? is == 2 : 1 / 3.;
            p[c] = (absorbing && c == 2 ? 0 : SYMBOL_SHARES[c]) * ((c == is) * (1 - lost) + lost * to);
            sum += p[c];
        }
        for (int c = 0; c < 3; c++)
            x0[c * MANY + i] = (float)(p[c] / sum);
    }
    return true;
}

static const udm_process *const symbolic[] = { &udm_process_uniform, &udm_process_absorbing };

START_TEST(symbols_come_out_as_often_as_they_are)
{
    static many m;
    const bool absorbing = symbolic[_i] == &udm_process_absorbing;
    test_case("%s", symbolic[_i]->name);
    m = (many){ .process = symbolic[_i], .channels = 3 };
    for (int i = 0; i < MANY; i++)
        m.x[(absorbing ? 2 : i % 3) * MANY + i] = 1;
    run_many(&m, &udm_sampler_ddpm, &udm_spacing_trailing, 8, estimate_symbols);
    const double all = absorbing ? 0.9 : 1;
    for (int c = 0; c < 3 - absorbing; c++) {
        int count = 0, other = 0;
        for (int i = 0; i < MANY; i++) {
            const float is = m.x[c * MANY + i];
            count += is == 1, other += !(is == 0 || is == 1);
        }
        test_at("symbol %d", c);
        ck_assert_int_eq(other, 0);
        ck_assert_double_eq_tol((double)count / MANY, SYMBOL_SHARES[c] / all, 0.02);
    }
}
END_TEST

// The data are two points; seen through the field of PFGM++ at distance r, each with its density.
static const double POINTS[2][2] = { { 0.8, 0.2 }, { -0.5, -0.4 } }, POINT_SHARES[2] = { 0.7, 0.3 };

static bool estimate_points(void *context, int number, const udm_levels *at, const float *xt, float *x0,
                            udm_error *error)
{
    const double d = ((const many *)context)->process == &udm_process_pfgm ? 1 : 128;
    (void)number, (void)error;
    for (size_t i = 0; i < MANY; i++) {
        double p[2];
        for (int k = 0; k < 2; k++) {
            const double off = pow(xt[i] - POINTS[k][0], 2) + pow(xt[MANY + i] - POINTS[k][1], 2);
            p[k] = log(POINT_SHARES[k]) - (2 + d) / 2 * log1p(off / (at->noise[i] * at->noise[i] * d));
        }
        const double first = 1 / (1 + exp(p[1] - p[0]));
        for (int c = 0; c < 2; c++)
            x0[c * MANY + i] = (float)(first * POINTS[0][c] + (1 - first) * POINTS[1][c]);
    }
    return true;
}

static const udm_process *const poisson[] = { &udm_process_pfgm, &udm_process_pfgmpp };

START_TEST(poisson_flow_ends_at_the_charges)
{
    static many m;
    double signal, sigma;
    udm_noise noise;
    test_case("%s", poisson[_i]->name);
    m = (many){ .process = poisson[_i], .channels = 2 };
    ck_assert(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, NULL));
    poisson[_i]->factors(udm_noise_alpha_bar(&noise, 1), &signal, &sigma);
    for (int i = 0; i < MANY; i++) { // one picture each, of two values
        float e[2];
        udm_normal(6, i, 0, 0, 2, e);
        poisson[_i]->shape(6, i, 0, 2, e);
        m.x[i] = (float)(sigma * e[0]), m.x[MANY + i] = (float)(sigma * e[1]);
    }
    run_many(&m, &udm_sampler_heun, &udm_spacing_karras, 60, estimate_points);
    int ends[2] = { 0 };
    for (int i = 0; i < MANY; i++)
        for (int k = 0; k < 2; k++)
            ends[k] += hypot(m.x[i] - POINTS[k][0], m.x[MANY + i] - POINTS[k][1]) < 0.02;
    ck_assert_double_gt(ends[0] + ends[1], 0.95 * MANY); // of the farthest starts a float keeps too little
    ck_assert_double_eq_tol((double)ends[0] / (ends[0] + ends[1]), POINT_SHARES[0], 0.03);
    udm_noise_clear(&noise);
}
END_TEST

// The same state times another factor, and the same noise: what comes out at time 0 is the same.
static void run_mixture(const udm_process *process, const udm_sampler *sampler, float *x)
{
    enum { COUNT = 16 };
    exact world = exact_mixture(2);
    float times[COUNT];
    double signal, noise_factor;
    udm_noise noise;
    ck_assert(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, NULL));
    const udm_loop_settings settings = { .process = process,
                                         .sampler = sampler,
                                         .timesteps = { &udm_spacing_trailing, &noise, .steps = 10 },
                                         .channels = 2,
                                         .pixels = COUNT };
    const udm_loop_calls calls = { .context = &world, .estimate = exact_estimate };
    udm_error error = { 0 };
    udm_loop *loop = udm_loop_new(&settings, &error);
    process->factors(udm_noise_alpha_bar(&noise, 1), &signal, &noise_factor);
    udm_normal(7, 0, 0, 0, 2 * COUNT, x);
    for (int i = 0; i < 2 * COUNT; i++)
        times[i % COUNT] = 1, x[i] *= (float)hypot(signal, noise_factor);
    ck_assert_msg(loop, "%s", error.message);
    assert_ok(udm_loop_run(loop, &calls, times, x, &error), &error);
    udm_loop_free(loop);
    udm_noise_clear(&noise);
}

static bool is_gaussian(const udm_process *process)
{
    return process->factors && !process->shape;
}

START_TEST(gaussian_processes_are_one)
{
    const udm_process *process = nth_process(is_gaussian, _i);
    test_case("%s", process->name);
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++) {
        float one[32], other[32];
        if ((*sampler)->stochastic)
            continue;
        test_at("%s", (*sampler)->name);
        run_mixture(&udm_process_gaussian, *sampler, one);
        run_mixture(process, *sampler, other);
        assert_within(other, one, 32, 2e-3);
    }
}
END_TEST

static const struct {
    const udm_process *process;
    const udm_sampler *sampler;
} wrong[] = {
    { &udm_process_pfgm, &udm_sampler_ddpm },   { &udm_process_blur, &udm_sampler_repaint },
    { &udm_process_bridge, &udm_sampler_ddim }, { &udm_process_blur, &udm_sampler_ddim },
    { &udm_process_mask, &udm_sampler_heun },
};

START_TEST(loops_refuse_what_a_process_cannot)
{
    udm_noise noise;
    udm_error error = { 0 };
    test_case("%s with %s", wrong[_i].sampler->name, wrong[_i].process->name);
    ck_assert(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, NULL));
    const udm_loop_settings settings = { .process = wrong[_i].process,
                                         .sampler = wrong[_i].sampler,
                                         .timesteps = { &udm_spacing_trailing, &noise, .steps = 4 },
                                         .channels = 1,
                                         .pixels = 4 };
    ck_assert_ptr_null(udm_loop_new(&settings, &error));
    assert_contains(error.message, wrong[_i].process->name);
    udm_noise_clear(&noise);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = the_step_of_cold_processes_is_that_of_their_paper, .cases = count_processes(is_cold) },
        { .test = cold_processes_end_as_the_sampler_says, .cases = count_processes(is_cold) },
        { .test = the_step_of_the_bridge_is_its_posterior },
        { .test = symbols_come_out_as_often_as_they_are, .cases = COUNT_OF(symbolic) },
        { .test = poisson_flow_ends_at_the_charges, .cases = COUNT_OF(poisson) },
        { .test = gaussian_processes_are_one, .cases = count_processes(is_gaussian) },
        { .test = loops_refuse_what_a_process_cannot, .cases = COUNT_OF(wrong) },
    };
    return test_main("undo", tests, COUNT_OF(tests));
}
