// SPDX-License-Identifier: LGPL-2.1-or-later
// Motion between pictures that were moved by a known motion; every set of operations against `reference`.
#include "flow/optical_flow.h"

#include <stdint.h>

#include "base/random.h"
#include "compare.h"
#include "lists.h"
#include "moved.h"
#include "flow/with_ops.h"

static float *estimate_in(float noise, const udm_flow_ops *ops, int threads, picture from, picture to)
{
    udm_pool *pool = udm_pool_new(threads, NULL);
    udm_flow *motion = udm_flow_new_with(ops, from.width, from.height, pool, NULL);
    float *flow = malloc(sizeof(float) * 2 * (size_t)from.width * (size_t)from.height);
    ck_assert_ptr_nonnull(motion);
    ck_assert_ptr_nonnull(flow);
    udm_flow_estimate(motion, from.luma, to.luma, noise, flow);
    udm_flow_free(motion);
    udm_pool_free(pool);
    return flow;
}

static float *estimate(const udm_flow_ops *ops, int threads, picture from, picture to)
{
    return estimate_in(0, ops, threads, from, to);
}

// The mean distance to the true motion, `border` pixels from the border on. from shows the pose, `to` is at rest.
static double mean_error(const float *flow, picture of, pose seen, int border)
{
    double sum = 0;
    int count = 0, plane = of.width * of.height;
    for (int i = 0; i < plane; i++) {
        int column = i % of.width, row = i / of.width;
        if (column < border || row < border || column >= of.width - border || row >= of.height - border)
            continue;
        float x = (float)column, y = (float)row;
        move(seen, 0.5f * (float)(of.width - 1), 0.5f * (float)(of.height - 1), &x, &y);
        sum += hypot((float)column + flow[i] - x, (float)row + flow[plane + i] - y);
        count++;
    }
    return sum / count;
}

// NULL if this machine has not got it.
static const udm_flow_ops *find_ops(const char *name)
{
    for (const udm_flow_ops *const *ops = udm_flow_ops_list(); *ops; ops++)
        if (strcmp((*ops)->name, name) == 0)
            return *ops;
    test_skip("this processor has no %s", name);
    return NULL;
}

enum { SETS = COUNT_OF(instruction_sets) };

static const struct {
    pose seen;
    double most; // of the mean error
} poses[] = {
    { { .zoom = 1 }, 1e-3 },
    { { .x = 1, .zoom = 1 }, 0.05 },
    { { .x = -3, .y = 2, .zoom = 1 }, 0.05 },
    { { .x = 9, .y = -7, .zoom = 1 }, 0.05 },
    { { .x = 0.5f, .y = 0.25f, .zoom = 1 }, 0.05 },
    { { .x = -2.3f, .y = 1.7f, .zoom = 1 }, 0.05 },
    { { .zoom = 1, .angle = 0.05f }, 0.1 },
    { { .zoom = 1.06f }, 0.1 },
    { { .x = 2, .y = 1, .zoom = 0.95f, .angle = -0.04f }, 0.1 },
};

START_TEST(motion_of_the_whole_picture)
{
    const char *set = instruction_sets[_i % SETS];
    const pose seen = poses[_i / SETS].seen;
    test_case("%s, (%g, %g) zoom %g angle %g", set, seen.x, seen.y, seen.zoom, seen.angle);
    const udm_flow_ops *ops = find_ops(set);
    if (!ops)
        return;
    picture from = picture_new(121, 90, seen), to = picture_new(121, 90, at_rest);
    float *flow = estimate(ops, 2, from, to);
    ck_assert_double_le(mean_error(flow, from, seen, 16), poses[_i / SETS].most);
    free(flow);
    free(from.luma);
    free(to.luma);
}
END_TEST

START_TEST(brightness_may_change)
{
    picture from = picture_new(121, 90, (pose){ .x = 2.5f, .zoom = 1 }), to = picture_new(121, 90, at_rest);
    for (int i = 0; i < 121 * 90; i++)
        to.luma[i] = 0.8f * to.luma[i] + 0.05f;
    float *flow = estimate(udm_flow_ops_list()[0], 2, from, to);
    ck_assert_double_le(mean_error(flow, from, (pose){ .x = 2.5f, .zoom = 1 }, 16), 0.3);
    free(flow);
    free(from.luma);
    free(to.luma);
}
END_TEST

