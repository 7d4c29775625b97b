// SPDX-License-Identifier: LGPL-2.1-or-later
// The forward processes: F and its inverse, and the way on from x_t.
#include "compare.h"
#include "exact.h"
#include "processes.h"

static const double shares[] = { 0, 0.02, 0.3, 0.5, 0.77, 0.999 };
enum { SHARES = COUNT_OF(shares) };

// An e that leads there leads there: F(x0, F^-1(x0, x_t)) = x_t for every x_t that F comes to.
START_TEST(the_inverse_leads_back_to_xt)
{
    static clip k;
    static float want[ALL];
    const udm_process *process = udm_processes[_i];
    test_case("%s", process->name);
    for (int n = 0; n < SHARES; n++) {
        make_clip(&k, process, shares[n]);
        for (size_t i = 0; !process->blends && i < PIXELS; i++) // each pixel another time
            set_share(&k, process, i, shares[(n + i) % SHARES]);
        process->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
        process->inverse(&k.at, CHANNELS, k.x0, k.xt, k.out);
        process->forward(&k.at, CHANNELS, k.x0, k.out, k.out);
        for (int i = 0; i < ALL; i++) { // some are large, and known less well
            const float size = 1 + fabsf(k.xt[i]);
            k.out[i] /= size, want[i] = k.xt[i] / size;
        }
        test_at("share %g", shares[n]);
        assert_within(k.out, want, ALL, 1e-5);
    }
}
END_TEST

static bool loses_nothing_of_e(const udm_process *process)
{
    return process->factors || process->blends || process->anchored;
}

// Where nothing is lost of e, F^-1(x0, F(x0, e)) = e.
START_TEST(the_inverse_is_the_noise)
{
    static clip k;
    const udm_process *process = nth_process(loses_nothing_of_e, _i);
    test_case("%s", process->name);
    for (int n = 1; n < SHARES; n++) {
        make_clip(&k, process, shares[n]);
        process->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
        process->inverse(&k.at, CHANNELS, k.x0, k.xt, k.out);
        test_at("share %g", shares[n]);
        assert_within(k.out, k.e, ALL, 2e-4);
    }
}
END_TEST

START_TEST(at_time_0_nothing_has_happened)
{
    static clip k;
    test_case("%s", udm_processes[_i]->name);
    make_clip(&k, udm_processes[_i], 0);
    udm_processes[_i]->forward(&k.at, CHANNELS, k.x0, k.e, k.out);
    assert_within(k.out, k.x0, ALL, 0);
}
END_TEST

START_TEST(inputs_may_be_the_output)
{
    static clip k;
    const udm_process *process = udm_processes[_i];
    test_case("%s", process->name);
    make_clip(&k, process, 0.4);
    process->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
    memcpy(k.out, k.e, sizeof k.out);
    process->forward(&k.at, CHANNELS, k.x0, k.out, k.out);
    assert_same(k.out, k.xt, ALL);
    process->inverse(&k.at, CHANNELS, k.x0, k.xt, k.e);
    memcpy(k.out, k.xt, sizeof k.out);
    process->inverse(&k.at, CHANNELS, k.x0, k.out, k.out);
    assert_same(k.out, k.e, ALL);
}
END_TEST

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

static bool advances(const udm_process *process)
{
    return process->advance;
}

START_TEST(advance_comes_to_the_same_distribution)
{
    const udm_process *process = nth_process(advances, _i);
    double mean, deviation, by_way_mean, by_way_deviation;
    test_case("%s", process->name);
    moments_at(process, 0.7, 0.7, &mean, &deviation);
    moments_at(process, 0.3, 0.7, &by_way_mean, &by_way_deviation);
    ck_assert_double_eq_tol(by_way_mean, mean, 0.06);
    ck_assert_double_eq_tol(by_way_deviation, deviation, 0.06);
}
END_TEST

// What people call the amount, and the share, are the same thing.
START_TEST(amounts_and_shares)
{
    const udm_process *p = udm_processes[_i];
    test_case("%s", p->name);
    ck_assert_int_eq(!p->sized, !p->share);
    ck_assert_int_eq(!p->sized, !p->amount);
    ck_assert_int_eq(!p->sized, !p->measure);
    for (int n = 0; p->sized && n < SHARES; n++)
        ck_assert_double_eq_tol(p->share(EXTENT, p->amount(EXTENT, shares[n])), shares[n], 1e-12);
    if (p->sized) {
        ck_assert(p->sized(16));
        ck_assert(!p->sized(0));
        ck_assert(!p->sized(1e6));
    }
}
END_TEST

START_TEST(known_shares)
{
    ck_assert_double_eq_tol(udm_process_blur.share(16, 4), 0.25, 1e-12);
    ck_assert_double_eq_tol(udm_process_pixelate.share(16, 4), 0.5, 1e-12);
    ck_assert(!udm_process_pixelate.sized(12));
}
END_TEST

