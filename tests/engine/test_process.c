// SPDX-License-Identifier: LGPL-2.1-or-later
// The forward processes: F and its inverse, the way on from x_t, and the reverse of each where the answer is known.
#include "check.h"
#include "exact.h"

enum { EXTENT = 16 }; // what processes that have one reach
enum { WIDTH = 12, HEIGHT = 9, FRAMES = 2, PIXELS = WIDTH * HEIGHT * FRAMES, CHANNELS = 3, ALL = CHANNELS * PIXELS };

// A clip and all that a process asks for. Its levels are those of the share 1 - alpha_bar, per pixel or the same.
typedef struct clip {
    float signal[PIXELS], noise[PIXELS], time[PIXELS], anchor[ALL], scratch[PIXELS + 5 * (WIDTH + HEIGHT)];
    float x0[ALL], e[ALL], xt[ALL], out[ALL];
    udm_levels at;
} clip;

static void set_share(clip *k, const udm_process *process, size_t pixel, double share)
{
    double signal = sqrt(1 - share), noise = sqrt(share);
    if (process->factors)
        process->factors(1 - share, &signal, &noise);
    k->signal[pixel] = (float)signal, k->noise[pixel] = (float)noise, k->time[pixel] = (float)share;
}

static void set_shares(clip *k, const udm_process *process, double share)
{
    for (size_t i = 0; i < PIXELS; i++)
        set_share(k, process, i, share);
}

static void make_clip(clip *k, const udm_process *process, double share)
{
    set_shares(k, process, share);
    udm_normal(1, 0, 0, 0, ALL, k->x0);
    udm_normal(1, 0, 1, 0, ALL, k->e);
    udm_normal(1, 0, 2, 0, ALL, k->anchor);
    for (size_t i = 0; process->symbols && i < PIXELS; i++)
        for (int c = 0; c < CHANNELS; c++)
            k->x0[c * PIXELS + i] = c == (int)(i % 7 % CHANNELS);
    for (size_t i = 0; process->cold && i < ALL; i++)
        k->e[i] = 0;
    k->at = (udm_levels){ PIXELS, k->signal, k->noise, k->time, WIDTH, HEIGHT, EXTENT, k->anchor, k->scratch };
}

static const double shares[] = { 0, 0.02, 0.3, 0.5, 0.77, 0.999 };
enum { SHARES = sizeof shares / sizeof *shares };

// An e that leads there leads there: F(x0, F^-1(x0, x_t)) = x_t for every x_t that F comes to.
TEST(the_inverse_leads_back_to_xt)
{
    static clip k;
    for (const udm_process *const *process = udm_processes; *process; process++)
        for (int n = 0; n < SHARES; n++) {
            make_clip(&k, *process, shares[n]);
            for (size_t i = 0; !(*process)->blends && i < PIXELS; i++) // each pixel another time
                set_share(&k, *process, i, shares[(n + i) % SHARES]);
            (*process)->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
            (*process)->inverse(&k.at, CHANNELS, k.x0, k.xt, k.out);
            (*process)->forward(&k.at, CHANNELS, k.x0, k.out, k.out);
            double worst = 0;
            for (int i = 0; i < ALL; i++)
                worst = fmax(worst, fabs(k.out[i] - k.xt[i]) / (1 + fabs(k.xt[i])));
            if (!(worst < 1e-5)) {
                printf("    %s at %g: off by %g\n", (*process)->name, shares[n], worst);
                CHECK(false);
            }
        }
}

// Where nothing is lost of e, F^-1(x0, F(x0, e)) = e.
TEST(the_inverse_is_the_noise)
{
    static clip k;
    for (const udm_process *const *process = udm_processes; *process; process++) {
        if (!(*process)->factors && !(*process)->blends && !(*process)->anchored)
            continue;
        for (int n = 1; n < SHARES; n++) {
            make_clip(&k, *process, shares[n]);
            (*process)->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
            (*process)->inverse(&k.at, CHANNELS, k.x0, k.xt, k.out);
            for (int i = 0; i < ALL; i += 7)
                CHECK_CLOSE(k.out[i], k.e[i], 2e-4);
        }
    }
}

