// SPDX-License-Identifier: LGPL-2.1-or-later
// The network against PyTorch, as a stream against the whole clip, in tiles against the whole frame.
#include "golden.h"
#include "runner/tiling.h"

// Runs a case of tests/models/make_tiny.py, frame after frame, none of which knows of the others.
static void check_case(const char *device, const char *model, const char *name, bool predicted)
{
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
    golden_network golden = golden_open(model, device, 2);
    if (golden.network->context > 0) {
        snprintf(path, sizeof path, "%s/%s-context.npy", model, name);
        context = golden_read(path);
    }
    const int h = (int)frame.shape[2], w = (int)frame.shape[3];
    const size_t pixels = (size_t)h * w, picture = pixels * frame.shape[1], output = pixels * want.shape[1];
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, w, h, 1, SIZE_MAX, NULL);
    float *out = malloc(want.elements * sizeof *out);
    ck_assert_ptr_nonnull(tiles);
    ck_assert_ptr_nonnull(out);
    for (size_t n = 0; n < frame.shape[0]; n++) {
        udm_network_input seen = { .frame = frame.data + n * picture, .level = level.data + n * pixels };
        if (predicted)
            seen.predicted = g.data + n * picture, seen.predicted_level = glevel.data + n * pixels;
        if (context.data)
            seen.context = context.data + n * pixels * context.shape[1];
        ck_assert(udm_tiling_run(tiles, 0, 0, &seen, out + n * output, NULL, NULL));
    }
    assert_close(out, want.data, want.elements, 1e-4);
    free(out);
    free(frame.data), free(level.data), free(want.data), free(g.data), free(glevel.data);
    free(context.data);
    udm_tiling_free(tiles);
    golden_close(&golden);
}

static const struct {
    const char *model, *name;
    bool predicted;
} cases[] = {
    { "tiny-denoise", "alone", false },   { "tiny-denoise", "guess", true }, { "tiny-grey", "guess", true },
    { "tiny-doubt", "guess", true },      { "tiny-chroma", "guess", true },  { "tiny-interp", "guess", true },
    { "tiny-denoise", "extremes", true }, // pixels that are known, and unknown ones
};

static const char *const devices[] = { "reference", "cpu" };

enum { CASES = COUNT_OF(cases) };

START_TEST(frames_equal_pytorch)
{
    test_case("%s on %s, %s", cases[_i % CASES].model, devices[_i / CASES], cases[_i % CASES].name);
    check_case(devices[_i / CASES], cases[_i % CASES].model, cases[_i % CASES].name, cases[_i % CASES].predicted);
}
END_TEST

// Frame f of [1, C, F, H, W] to or from [C, H, W].
static void take_frame(const npy *clip, size_t f, float *frame)
{
    const size_t pixels = clip->shape[3] * clip->shape[4], frames = clip->shape[2];
    for (size_t c = 0; c < clip->shape[1]; c++)
        memcpy(frame + c * pixels, clip->data + (c * frames + f) * pixels, pixels * sizeof *frame);
}

// The whole clip, which PyTorch computed at once, frame by frame; each frame is run twice, which must change nothing.
START_TEST(stream_equals_the_whole_clip)
{
    test_case("%s", devices[_i]);
    npy frame = golden_read("tiny-temporal/clip-frame.npy"), level = golden_read("tiny-temporal/clip-level.npy"),
        want = golden_read("tiny-temporal/clip-expected.npy");
    golden_network golden = golden_open("tiny-temporal", devices[_i], 2);
    const int h = (int)frame.shape[3], w = (int)frame.shape[4];
    const size_t picture = frame.shape[1] * h * w;
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, w, h, 1, SIZE_MAX, NULL);
    float *x = malloc(3 * picture * sizeof *x + h * w * sizeof *x), *out = x + picture, *expected = out + picture,
          *l = expected + picture;
    ck_assert_ptr_nonnull(tiles);
    ck_assert_ptr_nonnull(x);
    for (int pass = 0; pass < 2; pass++) { // a second time after a reset
        for (size_t f = 0; f < frame.shape[2]; f++) {
            take_frame(&frame, f, x);
            take_frame(&level, f, l);
            take_frame(&want, f, expected);
            udm_network_input seen = { .frame = x, .level = l };
            for (int again = 0; again < 2; again++) {
                ck_assert(udm_tiling_run(tiles, 0, f, &seen, out, NULL, NULL));
                test_at("pass %d, frame %zu, %s", pass, f, again ? "again" : "first");
                assert_close(out, expected, picture, strcmp(devices[_i], "reference") == 0 ? 1e-5 : 5e-5);
            }
        }
        udm_tiling_clear(tiles);
    }
    free(x);
    free(frame.data), free(level.data), free(want.data);
    udm_tiling_free(tiles);
    golden_close(&golden);
}
END_TEST

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

