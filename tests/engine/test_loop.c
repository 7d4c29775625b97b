// SPDX-License-Identifier: LGPL-2.1-or-later
// The reverse loop: that each sampler has its order where the exact answer is known, and what all of them promise.
#include "check.h"
#include "orders.h"
#include "sampler/track.h"

static udm_noise open_noise(int steps)
{
    udm_noise noise = { 0 };
    CHECK(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, steps, NULL));
    return noise;
}

static void check_orders(const exact *world)
{
    static const int steps[] = { 40, 80, 160 };
    static double truth[EXACT_DIM * ORDERS_SAMPLES];
    static float x[EXACT_DIM * ORDERS_SAMPLES];
    udm_noise noise = open_noise(0);
    udm_timesteps timesteps = orders_timesteps(&noise, &udm_spacing_log_snr, 1);
    orders_begin(world, x);
    orders_truth(world, &timesteps, x, truth);
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++) {
        if ((*sampler)->stochastic || (*sampler)->run)
            continue;
        double errors[3];
        for (int i = 0; i < 3; i++) {
            timesteps.steps = steps[i];
            errors[i] = orders_error(world, *sampler, &timesteps, truth);
        }
        const double slope = orders_slope(3, steps, errors);
        if (!(slope > (*sampler)->order - 0.3)) {
            printf("    %s: %s has order %.2f, not %d\n", world->name, (*sampler)->name, slope, (*sampler)->order);
            CHECK(false);
        }
    }
    udm_noise_clear(&noise);
}

TEST(samplers_have_their_order_on_gaussians)
{
    const exact small = exact_gaussian(2), large = exact_gaussian(64);
    check_orders(&small);
    check_orders(&large);
}

TEST(samplers_have_their_order_on_mixtures)
{
    const exact small = exact_mixture(2), large = exact_mixture(64);
    check_orders(&small);
    check_orders(&large);
}

TEST(ode_keeps_its_tolerance)
{
    static const double tolerances[] = { 1e-3, 3e-4, 1e-4 };
    static double truth[EXACT_DIM * ORDERS_SAMPLES];
    static float x[EXACT_DIM * ORDERS_SAMPLES], times[ORDERS_SAMPLES];
    exact world = exact_mixture(2);
    udm_noise noise = open_noise(0);
    const udm_timesteps ends = orders_timesteps(&noise, &udm_spacing_log_snr, 1);
    const udm_point end = orders_point(&ends, 1);
    double last = INFINITY;
    orders_begin(&world, x);
    orders_truth(&world, &ends, x, truth);
    for (int i = 0; i < 3; i++) {
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
        REQUIRE(loop && udm_loop_run(loop, &calls, times, x, NULL));
        double squares = 0;
        for (int k = 0; k < ORDERS_SAMPLES; k++) {
            const double there[2] = { truth[k], truth[k + ORDERS_SAMPLES] };
            double x0[2]; // ode ends at the estimate
            exact_x0(&world, end.signal, end.noise, there, x0);
            squares += pow(x[k] - x0[0], 2) + pow(x[k + ORDERS_SAMPLES] - x0[1], 2);
        }
        const double off = sqrt(squares / 2 / ORDERS_SAMPLES);
        CHECK(off < 10 * tolerances[i] && off < last);
        last = off;
        udm_loop_free(loop);
    }
    udm_noise_clear(&noise);
}

// Back to the noise and down again: what is lost falls with the step.
TEST(ddim_can_be_inverted)
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
        REQUIRE(loop && udm_loop_invert(loop, &calls, times, x, NULL) && udm_loop_run(loop, &calls, times, x, NULL));
        double squares = 0;
        for (int k = 0; k < 2 * ORDERS_SAMPLES; k++)
            squares += pow(x[k] - begin[k], 2);
        errors[i] = sqrt(squares / 2 / ORDERS_SAMPLES);
        udm_loop_free(loop);
    }
    CHECK(errors[2] < 0.05);
    CHECK_CLOSE(orders_slope(3, steps, errors), 1, 0.2);
    udm_noise_clear(&noise);
}

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
    CHECK(number == a->estimates++);
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
        CHECK(a->estimates == udm_loop_estimates(&settings) || sampler == &udm_sampler_ode);
    udm_loop_free(loop);
    udm_noise_clear(&noise);
    return good;
}

static const float same_times[PIXELS] = { 1, 1, 1, 1, 1 };

TEST(one_step_ends_at_the_estimate)
{
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++)
        for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++) {
            asked a = { .world = exact_mixture(2) };
            float x[2 * PIXELS];
            REQUIRE(run_on(&a, *sampler, *spacing, 1, same_times, x, NULL));
            CHECK(a.estimates == 1 && a.draws == 0);
            for (int i = 0; i < 2 * PIXELS; i++)
                CHECK_CLOSE(x[i], a.last[i], 1e-4);
        }
}

