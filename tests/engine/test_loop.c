// SPDX-License-Identifier: LGPL-2.1-or-later
// The reverse loop: that each sampler has its order where the exact answer is known, and what all of them promise.
#include "compare.h"
#include "lists.h"
#include "orders.h"
#include "sampler/track.h"

static udm_noise open_noise(int steps)
{
    udm_noise noise = { 0 };
    ck_assert(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, steps, NULL));
    return noise;
}

// ---- orders

enum { WORLDS = 4 };

static exact world_of(int number)
{
    return number < 2 ? exact_gaussian(number % 2 ? 64 : 2) : exact_mixture(number % 2 ? 64 : 2);
}

// Where the flow of each world leads, which takes long: found by the first test that needs it.
typedef struct truth {
    bool known;
    double x[EXACT_DIM * ORDERS_SAMPLES];
} truth;

static truth *truths;

static const double *truth_of(int number, const udm_noise *noise)
{
    static float x[EXACT_DIM * ORDERS_SAMPLES];
    if (!truths[number].known) {
        const exact world = world_of(number);
        const udm_timesteps ends = orders_timesteps(noise, &udm_spacing_log_snr, 1);
        orders_begin(&world, x);
        orders_truth(&world, &ends, x, truths[number].x);
        truths[number].known = true;
    }
    return truths[number].x;
}

static bool is_solver(const udm_sampler *sampler)
{
    return !sampler->stochastic && !sampler->run;
}

START_TEST(samplers_have_their_order)
{
    static const int steps[] = { 40, 80, 160 };
    const udm_sampler *sampler = nth_sampler(is_solver, _i / WORLDS);
    const exact world = world_of(_i % WORLDS);
    udm_noise noise = open_noise(0);
    udm_timesteps timesteps = orders_timesteps(&noise, &udm_spacing_log_snr, 1);
    double errors[3];
    test_case("%s, %s", sampler->name, world.name);
    const double *ends = truth_of(_i % WORLDS, &noise);
    for (int i = 0; i < 3; i++) {
        timesteps.steps = steps[i];
        errors[i] = orders_error(&world, sampler, &timesteps, ends);
    }
    ck_assert_double_gt(orders_slope(3, steps, errors), sampler->order - 0.3);
    udm_noise_clear(&noise);
}
END_TEST

START_TEST(ode_keeps_its_tolerance)
{
    static const double tolerances[] = { 1e-3, 3e-4, 1e-4 };
    enum { WORLD = 2 };
    static float x[EXACT_DIM * ORDERS_SAMPLES], times[ORDERS_SAMPLES];
    exact world = world_of(WORLD);
    udm_noise noise = open_noise(0);
    const double *truth = truth_of(WORLD, &noise);
    const udm_timesteps ends = orders_timesteps(&noise, &udm_spacing_log_snr, 1);
    const udm_point end = orders_point(&ends, 1);
    double last = INFINITY;
    for (int i = 0; i < 3; i++) {
        test_at("tolerance %g", tolerances[i]);
        const udm_loop_settings settings = { .process = &udm_process_gaussian,
                                             .sampler = &udm_sampler_ode,
                                             .timesteps = { &udm_spacing_trailing, &noise, .steps = 400 },
                                             .tolerance = tolerances[i],
                                             .channels = 2,
                                             .pixels = ORDERS_SAMPLES };
        const udm_loop_calls calls = { .context = &world, .estimate = exact_estimate };
        udm_loop *loop = udm_loop_new(&settings, NULL);
        orders_begin(&world, x);
        for (int k = 0; k < ORDERS_SAMPLES; k++)
            times[k] = (float)ORDERS_START;
        ck_assert_ptr_nonnull(loop);
        ck_assert(udm_loop_run(loop, &calls, times, x, NULL));
        double squares = 0;
        for (int k = 0; k < ORDERS_SAMPLES; k++) {
            const double there[2] = { truth[k], truth[k + ORDERS_SAMPLES] };
            double x0[2]; // ode ends at the estimate
            exact_x0(&world, end.signal, end.noise, there, x0);
            squares += pow(x[k] - x0[0], 2) + pow(x[k + ORDERS_SAMPLES] - x0[1], 2);
        }
        const double off = sqrt(squares / 2 / ORDERS_SAMPLES);
        ck_assert_double_lt(off, 10 * tolerances[i]);
        ck_assert_double_lt(off, last);
        last = off;
        udm_loop_free(loop);
    }
    udm_noise_clear(&noise);
}
END_TEST

