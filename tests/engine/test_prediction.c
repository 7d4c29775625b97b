// SPDX-License-Identifier: LGPL-2.1-or-later
// Warping, and the recursion on frames whose truth is known.
#include "temporal/prediction.h"
#include "network/network.h"
#include "flow/warp.h"

#include "base/random.h"
#include "compare.h"

enum { WIDTH = 64, HEIGHT = 48, PLANE = WIDTH * HEIGHT };

static float wave(float x, float y)
{
    return 0.4f * sinf(x * 0.5f) * cosf(y * 0.35f) + 0.2f * sinf(0.21f * x + 0.4f * y);
}

static void fill_flow(float *flow, float u, float v)
{
    for (int i = 0; i < PLANE; i++) {
        flow[i] = u;
        flow[PLANE + i] = v;
    }
}

// The wave moved by (u, v), and the same upside down, beside what they should be: an error, away from the border, is
// at most this large; the largest comes back.
static double check_warp(udm_filter filter, float u, float v, double most, float *valid)
{
    static float flow[2 * PLANE], planes[2 * PLANE], out[2 * PLANE], want[2 * PLANE];
    udm_device *device = udm_device_open("cpu", 2, NULL);
    udm_warper *warper = udm_warper_new(device, NULL);
    fill_flow(flow, u, v);
    for (int i = 0; i < PLANE; i++) {
        const float x = (float)(i % WIDTH), y = (float)(i / WIDTH);
        planes[i] = wave(x, y), want[i] = wave(x + u, y + v);
        planes[PLANE + i] = -planes[i], want[PLANE + i] = -want[i];
    }
    udm_warp_input what = { WIDTH, HEIGHT, 2, filter, flow, planes };
    ck_assert(udm_warper_run(warper, &what, out, valid, NULL));
    double worst = 0;
    for (int y = 8; y < 2 * HEIGHT - 8; y++) {
        const float *row = out + y * WIDTH + 8, *wanted = want + y * WIDTH + 8;
        if (y >= HEIGHT - 8 && y < HEIGHT + 8)
            continue;
        test_at("filter %d by (%g, %g), row %d of both planes, from column 8 on", filter, u, v, y);
        assert_within(row, wanted, WIDTH - 16, most);
        worst = fmax(worst, compare_arrays(COMPARE_VALUES(row), COMPARE_VALUES(wanted), WIDTH - 16).off);
    }
    udm_warper_free(warper);
    udm_device_close(device);
    return worst;
}

START_TEST(warp_moves)
{
    static float valid[PLANE];
    for (udm_filter filter = UDM_BILINEAR; filter <= UDM_LANCZOS_3; filter++)
        check_warp(filter, 3, -2, 1e-6, valid);
    ck_assert_double_eq(valid[10 * WIDTH + WIDTH - 4], 1);
    ck_assert_double_eq(valid[10 * WIDTH + WIDTH - 3], 0);
    ck_assert_double_eq(valid[1 * WIDTH + 5], 0);
    ck_assert_double_eq(valid[2 * WIDTH + 5], 1);
    const double bilinear = check_warp(UDM_BILINEAR, 0.5f, 0.3f, 0.03, NULL);
    ck_assert_double_lt(check_warp(UDM_LANCZOS_3, 0.5f, 0.3f, 0.006, NULL), bilinear / 3);
}
END_TEST

START_TEST(warp_repeats_the_border)
{
    float flow[2] = { 1e9f, -1e9f }, plane[1] = { 0.5f }, out[1], valid[1];
    udm_device *device = udm_device_open("cpu", 1, NULL);
    udm_warper *warper = udm_warper_new(device, NULL);
    udm_warp_input what = { 1, 1, 1, UDM_LANCZOS_3, flow, plane };
    ck_assert(udm_warper_run(warper, &what, out, valid, NULL));
    ck_assert_double_eq_tol(out[0], 0.5, 1e-6);
    ck_assert_double_eq(valid[0], 0);
    udm_warper_free(warper);
    udm_device_close(device);
}
END_TEST

// A wave with noise of this deviation, moved by half a pixel a frame to the left.
static void fill_frame(float *noisy, float *clean, int frame, float sigma)
{
    float *noise = malloc(PLANE * sizeof(float));
    udm_normal(7, (uint64_t)frame, 0, 0, PLANE, noise);
    for (int i = 0; i < PLANE; i++) {
        clean[i] = wave((float)(i % WIDTH) + 0.5f * (float)frame, (float)(i / WIDTH));
        noisy[i] = clean[i] + sigma * noise[i];
    }
    free(noise);
}

static double deviation(const float *a, const float *b, float scale)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < PLANE; i++) {
        int x = i % WIDTH, y = i / WIDTH;
        if (x >= 8 && y >= 8 && x < WIDTH - 16 && y < HEIGHT - 8) {
            sum += (a[i] * scale - b[i]) * (a[i] * scale - b[i]);
            count++;
        }
    }
    return sqrt(sum / count);
}

