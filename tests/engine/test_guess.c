// SPDX-License-Identifier: LGPL-2.1-or-later
// Warping, the mismatch of flows, and the recursion on frames whose truth is known.
#include "stream/guess.h"

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
    udm_pool *pool = udm_pool_new(2, NULL);
    fill_flow(flow, u, v);
    for (int i = 0; i < PLANE; i++) {
        planes[i] = wave((float)(i % WIDTH), (float)(i / WIDTH));
        planes[PLANE + i] = -planes[i];
    }
    udm_moving what = { WIDTH, HEIGHT, 2, filter, flow, planes };
    udm_warp(pool, &what, out, valid);
    udm_pool_free(pool);
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
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_moving what = { 1, 1, 1, UDM_LANCZOS_3, flow, plane };
    udm_warp(pool, &what, out, valid);
    CHECK_CLOSE(out[0], 0.5, 1e-6);
    CHECK(valid[0] == 0);
    udm_pool_free(pool);
}

TEST(opposite_flows_match)
{
    static float forward[2 * PLANE], backward[2 * PLANE], mismatch[PLANE];
    const float *flows[2] = { forward, backward };
    udm_pool *pool = udm_pool_new(2, NULL);
    fill_flow(forward, 1.5f, -2);
    fill_flow(backward, -1.5f, 2);
    udm_flow_mismatch(pool, WIDTH, HEIGHT, flows, mismatch);
    CHECK_CLOSE(mismatch[20 * WIDTH + 20], 0, 1e-9);
    fill_flow(backward, 0, 0); // as where something moved over what stood still
    udm_flow_mismatch(pool, WIDTH, HEIGHT, flows, mismatch);
    CHECK_CLOSE(mismatch[20 * WIDTH + 20], 1.5 * 1.5 + 4, 1e-5);
    udm_pool_free(pool);
}

// A wave with noise of this deviation. changed: the right half is another picture.
static void fill_frame(float *noisy, float *clean, int frame, float sigma, bool changed)
{
    float *noise = malloc(PLANE * sizeof(float));
    udm_normal(7, (uint64_t)frame, 0, 0, PLANE, noise);
    for (int i = 0; i < PLANE; i++) {
        clean[i] = wave((float)(i % WIDTH), (float)(i / WIDTH));
        if (changed && i % WIDTH >= WIDTH / 2)
            clean[i] = -0.5f * clean[i];
        noisy[i] = clean[i] + sigma * noise[i];
    }
    free(noise);
}

static double deviation(const float *a, const float *b, int first, int end)
{
    double sum = 0;
    for (int i = 0; i < PLANE; i++)
        sum += i % WIDTH >= first && i % WIDTH < end ? (a[i] - b[i]) * (a[i] - b[i]) : 0;
    return sqrt(sum / ((double)HEIGHT * (end - first)));
}

TEST(still_frames_average)
{
    static float noisy[PLANE], clean[PLANE], flow[2 * PLANE];
    const float sigma = 0.2f;
    udm_pool *pool = udm_pool_new(2, NULL);
    udm_guess *guess = udm_guess_new(WIDTH, HEIGHT, 1, pool, NULL);
    REQUIRE(guess);
    udm_sight sight = { noisy, sigma * sigma, clean, flow, clean };
    for (int frame = 0; frame < 12; frame++) {
        fill_frame(noisy, clean, frame, sigma, false);
        udm_guess_see(guess, &sight);
        if (frame == 0)
            CHECK(isinf(udm_guess_variance(guess)[0]));
    }
    // 12 frames leave sigma / sqrt(12) = 0.058, what chance makes of the doubt apart
    CHECK_CLOSE(deviation(udm_guess_fused(guess), clean, 0, WIDTH), 0.062, 0.006);
    CHECK_CLOSE(sqrt(udm_guess_fused_variance(guess)[20 * WIDTH + 20]), 0.066, 0.01);

    // What has become another picture is taken from the frame, and the rest goes on.
    fill_frame(noisy, clean, 12, sigma, true);
    static float before[PLANE], unused[PLANE];
    fill_frame(unused, before, 0, 0, false);
    sight.previous = before;
    udm_guess_see(guess, &sight);
    CHECK(deviation(udm_guess_fused(guess), clean, WIDTH / 2 + 8, WIDTH) < sigma);
    CHECK(udm_guess_fused_variance(guess)[20 * WIDTH + 52] > 0.4 * sigma * sigma);
    CHECK(deviation(udm_guess_fused(guess), clean, 0, WIDTH / 2 - 8) < 0.07);

    udm_guess_reset(guess);
    udm_guess_see(guess, &sight);
    CHECK(memcmp(udm_guess_fused(guess), noisy, sizeof noisy) == 0);
    udm_guess_free(guess);
    udm_pool_free(pool);
}

TEST(threads_change_nothing)
{
    static float noisy[PLANE], clean[PLANE], flow[2 * PLANE], first[PLANE];
    for (int threads = 1; threads <= 4; threads++) {
        udm_pool *pool = udm_pool_new(threads, NULL);
        udm_guess *guess = udm_guess_new(WIDTH, HEIGHT, 1, pool, NULL);
        REQUIRE(guess);
        fill_flow(flow, 0.3f, -0.6f);
        udm_sight sight = { noisy, 0.04f, clean, flow, clean };
        for (int frame = 0; frame < 3; frame++) {
            fill_frame(noisy, clean, frame, 0.2f, false);
            udm_guess_see(guess, &sight);
        }
        if (threads == 1)
            memcpy(first, udm_guess_fused(guess), sizeof first);
        CHECK(memcmp(first, udm_guess_fused(guess), sizeof first) == 0);
        udm_guess_free(guess);
        udm_pool_free(pool);
    }
}

TEST(wrong_sizes)
{
    udm_error error = { 0 };
    CHECK(!udm_guess_new(0, 1, 1, NULL, &error));
    CHECK(error.code == UDM_ERROR_SETTINGS);
    CHECK(!udm_guess_new(1 << 30, 1 << 30, 1 << 30, NULL, &error));
    CHECK(error.code == UDM_ERROR_MEMORY);
    udm_guess_free(NULL);
}

CHECK_MAIN()
