// SPDX-License-Identifier: LGPL-2.1-or-later
// Old film and tape: what is dirt and what is none, light that flickers and light that changes, pictures that weave and
// cameras that move; and that nothing is touched that is well.
#include "repair/repair.h"

#include "base/random.h"
#include "golden.h"
#include "repair/steady.h"
#include "repair/trend.h"
#include "udm/udm.h"

enum { W = 160, H = 120, PLANE = W * H, MOST = 64 };

#define LEVEL (2 / 255.f)

static float clean[MOST][PLANE], given[MOST][PLANE], made[MOST][PLANE];
static udm_repaired done[MOST]; // to each frame

// A picture without end, of soft shapes of several sizes.
static float picture(double x, double y)
{
    return (float)(0.25 * sin(0.11 * x + 1.3 * sin(0.043 * y)) + 0.2 * sin(0.19 * y + 1.1 * sin(0.071 * x)) +
                   0.15 * sin(0.37 * x + 0.29 * y) * sin(0.21 * x - 0.33 * y) + 0.1 * sin(0.83 * x) * sin(0.77 * y));
}

typedef struct way {
    double x, y;
} way;

static void draw(float *plane, way at)
{
    for (int i = 0; i < PLANE; i++)
        plane[i] = picture(i % W - at.x, i / W - at.y);
}

static double random_in(uint64_t n, double low, double high)
{
    float normal[1];
    udm_normal(11, n, 0, 0, 1, normal);
    return low + (high - low) * 0.5 * (1 + erf((double)normal[0] / sqrt(2.0)));
}

static void disc(float *plane, double x, double y, double radius, float value)
{
    for (int i = 0; i < PLANE; i++)
        if (hypot(i % W - x, i / W - y) < radius)
            plane[i] = value;
}

static void run(udm_repair_settings s, int count, int threads)
{
    udm_error error = { 0 };
    s.channels = 1, s.width = W, s.height = H;
    udm_pool *pool = udm_pool_new(threads, &error);
    udm_repair *repair = udm_repair_new(&s, pool, &error);
    ck_assert_msg(repair, "%s", error.message);
    int out = 0;
    for (int n = 0; n < count; n++) {
        udm_repair_push(repair, given[n], (udm_repair_frame){ .begins = n == 0 });
        while (udm_repair_pull(repair, made[out], &done[out]))
            out++;
        ck_assert_int_eq(out, n < udm_repair_ahead(repair) ? 0 : n + 1 - udm_repair_ahead(repair));
    }
    udm_repair_end(repair);
    while (udm_repair_pull(repair, made[out], &done[out]))
        out++;
    ck_assert_int_eq(out, count);
    udm_repair_free(repair);
    udm_pool_free(pool);
}

static double dirt_of(double amount, int count)
{
    double sum = 0;
    run((udm_repair_settings){ .dirt = amount }, count, 2);
    for (int n = 0; n < count; n++)
        sum += done[n].dirt;
    return sum;
}

static double square(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < PLANE; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sum;
}

// ---- trends

START_TEST(trends_keep_what_is_even_and_lose_what_is_fast)
{
    const udm_trend_cost cost = { .turn = 10, .go = 1 };
    double values[40], trend[40];
    for (int i = 0; i < 40; i++)
        values[i] = 3 + 2.5 * i;
    ck_assert_double_lt(udm_trend_unrest(values, 40), 1e-9);
    udm_trend_fit(values, 40, cost, trend);
    for (int i = 4; i < 36; i++)
        ck_assert_double_eq_tol(trend[i], values[i], 0.2);
    double left = 0;
    for (int i = 0; i < 40; i++)
        values[i] = 5 + random_in((uint64_t)i, -2, 2);
    ck_assert_double_gt(udm_trend_unrest(values, 40), 1);
    udm_trend_fit(values, 40, cost, trend);
    for (int i = 1; i < 40; i++)
        left = fmax(left, fabs(trend[i] - trend[i - 1]));
    ck_assert_double_lt(left, 0.1);
    values[20] = 900; // alone, it pulls at nothing
    udm_trend_fit(values, 40, cost, trend);
    ck_assert_double_eq_tol(trend[20], 5, 1);
    udm_trend_fit(values, 1, cost, trend);
    ck_assert_double_eq(trend[0], values[0]);
}
END_TEST