TEST(at_time_0_nothing_has_happened)
{
    static clip k;
    for (const udm_process *const *process = udm_processes; *process; process++) {
        make_clip(&k, *process, 0);
        (*process)->forward(&k.at, CHANNELS, k.x0, k.e, k.out);
        for (int i = 0; i < ALL; i++)
            CHECK_CLOSE(k.out[i], k.x0[i], 0);
    }
}

TEST(inputs_may_be_the_output)
{
    static clip k;
    for (const udm_process *const *process = udm_processes; *process; process++) {
        make_clip(&k, *process, 0.4);
        (*process)->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
        memcpy(k.out, k.e, sizeof k.out);
        (*process)->forward(&k.at, CHANNELS, k.x0, k.out, k.out);
        CHECK(memcmp(k.out, k.xt, sizeof k.out) == 0);
        (*process)->inverse(&k.at, CHANNELS, k.x0, k.xt, k.e);
        memcpy(k.out, k.xt, sizeof k.out);
        (*process)->inverse(&k.at, CHANNELS, k.x0, k.out, k.out);
        CHECK(memcmp(k.out, k.e, sizeof k.out) == 0);
    }
}

// Mean and deviation of what is at share u, reached at once or by way of t; x0 and the anchor are even. For symbols:
// how often it is the first.
static void moments_at(const udm_process *process, double t, double u, double *mean, double *deviation)
{
    static clip k, later;
    double sum = 0, squares = 0;
    int count = 0;
    for (int round = 0; round < 40; round++) {
        make_clip(&k, process, t);
        make_clip(&later, process, u);
        for (int i = 0; i < ALL; i++)
            k.x0[i] = process->symbols ? i < PIXELS : 0.5f, k.anchor[i] = -1;
        udm_normal(2, round, 0, 0, ALL, k.e);
        process->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
        udm_normal(2, round, 1, 0, ALL, k.e);
        if (u > t)
            process->advance(&k.at, &later.at, CHANNELS, k.xt, k.e, k.xt);
        for (int i = 0; i < PIXELS; i++, count++)
            sum += k.xt[i], squares += k.xt[i] * k.xt[i];
    }
    *mean = sum / count, *deviation = sqrt(squares / count - *mean * *mean);
}

TEST(advance_comes_to_the_same_distribution)
{
    for (const udm_process *const *process = udm_processes; *process; process++) {
        double mean, deviation, by_way_mean, by_way_deviation;
        if (!(*process)->advance)
            continue;
        moments_at(*process, 0.7, 0.7, &mean, &deviation);
        moments_at(*process, 0.3, 0.7, &by_way_mean, &by_way_deviation);
        CHECK_CLOSE(by_way_mean, mean, 0.06);
        CHECK_CLOSE(by_way_deviation, deviation, 0.06);
    }
}

// What people call the amount, and the share, are the same thing.
TEST(amounts_and_shares)
{
    for (const udm_process *const *process = udm_processes; *process; process++) {
        const udm_process *p = *process;
        CHECK(!p->sized == !p->share && !p->sized == !p->amount && !p->sized == !p->measure);
        for (int n = 0; p->sized && n < SHARES; n++)
            CHECK_CLOSE(p->share(EXTENT, p->amount(EXTENT, shares[n])), shares[n], 1e-12);
        CHECK(!p->sized || (p->sized(16) && !p->sized(0) && !p->sized(1e6)));
    }
    CHECK_CLOSE(udm_process_blur.share(16, 4), 0.25, 1e-12);
    CHECK_CLOSE(udm_process_pixelate.share(16, 4), 0.5, 1e-12);
    CHECK(!udm_process_pixelate.sized(12));
}