TEST(every_pixel_has_a_time_of_its_own)
{
    static const float times[PIXELS] = { 0.3f, 1, 0, 0.3f, 0.7f };
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++) {
        if ((*sampler)->run) // they look at all pixels at once
            continue;
        asked a = { .world = exact_mixture(2) };
        float mixed[2 * PIXELS], begin[2 * PIXELS];
        udm_normal(3, 0, 0, 0, 2 * PIXELS, begin);
        REQUIRE(run_on(&a, *sampler, &udm_spacing_trailing, 6, times, mixed, NULL));
        for (int i = 0; i < PIXELS; i++) {
            asked b = { .world = exact_mixture(2) };
            float alone[2 * PIXELS], all[PIXELS];
            for (int k = 0; k < PIXELS; k++)
                all[k] = times[i];
            REQUIRE(run_on(&b, *sampler, &udm_spacing_trailing, 6, all, alone, NULL));
            for (int c = 0; c < 2; c++) {
                CHECK_CLOSE(mixed[c * PIXELS + i], alone[c * PIXELS + i], 1e-5);
                if (times[i] == 0)
                    CHECK_CLOSE(mixed[c * PIXELS + i], begin[c * PIXELS + i], 0);
            }
        }
    }
}

TEST(samplers_end_among_the_data)
{
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++)
        for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++) {
            asked a = { .world = exact_mixture(2) };
            float x[2 * PIXELS];
            REQUIRE(run_on(&a, *sampler, *spacing, 20, same_times, x, NULL));
            for (int i = 0; i < PIXELS; i++) {
                double nearest = INFINITY;
                for (int k = 0; k < a.world.parts; k++)
                    nearest = fmin(nearest, hypot(x[i] - a.world.mean[k][0], x[PIXELS + i] - a.world.mean[k][1]));
                CHECK(nearest < 4 * sqrt(0.15));
            }
        }
}

TEST(an_estimate_that_fails_ends_the_loop)
{
    asked a = { .world = exact_mixture(2), .fail_at = 3 };
    float x[2 * PIXELS];
    udm_error error = { 0 };
    CHECK(!run_on(&a, &udm_sampler_heun, &udm_spacing_trailing, 6, same_times, x, &error));
    CHECK(error.code == UDM_ERROR_DEVICE);
    CHECK(a.estimates == 3);
}

TEST(what_a_model_does_not_say_is_asked_for)
{
    udm_noise noise = open_noise(0);
    udm_loop_settings settings = { .process = &udm_process_gaussian,
                                   .sampler = &udm_sampler_ddpm_analytic,
                                   .timesteps = { &udm_spacing_trailing, &noise, .steps = 4 },
                                   .channels = 2,
                                   .pixels = PIXELS };
    udm_error error = { 0 };
    CHECK(!udm_loop_new(&settings, &error));
    CHECK(error.code == UDM_ERROR_UNSUPPORTED && strstr(error.message, "ddpm_analytic"));

    asked a = { .world = exact_mixture(2) };
    const udm_loop_calls calls = { .context = &a, .estimate = count_estimate, .draw = count_draw };
    float x[2 * PIXELS] = { 0 };
    settings.sampler = &udm_sampler_ddpm_learned;
    udm_loop *loop = udm_loop_new(&settings, NULL);
    REQUIRE(loop);
    CHECK(!udm_loop_run(loop, &calls, same_times, x, &error));
    CHECK(error.code == UDM_ERROR_UNSUPPORTED && strstr(error.message, "ddpm_learned"));
    udm_loop_free(loop);
    udm_noise_clear(&noise);
}

TEST(solvers_refuse_what_is_not_gaussian)
{
    const udm_process other = { .name = "other", .advance = udm_process_gaussian.advance };
    const double power = 1;
    udm_noise noise = open_noise(0);
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++) {
        const udm_loop_settings settings = { .process = &other,
                                             .sampler = *sampler,
                                             .timesteps = { &udm_spacing_trailing, &noise, .steps = 4 },
                                             .powers = &power,
                                             .power_count = 1,
                                             .channels = 1,
                                             .pixels = 1 };
        udm_error error = { 0 };
        udm_loop *loop = udm_loop_new(&settings, &error);
        CHECK((loop == NULL) == (!(*sampler)->fresh));
        CHECK(loop || error.code == UDM_ERROR_UNSUPPORTED);
        udm_loop_free(loop);
    }
    udm_noise_clear(&noise);
}

