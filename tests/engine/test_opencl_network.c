// SPDX-License-Identifier: LGPL-2.1-or-later
// Whole networks on opencl: as on cpu, in one transfer up and one down, and in pieces where the device takes no more at
// once. Skipped where there is no device.
#include "backend/opencl/opencl.h"
#include "golden.h"
#include "runner/tiling.h"
#include "runner/window.h"

enum { SKIPPED = 77, W = 400, H = 64, CLIP = 4, PIXELS = W * H };

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
    bool good = tiles != NULL;
    for (int f = 0; f < CLIP && good; f++) {
        udm_network_input seen = { .frame = c->frame[f], .level = c->level };
        if (f % 2)
            seen.predicted = c->predicted[f], seen.predicted_level = c->predicted_level;
        good = udm_tiling_run(tiles, 0, f, &seen, out + f * frame, NULL, &error);
    }
    if (!good) {
        printf("    %s\n", error.message);
        check_failed = true;
    }
    *count = tiles ? udm_tiling_count(tiles) : 0;
    udm_tiling_free(tiles);
    return out;
}

static size_t output_of(const golden_network *golden)
{
    return (size_t)CLIP * PIXELS * udm_network_outputs(golden->network);
}

static const char *const restoring[] = { "tiny-denoise", "tiny-doubt", "tiny-temporal" };

TEST(as_on_cpu)
{
    for (size_t m = 0; m < sizeof restoring / sizeof *restoring; m++) {
        golden_network cpu, opencl;
        int tiles;
        REQUIRE(golden_open(&cpu, restoring[m], "cpu", 1) && golden_open(&opencl, restoring[m], "opencl", 0));
        float *want = run_clip(&cpu, SIZE_MAX, &tiles), *got = run_clip(&opencl, SIZE_MAX, &tiles);
        CHECK_CLOSE(golden_difference(got, want, output_of(&cpu)), 0, 1e-5);
        free(want), free(got);
        golden_close(&cpu);
        golden_close(&opencl);
    }
}

// The same bits, whether a network's memory is one buffer or many; and in tiles where it would not fit otherwise.
TEST(in_pieces)
{
    enum { SMALL = 1200 << 10, TINY = 700 << 10 };
    for (size_t m = 0; m < sizeof restoring / sizeof *restoring; m++) {
        golden_network golden;
        int count;
        REQUIRE(golden_open(&golden, restoring[m], "opencl", 0));
        float *want = run_clip(&golden, SIZE_MAX, &count);
        golden.device->largest = SMALL;
        udm_tiling *tiles = udm_tiling_new(golden.network, NULL, W, H, 1, SIZE_MAX, NULL);
        CHECK(tiles && udm_tiling_memory(tiles) > SMALL);
        udm_tiling_free(tiles);
        float *got = run_clip(&golden, SIZE_MAX, &count);
        CHECK(count == 1);
        CHECK(memcmp(got, want, output_of(&golden) * sizeof *got) == 0);
        free(got);
        golden.device->largest = TINY;
        got = run_clip(&golden, SIZE_MAX, &count);
        CHECK(count > 1);
        CHECK_CLOSE(golden_difference(got, want, output_of(&golden)), 0, 1e-5);
        free(got);
        golden.device->largest = 4096;
        udm_error error = { 0 };
        CHECK(!udm_tiling_new(golden.network, NULL, W, H, 1, SIZE_MAX, &error));
        CHECK(error.code == UDM_ERROR_MEMORY && strstr(error.message, "at most 4096 bytes in one piece"));
        free(want);
        golden_close(&golden);
    }
}

// A kernel that fails in mid-stream, as with any device that `auto` chose: cpu goes on, and nothing is lost.
TEST(lost_in_mid_stream)
{
    const clip *c = the_clip();
    for (size_t m = 0; m < sizeof restoring / sizeof *restoring; m++) {
        golden_network cpu, opencl;
        int count;
        REQUIRE(golden_open(&cpu, restoring[m], "cpu", 1) && golden_open(&opencl, restoring[m], "opencl", 0));
        const size_t frame = (size_t)PIXELS * udm_network_outputs(cpu.network);
        float *want = run_clip(&cpu, SIZE_MAX, &count), *got = calloc(frame, sizeof *got);
        udm_error error = { 0 };
        opencl.device->stand_in = udm_device_open("cpu", 1, NULL);
        udm_tiling *tiles = udm_tiling_new(opencl.network, NULL, W, H, 1, SIZE_MAX, &error);
        REQUIRE(tiles);
        for (int f = 0; f < CLIP; f++) {
            udm_network_input seen = { .frame = c->frame[f], .level = c->level };
            if (f % 2)
                seen.predicted = c->predicted[f], seen.predicted_level = c->predicted_level;
            if (f == CLIP - 1) {
                const size_t one[2] = { 1, 1 }, none[2] = { 0, 0 };
                udm_opencl_run(udm_opencl_of(opencl.device), UDM_CL_RESAMPLE, NULL, 0, one, none);
            }
            CHECK(udm_tiling_run(tiles, 0, f, &seen, got, NULL, &error));
            CHECK(opencl.device->failed == (f == CLIP - 1));
            CHECK_CLOSE(golden_difference(got, want + f * frame, frame), 0, 1e-5);
        }
        CHECK(strstr(opencl.device->warning, "failed in \"resample\"") && strstr(opencl.device->warning, "with cpu ("));
        udm_tiling_free(tiles);
        free(want), free(got);
        golden_close(&cpu);
        golden_close(&opencl);
    }
}