// ---- dirt

static const struct {
    const char *name;
    way step;
    float noise;
} motions[] = { { "at rest", { 0, 0 }, 0 },
                { "a pan", { 2.3, -0.7 }, 0 },
                { "a pan with grain", { -1.2, 0.4 }, 4 * LEVEL } };

static void draw_motion(int motion, int count)
{
    static float noise[PLANE];
    for (int n = 0; n < count; n++) {
        draw(clean[n], (way){ motions[motion].step.x * n, motions[motion].step.y * n });
        udm_normal(5, (uint64_t)n, 0, 0, PLANE, noise);
        for (int i = 0; i < PLANE; i++)
            clean[n][i] += motions[motion].noise * noise[i];
        memcpy(given[n], clean[n], sizeof given[n]);
    }
}

START_TEST(dirt_goes_and_nothing_else)
{
    enum { COUNT = 8 };
    test_case("%s", motions[_i].name);
    draw_motion(_i, COUNT);
    for (int n = 1; n < COUNT - 1; n++)
        for (int k = 0; k < 5; k++) {
            const uint64_t seed = (uint64_t)(10 * n + k) * 4;
            disc(given[n], random_in(seed, 8, W - 8), random_in(seed + 1, 8, H - 8), random_in(seed + 2, 1, 6),
                 k % 2 ? -0.95f : 0.95f);
        }
    ck_assert_double_gt(dirt_of(0.5, COUNT), 0);
    double before = 0, after = 0;
    for (int n = 1; n < COUNT - 1; n++)
        before += square(given[n], clean[n]), after += square(made[n], clean[n]);
    test_note("%.2f %% of the energy is left", 100 * after / before);
    ck_assert_double_lt(after, 0.1 * before);
    ck_assert_mem_eq(made[0], given[0], sizeof made[0]); // the first and the last have no frame on either side
    ck_assert_mem_eq(made[COUNT - 1], given[COUNT - 1], sizeof made[0]);
}
END_TEST

START_TEST(what_is_clean_stays_bit_for_bit)
{
    enum { COUNT = 6 };
    test_case("%s", motions[_i].name);
    draw_motion(_i, COUNT);
    ck_assert_double_eq(dirt_of(0.5, COUNT), 0);
    for (int n = 0; n < COUNT; n++)
        ck_assert_mem_eq(made[n], given[n], sizeof made[n]);
}
END_TEST

// A ball that crosses the picture is nowhere twice, as a speck is, but it is in all frames.
START_TEST(a_ball_is_no_dirt)
{
    enum { COUNT = 8 };
    for (int n = 0; n < COUNT; n++) {
        draw(given[n], (way){ 0.5 * n, 0 });
        disc(given[n], 20 + 11 * n, 50 + 4 * n, 5, 0.9f);
    }
    ck_assert_double_eq(dirt_of(0.5, COUNT), 0);
}
END_TEST

// What is seen for a single frame between two cuts is no dirt, and neither is a frame that flashes.
START_TEST(cuts_and_flashes_are_no_dirt)
{
    enum { COUNT = 9 };
    for (int n = 0; n < COUNT; n++)
        draw(given[n], n == 4 ? (way){ 500, 300 } : (way){ 0.5 * n, 0 });
    for (int i = 0; i < PLANE; i++)
        given[7][i] = fminf(given[7][i] + 0.5f, 1);
    ck_assert_double_eq(dirt_of(1, COUNT), 0);
}
END_TEST