// Back to the noise and down again: what is lost falls with the step.
START_TEST(ddim_can_be_inverted)
{
    static float x[EXACT_DIM * ORDERS_SAMPLES], begin[EXACT_DIM * ORDERS_SAMPLES], times[ORDERS_SAMPLES];
    exact world = exact_gaussian(2);
    udm_noise noise = open_noise(0);
    int steps[] = { 50, 100, 200 };
    double errors[3];
    for (int i = 0; i < 3; i++) {
        udm_loop_settings settings = { .process = &udm_process_gaussian,
                                       .sampler = &udm_sampler_ddim,
                                       .timesteps = { &udm_spacing_log_snr, &noise, .steps = steps[i] },
                                       .channels = 2,
                                       .pixels = ORDERS_SAMPLES };
        const udm_loop_calls calls = { .context = &world, .estimate = exact_estimate };
        udm_loop *loop = udm_loop_new(&settings, NULL);
        udm_normal(4, 0, 0, 0, 2 * ORDERS_SAMPLES, begin);
        memcpy(x, begin, sizeof x);
        for (int k = 0; k < ORDERS_SAMPLES; k++)
            times[k] = 0.98f;
        ck_assert_ptr_nonnull(loop);
        ck_assert(udm_loop_invert(loop, &calls, times, x, NULL));
        ck_assert(udm_loop_run(loop, &calls, times, x, NULL));
        double squares = 0;
        for (int k = 0; k < 2 * ORDERS_SAMPLES; k++)
            squares += pow(x[k] - begin[k], 2);
        errors[i] = sqrt(squares / 2 / ORDERS_SAMPLES);
        udm_loop_free(loop);
    }
    ck_assert_double_lt(errors[2], 0.05);
    ck_assert_double_eq_tol(orders_slope(3, steps, errors), 1, 0.2);
    udm_noise_clear(&noise);
}
END_TEST

// A loop over a few pixels of the 2-D mixture, that counts what it asks for.
enum { PIXELS = 5 };

typedef struct asked {
    exact world;
    int estimates, draws, fail_at; // fail_at: the estimate that fails; 0: none
    float last[2 * PIXELS];        // estimate
} asked;

static bool count_estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0,
                           udm_error *error)
{
    asked *a = context;
    ck_assert_int_eq(number, a->estimates++);
    if (a->fail_at == a->estimates)
        return udm_fail(error, UDM_ERROR_DEVICE, "this one fails");
    exact_estimate(&a->world, number, at, xt, x0, error);
    memcpy(a->last, x0, sizeof a->last);
    return true;
}

static bool count_draw(void *context, int number, float *e, udm_error *error)
{
    asked *a = context;
    (void)error;
    a->draws++;
    udm_normal(5, 0, (uint32_t)number, 0, 2 * PIXELS, e);
    return true;
}

static bool half_variance(void *context, float *share, udm_error *error)
{
    (void)context, (void)error;
    for (int i = 0; i < 2 * PIXELS; i++)
        share[i] = 0.5f;
    return true;
}

static bool run_on(asked *a, const udm_sampler *sampler, const udm_spacing *spacing, int steps, const float *times,
                   float *x, udm_error *error)
{
    static const double powers[] = { 0.2, 1 };
    udm_noise noise = open_noise(1000);
    const udm_loop_settings settings = {
        .process = &udm_process_gaussian,
        .sampler = sampler,
        .timesteps = { .spacing = spacing, .noise = &noise, .steps = steps },
        .powers = powers,
        .power_count = 2,
        .channels = 2,
        .pixels = PIXELS,
    };
    const udm_loop_calls calls = { a, count_estimate, count_draw, half_variance };
    udm_loop *loop = udm_loop_new(&settings, error);
    udm_normal(3, 0, 0, 0, 2 * PIXELS, x);
    const bool good = loop && udm_loop_run(loop, &calls, times, x, error);
    if (good)
        ck_assert_msg(a->estimates == udm_loop_estimates(&settings) || sampler == &udm_sampler_ode,
                      "%d estimates, not %d", a->estimates, udm_loop_estimates(&settings));
    udm_loop_free(loop);
    udm_noise_clear(&noise);
    return good;
}

static const float same_times[PIXELS] = { 1, 1, 1, 1, 1 };