// Frames `first` to `last` in that order, which may be backwards, and then the prediction of the next one, whose truth
// is left in clean; all pixels are doubted alike, by this logarithm of a variance.
static void run(udm_predictor *predictor, int first, int last, float log_log_variance, float sigma, float *clean)
{
    static float noisy[PLANE], level[PLANE], log_variance[PLANE], flow[2 * PLANE];
    const int step = first <= last ? 1 : -1;
    fill_flow(flow, 0.5f * (float)step, 0);
    for (int i = 0; i < PLANE; i++) {
        level[i] = sigma / sqrtf(1 + sigma * sigma);
        log_variance[i] = log_log_variance - UDM_LOG_VARIANCE_BIAS;
    }
    for (int frame = first; frame != last + step; frame += step) {
        test_at("frame %d", frame);
        fill_frame(noisy, clean, frame, sigma);
        ck_assert(udm_predictor_predict(predictor, flow, NULL));
        ck_assert_int_eq(udm_predictor_has_prediction(predictor), frame != first);
        if (frame != first)
            udm_predictor_add_variance(predictor, log_variance);
        udm_predictor_update(predictor, noisy, level);
    }
    fill_frame(noisy, clean, last + step, sigma);
    ck_assert(udm_predictor_predict(predictor, flow, NULL));
    ck_assert(udm_predictor_has_prediction(predictor));
    ck_assert(udm_predictor_predict(predictor, flow, NULL)); // again changes nothing
}

START_TEST(what_is_trusted_averages_along_the_motion)
{
    static float clean[PLANE];
    const float sigma = 0.2f;
    udm_device *device = udm_device_open("cpu", 2, NULL);
    udm_pool *pool = udm_pool_new(2, NULL);
    udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    ck_assert_ptr_nonnull(predictor);
    run(predictor, 0, 11, -16, sigma, clean);
    // each frame counts for 1 / 1.15 of the next: 12 add up to 6.23 frames, and what they leave is believed to have
    // grown
    udm_predicted shown = udm_predictor_get(predictor);
    float level = shown.level[20 * WIDTH + 20];
    ck_assert_double_eq_tol(level, 0.2 * sqrt(1.15 / 6.23), 0.01);
    ck_assert_double_eq_tol(deviation(shown.planes, clean, 1 / sqrtf(1 - level * level)), 0.06, 0.02);
    ck_assert_double_eq(shown.level[20 * WIDTH + WIDTH - 1], 1); // it comes from beyond the border
    udm_predictor_free(predictor);
    udm_pool_free(pool);
    udm_device_close(device);
}
END_TEST

// The variance of a prediction of one frame of variance 0.04, after it was moved by this much.
static void check_variance_after(float x, double expected)
{
    static float frame[PLANE], level[PLANE], flow[2 * PLANE];
    udm_device *device = udm_device_open("cpu", 1, NULL);
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    ck_assert_ptr_nonnull(predictor);
    fill_flow(flow, x, 0);
    for (int i = 0; i < PLANE; i++)
        level[i] = sqrtf(0.04f / 1.04f);
    udm_predictor_update(predictor, frame, level);
    ck_assert(udm_predictor_predict(predictor, flow, NULL));
    const double shown = udm_predictor_get(predictor).level[20 * WIDTH + 20],
                 variance = shown * shown / (1 - shown * shown);
    ck_assert_double_eq_tol(variance, expected, 1e-5);
    udm_predictor_free(predictor);
    udm_pool_free(pool);
    udm_device_close(device);
}

START_TEST(what_is_at_rest_fades_less)
{
    check_variance_after(0, 0.04 * 1.03);
    check_variance_after(0.01f, 0.04 * 1.15);
}
END_TEST

START_TEST(what_is_doubted_is_forgotten)
{
    static float clean[PLANE];
    udm_device *device = udm_device_open("cpu", 1, NULL);
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    ck_assert_ptr_nonnull(predictor);
    run(predictor, 0, 11, 4, 0.2f, clean); // a doubt far above the noise leaves the last frame alone
    ck_assert_double_eq_tol(udm_predictor_get(predictor).level[20 * WIDTH + 20], sqrt(0.046 / 1.046), 0.002);
    static float log_variance[PLANE], flow[2 * PLANE];
    for (int i = 0; i < PLANE; i++)
        log_variance[i] = logf(0.05f) - UDM_LOG_VARIANCE_BIAS;
    udm_predictor_add_variance(predictor, log_variance);
    ck_assert_double_eq_tol(udm_predictor_get(predictor).level[20 * WIDTH + 20], sqrt(0.096 / 1.096), 0.002);
    udm_predictor_reset(predictor);
    ck_assert(udm_predictor_predict(predictor, flow, NULL));
    ck_assert(!udm_predictor_has_prediction(predictor));
    udm_predictor_free(predictor);
    udm_pool_free(pool);
    udm_device_close(device);
}
END_TEST