START_TEST(threads_change_nothing)
{
    enum { COUNT = 12 };
    static float one[COUNT][PLANE];
    draw_motion(2, COUNT);
    for (int n = 0; n < COUNT; n++) {
        disc(given[n], 30 + 9 * n, 60, 4, -0.9f + 0.15f * (float)(n % 3));
        for (int i = 0; i < PLANE; i++)
            given[n][i] = (given[n][i] + 1) * (float)(1 + 0.05 * sin(2.0 * n)) - 1;
    }
    const udm_repair_settings all = { .dirt = 1, .deflicker = 1, .stabilize = 1 };
    run(all, COUNT, 1);
    memcpy(one, made, sizeof one);
    run(all, COUNT, 3);
    ck_assert_mem_eq(made, one, sizeof one);
}
END_TEST

// ---- light

static double light_of(const float *plane, const float *of)
{
    double sum = 0, whole = 0;
    for (int i = 0; i < PLANE; i++)
        sum += (double)plane[i] + 1, whole += (double)of[i] + 1;
    return sum / whole;
}

// The greatest deviation of the light from that of the clean frames, once there is a past.
static double deviation(float frames[][PLANE], int count)
{
    double mean = 0, square_mean = 0;
    const int first = 6;
    for (int n = first; n < count; n++) {
        const double light = light_of(frames[n], clean[n]);
        mean += light / (count - first), square_mean += light * light / (count - first);
    }
    return sqrt(fmax(square_mean - mean * mean, 0));
}

static double gain_of(int kind, int n)
{
    switch (kind) {
    case 0:
        return 1 + 0.1 * sin(0.8 * n);
    case 1:
        return 1 + random_in((uint64_t)n + 700, -0.1, 0.1);
    case 2: // a fade out and in
        return n < 10 ? 1 : n < 25 ? 1 - 0.06 * (n - 10) : fmin(0.1 + 0.06 * (n - 25), 1);
    case 4: // slow
        return 1 + 0.1 * sin(2 * 3.14159265 / 16 * n);
    default: // lightning
        return n == 12 || n == 13 ? 1.4 : n == 22 ? 0.6 : 1;
    }
}

static void light(int kind, int count)
{
    draw_motion(1, count);
    for (int n = 0; n < count; n++)
        for (int i = 0; i < PLANE; i++)
            given[n][i] = (clean[n][i] + 1) * (float)gain_of(kind, n) - 1;
}

START_TEST(flicker_goes)
{
    enum { COUNT = 40 };
    test_case("%s", _i ? "at random" : "a sinusoid");
    light(_i, COUNT);
    run((udm_repair_settings){ .deflicker = 1 }, COUNT, 2);
    test_note("%.2f %% to %.2f %%", 100 * deviation(given, COUNT), 100 * deviation(made, COUNT));
    ck_assert_double_lt(deviation(made, COUNT), deviation(given, COUNT) / 5);
}
END_TEST

START_TEST(fades_and_lightning_stay)
{
    enum { COUNT = 40 };
    test_case("%s", _i ? "lightning" : "a fade");
    light(2 + _i, COUNT);
    run((udm_repair_settings){ .deflicker = 1 }, COUNT, 2);
    for (int n = 0; n < COUNT; n++)
        for (int i = 0; i < PLANE; i += 7)
            ck_assert_float_eq_tol(made[n][i], given[n][i], LEVEL);
}
END_TEST