// A block moves by 4 over a background at rest: each keeps its own motion.
START_TEST(two_motions)
{
    picture from = picture_new(128, 96, at_rest), to = picture_new(128, 96, at_rest);
    for (int y = 24; y < 72; y++) {
        for (int x = 32; x < 80; x++) {
            from.luma[y * 128 + x] = texture((float)y * 1.3f + 200, (float)x);
            to.luma[y * 128 + x + 4] = texture((float)y * 1.3f + 200, (float)x);
        }
    }
    float *flow = estimate(udm_flow_ops_list()[0], 2, from, to);
    ck_assert_double_eq_tol(flow[48 * 128 + 56], 4, 0.1);
    ck_assert_double_eq_tol(flow[128 * 96 + 48 * 128 + 56], 0, 0.1);
    ck_assert_double_eq_tol(flow[12 * 128 + 112], 0, 0.05);
    ck_assert_double_eq_tol(flow[84 * 128 + 12], 0, 0.05);
    free(flow);
    free(from.luma);
    free(to.luma);
}
END_TEST

START_TEST(flat_pictures_do_not_move)
{
    static const float rest[2 * 50 * 37];
    picture flat = picture_new(50, 37, at_rest);
    for (int i = 0; i < 50 * 37; i++)
        flat.luma[i] = 0.25f;
    for (const udm_flow_ops *const *ops = udm_flow_ops_list(); *ops; ops++) {
        float *flow = estimate(*ops, 1, flat, flat);
        test_at("%s", (*ops)->name);
        assert_within(flow, rest, 2 * 50 * 37, 0);
        free(flow);
    }
    free(flat.luma);
}
END_TEST

// What is left of noise moves at random: told of it, motion follows it less, and goes on following the texture.
START_TEST(noise_is_not_followed)
{
    const udm_flow_ops *ops = udm_flow_ops_list()[0];
    for (int moving = 0; moving < 2; moving++) {
        const pose seen = { .x = moving ? 2.5f : 0, .zoom = 1 };
        picture from = picture_new(96, 80, seen), to = picture_new(96, 80, at_rest);
        float *noise = malloc(2 * 96 * 80 * sizeof *noise);
        udm_normal(3, 0, 0, 0, 2 * 96 * 80, noise);
        for (int i = 0; i < 96 * 80; i++) {
            from.luma[i] = 0.3f * from.luma[i] + 0.05f * noise[i];
            to.luma[i] = 0.3f * to.luma[i] + 0.05f * noise[96 * 80 + i];
        }
        float *careless = estimate(ops, 2, from, to), *careful = estimate_in(0.1f, ops, 2, from, to);
        double before = mean_error(careless, from, seen, 8), after = mean_error(careful, from, seen, 8);
        test_at("%s", moving ? "moving" : "still");
        ck_assert_double_lt(after, 0.8 * before);
        free(careless);
        free(careful);
        free(noise);
        free(from.luma);
        free(to.luma);
    }
}
END_TEST

enum { WIDTH = 256, HEIGHT = 96 };

// Between two pictures, the first with its columns from `first` on moved by 2.5 pixels, and what noise leaves on both.
static float *estimate_noisy(int first, float noise)
{
    picture still = picture_new(WIDTH, HEIGHT, at_rest), moved = picture_new(WIDTH, HEIGHT, (pose){ 2.5f, 0, 1, 0 });
    picture to = picture_new(WIDTH, HEIGHT, at_rest);
    float *random = malloc(2 * WIDTH * HEIGHT * sizeof *random);
    udm_normal(5, 0, 0, 0, 2 * WIDTH * HEIGHT, random);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        const float seen = i % WIDTH < first ? still.luma[i] : moved.luma[i];
        still.luma[i] = 0.5f * seen + 0.03f * random[i];
        to.luma[i] = 0.5f * to.luma[i] + 0.03f * random[WIDTH * HEIGHT + i];
    }
    float *flow = estimate_in(noise, udm_flow_ops_list()[0], 2, still, to);
    free(random);
    free(still.luma);
    free(moved.luma);
    free(to.luma);
    return flow;
}