// Two frames without noise, the first of which is believed as it is.
START_TEST(frames_without_noise_stay_numbers)
{
    static float frame[PLANE], level[PLANE], flow[2 * PLANE];
    udm_device *device = udm_device_open("cpu", 1, NULL);
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    ck_assert_ptr_nonnull(predictor);
    for (int i = 0; i < PLANE; i++)
        frame[i] = 0.25f;
    for (int k = 0; k < 3; k++) {
        ck_assert(udm_predictor_predict(predictor, flow, NULL));
        ck_assert_int_eq(udm_predictor_has_prediction(predictor), k > 0);
        if (k > 0)
            ck_assert_double_eq_tol(udm_predictor_get(predictor).planes[20 * WIDTH + 20], 0.25, 1e-6);
        udm_predictor_update(predictor, frame, level);
    }
    udm_predictor_free(predictor);
    udm_pool_free(pool);
    udm_device_close(device);
}
END_TEST

START_TEST(what_is_known_from_both_sides_is_known_better)
{
    static float clean[PLANE], noisy[PLANE], level[PLANE];
    const float sigma = 0.2f;
    udm_device *device = udm_device_open("cpu", 2, NULL);
    udm_pool *pool = udm_pool_new(2, NULL);
    udm_predictor *before = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    udm_predictor *after = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    ck_assert_ptr_nonnull(before);
    ck_assert_ptr_nonnull(after);
    run(before, 3, 5, -16, sigma, clean);
    run(after, 9, 7, -16, sigma, clean); // both are of frame 6
    udm_predicted one = udm_predictor_get(after);
    ck_assert_double_eq(one.level[20 * WIDTH], 1);
    ck_assert_double_lt(one.level[20 * WIDTH + WIDTH - 1], 0.2f);
    const float single = one.level[20 * WIDTH + 20];
    const double error = deviation(one.planes, clean, 1 / sqrtf(1 - single * single));
    fill_frame(noisy, clean, 6, sigma);
    for (int i = 0; i < PLANE; i++)
        level[i] = sigma / sqrtf(1 + sigma * sigma);
    udm_predictor_update(before, noisy, level);
    udm_predictor_fuse(before, after);
    udm_predicted both = udm_predictor_get(before);
    // the variance is half of what it is on one side
    const float p = single * single / (1 - single * single), joined = both.level[20 * WIDTH + 20];
    ck_assert_double_eq_tol(joined * joined / (1 - joined * joined), p / 2, 1e-4);
    ck_assert_double_eq_tol(error, 0.12, 0.02);
    ck_assert_double_lt(deviation(both.planes, clean, 1 / sqrtf(1 - joined * joined)), 0.8 * error);
    // where one of them knows nothing, the other one counts alone
    ck_assert_double_eq_tol(both.level[20 * WIDTH], single, 1e-3);
    ck_assert_double_eq_tol(both.level[20 * WIDTH + WIDTH - 1], single, 1e-3);
    udm_predictor_free(before);
    udm_predictor_free(after);
    udm_pool_free(pool);
    udm_device_close(device);
}
END_TEST

START_TEST(threads_change_nothing)
{
    static float clean[PLANE], first[PLANE];
    for (int threads = 1; threads <= 4; threads++) {
        udm_device *device = udm_device_open("cpu", threads, NULL);
        udm_pool *pool = udm_pool_new(threads, NULL);
        udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
        ck_assert_ptr_nonnull(predictor);
        run(predictor, 0, 11, -6, 0.2f, clean);
        const float *planes = udm_predictor_get(predictor).planes;
        if (threads == 1)
            memcpy(first, planes, sizeof first);
        test_at("%d threads", threads);
        assert_same(planes, first, PLANE);
        udm_predictor_free(predictor);
        udm_pool_free(pool);
        udm_device_close(device);
    }
}
END_TEST

START_TEST(wrong_sizes)
{
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_predictor_new(0, 1, 1, NULL, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    ck_assert_ptr_null(udm_predictor_new(1 << 30, 1 << 30, 1 << 30, NULL, NULL, &error));
    assert_error(&error, UDM_ERROR_MEMORY, "");
    udm_predictor_free(NULL);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = warp_moves },
        { .test = warp_repeats_the_border },
        { .test = what_is_trusted_averages_along_the_motion },
        { .test = what_is_at_rest_fades_less },
        { .test = what_is_doubted_is_forgotten },
        { .test = frames_without_noise_stay_numbers },
        { .test = what_is_known_from_both_sides_is_known_better },
        { .test = threads_change_nothing },
        { .test = wrong_sizes },
    };
    return test_main("guess", tests, COUNT_OF(tests));
}