// Heat: the mean stays, blurs add up in sigma^2, and inside a large picture the kernel is a Gaussian.
TEST(blur_solves_the_heat_equation)
{
    enum { SIZE = 64 };
    static float x0[SIZE * SIZE], e[SIZE * SIZE], once[SIZE * SIZE], twice[SIZE * SIZE],
        scratch[SIZE * SIZE + 10 * SIZE];
    const double sigma = 3, share = sigma / EXTENT;
    float signal = (float)sqrt(1 - share), noise = (float)sqrt(share);
    const udm_levels at = { .pixels = SIZE * SIZE, &signal, &noise, NULL, SIZE, SIZE, EXTENT, NULL, scratch };
    float signal_2 = (float)sqrt(1 - share * sqrt(2)), noise_2 = (float)sqrt(share * sqrt(2));
    const udm_levels at_2 = { .pixels = SIZE * SIZE, &signal_2, &noise_2, NULL, SIZE, SIZE, EXTENT, NULL, scratch };
    x0[SIZE * 32 + 32] = 1;
    udm_process_blur.forward(&at, 1, x0, e, once);
    double sum = 0;
    for (int i = 0; i < SIZE * SIZE; i++)
        sum += once[i];
    CHECK_CLOSE(sum, 1, 1e-5);
    for (int d = 0; d < 10; d++)
        CHECK_CLOSE(once[SIZE * 32 + 32 + d], exp(-d * d / (2 * sigma * sigma)) / (2 * M_PI * sigma * sigma), 1e-6);
    udm_process_blur.forward(&at, 1, once, e, once);
    udm_process_blur.forward(&at_2, 1, x0, e, twice);
    for (int i = 0; i < SIZE * SIZE; i += 13)
        CHECK_CLOSE(once[i], twice[i], 1e-6);
}

TEST(pixelate_keeps_the_mean_of_blocks)
{
    static clip k;
    make_clip(&k, &udm_process_pixelate, 0.5); // blocks of 4
    udm_process_pixelate.forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
    for (int y = 0; y < 8; y += 4)
        for (int x = 0; x < WIDTH; x += 4) {
            double sum = 0;
            for (int i = 0; i < 16; i++)
                sum += k.x0[(y + i / 4) * WIDTH + x + i % 4];
            for (int i = 0; i < 16; i++)
                CHECK_CLOSE(k.xt[(y + i / 4) * WIDTH + x + i % 4], sum / 16, 1e-5);
        }
}

TEST(pixels_and_frames_are_lost_for_good)
{
    static clip k;
    static float before[ALL];
    const udm_process *const losing[] = { &udm_process_mask, &udm_process_lost_frames };
    for (int p = 0; p < 2; p++) {
        int last = 0;
        for (double share = 0; share < 1; share += 0.1) {
            make_clip(&k, losing[p], share);
            losing[p]->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
            int lost = 0;
            for (int i = 0; i < PIXELS; i++) {
                const bool gone = k.xt[i] != k.x0[i];
                lost += gone;
                CHECK(share == 0 || gone || before[i] == k.x0[i]);
                CHECK(p == 0 || gone == (k.xt[i / (WIDTH * HEIGHT) * WIDTH * HEIGHT] !=
                                         k.x0[i / (WIDTH * HEIGHT) * WIDTH * HEIGHT]));
            }
            CHECK(lost >= last);
            CHECK(p == 1 || fabs(lost - share * PIXELS) < 25);
            last = lost;
            memcpy(before, k.xt, sizeof before);
        }
    }
}

// Cold diffusion, algorithm 2: x_s = x_t - D(x0, t) + D(x0, s), D being F without e.
TEST(the_step_of_cold_processes_is_that_of_their_paper)
{
    static clip t, s;
    static float zero[ALL], at_t[ALL], at_s[ALL], scratch[ALL];
    for (const udm_process *const *process = udm_processes; *process; process++) {
        if (!(*process)->cold)
            continue;
        make_clip(&t, *process, 0.6);
        make_clip(&s, *process, 0.4);
        udm_normal(5, 0, 0, 0, ALL, t.xt);
        udm_reverse_step(*process, &udm_sampler_ddim, 0, &t.at, &s.at, CHANNELS, t.x0, t.xt, NULL, scratch, t.out);
        (*process)->forward(&t.at, CHANNELS, t.x0, zero, at_t);
        (*process)->forward(&s.at, CHANNELS, t.x0, zero, at_s);
        for (int i = 0; i < ALL; i++)
            CHECK_CLOSE(t.out[i], t.xt[i] - at_t[i] + at_s[i], 1e-5);
    }
}

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
TEST(cold_processes_end_as_the_sampler_says)
{
    static clip k;
    udm_noise noise;
    REQUIRE(udm_noise_init(&noise, &udm_schedule_flow, udm_schedule_flow.defaults, 0, NULL));
    for (const udm_process *const *process = udm_processes; *process; process++)
        for (int trivial = 0; (*process)->cold && trivial < 2; trivial++) {
            make_clip(&k, *process, 0.3);
            udm_loop_settings settings = {
                .process = *process,
                .sampler = trivial ? &udm_sampler_trivial : &udm_sampler_ddim,
                .timesteps = { .spacing = &udm_spacing_trailing, .noise = &noise, .steps = 1 },
                .channels = 1,
                .pixels = PIXELS,
                .width = WIDTH,
                .height = HEIGHT,
                .extent = EXTENT
            };
            udm_loop *loop = udm_loop_new(&settings, NULL);
            REQUIRE(loop);
            memcpy(k.xt, k.x0, sizeof k.xt);
            const udm_loop_calls calls = { .estimate = estimate_half, .draw = draw_nothing };
            CHECK(udm_loop_run(loop, &calls, k.time, k.xt, NULL));
            double most = 0;
            for (int i = 0; i < PIXELS; i++)
                most = fmax(most, fabs(k.xt[i] - k.x0[i] / 2));
            CHECK(trivial ? most == 0 : most > 0.1);
            udm_loop_free(loop);
        }
    udm_noise_clear(&noise);
}