static sized sized_new(const udm_network *network, int width, int height)
{
    size_t pixels = (size_t)width * height, context = pixels * network->context;
    sized of = { .width = width, .height = height, .outputs = pixels * udm_network_outputs(network) };
    of.frame = calloc(pixels * network->channels + pixels + context + of.outputs, sizeof(float));
    ck_assert_ptr_nonnull(of.frame);
    of.level = of.frame + pixels * network->channels, of.context = of.level + pixels;
    of.out = of.context + context;
    fill(of.frame, pixels * network->channels, 2);
    fill(of.context, context, 2);
    for (size_t i = 0; i < pixels; i++)
        of.level[i] = 0.2f + 0.1f * (float)(i % 7) / 7;
    return of;
}

static int run_sized(const golden_network *golden, sized *of, size_t limit, int frames)
{
    udm_error error = { 0 };
    udm_tiling *tiles = udm_tiling_new(golden->network, NULL, of->width, of->height, 1, limit, &error);
    ck_assert_msg(tiles, "%dx%d: %s", of->width, of->height, error.message);
    udm_network_input seen = { .frame = of->frame, .level = of->level, .context = of->context };
    for (int f = 0; f < frames; f++)
        assert_ok(udm_tiling_run(tiles, 0, f, &seen, of->out, NULL, &error), &error);
    int count = udm_tiling_count(tiles);
    udm_tiling_free(tiles);
    return count;
}

static const struct {
    const char *model;
    int frames;
} tiled[] = {
    { "tiny-denoise", 1 }, { "tiny-interp", 1 }, { "tiny-temporal", 4 }, // whose tiles carry their own state
};

START_TEST(tiles_equal_the_whole_frame)
{
    const int frames = tiled[_i].frames;
    test_case("%s", tiled[_i].model);
    golden_network golden = golden_open(tiled[_i].model, "cpu", 1);
    const int side = 6 * golden.network->reach + 5;
    sized whole = sized_new(golden.network, side, side - 9), cut = sized_new(golden.network, side, side - 9);
    ck_assert_int_eq(run_sized(&golden, &whole, SIZE_MAX, frames), 1);
    ck_assert_int_gt(run_sized(&golden, &cut, 1, frames), 4);
    assert_close(cut.out, whole.out, whole.outputs, 1e-4);
    free(whole.frame);
    free(cut.frame);
    golden_close(&golden);
}
END_TEST

START_TEST(threads_do_not_change_a_bit)
{
    sized first = { 0 };
    for (int threads = 1; threads <= 4; threads *= 2) {
        golden_network golden = golden_open("tiny-temporal", "cpu", threads);
        sized other = sized_new(golden.network, 101, 67);
        test_at("%d threads", threads);
        run_sized(&golden, &other, SIZE_MAX, 3);
        if (threads == 1) {
            first = other;
        } else {
            assert_same(other.out, first.out, first.outputs);
            free(other.frame);
        }
        golden_close(&golden);
    }
    free(first.frame);
}
END_TEST

static const int sizes[][2] = { { 1, 1 }, { 2, 3 }, { 1, 40 }, { 17, 33 }, { 63, 5 } };

START_TEST(any_size_works)
{
    test_case("%dx%d", sizes[_i][0], sizes[_i][1]);
    golden_network golden = golden_open("tiny-denoise", "cpu", 1);
    sized of = sized_new(golden.network, sizes[_i][0], sizes[_i][1]);
    run_sized(&golden, &of, SIZE_MAX, 1);
    for (size_t k = 0; k < of.outputs; k++)
        ck_assert_msg(isfinite(of.out[k]), "[%zu] is %g", k, of.out[k]);
    free(of.frame);
    golden_close(&golden);
}
END_TEST

