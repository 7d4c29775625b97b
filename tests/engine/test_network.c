// SPDX-License-Identifier: LGPL-2.1-or-later
// The network against PyTorch, as a stream against the whole clip, in tiles against the whole frame.
#include "golden.h"
#include "runner/tiling.h"

static const char *const devices[] = { "reference", "cpu" };

// Runs a case of tests/models/make_tiny.py, frame after frame, none of which knows of the others.
static void check_case(const char *device, const char *model, const char *name, bool predicted)
{
    golden_network golden;
    npy frame, level, want, g = { 0 }, glevel = { 0 }, context = { 0 };
    char path[256];
    snprintf(path, sizeof path, "%s/%s-frame.npy", model, name);
    frame = golden_read(path);
    snprintf(path, sizeof path, "%s/%s-level.npy", model, name);
    level = golden_read(path);
    snprintf(path, sizeof path, "%s/%s-expected.npy", model, name);
    want = golden_read(path);
    if (predicted) {
        snprintf(path, sizeof path, "%s/%s-guess.npy", model, name);
        g = golden_read(path);
        snprintf(path, sizeof path, "%s/%s-guess_level.npy", model, name);
        glevel = golden_read(path);
    }
    REQUIRE(golden_open(&golden, model, device, 2));
    if (golden.network->context > 0) {
        snprintf(path, sizeof path, "%s/%s-context.npy", model, name);
        context = golden_read(path);
    }
    const int h = (int)frame.shape[2], w = (int)frame.shape[3];
    const size_t pixels = (size_t)h * w, picture = pixels * frame.shape[1], output = pixels * want.shape[1];
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, w, h, 1, SIZE_MAX, NULL);
    float *out = malloc(want.elements * sizeof *out);
    REQUIRE(tiles && out);
    for (size_t n = 0; n < frame.shape[0]; n++) {
        udm_network_input seen = { .frame = frame.data + n * picture, .level = level.data + n * pixels };
        if (predicted)
            seen.predicted = g.data + n * picture, seen.predicted_level = glevel.data + n * pixels;
        if (context.data)
            seen.context = context.data + n * pixels * context.shape[1];
        CHECK(udm_tiling_run(tiles, 0, 0, &seen, out + n * output, NULL, NULL));
    }
    CHECK_CLOSE(golden_difference(out, want.data, want.elements), 0, 1e-4);
    free(out);
    free(frame.data), free(level.data), free(want.data), free(g.data), free(glevel.data);
    free(context.data);
    udm_tiling_free(tiles);
    golden_close(&golden);
}

TEST(frames_alone_equal_pytorch)
{
    for (size_t d = 0; d < sizeof devices / sizeof *devices; d++)
        check_case(devices[d], "tiny-denoise", "alone", false);
}

TEST(frames_with_a_guess_equal_pytorch)
{
    for (size_t d = 0; d < sizeof devices / sizeof *devices; d++) {
        check_case(devices[d], "tiny-denoise", "guess", true);
        check_case(devices[d], "tiny-grey", "guess", true);
        check_case(devices[d], "tiny-doubt", "guess", true);
        check_case(devices[d], "tiny-interp", "guess", true);
    }
}

TEST(known_and_unknown_pixels_equal_pytorch)
{
    for (size_t d = 0; d < sizeof devices / sizeof *devices; d++)
        check_case(devices[d], "tiny-denoise", "extremes", true);
}

// Frame f of [1, C, F, H, W] to or from [C, H, W].
static void take_frame(const npy *clip, size_t f, float *frame)
{
    const size_t pixels = clip->shape[3] * clip->shape[4], frames = clip->shape[2];
    for (size_t c = 0; c < clip->shape[1]; c++)
        memcpy(frame + c * pixels, clip->data + (c * frames + f) * pixels, pixels * sizeof *frame);
}