// BBDM: x_s = x0 + (s / t) (x_t - x0) + sqrt(s (t - s) / t) e.
TEST(the_step_of_the_bridge_is_its_posterior)
{
    static clip t, s;
    static float scratch[ALL];
    make_clip(&t, &udm_process_bridge, 0.6);
    make_clip(&s, &udm_process_bridge, 0.4);
    udm_normal(5, 0, 0, 0, ALL, t.xt);
    udm_reverse_step(&udm_process_bridge, &udm_sampler_ddpm, 0, &t.at, &s.at, CHANNELS, t.x0, t.xt, t.e, scratch,
                     t.out);
    for (int i = 0; i < ALL; i++)
        CHECK_CLOSE(t.out[i],
                    t.x0[i] + 0.4 / 0.6 * (t.xt[i] - t.x0[i]) + sqrt(0.4 * 0.2 / 0.6) * t.e[i] -
                        (s.anchor[i] - t.anchor[i]),
                    1e-5);
}

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

static bool run_many(many *m, const udm_sampler *sampler, const udm_spacing *spacing, int steps,
                     bool (*estimate)(void *, int, const udm_levels *, const float *, float *, udm_error *))
{
    udm_noise noise;
    if (!udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, NULL))
        return false;
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
    udm_loop *loop = udm_loop_new(&settings, NULL);
    const bool good = loop && udm_loop_run(loop, &calls, m->times, m->x, NULL);
    udm_loop_free(loop);
    udm_noise_clear(&noise);
    return good;
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

TEST(symbols_come_out_as_often_as_they_are)
{
    const udm_process *const processes[] = { &udm_process_uniform, &udm_process_absorbing };
    for (int p = 0; p < 2; p++) {
        static many m;
        m = (many){ .process = processes[p], .channels = 3 };
        for (int i = 0; i < MANY; i++)
            m.x[(p == 1 ? 2 : i % 3) * MANY + i] = 1;
        REQUIRE(run_many(&m, &udm_sampler_ddpm, &udm_spacing_trailing, 8, estimate_symbols));
        const double all = p == 1 ? 0.9 : 1;
        for (int c = 0; c < 3 - p; c++) {
            int count = 0;
            for (int i = 0; i < MANY; i++) {
                CHECK(m.x[c * MANY + i] == 0 || m.x[c * MANY + i] == 1);
                count += m.x[c * MANY + i] == 1;
            }
            CHECK_CLOSE((double)count / MANY, SYMBOL_SHARES[c] / all, 0.02);
        }
    }
}

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

