// SPDX-License-Identifier: LGPL-2.1-or-later
// Warping, and the recursion on frames whose truth is known.
#include "temporal/prediction.h"
#include "network/network.h"
#include "flow/warp.h"

#include "base/random.h"
#include "check.h"

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

// The largest error of the wave moved by (u, v), away from the border.
static double warp_error(udm_filter filter, float u, float v, float *valid)
{
    static float flow[2 * PLANE], planes[2 * PLANE], out[2 * PLANE];
    udm_device *device = udm_device_open("cpu", 2, NULL);
    udm_warper *warper = udm_warper_new(device, NULL);
    fill_flow(flow, u, v);
    for (int i = 0; i < PLANE; i++) {
        planes[i] = wave((float)(i % WIDTH), (float)(i / WIDTH));
        planes[PLANE + i] = -planes[i];
    }
    udm_warp_input what = { WIDTH, HEIGHT, 2, filter, flow, planes };
    CHECK(udm_warper_run(warper, &what, out, valid, NULL));
    udm_warper_free(warper);
    udm_device_close(device);
    double worst = 0;
    for (int i = 0; i < PLANE; i++) {
        int x = i % WIDTH, y = i / WIDTH;
        if (x < 8 || y < 8 || x >= WIDTH - 8 || y >= HEIGHT - 8)
            continue;
        float want = wave((float)x + u, (float)y + v);
        worst = fmax(worst, fmax(fabsf(out[i] - want), fabsf(out[PLANE + i] + want)));
    }
    return worst;
}

TEST(warp_moves)
{
    static float valid[PLANE];
    for (udm_filter filter = UDM_BILINEAR; filter <= UDM_LANCZOS_3; filter++)
        CHECK_CLOSE(warp_error(filter, 3, -2, valid), 0, 1e-6);
    CHECK(valid[10 * WIDTH + WIDTH - 4] == 1 && valid[10 * WIDTH + WIDTH - 3] == 0);
    CHECK(valid[1 * WIDTH + 5] == 0 && valid[2 * WIDTH + 5] == 1);
    double bilinear = warp_error(UDM_BILINEAR, 0.5f, 0.3f, NULL), lanczos = warp_error(UDM_LANCZOS_3, 0.5f, 0.3f, NULL);
    CHECK_CLOSE(bilinear, 0, 0.03);
    CHECK_CLOSE(lanczos, 0, 0.006);
    CHECK(lanczos < bilinear / 3);
}

TEST(warp_repeats_the_border)
{
    float flow[2] = { 1e9f, -1e9f }, plane[1] = { 0.5f }, out[1], valid[1];
    udm_device *device = udm_device_open("cpu", 1, NULL);
    udm_warper *warper = udm_warper_new(device, NULL);
    udm_warp_input what = { 1, 1, 1, UDM_LANCZOS_3, flow, plane };
    CHECK(udm_warper_run(warper, &what, out, valid, NULL));
    CHECK_CLOSE(out[0], 0.5, 1e-6);
    CHECK(valid[0] == 0);
    udm_warper_free(warper);
    udm_device_close(device);
}

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
        fill_frame(noisy, clean, frame, sigma);
        CHECK(udm_predictor_predict(predictor, flow, NULL) &&
              udm_predictor_has_prediction(predictor) == (frame != first));
        if (frame != first)
            udm_predictor_add_variance(predictor, log_variance);
        udm_predictor_update(predictor, noisy, level);
    }
    fill_frame(noisy, clean, last + step, sigma);
    CHECK(udm_predictor_predict(predictor, flow, NULL) && udm_predictor_has_prediction(predictor));
    CHECK(udm_predictor_predict(predictor, flow, NULL)); // again changes nothing
}

TEST(what_is_trusted_averages_along_the_motion)
{
    static float clean[PLANE];
    const float sigma = 0.2f;
    udm_device *device = udm_device_open("cpu", 2, NULL);
    udm_pool *pool = udm_pool_new(2, NULL);
    udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    REQUIRE(predictor);
    run(predictor, 0, 11, -16, sigma, clean);
    // each frame counts for 1 / 1.15 of the next: 12 add up to 6.23 frames, and what they leave is believed to have
    // grown
    udm_predicted shown = udm_predictor_get(predictor);
    float level = shown.level[20 * WIDTH + 20];
    CHECK_CLOSE(level, 0.2 * sqrt(1.15 / 6.23), 0.01);
    CHECK_CLOSE(deviation(shown.planes, clean, 1 / sqrtf(1 - level * level)), 0.06, 0.02);
    CHECK(shown.level[20 * WIDTH + WIDTH - 1] == 1); // it comes from beyond the border
    udm_predictor_free(predictor);
    udm_pool_free(pool);
    udm_device_close(device);
}

// The variance of a prediction of one frame of variance 0.04, after it was moved by this much.
static void check_variance_after(float x, double expected)
{
    static float frame[PLANE], level[PLANE], flow[2 * PLANE];
    udm_device *device = udm_device_open("cpu", 1, NULL);
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    REQUIRE(predictor);
    fill_flow(flow, x, 0);
    for (int i = 0; i < PLANE; i++)
        level[i] = sqrtf(0.04f / 1.04f);
    udm_predictor_update(predictor, frame, level);
    CHECK(udm_predictor_predict(predictor, flow, NULL));
    const double shown = udm_predictor_get(predictor).level[20 * WIDTH + 20],
                 variance = shown * shown / (1 - shown * shown);
    CHECK_CLOSE(variance, expected, 1e-5);
    udm_predictor_free(predictor);
    udm_pool_free(pool);
    udm_device_close(device);
}