// The whole clip, which PyTorch computed at once, frame by frame; each frame is run twice, which must change nothing.
static void check_clip(const char *device)
{
    golden_network golden;
    npy frame = golden_read("tiny-temporal/clip-frame.npy"), level = golden_read("tiny-temporal/clip-level.npy"),
        want = golden_read("tiny-temporal/clip-expected.npy");
    REQUIRE(golden_open(&golden, "tiny-temporal", device, 2));
    const int h = (int)frame.shape[3], w = (int)frame.shape[4];
    const size_t picture = frame.shape[1] * h * w;
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, w, h, 1, SIZE_MAX, NULL);
    float *x = malloc(3 * picture * sizeof *x + h * w * sizeof *x), *out = x + picture, *expected = out + picture,
          *l = expected + picture;
    REQUIRE(tiles && x);
    for (int pass = 0; pass < 2; pass++) { // a second time after a reset
        for (size_t f = 0; f < frame.shape[2]; f++) {
            take_frame(&frame, f, x);
            take_frame(&level, f, l);
            take_frame(&want, f, expected);
            udm_network_input seen = { .frame = x, .level = l };
            for (int again = 0; again < 2; again++) {
                CHECK(udm_tiling_run(tiles, 0, f, &seen, out, NULL, NULL));
                CHECK_CLOSE(golden_difference(out, expected, picture), 0, 1e-5 * (device[0] == 'r' ? 1 : 5));
            }
        }
        udm_tiling_clear(tiles);
    }
    free(x);
    free(frame.data), free(level.data), free(want.data);
    udm_tiling_free(tiles);
    golden_close(&golden);
}

TEST(stream_equals_the_whole_clip)
{
    for (size_t d = 0; d < sizeof devices / sizeof *devices; d++)
        check_clip(devices[d]);
}

// A picture that has something everywhere.
static void fill(float *x, size_t count, float scale)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        x[i] = scale * ((float)(state >> 8) / (1 << 24) - 0.5f);
    }
}

typedef struct sized {
    int width, height;
    size_t outputs;
    float *frame, *level, *context, *out;
} sized;

static bool sized_new(sized *of, const udm_network *network, int width, int height)
{
    size_t pixels = (size_t)width * height, context = pixels * network->context;
    *of = (sized){ .width = width, .height = height, .outputs = pixels * udm_network_outputs(network) };
    of->frame = calloc(pixels * network->channels + pixels + context + of->outputs, sizeof(float));
    if (!of->frame)
        return false;
    of->level = of->frame + pixels * network->channels, of->context = of->level + pixels;
    of->out = of->context + context;
    fill(of->frame, pixels * network->channels, 2);
    fill(of->context, context, 2);
    for (size_t i = 0; i < pixels; i++)
        of->level[i] = 0.2f + 0.1f * (float)(i % 7) / 7;
    return true;
}

static int run_sized(const golden_network *golden, sized *of, size_t limit, int frames)
{
    udm_error error = { 0 };
    udm_tiling *tiles = udm_tiling_new(golden->network, NULL, of->width, of->height, 1, limit, &error);
    if (!tiles) {
        printf("    %dx%d: %s\n", of->width, of->height, error.message);
        check_failed = true;
        return 0;
    }
    udm_network_input seen = { .frame = of->frame, .level = of->level, .context = of->context };
    for (int f = 0; f < frames; f++)
        CHECK(udm_tiling_run(tiles, 0, f, &seen, of->out, NULL, NULL));
    int count = udm_tiling_count(tiles);
    udm_tiling_free(tiles);
    return count;
}

static void check_tiled(const char *model, int frames)
{
    golden_network golden;
    sized whole, cut;
    REQUIRE(golden_open(&golden, model, "cpu", 1));
    const int side = 6 * golden.network->reach + 5;
    REQUIRE(sized_new(&whole, golden.network, side, side - 9) && sized_new(&cut, golden.network, side, side - 9));
    CHECK(run_sized(&golden, &whole, SIZE_MAX, frames) == 1);
    CHECK(run_sized(&golden, &cut, 1, frames) > 4);
    CHECK_CLOSE(golden_difference(cut.out, whole.out, whole.outputs), 0, 1e-4);
    free(whole.frame);
    free(cut.frame);
    golden_close(&golden);
}

TEST(tiles_equal_the_whole_frame)
{
    check_tiled("tiny-denoise", 1);
    check_tiled("tiny-interp", 1);
}

TEST(tiles_carry_their_own_state)
{
    check_tiled("tiny-temporal", 4);
}

TEST(threads_do_not_change_a_bit)
{
    sized first = { 0 };
    for (int threads = 1; threads <= 4; threads *= 2) {
        golden_network golden;
        sized other;
        REQUIRE(golden_open(&golden, "tiny-temporal", "cpu", threads));
        REQUIRE(sized_new(&other, golden.network, 101, 67));
        run_sized(&golden, &other, SIZE_MAX, 3);
        if (threads == 1) {
            first = other;
        } else {
            CHECK(memcmp(first.out, other.out, first.outputs * sizeof(float)) == 0);
            free(other.frame);
        }
        golden_close(&golden);
    }
    free(first.frame);
}

