// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole networks on opencl: as on cpu, in one transfer up and one down, and in pieces where the device takes no more at
// once. Skipped where there is no device.
#include "backend/opencl/opencl.h"
#include "golden.h"
#include "needs_opencl.h"
#include "runner/tiling.h"
#include "runner/window.h"

enum { W = 400, H = 64, CLIP = 4, PIXELS = W * H };

typedef struct clip {
    float frame[CLIP][3 * PIXELS], predicted[CLIP][3 * PIXELS], level[PIXELS], predicted_level[PIXELS];
} clip;

static void paint(float *values, size_t count, unsigned seed, float from, float to)
{
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = from + (to - from) * (float)(seed >> 8) / (1 << 24);
    }
}

static const clip *the_clip(void)
{
    static clip c;
    if (c.level[0] == 0) {
        for (unsigned f = 0; f < CLIP; f++) {
            paint(c.frame[f], 3 * PIXELS, 2 * f + 1, -1, 1);
            paint(c.predicted[f], 3 * PIXELS, 2 * f + 2, -1, 1);
        }
        paint(c.level, PIXELS, 98, 0.05f, 0.3f);
        paint(c.predicted_level, PIXELS, 99, 0.05f, 1);
    }
    return &c;
}

// The clip through a network, every other frame with a prediction. The caller frees the result; *count: its tiles.
static float *run_clip(const golden_network *golden, size_t limit, int *count)
{
    const clip *c = the_clip();
    const size_t frame = (size_t)PIXELS * udm_network_outputs(golden->network);
    udm_error error = { 0 };
    udm_tiling *tiles = udm_tiling_new(golden->network, NULL, W, H, 1, limit, &error);
    float *out = calloc(CLIP, frame * sizeof *out);
    ck_assert_msg(tiles, "%s", error.message);
    for (int f = 0; f < CLIP; f++) {
        udm_network_input seen = { .frame = c->frame[f], .level = c->level };
        if (f % 2)
            seen.predicted = c->predicted[f], seen.predicted_level = c->predicted_level;
        assert_ok(udm_tiling_run(tiles, 0, f, &seen, out + f * frame, NULL, &error), &error);
    }
    *count = udm_tiling_count(tiles);
    udm_tiling_free(tiles);
    return out;
}

static size_t output_of(const golden_network *golden)
{
    return (size_t)CLIP * PIXELS * udm_network_outputs(golden->network);
}

static const char *const restoring[] = { "tiny-denoise", "tiny-doubt", "tiny-temporal" };

enum { RESTORING = COUNT_OF(restoring) };

START_TEST(as_on_cpu)
{
    int tiles;
    test_case("%s", restoring[_i]);
    if (lacks_opencl())
        return;
    golden_network cpu = golden_open(restoring[_i], "cpu", 1), opencl = golden_open(restoring[_i], "opencl", 0);
    float *want = run_clip(&cpu, SIZE_MAX, &tiles), *got = run_clip(&opencl, SIZE_MAX, &tiles);
    assert_close(got, want, output_of(&cpu), 1e-5);
    free(want), free(got);
    golden_close(&cpu);
    golden_close(&opencl);
}
END_TEST

// A network of f16 within 2e-3 of that of f32, and rounded at all.
START_TEST(in_f16)
{
    int tiles;
    double worst = 0;
    const char *model = restoring[_i % RESTORING], *name = _i < RESTORING ? "opencl" : "opencl:0:gpu";
    test_case("%s on %s", model, name);
    if (lacks_opencl())
        return;
    golden_network cpu = golden_open(model, "cpu", 1);
    udm_device *device = udm_device_open(name, 0, NULL);
    ck_assert_ptr_nonnull(device);
    ck_assert(udm_device_set_precision(device, UDM_PRECISION_F16, NULL));
    golden_network halves = golden_open_on(model, device);
    float *want = run_clip(&cpu, SIZE_MAX, &tiles), *got = run_clip(&halves, SIZE_MAX, &tiles);
    assert_close(got, want, output_of(&cpu), 2e-3);
    for (size_t i = 0; i < output_of(&cpu); i++)
        worst = fmax(worst, fabs((double)got[i] - want[i]));
    ck_assert_double_gt(worst, 1e-6);
    free(want), free(got);
    golden_close(&cpu);
    golden_close(&halves);
}
END_TEST