static double share_still(const float *flow, int left, int right)
{
    int still = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = left; x < right; x++)
            still += flow[y * WIDTH + x] == 0 && flow[(HEIGHT + y) * WIDTH + x] == 0;
    return still / ((double)HEIGHT * (right - left));
}

// Of pictures that had noise, what does not move has a motion of exactly 0, and what moves, and is near it, has not.
START_TEST(rest)
{
    float *still = estimate_noisy(256, 0.02f), *moves = estimate_noisy(0, 0.02f), *half = estimate_noisy(128, 0.02f);
    float *without_noise = estimate_noisy(256, 0);
    ck_assert_double_eq(share_still(still, 0, 256), 1);
    ck_assert_double_eq(share_still(moves, 0, 256), 0);
    ck_assert_double_eq(share_still(half, 0, 64), 1);
    ck_assert_double_eq(share_still(half, 128, 256), 0);
    ck_assert_double_lt(share_still(without_noise, 0, 256), 0.1);
    free(still);
    free(moves);
    free(half);
    free(without_noise);
}
END_TEST

// A camera's motion over a picture with noise is found as if there was none; what moves by itself keeps its own motion.
START_TEST(camera)
{
    enum { X = 96, Y = 16, SIDE = 64 };
    const pose seen = { .x = 1.3f, .y = -0.6f, .zoom = 1.004f, .angle = 0.003f };
    for (int moving = 0; moving < 2; moving++) {
        picture from = picture_new(WIDTH, HEIGHT, seen), to = picture_new(WIDTH, HEIGHT, at_rest);
        float *random = malloc(2 * WIDTH * HEIGHT * sizeof *random);
        udm_normal(7, 0, 0, 0, 2 * WIDTH * HEIGHT, random);
        for (int y = 0; moving && y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                const float thing = texture(1.3f * (float)y + 200, (float)x);
                from.luma[(Y + y) * WIDTH + X + x] = thing;
                to.luma[(Y + y) * WIDTH + X + x - 5] = thing;
            }
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            from.luma[i] = 0.5f * from.luma[i] + 0.03f * random[i];
            to.luma[i] = 0.5f * to.luma[i] + 0.03f * random[WIDTH * HEIGHT + i];
        }
        float *flow = estimate_in(0.02f, udm_flow_ops_list()[0], 2, from, to);
        test_at("%s", moving ? "a thing moves by itself" : "the camera alone");
        if (moving)
            ck_assert_double_eq_tol(flow[(Y + SIDE / 2) * WIDTH + X + SIDE / 2], -5, 0.3);
        else
            ck_assert_double_le(mean_error(flow, from, seen, 16), 0.02);
        free(flow);
        free(random);
        free(from.luma);
        free(to.luma);
    }
}
END_TEST

static const int sizes[][2] = { { 1, 1 },   { 1, 9 },   { 2, 3 },   { 7, 5 },   { 8, 8 },   { 9, 1 },
                                { 13, 31 }, { 33, 17 }, { 300, 1 }, { 1, 300 }, { 41, 21 }, { 260, 23 } };

START_TEST(every_size)
{
    const int width = sizes[_i][0], height = sizes[_i][1];
    test_case("%dx%d", width, height);
    for (const udm_flow_ops *const *ops = udm_flow_ops_list(); *ops; ops++) {
        picture from = picture_new(width, height, (pose){ .x = 1, .zoom = 1 });
        picture to = picture_new(width, height, at_rest);
        float *flow = estimate_in(0.1f * (float)(_i % 2), *ops, 2, from, to);
        for (int k = 0; k < 2 * width * height; k++)
            ck_assert_msg(fabsf(flow[k]) < 400, "%s: [%d] is %g", (*ops)->name, k, flow[k]);
        free(flow);
        free(from.luma);
        free(to.luma);
    }
}
END_TEST

START_TEST(threads_change_nothing)
{
    test_case("%s", instruction_sets[_i]);
    const udm_flow_ops *ops = find_ops(instruction_sets[_i]);
    if (!ops)
        return;
    pose seen = { .x = 2.2f, .y = -1, .zoom = 1.02f, .angle = 0.02f };
    picture from = picture_new(203, 155, seen), to = picture_new(203, 155, at_rest);
    float *one = estimate(ops, 1, from, to);
    for (int threads = 2; threads <= 5; threads++) {
        float *many = estimate(ops, threads, from, to);
        test_at("%d threads", threads);
        assert_same(many, one, 2 * 203 * 155);
        free(many);
    }
    free(one);
    free(from.luma);
    free(to.luma);
}
END_TEST