// A pixel that changes is felt up to `reach` away and no farther.
START_TEST(reach_is_as_far_as_it_says)
{
    golden_network golden = golden_open("tiny-denoise", "reference", 1);
    const int reach = golden.network->reach, side = 4 * reach;
    sized a = sized_new(golden.network, side, 8), b = sized_new(golden.network, side, 8);
    const int centre = side / 2;
    for (int y = 0; y < 8; y++)
        b.frame[y * side + centre] += 1;
    run_sized(&golden, &a, SIZE_MAX, 1);
    run_sized(&golden, &b, SIZE_MAX, 1);
    int felt = 0;
    for (size_t i = 0; i < a.outputs; i++)
        if (a.out[i] != b.out[i] && abs((int)(i % side) - centre) > felt)
            felt = abs((int)(i % side) - centre);
    ck_assert_int_le(felt, reach);
    ck_assert_int_gt(felt, reach / 2); // nor is it stated much too large
    free(a.frame);
    free(b.frame);
    golden_close(&golden);
}
END_TEST

// A room serves several, in turn: what one leaves there says nothing to another.
START_TEST(a_shared_room_changes_nothing)
{
    golden_network golden = golden_open("tiny-denoise", "cpu", 1);
    sized small = sized_new(golden.network, 40, 24), large = sized_new(golden.network, 64, 48);
    run_sized(&golden, &small, SIZE_MAX, 1);
    float *alone = malloc(small.outputs * sizeof *alone);
    memcpy(alone, small.out, small.outputs * sizeof *alone);
    udm_workspace *workspace = udm_workspace_new(golden.device, NULL);
    udm_tiling *a = udm_tiling_new(golden.network, workspace, 40, 24, 1, SIZE_MAX, NULL);
    const size_t before = udm_workspace_memory(workspace);
    udm_tiling *b = udm_tiling_new(golden.network, workspace, 64, 48, 1, SIZE_MAX, NULL);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_gt(before, 0);
    ck_assert_uint_gt(udm_workspace_memory(workspace), before);
    ck_assert_uint_eq(udm_tiling_memory(a), 0);
    ck_assert_uint_eq(udm_tiling_memory(b), 0);
    const udm_network_input seen = { .frame = small.frame, .level = small.level };
    const udm_network_input other = {
        .frame = large.frame, .level = large.level, .predicted = large.frame, .predicted_level = large.level
    };
    for (int pass = 0; pass < 3; pass++) {
        ck_assert(udm_tiling_run(a, 0, 0, &seen, small.out, NULL, NULL));
        assert_same(small.out, alone, small.outputs);
        ck_assert(udm_tiling_run(b, 0, 0, &other, large.out, NULL, NULL));
    }
    udm_tiling_free(a);
    udm_tiling_free(b);
    udm_workspace_free(workspace);
    free(alone);
    free(small.frame);
    free(large.frame);
    golden_close(&golden);
}
END_TEST

START_TEST(sizes_that_do_not_fit_are_an_error)
{
    golden_network golden = golden_open("tiny-denoise", "reference", 1);
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_tiling_new(golden.network, NULL, 2000000000, 2000000000, 1, SIZE_MAX, &error));
    assert_error(&error, UDM_ERROR_MEMORY, "");
    golden_close(&golden);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = frames_equal_pytorch, .cases = COUNT_OF(devices) * CASES },
        { .test = stream_equals_the_whole_clip, .cases = COUNT_OF(devices) },
        { .test = tiles_equal_the_whole_frame, .cases = COUNT_OF(tiled) },
        { .test = threads_do_not_change_a_bit },
        { .test = any_size_works, .cases = COUNT_OF(sizes) },
        { .test = reach_is_as_far_as_it_says },
        { .test = a_shared_room_changes_nothing },
        { .test = sizes_that_do_not_fit_are_an_error },
    };
    return test_main("network", tests, COUNT_OF(tests));
}