// Heat: the mean stays, blurs add up in sigma^2, and inside a large picture the kernel is a Gaussian.
START_TEST(blur_solves_the_heat_equation)
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
    ck_assert_double_eq_tol(sum, 1, 1e-5);
    double want[10];
    for (int d = 0; d < 10; d++)
        want[d] = exp(-d * d / (2 * sigma * sigma)) / (2 * M_PI * sigma * sigma);
    assert_within(once + SIZE * 32 + 32, want, 10, 1e-6);
    udm_process_blur.forward(&at, 1, once, e, once);
    udm_process_blur.forward(&at_2, 1, x0, e, twice);
    assert_within(once, twice, SIZE * SIZE, 1e-6);
}
END_TEST

START_TEST(pixelate_keeps_the_mean_of_blocks)
{
    static clip k;
    make_clip(&k, &udm_process_pixelate, 0.5); // blocks of 4
    udm_process_pixelate.forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
    for (int y = 0; y < 8; y += 4)
        for (int x = 0; x < WIDTH; x += 4) {
            double sum = 0;
            for (int i = 0; i < 16; i++)
                sum += k.x0[(y + i / 4) * WIDTH + x + i % 4];
            test_at("block (%d, %d)", x, y);
            for (int i = 0; i < 16; i++)
                ck_assert_double_eq_tol(k.xt[(y + i / 4) * WIDTH + x + i % 4], sum / 16, 1e-5);
        }
}
END_TEST

static const udm_process *const losing[] = { &udm_process_mask, &udm_process_rows, &udm_process_lost_frames };

START_TEST(what_is_lost_is_lost_for_good)
{
    enum { FRAME = WIDTH * HEIGHT };
    static clip k;
    static float before[ALL];
    const bool frames = losing[_i] == &udm_process_lost_frames;
    int last = 0;
    test_case("%s", losing[_i]->name);
    for (double share = 0; share < 1; share += 0.1) {
        make_clip(&k, losing[_i], share);
        losing[_i]->forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
        int lost = 0;
        for (int i = 0; i < PIXELS; i++) {
            const bool gone = k.xt[i] != k.x0[i], first_gone = k.xt[i / FRAME * FRAME] != k.x0[i / FRAME * FRAME];
            lost += gone;
            test_at("share %g, pixel %d", share, i);
            ck_assert_msg(share == 0 || gone || before[i] == k.x0[i], "a lost pixel came back");
            ck_assert_msg(!frames || gone == first_gone, "half a frame is lost");
        }
        ck_assert_int_ge(lost, last);
        if (!frames) // of the few rows about as many, by their hash
            ck_assert_double_eq_tol(lost, share * PIXELS, losing[_i] == &udm_process_rows ? 4 * WIDTH : 25);
        last = lost;
        memcpy(before, k.xt, sizeof before);
    }
}
END_TEST

// Rows as a whole, those of odd numbers first: at a half the even rows are as they were, and no odd one is.
START_TEST(a_field_is_left_at_a_half)
{
    static clip k;
    for (int n = 0; n < SHARES; n++) {
        make_clip(&k, &udm_process_rows, shares[n]);
        udm_process_rows.forward(&k.at, CHANNELS, k.x0, k.e, k.xt);
        for (int i = 0; i < ALL; i++) {
            const int pixel = i % PIXELS, y = pixel / WIDTH % HEIGHT, first = i - pixel % WIDTH;
            const bool gone = k.xt[i] != k.x0[i];
            test_at("share %g, row %d", shares[n], y);
            ck_assert_msg(gone == (k.xt[first] != k.x0[first]), "half a row is lost");
            if (shares[n] <= 0.5 && y % 2 == 0)
                ck_assert_msg(!gone, "an even row is lost");
            if (shares[n] >= 0.5 && y % 2 == 1)
                ck_assert_msg(gone, "an odd row is left");
        }
    }
}
END_TEST

START_TEST(every_process_is_found_by_its_name)
{
    for (const udm_process *const *process = udm_processes; *process; process++)
        ck_assert_ptr_eq(udm_process_find((*process)->name), *process);
    ck_assert_ptr_null(udm_process_find("none of these"));
}
END_TEST

int main(void)
{
    const int all = list_length(udm_processes);
    const test_entry tests[] = {
        { .test = the_inverse_leads_back_to_xt, .cases = all },
        { .test = the_inverse_is_the_noise, .cases = count_processes(loses_nothing_of_e) },
        { .test = at_time_0_nothing_has_happened, .cases = all },
        { .test = inputs_may_be_the_output, .cases = all },
        { .test = advance_comes_to_the_same_distribution, .cases = count_processes(advances) },
        { .test = amounts_and_shares, .cases = all },
        { .test = known_shares },
        { .test = blur_solves_the_heat_equation },
        { .test = pixelate_keeps_the_mean_of_blocks },
        { .test = what_is_lost_is_lost_for_good, .cases = COUNT_OF(losing) },
        { .test = a_field_is_left_at_a_half },
        { .test = every_process_is_found_by_its_name },
    };
    return test_main("process", tests, COUNT_OF(tests));
}