TEST(any_size_works)
{
    static const int sizes[][2] = { { 1, 1 }, { 2, 3 }, { 1, 40 }, { 17, 33 }, { 63, 5 } };
    golden_network golden;
    REQUIRE(golden_open(&golden, "tiny-denoise", "cpu", 1));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sized of;
        REQUIRE(sized_new(&of, golden.network, sizes[i][0], sizes[i][1]));
        run_sized(&golden, &of, SIZE_MAX, 1);
        for (size_t k = 0; k < of.outputs; k++)
            CHECK(isfinite(of.out[k]));
        free(of.frame);
    }
    golden_close(&golden);
}

// A pixel that changes is felt up to `reach` away and no farther.
TEST(reach_is_as_far_as_it_says)
{
    golden_network golden;
    sized a, b;
    REQUIRE(golden_open(&golden, "tiny-denoise", "reference", 1));
    const int reach = golden.network->reach, side = 4 * reach;
    REQUIRE(sized_new(&a, golden.network, side, 8) && sized_new(&b, golden.network, side, 8));
    const int centre = side / 2;
    for (int y = 0; y < 8; y++)
        b.frame[y * side + centre] += 1;
    run_sized(&golden, &a, SIZE_MAX, 1);
    run_sized(&golden, &b, SIZE_MAX, 1);
    int felt = 0;
    for (size_t i = 0; i < a.outputs; i++)
        if (a.out[i] != b.out[i] && abs((int)(i % side) - centre) > felt)
            felt = abs((int)(i % side) - centre);
    CHECK(felt <= reach);
    CHECK(felt > reach / 2); // nor is it stated much too large
    free(a.frame);
    free(b.frame);
    golden_close(&golden);
}

// A room serves several, in turn: what one leaves there says nothing to another.
TEST(a_shared_room_changes_nothing)
{
    golden_network golden;
    sized small, large;
    REQUIRE(golden_open(&golden, "tiny-denoise", "cpu", 1));
    REQUIRE(sized_new(&small, golden.network, 40, 24) && sized_new(&large, golden.network, 64, 48));
    run_sized(&golden, &small, SIZE_MAX, 1);
    float *alone = malloc(small.outputs * sizeof *alone);
    memcpy(alone, small.out, small.outputs * sizeof *alone);
    udm_workspace *workspace = udm_workspace_new(golden.device, NULL);
    udm_tiling *a = udm_tiling_new(golden.network, workspace, 40, 24, 1, SIZE_MAX, NULL);
    const size_t before = udm_workspace_memory(workspace);
    udm_tiling *b = udm_tiling_new(golden.network, workspace, 64, 48, 1, SIZE_MAX, NULL);
    REQUIRE(a && b);
    CHECK(before > 0 && udm_workspace_memory(workspace) > before);
    CHECK(udm_tiling_memory(a) == 0 && udm_tiling_memory(b) == 0);
    const udm_network_input seen = { .frame = small.frame, .level = small.level };
    const udm_network_input other = {
        .frame = large.frame, .level = large.level, .predicted = large.frame, .predicted_level = large.level
    };
    for (int pass = 0; pass < 3; pass++) {
        CHECK(udm_tiling_run(a, 0, 0, &seen, small.out, NULL, NULL));
        CHECK(memcmp(small.out, alone, small.outputs * sizeof *alone) == 0);
        CHECK(udm_tiling_run(b, 0, 0, &other, large.out, NULL, NULL));
    }
    udm_tiling_free(a);
    udm_tiling_free(b);
    udm_workspace_free(workspace);
    free(alone);
    free(small.frame);
    free(large.frame);
    golden_close(&golden);
}

TEST(sizes_that_do_not_fit_are_an_error)
{
    golden_network golden;
    REQUIRE(golden_open(&golden, "tiny-denoise", "reference", 1));
    udm_error error = { 0 };
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, 2000000000, 2000000000, 1, SIZE_MAX, &error);
    CHECK(!tiles);
    CHECK(error.code == UDM_ERROR_MEMORY);
    udm_tiling_free(tiles);
    golden_close(&golden);
}

CHECK_MAIN()
