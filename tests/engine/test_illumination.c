// SPDX-License-Identifier: LGPL-2.1-or-later
// The brightness of a prediction beside that of a frame, where both are known.
#include "temporal/illumination.h"

#include "base/random.h"
#include "compare.h"

enum { WIDTH = 150, HEIGHT = 101, PLANE = WIDTH * HEIGHT, CHANNELS = 3 };

#define SIGMA 0.08f // sigma 10
#define UNKNOWN 1e4f

typedef struct scene {
    float frame[CHANNELS * PLANE], predicted[CHANNELS * PLANE], before[CHANNELS * PLANE];
    float level[PLANE], variance[PLANE];
} scene;

// A frame with noise, and a prediction of it that has a third of that.
static scene *new_scene(void)
{
    scene *s = calloc(1, sizeof *s);
    float *noise = calloc(2, sizeof s->frame);
    udm_normal(5, 0, 0, 0, 2 * CHANNELS * PLANE, noise);
    for (int i = 0; i < CHANNELS * PLANE; i++) {
        const float clean = 0.3f * sinf(0.2f * (float)(i % WIDTH)) * cosf(0.15f * (float)(i / WIDTH));
        s->frame[i] = clean + SIGMA * noise[i];
        s->predicted[i] = clean + SIGMA / 3 * noise[CHANNELS * PLANE + i];
    }
    for (int i = 0; i < PLANE; i++) {
        s->level[i] = SIGMA / sqrtf(1 + SIGMA * SIGMA);
        s->variance[i] = SIGMA * SIGMA / 9;
    }
    free(noise);
    return s;
}

static void match(scene *s, int threads)
{
    udm_pool *pool = udm_pool_new(threads, NULL);
    udm_illumination *illumination = udm_illumination_new(WIDTH, HEIGHT, CHANNELS, pool, NULL);
    ck_assert_ptr_nonnull(illumination);
    ck_assert_uint_ge(udm_illumination_memory(illumination), CHANNELS * 5 * 4 * sizeof(float));
    memcpy(s->before, s->predicted, sizeof s->before);
    udm_illumination_match(illumination, &(udm_illumination_input){ s->frame, s->level, s->variance, UNKNOWN, 1 },
                           s->predicted);
    udm_illumination_free(illumination);
    udm_pool_free(pool);
}

// The largest change of the prediction.
static double most_change(const scene *s)
{
    return compare_arrays(COMPARE_VALUES(s->predicted), COMPARE_VALUES(s->before), CHANNELS * PLANE).off;
}

// What was added to the second channel.
static const float *second_change(const scene *s)
{
    static float change[PLANE];
    for (int i = 0; i < PLANE; i++)
        change[i] = s->predicted[PLANE + i] - s->before[PLANE + i];
    return change;
}

START_TEST(light_that_changed_is_put_right)
{
    static float taken[PLANE];
    scene *s = new_scene();
    for (int i = 0; i < PLANE; i++) { // the right side is darker
        taken[i] = 0.15f * (float)(i % WIDTH) / WIDTH;
        s->predicted[PLANE + i] -= taken[i];
    }
    match(s, 2);
    assert_within(second_change(s), taken, PLANE, 0.04); // the last half of a block at either end is as its middle
    ck_assert_double_gt(most_change(s), 0.12);
    free(s);
}
END_TEST

START_TEST(noise_is_not_light)
{
    scene *s = new_scene();
    match(s, 2);
    ck_assert_double_lt(most_change(s), 0.25 * SIGMA);
    double sum = 0;
    for (int i = 0; i < CHANNELS * PLANE; i++)
        sum += (s->predicted[i] - s->before[i]) * (s->predicted[i] - s->before[i]);
    ck_assert_double_lt(sqrt(sum / (CHANNELS * PLANE)), 0.02 * SIGMA);
    free(s);
}
END_TEST

START_TEST(what_came_before_the_picture_does_not_darken_it)
{
    scene *s = new_scene();
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 20; y < 40; y++)
            for (int x = 40; x < 60; x++)
                s->frame[c * PLANE + y * WIDTH + x] -= 0.8f;
    match(s, 2);
    ck_assert_double_lt(most_change(s), 0.25 * SIGMA);
    free(s);
}
END_TEST

START_TEST(what_is_not_known_is_left_alone)
{
    scene *s = new_scene();
    for (int i = 0; i < PLANE; i++)
        s->variance[i] = i % WIDTH < 40 ? UNKNOWN : s->variance[i];
    for (int i = 0; i < CHANNELS * PLANE; i++)
        s->predicted[i] = i % WIDTH < 40 ? 77 : s->predicted[i] - 0.1f;
    match(s, 2);
    static float want[CHANNELS * PLANE];
    for (int i = 0; i < CHANNELS * PLANE; i++)
        want[i] = i % WIDTH < 40 ? 77 : s->before[i] + 0.1f;
    for (int i = 0; i < CHANNELS * PLANE; i += WIDTH) {
        test_at("row %d of all planes", i / WIDTH);
        assert_same(s->predicted + i, want + i, 40);
        // from the middle of the first block of which something is known
        assert_within(s->predicted + i + 48, want + i + 48, WIDTH - 48, 0.3 * SIGMA);
    }
    free(s);
}
END_TEST

START_TEST(a_frame_that_says_nothing_changes_nothing)
{
    scene *s = new_scene();
    for (int i = 0; i < PLANE; i++)
        s->level[i] = 1;
    match(s, 1);
    assert_same(s->predicted, s->before, CHANNELS * PLANE);
    free(s);
}
END_TEST

START_TEST(threads_change_nothing)
{
    scene *one = new_scene(), *three = new_scene();
    for (int i = 0; i < CHANNELS * PLANE; i++)
        three->predicted[i] = one->predicted[i] -= 0.05f;
    match(one, 1);
    match(three, 3);
    assert_same(one->predicted, three->predicted, CHANNELS * PLANE);
    free(one);
    free(three);
}
END_TEST

START_TEST(sizes_that_nobody_has)
{
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_illumination_new(0, 1, 1, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    ck_assert_ptr_null(udm_illumination_new(1, 1, 5, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = light_that_changed_is_put_right },
        { .test = noise_is_not_light },
        { .test = what_came_before_the_picture_does_not_darken_it },
        { .test = what_is_not_known_is_left_alone },
        { .test = a_frame_that_says_nothing_changes_nothing },
        { .test = threads_change_nothing },
        { .test = sizes_that_nobody_has },
    };
    return test_main("brightness", tests, COUNT_OF(tests));
}