TEST(poisson_flow_ends_at_the_charges)
{
    const udm_process *const processes[] = { &udm_process_pfgm, &udm_process_pfgmpp };
    for (int p = 0; p < 2; p++) {
        static many m;
        m = (many){ .process = processes[p], .channels = 2 };
        double signal, sigma;
        udm_noise noise;
        REQUIRE(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, NULL));
        processes[p]->factors(udm_noise_alpha_bar(&noise, 1), &signal, &sigma);
        for (int i = 0; i < MANY; i++) { // one picture each, of two values
            float e[2];
            udm_normal(6, i, 0, 0, 2, e);
            processes[p]->shape(6, i, 0, 2, e);
            m.x[i] = (float)(sigma * e[0]), m.x[MANY + i] = (float)(sigma * e[1]);
        }
        REQUIRE(run_many(&m, &udm_sampler_heun, &udm_spacing_karras, 60, estimate_points));
        int ends[2] = { 0 };
        for (int i = 0; i < MANY; i++)
            for (int k = 0; k < 2; k++)
                ends[k] += hypot(m.x[i] - POINTS[k][0], m.x[MANY + i] - POINTS[k][1]) < 0.02;
        CHECK(ends[0] + ends[1] > 0.95 * MANY); // of the farthest starts a float keeps too little
        CHECK_CLOSE((double)ends[0] / (ends[0] + ends[1]), POINT_SHARES[0], 0.03);
        udm_noise_clear(&noise);
    }
}

// The same state times another factor, and the same noise: what comes out at time 0 is the same.
static void run_mixture(const udm_process *process, const udm_sampler *sampler, float *x)
{
    enum { COUNT = 16 };
    exact world = exact_mixture(2);
    float times[COUNT];
    double signal, noise_factor;
    udm_noise noise;
    REQUIRE(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, NULL));
    const udm_loop_settings settings = { .process = process,
                                         .sampler = sampler,
                                         .timesteps = { &udm_spacing_trailing, &noise, .steps = 10 },
                                         .channels = 2,
                                         .pixels = COUNT };
    const udm_loop_calls calls = { .context = &world, .estimate = exact_estimate };
    udm_loop *loop = udm_loop_new(&settings, NULL);
    process->factors(udm_noise_alpha_bar(&noise, 1), &signal, &noise_factor);
    udm_normal(7, 0, 0, 0, 2 * COUNT, x);
    for (int i = 0; i < 2 * COUNT; i++)
        times[i % COUNT] = 1, x[i] *= (float)hypot(signal, noise_factor);
    CHECK(loop && udm_loop_run(loop, &calls, times, x, NULL));
    udm_loop_free(loop);
    udm_noise_clear(&noise);
}

TEST(gaussian_processes_are_one)
{
    for (const udm_process *const *process = udm_processes; *process; process++) {
        if (!(*process)->factors || (*process)->shape)
            continue;
        for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++) {
            float one[32], other[32];
            if ((*sampler)->stochastic)
                continue;
            run_mixture(&udm_process_gaussian, *sampler, one);
            run_mixture(*process, *sampler, other);
            for (int i = 0; i < 32; i++)
                CHECK_CLOSE(other[i], one[i], 2e-3);
        }
    }
}

TEST(every_process_is_found_by_its_name)
{
    for (const udm_process *const *process = udm_processes; *process; process++)
        CHECK(udm_process_find((*process)->name) == *process);
    CHECK(udm_process_find("none of these") == NULL);
}

TEST(loops_refuse_what_a_process_cannot)
{
    static const struct {
        const udm_process *process;
        const udm_sampler *sampler;
    } wrong[] = {
        { &udm_process_pfgm, &udm_sampler_ddpm },   { &udm_process_blur, &udm_sampler_repaint },
        { &udm_process_bridge, &udm_sampler_ddim }, { &udm_process_blur, &udm_sampler_ddim },
        { &udm_process_mask, &udm_sampler_heun },
    };
    udm_noise noise;
    REQUIRE(udm_noise_init(&noise, &udm_schedule_linear, udm_schedule_linear.defaults, 0, NULL));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const udm_loop_settings settings = { .process = wrong[i].process,
                                             .sampler = wrong[i].sampler,
                                             .timesteps = { &udm_spacing_trailing, &noise, .steps = 4 },
                                             .channels = 1,
                                             .pixels = 4 };
        udm_error error = { 0 };
        CHECK(udm_loop_new(&settings, &error) == NULL);
        CHECK(strstr(error.message, wrong[i].process->name) != NULL);
    }
    udm_noise_clear(&noise);
}

CHECK_MAIN()
