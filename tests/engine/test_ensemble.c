// SPDX-License-Identifier: LGPL-2.1-or-later
// The self-ensemble: what it is the mean of, and that all eight views together know no left, no top and no columns.
#include "golden.h"
#include "runner/ensemble.h"

enum { WIDTH = 22, HEIGHT = 12, PIXELS = WIDTH * HEIGHT, MOST_PLANES = 16, FRAMES = 3 };

// What a network sees, of either shape.
typedef struct scene {
    int width, height;
    float frame[FRAMES][3 * PIXELS], level[PIXELS], predicted[3 * PIXELS], predicted_level[PIXELS];
    float context[MOST_PLANES * PIXELS];
} scene;

static void fill(float *x, size_t count, float low, float high)
{
    static uint32_t state = 12345;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        x[i] = low + (high - low) * (float)(state >> 8) / (1 << 24);
    }
}

static void draw(scene *scene)
{
    scene->width = WIDTH, scene->height = HEIGHT;
    for (int f = 0; f < FRAMES; f++)
        fill(scene->frame[f], 3 * PIXELS, -1, 1);
    fill(scene->level, PIXELS, 0.2f, 0.4f);
    fill(scene->predicted, 3 * PIXELS, -1, 1);
    fill(scene->predicted_level, PIXELS, 0.1f, 0.3f);
    fill(scene->context, MOST_PLANES * PIXELS, -1, 1);
}

// Mirrors from left to right, or makes rows of columns.
static void turn_planes(bool columns, int width, int height, int planes, const float *from, float *to)
{
    for (int c = 0; c < planes; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                to[c * PIXELS + (columns ? x * height + y : y * width + width - 1 - x)] =
                    from[c * PIXELS + y * width + x];
}

static void turn(bool columns, const scene *from, scene *to)
{
    const int w = from->width, h = from->height;
    to->width = columns ? h : w, to->height = columns ? w : h;
    for (int f = 0; f < FRAMES; f++)
        turn_planes(columns, w, h, 3, from->frame[f], to->frame[f]);
    turn_planes(columns, w, h, 1, from->level, to->level);
    turn_planes(columns, w, h, 3, from->predicted, to->predicted);
    turn_planes(columns, w, h, 1, from->predicted_level, to->predicted_level);
    turn_planes(columns, w, h, MOST_PLANES, from->context, to->context);
}

static udm_network_input seen_of(const scene *scene, int f, bool uses_prediction)
{
    udm_network_input seen = { .frame = scene->frame[f], .level = scene->level, .context = scene->context };
    if (uses_prediction)
        seen.predicted = scene->predicted, seen.predicted_level = scene->predicted_level;
    return seen;
}

// The last of the frames, of the second of two stages, into out.
static void run(const udm_network *network, const scene *scene, int views, bool uses_prediction, float *out)
{
    udm_ensemble *ensemble =
        udm_ensemble_new(network, NULL, scene->width, scene->height, 2, views, (size_t)1 << 30, NULL);
    ck_assert_ptr_nonnull(ensemble);
    for (int f = 0; f < FRAMES; f++)
        for (int stage = 0; stage < 2; stage++) {
            const udm_network_input seen = seen_of(scene, stage ? f : FRAMES - 1 - f, uses_prediction);
            ck_assert(udm_ensemble_run(ensemble, stage, f, &seen, out, NULL, NULL));
        }
    udm_ensemble_free(ensemble);
}

static float out[MOST_PLANES * PIXELS], other[MOST_PLANES * PIXELS], back[MOST_PLANES * PIXELS];
static scene upright, turned;

static double difference_when_turned(const udm_network *network, bool columns, int views, bool uses_prediction)
{
    const int planes = udm_network_outputs(network);
    turn(columns, &upright, &turned);
    run(network, &upright, views, uses_prediction, out);
    run(network, &turned, views, uses_prediction, other);
    turn_planes(columns, turned.width, turned.height, planes, other, back);
    return relative_difference(back, out, (size_t)planes * PIXELS);
}

static const struct {
    const char *model;
    bool uses_prediction;
} directed[] = {
    { "tiny-denoise", false },
    { "tiny-denoise", true },
    { "tiny-temporal", false }, // whose views have states
    { "tiny-interp", true },    // which is shown more
};

START_TEST(eight_views_know_no_direction)
{
    const bool uses_prediction = directed[_i].uses_prediction;
    test_case("%s%s", directed[_i].model, uses_prediction ? " with a guess" : "");
    golden_network golden = golden_open(directed[_i].model, "cpu", 1);
    ck_assert_int_le(golden.network->context, MOST_PLANES);
    ck_assert_int_le(udm_network_outputs(golden.network), MOST_PLANES);
    draw(&upright);
    for (int columns = 0; columns < 2; columns++) {
        test_at("%s", columns ? "rows for columns" : "left for right");
        ck_assert_double_gt(difference_when_turned(golden.network, columns, 1, uses_prediction), 1e-3);
        ck_assert_double_le(difference_when_turned(golden.network, columns, 8, uses_prediction), 1e-5);
    }
    golden_close(&golden);
}
END_TEST

START_TEST(one_view_is_the_network)
{
    golden_network golden = golden_open("tiny-temporal", "cpu", 1);
    draw(&upright);
    run(golden.network, &upright, 1, false, out);
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, WIDTH, HEIGHT, 1, SIZE_MAX, NULL);
    ck_assert_ptr_nonnull(tiles);
    for (int f = 0; f < FRAMES; f++) {
        const udm_network_input seen = seen_of(&upright, f, false);
        ck_assert(udm_tiling_run(tiles, 0, f, &seen, other, NULL, NULL));
    }
    assert_same(out, other, 3 * PIXELS);
    udm_tiling_free(tiles);
    golden_close(&golden);
}
END_TEST