// What was estimated before leaves nothing behind.
START_TEST(pairs_are_independent)
{
    picture a = picture_new(90, 70, (pose){ .x = 3, .zoom = 1 }), b = picture_new(90, 70, at_rest);
    size_t floats = 2 * 90 * 70;
    float *first = malloc(floats * sizeof(float)), *again = malloc(floats * sizeof(float));
    udm_pool *pool = udm_pool_new(2, NULL);
    udm_flow *motion = udm_flow_new(90, 70, pool, NULL);
    ck_assert_ptr_nonnull(motion);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(again);
    udm_flow_estimate(motion, a.luma, b.luma, 0, first);
    udm_flow_estimate(motion, b.luma, a.luma, 0, again);
    udm_flow_estimate(motion, a.luma, b.luma, 0, again);
    assert_same(again, first, floats);
    udm_flow_free(motion);
    udm_pool_free(pool);
    free(first);
    free(again);
    free(a.luma);
    free(b.luma);
}
END_TEST

// Rounding may decide whether a patch goes on searching, so a few pixels may differ; and, where there is noise, which
// blocks have a say in how the camera moves.
static const struct {
    int width, height;
    float noise, tolerance;
} beside_reference[] = { { 75, 53, 0, 0.01f }, { 64, 48, 0.1f, 0.05f }, { 19, 33, 0, 0.01f }, { 6, 40, 0.1f, 0.05f } };

START_TEST(as_reference)
{
    const char *set = instruction_sets[_i % SETS];
    const int width = beside_reference[_i / SETS].width, height = beside_reference[_i / SETS].height;
    const float noise = beside_reference[_i / SETS].noise;
    test_case("%s, %dx%d", set, width, height);
    const udm_flow_ops *ops = find_ops(set), *reference = find_ops("reference");
    if (!ops)
        return;
    picture from = picture_new(width, height, (pose){ .x = 1.4f, .y = -0.7f, .zoom = 1.03f });
    picture to = picture_new(width, height, at_rest);
    float *want = estimate_in(noise, reference, 1, from, to), *got = estimate_in(noise, ops, 2, from, to);
    const int count = 2 * width * height;
    ck_assert_double_le(share_apart(got, want, count, beside_reference[_i / SETS].tolerance), 0.02);
    free(got);
    free(want);
    free(from.luma);
    free(to.luma);
}
END_TEST

// A network that went wrong may hand on anything; it must not be read as an address.
START_TEST(not_a_number)
{
    picture from = picture_new(60, 45, at_rest), to = picture_new(60, 45, at_rest);
    for (int i = 0; i < 60 * 45; i += 7)
        to.luma[i] = i % 2 ? NAN : INFINITY;
    for (const udm_flow_ops *const *ops = udm_flow_ops_list(); *ops; ops++) {
        float *flow = estimate_in(0.1f, *ops, 2, from, to);
        free(flow);
    }
    free(from.luma);
    free(to.luma);
}
END_TEST

START_TEST(wrong_sizes)
{
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_flow_new(0, 10, pool, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    ck_assert_ptr_null(udm_flow_new(1 << 30, 1 << 30, pool, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    udm_flow_free(NULL);
    udm_pool_free(pool);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = motion_of_the_whole_picture, .cases = COUNT_OF(poses) * SETS },
        { .test = brightness_may_change },
        { .test = two_motions },
        { .test = flat_pictures_do_not_move },
        { .test = noise_is_not_followed },
        { .test = rest },
        { .test = camera },
        { .test = every_size, .cases = COUNT_OF(sizes) },
        { .test = threads_change_nothing, .cases = SETS },
        { .test = pairs_are_independent },
        { .test = as_reference, .cases = COUNT_OF(beside_reference) * SETS },
        { .test = not_a_number },
        { .test = wrong_sizes },
    };
    return test_main("motion", tests, COUNT_OF(tests));
}