// Where much moves the light that is measured trembles: by how many levels a picture of middling brightness is then off
// at the most, and the deviation that is left of its light.
static double worst_of(int kind, double tremble, int count, double *deviation)
{
    udm_change changes[MOST] = { 0 };
    const udm_change *window[UDM_STEADY_WINDOW];
    double worst = 0, sum = 0, square_sum = 0;
    for (int n = 0; n < count; n++) {
        changes[n].gain = n > 0 ? gain_of(kind, n) / gain_of(kind, n - 1) : 1;
        changes[n].gain *= 1 + random_in((uint64_t)n + 900, -tremble, tremble);
        for (int i = 0; i < UDM_CHANGE_CELLS; i++)
            changes[n].local[i] = 1;
    }
    for (int n = 0; n < count; n++) {
        udm_steady_frame made_steady;
        const int first = n > UDM_STEADY_BEHIND ? n - UDM_STEADY_BEHIND : 0;
        const int last = n + UDM_STEADY_AHEAD < count ? n + UDM_STEADY_AHEAD : count - 1;
        for (int i = first; i <= last; i++)
            window[i - first] = &changes[i];
        udm_steady_find(window, last - first + 1, n - first, 1, 0, &made_steady);
        worst = fmax(worst, fabs(made_steady.gain - 1) * gain_of(kind, n) * 110);
        const double light = log(gain_of(kind, n) * made_steady.gain);
        sum += n < 8 ? 0 : light / (count - 8), square_sum += n < 8 ? 0 : light * light / (count - 8);
    }
    *deviation = sqrt(square_sum - sum * sum);
    return worst;
}

START_TEST(fades_stay_where_light_trembles)
{
    double fade, flicker;
    ck_assert_double_lt(worst_of(2, 0.008, 40, &fade), 1);
    worst_of(4, 0.008, 48, &flicker);
    test_note("a slow sinusoid to %.2f %%", 100 * flicker);
    ck_assert_double_lt(flicker, 0.0707 / 4);
}
END_TEST

// Where only a part of the picture flickers, only that is changed.
START_TEST(parts_that_flicker_are_made_steady)
{
    enum { COUNT = 40 };
    draw_motion(0, COUNT);
    for (int n = 0; n < COUNT; n++)
        for (int i = 0; i < PLANE; i++)
            given[n][i] = (clean[n][i] + 1) * (float)(1 + (i % W < W / 2 ? 0.06 * sin(1.1 * n) : 0)) - 1;
    run((udm_repair_settings){ .deflicker = 1 }, COUNT, 2);
    double before = 0, after = 0, right = 0;
    for (int n = 8; n < COUNT; n++)
        for (int i = 0; i < PLANE; i++) {
            const double is = fabs((double)(made[n][i] - clean[n][i]));
            if (i % W < W / 3)
                before += fabs((double)(given[n][i] - clean[n][i])), after += is;
            else if (i % W > 2 * W / 3)
                right = fmax(right, is);
        }
    test_note("%.1f times less, elsewhere at most %.2f levels", before / after, right / (double)LEVEL);
    ck_assert_double_lt(after, before / 3);
    ck_assert_double_lt(right, 2 * (double)LEVEL);
}
END_TEST

// ---- place

// How far from where they belong frames are moved, and by how much that changes from frame to frame.
START_TEST(weave_goes)
{
    enum { COUNT = 44 };
    const way step = motions[_i].step;
    way off[COUNT], left[COUNT];
    test_case("%s", motions[_i].name);
    double before = 0, after = 0, far = 0;
    for (int n = 0; n < COUNT; n++) {
        off[n] = (way){ random_in((uint64_t)n * 2 + 40, -2, 2), random_in((uint64_t)n * 2 + 41, -2, 2) };
        draw(given[n], (way){ step.x * n + off[n].x, step.y * n + off[n].y });
    }
    run((udm_repair_settings){ .stabilize = 1 }, COUNT, 2);
    for (int n = 0; n < COUNT; n++) {
        left[n] = (way){ off[n].x - done[n].x, off[n].y - done[n].y };
        if (n < 10)
            continue;
        before += pow(off[n].x - off[n - 1].x, 2) + pow(off[n].y - off[n - 1].y, 2);
        after += pow(left[n].x - left[n - 1].x, 2) + pow(left[n].y - left[n - 1].y, 2);
        far = fmax(far, hypot(left[n].x, left[n].y));
    }
    test_note("from %.2f to %.3f pixels a frame, %.2f off", sqrt(before / (2 * COUNT - 20)),
              sqrt(after / (2 * COUNT - 20)), far);
    ck_assert_double_lt(after, before / 100);
    ck_assert_double_lt(far, 1.5);
}
END_TEST