START_TEST(one_step_ends_at_the_estimate)
{
    test_case("%s", udm_samplers[_i]->name);
    for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++) {
        asked a = { .world = exact_mixture(2) };
        udm_error error = { 0 };
        float x[2 * PIXELS];
        test_at("spacing %s", (*spacing)->name);
        assert_ok(run_on(&a, udm_samplers[_i], *spacing, 1, same_times, x, &error), &error);
        ck_assert_int_eq(a.estimates, 1);
        ck_assert_int_eq(a.draws, 0);
        assert_within(x, a.last, 2 * PIXELS, 1e-4);
    }
}
END_TEST

static bool sees_pixels_alone(const udm_sampler *sampler)
{
    return !sampler->run; // the others look at all pixels at once
}

START_TEST(every_pixel_has_a_time_of_its_own)
{
    static const float times[PIXELS] = { 0.3f, 1, 0, 0.3f, 0.7f };
    const udm_sampler *sampler = nth_sampler(sees_pixels_alone, _i);
    asked a = { .world = exact_mixture(2) };
    udm_error error = { 0 };
    float mixed[2 * PIXELS], want[2 * PIXELS], begin[2 * PIXELS];
    test_case("%s", sampler->name);
    udm_normal(3, 0, 0, 0, 2 * PIXELS, begin);
    assert_ok(run_on(&a, sampler, &udm_spacing_trailing, 6, times, mixed, &error), &error);
    for (int i = 0; i < PIXELS; i++) {
        asked b = { .world = exact_mixture(2) };
        float alone[2 * PIXELS], all[PIXELS];
        for (int k = 0; k < PIXELS; k++)
            all[k] = times[i];
        assert_ok(run_on(&b, sampler, &udm_spacing_trailing, 6, all, alone, &error), &error);
        want[i] = alone[i], want[PIXELS + i] = alone[PIXELS + i];
        if (times[i] == 0) {
            ck_assert_double_eq(mixed[i], begin[i]);
            ck_assert_double_eq(mixed[PIXELS + i], begin[PIXELS + i]);
        }
    }
    assert_within(mixed, want, 2 * PIXELS, 1e-5);
}
END_TEST

START_TEST(samplers_end_among_the_data)
{
    test_case("%s", udm_samplers[_i]->name);
    for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++) {
        asked a = { .world = exact_mixture(2) };
        udm_error error = { 0 };
        float x[2 * PIXELS];
        assert_ok(run_on(&a, udm_samplers[_i], *spacing, 20, same_times, x, &error), &error);
        for (int i = 0; i < PIXELS; i++) {
            double nearest = INFINITY;
            for (int k = 0; k < a.world.parts; k++)
                nearest = fmin(nearest, hypot(x[i] - a.world.mean[k][0], x[PIXELS + i] - a.world.mean[k][1]));
            test_at("spacing %s, pixel %d", (*spacing)->name, i);
            ck_assert_double_lt(nearest, 4 * sqrt(0.15));
        }
    }
}
END_TEST

START_TEST(an_estimate_that_fails_ends_the_loop)
{
    asked a = { .world = exact_mixture(2), .fail_at = 3 };
    float x[2 * PIXELS];
    udm_error error = { 0 };
    ck_assert(!run_on(&a, &udm_sampler_heun, &udm_spacing_trailing, 6, same_times, x, &error));
    assert_error(&error, UDM_ERROR_DEVICE, "");
    ck_assert_int_eq(a.estimates, 3);
}
END_TEST