// The same bits, whether a network's memory is one buffer or many; and in tiles where it would not fit otherwise.
START_TEST(in_pieces)
{
    enum { SMALL = 1200 << 10, TINY = 700 << 10 };
    int count;
    test_case("%s", restoring[_i]);
    if (lacks_opencl())
        return;
    golden_network golden = golden_open(restoring[_i], "opencl", 0);
    float *want = run_clip(&golden, SIZE_MAX, &count);
    golden.device->largest = SMALL;
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, W, H, 1, SIZE_MAX, NULL);
    ck_assert_ptr_nonnull(tiles);
    ck_assert_uint_gt(udm_tiling_memory(tiles), SMALL);
    udm_tiling_free(tiles);
    float *got = run_clip(&golden, SIZE_MAX, &count);
    ck_assert_int_eq(count, 1);
    assert_same(got, want, output_of(&golden));
    free(got);
    golden.device->largest = TINY;
    got = run_clip(&golden, SIZE_MAX, &count);
    ck_assert_int_gt(count, 1);
    assert_close(got, want, output_of(&golden), 1e-5);
    free(got);
    golden.device->largest = 4096;
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_tiling_new(golden.network, NULL, W, H, 1, SIZE_MAX, &error));
    assert_error(&error, UDM_ERROR_MEMORY, "at most 4096 bytes in one piece");
    free(want);
    golden_close(&golden);
}
END_TEST

// A kernel that fails in mid-stream, as with any device that `auto` chose: cpu goes on, and nothing is lost.
START_TEST(lost_in_mid_stream)
{
    const clip *c = the_clip();
    int count;
    test_case("%s", restoring[_i]);
    if (lacks_opencl())
        return;
    golden_network cpu = golden_open(restoring[_i], "cpu", 1), opencl = golden_open(restoring[_i], "opencl", 0);
    const size_t frame = (size_t)PIXELS * udm_network_outputs(cpu.network);
    float *want = run_clip(&cpu, SIZE_MAX, &count), *got = calloc(frame, sizeof *got);
    udm_error error = { 0 };
    opencl.device->stand_in = udm_device_open("cpu", 1, NULL);
    udm_tiling *tiles = udm_tiling_new(opencl.network, NULL, W, H, 1, SIZE_MAX, &error);
    ck_assert_msg(tiles, "%s", error.message);
    for (int f = 0; f < CLIP; f++) {
        udm_network_input seen = { .frame = c->frame[f], .level = c->level };
        if (f % 2)
            seen.predicted = c->predicted[f], seen.predicted_level = c->predicted_level;
        if (f == CLIP - 1) {
            const size_t one[2] = { 1, 1 }, none[2] = { 0, 0 };
            udm_opencl_run(udm_opencl_of(opencl.device), UDM_CL_RESAMPLE, NULL, 0, one, none);
        }
        test_at("frame %d", f);
        assert_ok(udm_tiling_run(tiles, 0, f, &seen, got, NULL, &error), &error);
        ck_assert_int_eq(opencl.device->failed, f == CLIP - 1);
        assert_close(got, want + f * frame, frame, 1e-5);
    }
    assert_contains(opencl.device->warning, "failed in \"resample\"");
    assert_contains(opencl.device->warning, "on cpu (");
    udm_tiling_free(tiles);
    free(want), free(got);
    golden_close(&cpu);
    golden_close(&opencl);
}
END_TEST

typedef struct transfers {
    int up, down;
} transfers;

static void note(void *context, const char *operation, const udm_timing *timing)
{
    transfers *t = context;
    ck_assert_double_ge(timing->ms, 0);
    if (strcmp(operation, "upload") == 0)
        t->up = timing->runs;
    if (strcmp(operation, "download") == 0)
        t->down = timing->runs;
}

static transfers count_transfers(udm_device *device)
{
    transfers t = { 0 };
    device->ops->profile(device, note, &t);
    return t;
}