START_TEST(pans_stay_bit_for_bit)
{
    enum { COUNT = 30 };
    for (int n = 0; n < COUNT; n++) // it stands, goes, and stands again
        draw(given[n], (way){ 1.7 * fmin(fmax(n - 8, 0), 12), 0 });
    run((udm_repair_settings){ .stabilize = 1, .deflicker = 1 }, COUNT, 1);
    for (int n = 0; n < COUNT; n++)
        ck_assert_mem_eq(made[n], given[n], sizeof made[n]);
}
END_TEST

// Where the picture was moved away from a border, what is there is what other frames show.
START_TEST(borders_are_filled_from_other_frames)
{
    enum { COUNT = 30 };
    double off = 0;
    for (int n = 0; n < COUNT; n++) {
        draw(clean[n], (way){ 0, 0 });
        draw(given[n], (way){ n % 2 ? 3 : -3, 0 });
    }
    run((udm_repair_settings){ .stabilize = 1 }, COUNT, 1);
    for (int n = 9; n < COUNT - 9; n++)
        for (int y = 4; y < H - 4; y++)
            for (int x = 0; x < 3; x++)
                off = fmax(off, fabs((double)(made[n][y * W + x] - clean[n][y * W + x])));
    test_note("%.1f levels at the most", off / (double)LEVEL);
    ck_assert_double_lt(off, 8 * (double)LEVEL);
}
END_TEST

// ---- a restorer

static udm_settings settings_of(double dirt, double deflicker, double stabilize)
{
    udm_settings s;
    udm_settings_init(&s, sizeof s);
    s.width = W, s.height = H, s.channels = 1, s.lookahead = 0, s.threads = 1;
    s.dirt = dirt, s.deflicker = deflicker, s.stabilize_gate = stabilize;
    return s;
}

static udm_image image_of(uint8_t *pixels)
{
    return (udm_image){
        .width = W, .height = H, .channels = 1, .bits = 8, .data = { pixels }, .stride = { W }, .step = { 1 }
    };
}

START_TEST(a_restorer_says_what_it_found)
{
    enum { COUNT = 14 };
    static uint8_t in[COUNT][PLANE], out[COUNT][PLANE];
    udm_error error = { 0 };
    udm_model *model = udm_model_open(golden_path("tiny-denoise"), &error);
    ck_assert_msg(model, "%s", error.message);
    const udm_settings s = settings_of(0.5, 1, 1);
    udm_restorer *restorer = udm_restorer_open(model, &s, &error);
    ck_assert_msg(restorer, "%s", error.message);
    ck_assert_int_eq(udm_restorer_delay(restorer), 9);
    draw_motion(1, COUNT);
    disc(given[5], 80, 60, 5, -1);
    int count = 0;
    for (int n = 0; n <= COUNT; n++) {
        for (int i = 0; n < COUNT && i < PLANE; i++)
            in[n][i] = (uint8_t)lroundf(127.5f * (1 + given[n][i]));
        const udm_image image = image_of(in[n % COUNT]);
        if (n < COUNT)
            assert_ok(udm_restorer_push(restorer, &(udm_frame){ .image = &image, .number = (uint64_t)n }, &error),
                      &error);
        else
            udm_restorer_end(restorer);
        udm_image to = image_of(out[count % COUNT]);
        while (udm_restorer_pull(restorer, &to, &error) == UDM_PULLED_FRAME)
            to = image_of(out[++count % COUNT]);
    }
    ck_assert_int_eq(count, COUNT);
    udm_stats stats;
    udm_restorer_stats(restorer, &stats, sizeof stats);
    ck_assert_double_gt(stats.dirt, 60.0 / PLANE / COUNT);
    ck_assert_double_lt(stats.dirt, 200.0 / PLANE / COUNT);
    ck_assert_double_eq(stats.flicker, 0);
    ck_assert_double_eq(stats.weave, 0);
    for (int n = 0; n < COUNT; n++)
        if (n != 5)
            ck_assert_mem_eq(out[n], in[n], PLANE);
    ck_assert_int_lt(abs(out[5][60 * W + 80] - (int)lroundf(127.5f * (1 + clean[5][60 * W + 80]))), 6);
    udm_restorer_free(restorer);
    udm_model_free(model);
}
END_TEST