START_TEST(what_a_model_does_not_say_is_asked_for)
{
    udm_noise noise = open_noise(0);
    udm_loop_settings settings = { .process = &udm_process_gaussian,
                                   .sampler = &udm_sampler_ddpm_analytic,
                                   .timesteps = { &udm_spacing_trailing, &noise, .steps = 4 },
                                   .channels = 2,
                                   .pixels = PIXELS };
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_loop_new(&settings, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "ddpm_analytic");

    asked a = { .world = exact_mixture(2) };
    const udm_loop_calls calls = { .context = &a, .estimate = count_estimate, .draw = count_draw };
    float x[2 * PIXELS] = { 0 };
    settings.sampler = &udm_sampler_ddpm_learned;
    udm_loop *loop = udm_loop_new(&settings, NULL);
    ck_assert_ptr_nonnull(loop);
    ck_assert(!udm_loop_run(loop, &calls, same_times, x, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "ddpm_learned");
    udm_loop_free(loop);
    udm_noise_clear(&noise);
}
END_TEST

START_TEST(solvers_refuse_what_is_not_gaussian)
{
    const udm_process other = { .name = "other", .advance = udm_process_gaussian.advance };
    const double power = 1;
    udm_noise noise = open_noise(0);
    const udm_loop_settings settings = { .process = &other,
                                         .sampler = udm_samplers[_i],
                                         .timesteps = { &udm_spacing_trailing, &noise, .steps = 4 },
                                         .powers = &power,
                                         .power_count = 1,
                                         .channels = 1,
                                         .pixels = 1 };
    udm_error error = { 0 };
    test_case("%s", udm_samplers[_i]->name);
    udm_loop *loop = udm_loop_new(&settings, &error);
    if (udm_samplers[_i]->fresh) {
        ck_assert_msg(loop, "%s", error.message);
    } else {
        ck_assert_ptr_null(loop);
        assert_error(&error, UDM_ERROR_UNSUPPORTED, "");
    }
    udm_loop_free(loop);
    udm_noise_clear(&noise);
}
END_TEST

static void check_fall(const udm_timesteps *timesteps, double start)
{
    udm_timestep last = udm_timesteps_at(timesteps, start, 0);
    ck_assert_double_eq_tol(last.time, start, 1e-9);
    ck_assert_double_eq_tol(last.alpha_bar, udm_noise_alpha_bar(timesteps->noise, start), 1e-12);
    for (double k = 0.5; k <= 7; k += 0.5) {
        const udm_timestep timestep = udm_timesteps_at(timesteps, start, k);
        test_at("%d steps, from %g, step %g", timesteps->noise->steps, start, k);
        ck_assert_double_le(timestep.time, last.time);
        ck_assert_double_ge(timestep.alpha_bar, last.alpha_bar);
        if (k == floor(k)) // there may be nothing in the middle of a step
            ck_assert_double_lt(timestep.time, last.time);
        last = timestep;
    }
    ck_assert_double_eq(last.time, 0);
    ck_assert_double_eq(last.alpha_bar, 1);
}

START_TEST(spacings_fall_from_their_start_to_0)
{
    test_case("%s", udm_spacings[_i]->name);
    for (int total = 0; total <= 1000; total += 1000) {
        udm_noise noise = open_noise(total);
        const udm_timesteps timesteps = { .spacing = udm_spacings[_i], .noise = &noise, .steps = 7 };
        for (double start = 0.1; start < 1.01; start += 0.3)
            check_fall(&timesteps, start);
        udm_noise_clear(&noise);
    }
}
END_TEST

// Lin et al. 2023, table 2, for 10 of 1000 steps, there counted from 1.
static const struct {
    const udm_spacing *spacing;
    double steps[10];
} table[] = {
    { &udm_spacing_leading, { 901, 801, 701, 601, 501, 401, 301, 201, 101, 1 } },
    { &udm_spacing_linspace, { 1000, 889, 778, 667, 556, 445, 334, 223, 112, 1 } },
    { &udm_spacing_trailing, { 1000, 900, 800, 700, 600, 500, 400, 300, 200, 100 } },
};

START_TEST(spacings_are_those_of_the_table)
{
    udm_noise noise = open_noise(1000);
    const udm_timesteps timesteps = { .spacing = table[_i].spacing, .noise = &noise, .steps = 10 };
    double got[10];
    test_case("%s", table[_i].spacing->name);
    for (int k = 0; k < 10; k++)
        got[k] = udm_timesteps_at(&timesteps, udm_timesteps_first(&timesteps), k).time * 1000;
    assert_within(got, table[_i].steps, 10, 1e-6);
    udm_noise_clear(&noise);
}
END_TEST

START_TEST(noise_between_two_steps_is_interpolated)
{
    udm_noise noise = open_noise(1000);
    noise.interpolated = true;
    const double low = 1 / noise.alpha_bars[499] - 1, high = 1 / noise.alpha_bars[500] - 1;
    const double sigma = 0.75 * sqrt(low) + 0.25 * sqrt(high);
    ck_assert_double_eq_tol(udm_noise_alpha_bar(&noise, 0.50025), 1 / (1 + sigma * sigma), 1e-9);
    ck_assert_double_eq_tol(udm_noise_alpha_bar(&noise, 0.5), noise.alpha_bars[499], 1e-12);
    udm_noise_clear(&noise);
}
END_TEST

START_TEST(every_spacing_is_found_by_its_name)
{
    for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++)
        ck_assert_ptr_eq(udm_spacing_find((*spacing)->name), *spacing);
    ck_assert_ptr_null(udm_spacing_find("none of these"));
}
END_TEST