START_TEST(two_views_are_the_mean_of_both)
{
    static scene mirrored;
    golden_network golden = golden_open("tiny-temporal", "cpu", 1);
    draw(&upright);
    run(golden.network, &upright, 2, false, out);
    turn(false, &upright, &mirrored);
    turn(true, &mirrored, &turned);
    run(golden.network, &turned, 1, false, other);
    turn_planes(true, HEIGHT, WIDTH, 3, other, back);
    turn_planes(false, WIDTH, HEIGHT, 3, back, other);
    run(golden.network, &upright, 1, false, back);
    for (int i = 0; i < 3 * PIXELS; i++)
        back[i] = (back[i] + other[i]) / 2;
    assert_close(out, back, 3 * PIXELS, 1e-5);
    golden_close(&golden);
}
END_TEST

START_TEST(views_can_be_cancelled_and_run_again)
{
    golden_network golden = golden_open("tiny-denoise", "cpu", 1);
    draw(&upright);
    udm_error error = { 0 };
    const udm_network_input seen = seen_of(&upright, 0, false);
    atomic_bool cancel = true;
    udm_ensemble *ensemble = udm_ensemble_new(golden.network, NULL, WIDTH, HEIGHT, 1, 3, SIZE_MAX, &error);
    ck_assert_ptr_nonnull(ensemble);
    ck_assert_int_eq(udm_ensemble_tiles(ensemble), 1);
    ck_assert_uint_gt(udm_ensemble_memory(ensemble), 0);
    ck_assert(!udm_ensemble_run(ensemble, 0, 0, &seen, out, &cancel, &error));
    assert_error(&error, UDM_ERROR_CANCELLED, "");
    ck_assert(udm_ensemble_run(ensemble, 0, 0, &seen, out, NULL, NULL));
    ck_assert(udm_ensemble_run(ensemble, 0, 0, &seen, other, NULL, NULL));
    assert_same(out, other, 3 * PIXELS);
    udm_ensemble_free(ensemble);
    golden_close(&golden);
}
END_TEST

// A device that is waited for once in each view: when that has come so often it fails, or whoever waits cancels.
static struct {
    const udm_ops *real;
    int left;
    bool fails;
    atomic_bool cancel;
} breaking;

static bool break_now(udm_device *device, udm_error *error)
{
    const bool good = breaking.real->finish(device, error), now = --breaking.left == 0;
    if (now && breaking.fails)
        return udm_fail(error, UDM_ERROR_DEVICE, "it broke");
    atomic_store(&breaking.cancel, now || atomic_load(&breaking.cancel));
    return good;
}

// Whichever view is at work: no mean of some of them is taken for that of all.
START_TEST(what_ends_one_view_ends_all)
{
    enum { VIEWS = 4 };
    static const char *const ends[] = { "a cancel", "a fault" };
    golden_network golden = golden_open("tiny-denoise", "cpu", 1);
    udm_device *device = golden.network->device;
    udm_error error = { 0 };
    draw(&upright);
    const udm_network_input seen = seen_of(&upright, 0, false);
    udm_ensemble *ensemble = udm_ensemble_new(golden.network, NULL, WIDTH, HEIGHT, 1, VIEWS, SIZE_MAX, &error);
    ck_assert_ptr_nonnull(ensemble);
    test_case("%s", ends[_i]);
    breaking.real = device->ops;
    udm_ops ops = *device->ops;
    ops.finish = break_now;
    device->ops = &ops;
    breaking.fails = _i;
    for (int view = 1; view <= VIEWS; view++) {
        test_at("view %d", view);
        breaking.left = view;
        atomic_store(&breaking.cancel, false);
        const bool good = udm_ensemble_run(ensemble, 0, 0, &seen, out, &breaking.cancel, &error);
        ck_assert_int_eq(breaking.left, 0);                       // the next one did not begin
        ck_assert_int_eq(good, !breaking.fails && view == VIEWS); // when it was cancelled all was there
        if (!good)
            assert_error(&error, breaking.fails ? UDM_ERROR_DEVICE : UDM_ERROR_CANCELLED, "");
    }
    device->ops = breaking.real;
    udm_ensemble_free(ensemble);
    golden_close(&golden);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = eight_views_know_no_direction, .cases = COUNT_OF(directed) },
        { .test = one_view_is_the_network },
        { .test = two_views_are_the_mean_of_both },
        { .test = views_can_be_cancelled_and_run_again },
        { .test = what_ends_one_view_ends_all, .cases = 2 },
    };
    return test_main("ensemble", tests, COUNT_OF(tests));
}