START_TEST(what_cannot_be_is_said)
{
    udm_error error = { 0 };
    udm_model *noise = udm_model_open(golden_path("tiny-denoise"), &error);
    udm_model *blur = udm_model_open(golden_path("../../models/deblur"), &error);
    ck_assert_msg(noise && blur, "%s", error.message);
    udm_settings s = settings_of(1.5, 0, 0);
    ck_assert_ptr_null(udm_restorer_open(noise, &s, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "dirt is 1.5: it must be 0 to 1");
    s = settings_of(0, -1, 0);
    ck_assert_ptr_null(udm_restorer_open(noise, &s, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "deflicker is -1");
    s = settings_of(0, 0, NAN);
    ck_assert_ptr_null(udm_restorer_open(noise, &s, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "stabilize_gate is");
    s = settings_of(0.5, 0, 0);
    ck_assert_ptr_null(udm_restorer_open(blur, &s, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "removes no noise");
    static float times[PLANE];
    static uint8_t pixels[PLANE];
    const udm_image image = image_of(pixels);
    s = settings_of(0, 0, 1);
    udm_restorer *restorer = udm_restorer_open(noise, &s, &error);
    ck_assert(!udm_restorer_push(restorer, &(udm_frame){ .image = &image, .time_map = times }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "stabilize_gate moves the pixels");
    udm_restorer_free(restorer);
    udm_model_free(noise);
    udm_model_free(blur);
}
END_TEST

START_TEST(pictures_may_be_as_small_as_they_come)
{
    const int sizes[][2] = { { 1, 1 }, { 7, 1 }, { 1, 9 }, { 3, 2 }, { 33, 17 } };
    udm_pool *pool = udm_pool_new(1, NULL);
    for (int k = 0; k < COUNT_OF(sizes); k++) {
        const udm_repair_settings s = { 3, sizes[k][0], sizes[k][1], 1, 1, 1, false };
        udm_repair *repair = udm_repair_new(&s, pool, NULL);
        ck_assert_ptr_nonnull(repair);
        udm_repaired found;
        int out = 0;
        for (int n = 0; n < 12; n++) {
            for (int i = 0; i < 3 * 33 * 17; i++)
                given[0][i] = (float)sin(i * 0.7 + n);
            udm_repair_push(repair, given[0], (udm_repair_frame){ 0 });
            out += udm_repair_pull(repair, made[0], &found);
        }
        udm_repair_end(repair);
        while (udm_repair_pull(repair, made[0], &found))
            out++;
        ck_assert_int_eq(out, 12);
        for (int i = 0; i < 3 * sizes[k][0] * sizes[k][1]; i++)
            ck_assert(isfinite(made[0][i]));
        udm_repair_free(repair);
    }
    udm_pool_free(pool);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = trends_keep_what_is_even_and_lose_what_is_fast },
        { .test = dirt_goes_and_nothing_else, .cases = COUNT_OF(motions) },
        { .test = what_is_clean_stays_bit_for_bit, .cases = COUNT_OF(motions) },
        { .test = a_ball_is_no_dirt },
        { .test = cuts_and_flashes_are_no_dirt },
        { .test = threads_change_nothing },
        { .test = flicker_goes, .cases = 2 },
        { .test = fades_and_lightning_stay, .cases = 2 },
        { .test = fades_stay_where_light_trembles },
        { .test = parts_that_flicker_are_made_steady },
        { .test = weave_goes, .cases = 2 },
        { .test = pans_stay_bit_for_bit },
        { .test = borders_are_filled_from_other_frames },
        { .test = a_restorer_says_what_it_found },
        { .test = what_cannot_be_is_said },
        { .test = pictures_may_be_as_small_as_they_come },
    };
    return test_main("repair", tests, COUNT_OF(tests));
}