typedef struct transfers {
    int up, down;
} transfers;

static void note(void *context, const char *operation, const udm_timing *timing)
{
    transfers *t = context;
    CHECK(timing->ms >= 0);
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

TEST(one_transfer_up_and_one_down)
{
    for (size_t m = 0; m < sizeof restoring / sizeof *restoring; m++) {
        golden_network golden;
        int tiles;
        REQUIRE(golden_open(&golden, restoring[m], "opencl:0:profile", 0));
        free(run_clip(&golden, SIZE_MAX, &tiles));
        const transfers t = count_transfers(golden.device);
        CHECK(tiles == 1 && t.up == CLIP && t.down == CLIP);
        golden_close(&golden);
    }
}

// The U-Net of diffusers is told a time besides, and one that makes video sees all frames of its window.
TEST(one_transfer_of_all_that_a_network_is_told)
{
    golden_network golden;
    REQUIRE(golden_open(&golden, "unet2d-adm", "opencl:0:profile", 0));
    const int loaded = count_transfers(golden.device).up;
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, W, H, 1, SIZE_MAX, NULL);
    float *out = calloc((size_t)PIXELS * udm_network_outputs(golden.network), sizeof *out);
    const udm_network_input seen = {
        .frame = the_clip()->frame[0], .level = the_clip()->level, .timestep = 17, .label = golden.network->labels - 1
    };
    CHECK(tiles && udm_tiling_run(tiles, 0, 0, &seen, out, NULL, NULL));
    transfers t = count_transfers(golden.device);
    CHECK(t.up - loaded == 1 && t.down == 1);
    free(out);
    udm_tiling_free(tiles);
    golden_close(&golden);

    golden_network cpu;
    udm_window_state state = { .classes = { 1, 1, 0, -1, 2 }, .levels = { 0, .1f, .4f, .7f, 1 }, .rate = 12.5 };
    const float *frames[UDM_MAX_FRAMES];
    float got[2][5 * 16 * 16];
    for (int f = 0; f < 5; f++)
        frames[f] = the_clip()->frame[0] + f * 256;
    REQUIRE(golden_open(&golden, "tiny-video", "opencl:0:profile", 0) && golden_open(&cpu, "tiny-video", "cpu", 1));
    const int before = count_transfers(golden.device).up;
    udm_window *here = udm_window_new(golden.network, 2, NULL), *there = udm_window_new(cpu.network, 2, NULL);
    REQUIRE(here && there);
    CHECK(udm_window_run(here, frames, &state, got[0], NULL, NULL));
    CHECK(udm_window_run(there, frames, &state, got[1], NULL, NULL));
    CHECK_CLOSE(golden_difference(got[0], got[1], 5 * 256), 0, 1e-5);
    t = count_transfers(golden.device);
    CHECK(t.up - before == 1 && t.down == 1);
    state.recalls = true, state.levels[4] = .8f;
    CHECK(udm_window_run(here, frames, &state, got[0], NULL, NULL));
    CHECK(udm_window_run(there, frames, &state, got[1], NULL, NULL));
    CHECK_CLOSE(golden_difference(got[0] + 2 * 256, got[1] + 2 * 256, 3 * 256), 0, 1e-5);
    udm_window_free(here);
    udm_window_free(there);
    golden_close(&golden);
    golden_close(&cpu);
}

int main(int argc, char **argv)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("opencl", 1, &error);
    if (!device && error.code == UDM_ERROR_NOT_FOUND) {
        printf("skip: %s\n", error.message);
        return SKIPPED;
    }
    udm_device_close(device);
    return check_run(argc, argv);
}