START_TEST(one_transfer_up_and_one_down)
{
    int tiles;
    test_case("%s", restoring[_i]);
    if (lacks_opencl())
        return;
    golden_network golden = golden_open(restoring[_i], "opencl:0:profile", 0);
    free(run_clip(&golden, SIZE_MAX, &tiles));
    const transfers t = count_transfers(golden.device);
    ck_assert_int_eq(tiles, 1);
    ck_assert_int_eq(t.up, CLIP);
    ck_assert_int_eq(t.down, CLIP);
    golden_close(&golden);
}
END_TEST

// The U-Net of diffusers is told a time besides.
START_TEST(one_transfer_with_a_time_and_a_class)
{
    if (lacks_opencl())
        return;
    golden_network golden = golden_open("unet2d-adm", "opencl:0:profile", 0);
    const int loaded = count_transfers(golden.device).up;
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, W, H, 1, SIZE_MAX, NULL);
    float *out = calloc((size_t)PIXELS * udm_network_outputs(golden.network), sizeof *out);
    const udm_network_input seen = {
        .frame = the_clip()->frame[0], .level = the_clip()->level, .timestep = 17, .label = golden.network->labels - 1
    };
    udm_error error = { 0 };
    ck_assert_ptr_nonnull(tiles);
    assert_ok(udm_tiling_run(tiles, 0, 0, &seen, out, NULL, &error), &error);
    const transfers t = count_transfers(golden.device);
    ck_assert_int_eq(t.up - loaded, 1);
    ck_assert_int_eq(t.down, 1);
    free(out);
    udm_tiling_free(tiles);
    golden_close(&golden);
}
END_TEST

// A network that makes video sees all frames of its window at once.
START_TEST(one_transfer_of_a_window)
{
    enum { FRAMES = 5, SMALL = 16 * 16, DONE = 2 };
    if (lacks_opencl())
        return;
    golden_network cpu = golden_open("tiny-video", "cpu", 1), golden = golden_open("tiny-video", "opencl:0:profile", 0);
    udm_window_state state = { .classes = { 1, 1, 0, -1, 2 }, .levels = { 0, .1f, .4f, .7f, 1 }, .rate = 12.5 };
    const float *frames[UDM_MAX_FRAMES];
    float got[FRAMES * SMALL], want[FRAMES * SMALL];
    udm_error error = { 0 };
    for (int f = 0; f < FRAMES; f++)
        frames[f] = the_clip()->frame[0] + f * SMALL;
    const int before = count_transfers(golden.device).up;
    udm_window *here = udm_window_new(golden.network, DONE, NULL), *there = udm_window_new(cpu.network, DONE, NULL);
    ck_assert_ptr_nonnull(here);
    ck_assert_ptr_nonnull(there);
    assert_ok(udm_window_run(here, frames, &state, got, NULL, &error), &error);
    assert_ok(udm_window_run(there, frames, &state, want, NULL, &error), &error);
    assert_close(got, want, FRAMES * SMALL, 1e-5);
    const transfers t = count_transfers(golden.device);
    ck_assert_int_eq(t.up - before, 1);
    ck_assert_int_eq(t.down, 1);
    state.recalls = true, state.levels[4] = .8f;
    assert_ok(udm_window_run(here, frames, &state, got, NULL, &error), &error);
    assert_ok(udm_window_run(there, frames, &state, want, NULL, &error), &error);
    assert_close(got + DONE * SMALL, want + DONE * SMALL, (FRAMES - DONE) * SMALL, 1e-5);
    udm_window_free(here);
    udm_window_free(there);
    golden_close(&golden);
    golden_close(&cpu);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = as_on_cpu, .cases = RESTORING },
        { .test = in_f16, .cases = 2 * RESTORING },
        { .test = in_pieces, .cases = RESTORING },
        { .test = lost_in_mid_stream, .cases = RESTORING },
        { .test = one_transfer_up_and_one_down, .cases = RESTORING },
        { .test = one_transfer_with_a_time_and_a_class },
        { .test = one_transfer_of_a_window },
    };
    return test_main("opencl_network", tests, COUNT_OF(tests));
}
