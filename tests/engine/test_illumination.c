// SPDX-License-Identifier: LGPL-2.1-or-later
// The brightness of a prediction beside that of a frame, where both are known.
#include "temporal/illumination.h"

#include "base/random.h"
#include "check.h"

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
    REQUIRE(illumination);
    CHECK(udm_illumination_memory(illumination) >= CHANNELS * 5 * 4 * sizeof(float));
    memcpy(s->before, s->predicted, sizeof s->before);
    udm_illumination_match(illumination, &(udm_illumination_input){ s->frame, s->level, s->variance, UNKNOWN },
                           s->predicted);
    udm_illumination_free(illumination);
    udm_pool_free(pool);
}

// The largest change of the prediction.
static double most_change(const scene *s)
{
    double most = 0;
    for (int i = 0; i < CHANNELS * PLANE; i++)
        most = fmax(most, fabs(s->predicted[i] - s->before[i]));
    return most;
}

// What is left, at most, of what was taken from the second channel.
static double most_left(const scene *s, const float *taken)
{
    double most = 0;
    for (int i = 0; i < PLANE; i++)
        most = fmax(most, fabs(s->predicted[PLANE + i] - s->before[PLANE + i] - taken[i]));
    return most;
}

TEST(light_that_changed_is_put_right)
{
    static float taken[PLANE];
    scene *s = new_scene();
    for (int i = 0; i < PLANE; i++) { // the right side is darker
        taken[i] = 0.15f * (float)(i % WIDTH) / WIDTH;
        s->predicted[PLANE + i] -= taken[i];
    }
    match(s, 2);
    CHECK_CLOSE(most_left(s, taken), 0, 0.04); // the last half of a block at either end is as its middle
    CHECK(most_change(s) > 0.12);
    free(s);
}

TEST(noise_is_not_light)
{
    scene *s = new_scene();
    match(s, 2);
    CHECK(most_change(s) < 0.25 * SIGMA);
    double sum = 0;
    for (int i = 0; i < CHANNELS * PLANE; i++)
        sum += (s->predicted[i] - s->before[i]) * (s->predicted[i] - s->before[i]);
    CHECK(sqrt(sum / (CHANNELS * PLANE)) < 0.02 * SIGMA);
    free(s);
}

TEST(what_came_before_the_picture_does_not_darken_it)
{
    scene *s = new_scene();
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 20; y < 40; y++)
            for (int x = 40; x < 60; x++)
                s->frame[c * PLANE + y * WIDTH + x] -= 0.8f;
    match(s, 2);
    CHECK(most_change(s) < 0.25 * SIGMA);
    free(s);
}

TEST(what_is_not_known_is_left_alone)
{
    scene *s = new_scene();
    for (int i = 0; i < PLANE; i++)
        s->variance[i] = i % WIDTH < 40 ? UNKNOWN : s->variance[i];
    for (int i = 0; i < CHANNELS * PLANE; i++)
        s->predicted[i] = i % WIDTH < 40 ? 77 : s->predicted[i] - 0.1f;
    match(s, 2);
    double unknown = 0, known = 0;
    for (int i = 0; i < CHANNELS * PLANE; i++) {
        const double change = s->predicted[i] - s->before[i];
        if (i % WIDTH < 40)
            unknown = fmax(unknown, fabs(change));
        else if (i % WIDTH >= 48) // the middle of the first block of which something is known
            known = fmax(known, fabs(change - 0.1));
    }
    CHECK_CLOSE(unknown, 0, 0);
    CHECK_CLOSE(known, 0, 0.3 * SIGMA);
    free(s);
}

TEST(a_frame_that_says_nothing_changes_nothing)
{
    scene *s = new_scene();
    for (int i = 0; i < PLANE; i++)
        s->level[i] = 1;
    match(s, 1);
    CHECK(most_change(s) == 0);
    free(s);
}

TEST(threads_change_nothing)
{
    scene *one = new_scene(), *three = new_scene();
    for (int i = 0; i < CHANNELS * PLANE; i++)
        three->predicted[i] = one->predicted[i] -= 0.05f;
    match(one, 1);
    match(three, 3);
    CHECK(memcmp(one->predicted, three->predicted, sizeof one->predicted) == 0);
    free(one);
    free(three);
}

TEST(sizes_that_nobody_has)
{
    udm_error error = { 0 };
    CHECK(!udm_illumination_new(0, 1, 1, NULL, &error) && error.code == UDM_ERROR_SETTINGS);
    CHECK(!udm_illumination_new(1, 1, 5, NULL, &error) && error.code == UDM_ERROR_SETTINGS);
}

CHECK_MAIN()