TEST(spacings_fall_from_their_start_to_0)
{
    for (int total = 0; total <= 1000; total += 1000) {
        udm_noise noise = open_noise(total);
        for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++)
            for (double start = 0.1; start < 1.01; start += 0.3) {
                const udm_timesteps timesteps = { .spacing = *spacing, .noise = &noise, .steps = 7 };
                udm_timestep last = udm_timesteps_at(&timesteps, start, 0);
                CHECK_CLOSE(last.time, start, 1e-9);
                CHECK_CLOSE(last.alpha_bar, udm_noise_alpha_bar(&noise, start), 1e-12);
                for (double k = 0.5; k <= 7; k += 0.5) {
                    const udm_timestep timestep = udm_timesteps_at(&timesteps, start, k);
                    CHECK(timestep.time <= last.time && timestep.alpha_bar >= last.alpha_bar);
                    CHECK(timestep.time < last.time || k != floor(k)); // there may be nothing in the middle of a step
                    last = timestep;
                }
                CHECK_CLOSE(last.time, 0, 0);
                CHECK_CLOSE(last.alpha_bar, 1, 0);
            }
        udm_noise_clear(&noise);
    }
}

// Lin et al. 2023, table 2, for 10 of 1000 steps, there counted from 1.
TEST(spacings_are_those_of_the_table)
{
    static const struct {
        const udm_spacing *spacing;
        int steps[10];
    } table[] = {
        { &udm_spacing_leading, { 901, 801, 701, 601, 501, 401, 301, 201, 101, 1 } },
        { &udm_spacing_linspace, { 1000, 889, 778, 667, 556, 445, 334, 223, 112, 1 } },
        { &udm_spacing_trailing, { 1000, 900, 800, 700, 600, 500, 400, 300, 200, 100 } },
    };
    udm_noise noise = open_noise(1000);
    for (int i = 0; i < 3; i++) {
        const udm_timesteps timesteps = { .spacing = table[i].spacing, .noise = &noise, .steps = 10 };
        for (int k = 0; k < 10; k++)
            CHECK_CLOSE(udm_timesteps_at(&timesteps, udm_timesteps_first(&timesteps), k).time * 1000, table[i].steps[k],
                        1e-6);
    }
    udm_noise_clear(&noise);
}

TEST(noise_between_two_steps_is_interpolated)
{
    udm_noise noise = open_noise(1000);
    noise.interpolated = true;
    const double low = 1 / noise.alpha_bars[499] - 1, high = 1 / noise.alpha_bars[500] - 1;
    const double sigma = 0.75 * sqrt(low) + 0.25 * sqrt(high);
    CHECK_CLOSE(udm_noise_alpha_bar(&noise, 0.50025), 1 / (1 + sigma * sigma), 1e-9);
    CHECK_CLOSE(udm_noise_alpha_bar(&noise, 0.5), noise.alpha_bars[499], 1e-12);
    udm_noise_clear(&noise);
}

TEST(every_spacing_is_found_by_its_name)
{
    for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++)
        CHECK(udm_spacing_find((*spacing)->name) == *spacing);
    CHECK(udm_spacing_find("none of these") == NULL);
}

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

TEST(a_track_goes_where_the_loop_goes)
{
    enum { ALL = 2 * ORDERS_SAMPLES };
    exact world = exact_mixture(2);
    udm_noise noise = open_noise(0);
    int taken = 0;
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++) {
        if (!udm_track_takes(*sampler))
            continue;
        const udm_loop_settings settings = { .process = &udm_process_gaussian,
                                             .sampler = *sampler,
                                             .timesteps = { &udm_spacing_trailing, &noise, .steps = 7 },
                                             .channels = 2,
                                             .pixels = ORDERS_SAMPLES };
        const udm_loop_calls calls = { .context = &world, .estimate = exact_estimate, .draw = draw_step };
        float by_loop[ALL], by_track[ALL], times[ORDERS_SAMPLES];
        for (int i = 0; i < ORDERS_SAMPLES; i++)
            times[i] = 1;
        orders_begin(&world, by_loop);
        orders_begin(&world, by_track);
        udm_loop *loop = udm_loop_new(&settings, NULL);
        REQUIRE(loop && udm_loop_run(loop, &calls, times, by_loop, NULL));
        run_track(&world, *sampler, &settings.timesteps, by_track);
        double worst = 0;
        for (int i = 0; i < ALL; i++)
            worst = fmax(worst, fabs(by_loop[i] - by_track[i]));
        if (!(worst < 1e-4)) {
            printf("    %s: %g apart\n", (*sampler)->name, worst);
            CHECK(false);
        }
        udm_loop_free(loop);
        taken++;
    }
    CHECK(taken >= 8);
    udm_noise_clear(&noise);
}

CHECK_MAIN()