TEST(what_is_at_rest_fades_less)
{
    check_variance_after(0, 0.04 * 1.03);
    check_variance_after(0.01f, 0.04 * 1.15);
}

TEST(what_is_doubted_is_forgotten)
{
    static float clean[PLANE];
    udm_device *device = udm_device_open("cpu", 1, NULL);
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    REQUIRE(predictor);
    run(predictor, 0, 11, 4, 0.2f, clean); // a doubt far above the noise leaves the last frame alone
    CHECK_CLOSE(udm_predictor_get(predictor).level[20 * WIDTH + 20], sqrt(0.046 / 1.046), 0.002);
    static float log_variance[PLANE], flow[2 * PLANE];
    for (int i = 0; i < PLANE; i++)
        log_variance[i] = logf(0.05f) - UDM_LOG_VARIANCE_BIAS;
    udm_predictor_add_variance(predictor, log_variance);
    CHECK_CLOSE(udm_predictor_get(predictor).level[20 * WIDTH + 20], sqrt(0.096 / 1.096), 0.002);
    udm_predictor_reset(predictor);
    CHECK(udm_predictor_predict(predictor, flow, NULL) && !udm_predictor_has_prediction(predictor));
    udm_predictor_free(predictor);
    udm_pool_free(pool);
    udm_device_close(device);
}

// Two frames without noise, the first of which is believed as it is.
TEST(frames_without_noise_stay_numbers)
{
    static float frame[PLANE], level[PLANE], flow[2 * PLANE];
    udm_device *device = udm_device_open("cpu", 1, NULL);
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    REQUIRE(predictor);
    for (int i = 0; i < PLANE; i++)
        frame[i] = 0.25f;
    for (int k = 0; k < 3; k++) {
        CHECK(udm_predictor_predict(predictor, flow, NULL) && udm_predictor_has_prediction(predictor) == (k > 0));
        if (k > 0)
            CHECK_CLOSE(udm_predictor_get(predictor).planes[20 * WIDTH + 20], 0.25, 1e-6);
        udm_predictor_update(predictor, frame, level);
    }
    udm_predictor_free(predictor);
    udm_pool_free(pool);
    udm_device_close(device);
}

TEST(what_is_known_from_both_sides_is_known_better)
{
    static float clean[PLANE], noisy[PLANE], level[PLANE];
    const float sigma = 0.2f;
    udm_device *device = udm_device_open("cpu", 2, NULL);
    udm_pool *pool = udm_pool_new(2, NULL);
    udm_predictor *before = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    udm_predictor *after = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
    REQUIRE(before && after);
    run(before, 3, 5, -16, sigma, clean);
    run(after, 9, 7, -16, sigma, clean); // both are of frame 6
    udm_predicted one = udm_predictor_get(after);
    CHECK(one.level[20 * WIDTH] == 1 && one.level[20 * WIDTH + WIDTH - 1] < 0.2f);
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
    CHECK_CLOSE(joined * joined / (1 - joined * joined), p / 2, 1e-4);
    CHECK_CLOSE(error, 0.12, 0.02);
    CHECK(deviation(both.planes, clean, 1 / sqrtf(1 - joined * joined)) < 0.8 * error);
    // where one of them knows nothing, the other one counts alone
    CHECK_CLOSE(both.level[20 * WIDTH], single, 1e-3);
    CHECK_CLOSE(both.level[20 * WIDTH + WIDTH - 1], single, 1e-3);
    udm_predictor_free(before);
    udm_predictor_free(after);
    udm_pool_free(pool);
    udm_device_close(device);
}

TEST(threads_change_nothing)
{
    static float clean[PLANE], first[PLANE];
    for (int threads = 1; threads <= 4; threads++) {
        udm_device *device = udm_device_open("cpu", threads, NULL);
        udm_pool *pool = udm_pool_new(threads, NULL);
        udm_predictor *predictor = udm_predictor_new(WIDTH, HEIGHT, 1, device, pool, NULL);
        REQUIRE(predictor);
        run(predictor, 0, 11, -6, 0.2f, clean);
        const float *planes = udm_predictor_get(predictor).planes;
        if (threads == 1)
            memcpy(first, planes, sizeof first);
        CHECK(memcmp(first, planes, sizeof first) == 0);
        udm_predictor_free(predictor);
        udm_pool_free(pool);
        udm_device_close(device);
    }
}

TEST(wrong_sizes)
{
    udm_error error = { 0 };
    CHECK(!udm_predictor_new(0, 1, 1, NULL, NULL, &error));
    CHECK(error.code == UDM_ERROR_SETTINGS);
    CHECK(!udm_predictor_new(1 << 30, 1 << 30, 1 << 30, NULL, NULL, &error));
    CHECK(error.code == UDM_ERROR_MEMORY);
    udm_predictor_free(NULL);
}

CHECK_MAIN()