// The noise of a step, for the loop and for a track.
static bool draw_step(void *context, int number, float *e, udm_error *error)
{
    (void)context, (void)error;
    udm_normal(5, (uint64_t)number, 1, 0, (size_t)2 * ORDERS_SAMPLES, e);
    return true;
}

static void run_track(const exact *world, const udm_sampler *sampler, const udm_timesteps *timesteps, float *x)
{
    static float kept[UDM_ESTIMATES][2 * ORDERS_SAMPLES], x0[2 * ORDERS_SAMPLES], e[2 * ORDERS_SAMPLES];
    static float signal[ORDERS_SAMPLES], noise[ORDERS_SAMPLES];
    udm_track track = { .start = 1 };
    for (int i = 0; i < UDM_ESTIMATES; i++)
        track.kept[i] = kept[i];
    for (int k = 0; k < timesteps->steps; k++) {
        const udm_point at = udm_track_point(&track, sampler, timesteps, k);
        for (int i = 0; i < ORDERS_SAMPLES; i++)
            signal[i] = (float)at.signal, noise[i] = (float)at.noise;
        const udm_levels levels = { .pixels = ORDERS_SAMPLES, .signal = signal, .noise = noise };
        exact_estimate((void *)world, k, &levels, x, x0, NULL);
        draw_step(NULL, k, e, NULL);
        const bool draws = sampler->stochastic && k + 1 < timesteps->steps;
        udm_track_step(&track, sampler, timesteps, k, x0, draws ? e : NULL, 2 * ORDERS_SAMPLES, x);
    }
}

START_TEST(a_track_goes_where_the_loop_goes)
{
    enum { ALL = 2 * ORDERS_SAMPLES };
    const udm_sampler *sampler = nth_sampler(udm_track_takes, _i);
    exact world = exact_mixture(2);
    udm_noise noise = open_noise(0);
    udm_error error = { 0 };
    const udm_loop_settings settings = { .process = &udm_process_gaussian,
                                         .sampler = sampler,
                                         .timesteps = { &udm_spacing_trailing, &noise, .steps = 7 },
                                         .channels = 2,
                                         .pixels = ORDERS_SAMPLES };
    const udm_loop_calls calls = { .context = &world, .estimate = exact_estimate, .draw = draw_step };
    float by_loop[ALL], by_track[ALL], times[ORDERS_SAMPLES];
    test_case("%s", sampler->name);
    for (int i = 0; i < ORDERS_SAMPLES; i++)
        times[i] = 1;
    orders_begin(&world, by_loop);
    orders_begin(&world, by_track);
    udm_loop *loop = udm_loop_new(&settings, &error);
    ck_assert_msg(loop, "%s", error.message);
    assert_ok(udm_loop_run(loop, &calls, times, by_loop, &error), &error);
    run_track(&world, sampler, &settings.timesteps, by_track);
    assert_within(by_track, by_loop, ALL, 1e-4);
    udm_loop_free(loop);
    udm_noise_clear(&noise);
}
END_TEST

START_TEST(tracks_take_most_samplers)
{
    ck_assert_int_ge(count_samplers(udm_track_takes), 8);
}
END_TEST

int main(void)
{
    const int samplers = list_length(udm_samplers);
    const test_entry tests[] = {
        { .test = samplers_have_their_order, .cases = WORLDS * count_samplers(is_solver) },
        { .test = ode_keeps_its_tolerance },
        { .test = ddim_can_be_inverted },
        { .test = one_step_ends_at_the_estimate, .cases = samplers },
        { .test = every_pixel_has_a_time_of_its_own, .cases = count_samplers(sees_pixels_alone) },
        { .test = samplers_end_among_the_data, .cases = samplers },
        { .test = an_estimate_that_fails_ends_the_loop },
        { .test = what_a_model_does_not_say_is_asked_for },
        { .test = solvers_refuse_what_is_not_gaussian, .cases = samplers },
        { .test = spacings_fall_from_their_start_to_0, .cases = list_length(udm_spacings) },
        { .test = spacings_are_those_of_the_table, .cases = COUNT_OF(table) },
        { .test = noise_between_two_steps_is_interpolated },
        { .test = every_spacing_is_found_by_its_name },
        { .test = a_track_goes_where_the_loop_goes, .cases = count_samplers(udm_track_takes) },
        { .test = tracks_take_most_samplers },
    };
    truths = test_shared(WORLDS * sizeof *truths);
    return test_main("loop", tests, COUNT_OF(tests));
}
