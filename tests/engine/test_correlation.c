// SPDX-License-Identifier: LGPL-2.1-or-later
// What the noise of a frame has in common with that of a prediction of it, where both are known.
#include "temporal/correlation.h"

#include "base/random.h"
#include "compare.h"

enum { WIDTH = 100, HEIGHT = 70, PLANE = WIDTH * HEIGHT, CHANNELS = 3, ALL = CHANNELS * PLANE };

#define SIGMA 0.2f // sigma 25
#define VARIANCE (SIGMA * SIGMA)
#define UNKNOWN 1e4f

typedef struct scene {
    float frame[ALL], beside[ALL], predicted[ALL], noise[2 * ALL];
    float level[PLANE], clean[PLANE], flow[2 * PLANE], variance[PLANE];
} scene;

static float picture(int x, int y)
{
    return 0.3f * sinf(0.2f * (float)x) * cosf(0.15f * (float)y);
}

// A frame with noise and one beside it, which has `same` of this noise and as much of its own as makes it equally
// strong, and shows the picture (u, 0) further.
static scene *new_scene(float same, int u)
{
    scene *s = calloc(1, sizeof *s);
    udm_normal(5, 0, 0, 0, 2 * ALL, s->noise);
    for (int i = 0; i < ALL; i++) {
        const int x = i % WIDTH, y = i / WIDTH % HEIGHT, from = x - u >= 0 && x - u < WIDTH ? i - u : i;
        const float other = same * s->noise[from] + sqrtf(1 - same * same) * s->noise[ALL + i];
        s->frame[i] = picture(x, y) + SIGMA * s->noise[i];
        s->beside[i] = picture(x - u, y) + SIGMA * other;
    }
    for (int i = 0; i < PLANE; i++) {
        s->level[i] = SIGMA / sqrtf(1 + VARIANCE);
        s->clean[i] = picture(i % WIDTH, i / WIDTH);
        s->flow[i] = (float)u;
    }
    return s;
}

// The prediction is the mean of the frame beside, where it was moved from, and of so many others with noise of their
// own.
static void predict(scene *s, int others)
{
    float *noise = malloc(sizeof s->frame);
    udm_normal(6, 0, 0, 0, ALL, noise);
    for (int i = 0; i < ALL; i++) {
        const int x = i % WIDTH, u = (int)s->flow[i % PLANE], from = x + u >= 0 && x + u < WIDTH ? i + u : i;
        const float rest = s->clean[i % PLANE] + SIGMA * noise[i] / sqrtf((float)(others > 0 ? others : 1));
        s->predicted[i] = (s->beside[from] + (float)others * rest) / (float)(1 + others);
        s->variance[i % PLANE] = VARIANCE / (float)(1 + others);
    }
    free(noise);
}

// Whether anything was found to be the same; that is then taken out.
static bool decorrelate(scene *s, int threads, bool repeat)
{
    udm_pool *pool = udm_pool_new(threads, NULL);
    udm_correlation *correlation = udm_correlation_new(WIDTH, HEIGHT, CHANNELS, pool, NULL);
    ck_assert_ptr_nonnull(correlation);
    ck_assert_uint_ge(udm_correlation_memory(correlation), 7 * 5 * sizeof(float));
    const udm_correlation_input input = { s->frame, s->beside, s->level, s->clean, s->flow, repeat, 1 };
    const bool found = udm_correlation_measure(correlation, &input);
    if (found)
        udm_correlation_remove(correlation, s->frame, s->level, UNKNOWN, s->predicted, s->variance);
    udm_correlation_free(correlation);
    udm_pool_free(pool);
    return found;
}

// The mean square of what is wrong in the prediction, and of that times the frame's noise, in units of its variance.
static double error_of(const scene *s, bool with_frame)
{
    double sum = 0;
    for (int i = 0; i < ALL; i++) {
        const double error = s->predicted[i] - s->clean[i % PLANE];
        sum += error * (with_frame ? SIGMA * s->noise[i] : error) / VARIANCE;
    }
    return sum / ALL;
}

START_TEST(fresh_noise_is_evidence)
{
    scene *s = new_scene(0, 0);
    predict(s, 3);
    ck_assert(!decorrelate(s, 2, false));
    free(s);
}
END_TEST

static const int motions[] = { 0, 3, -7 };

// Of a picture that is held, or moves with its noise, nothing is known beside the frame.
START_TEST(a_repeat_is_none)
{
    test_case("moved by %d", motions[_i]);
    scene *s = new_scene(1, motions[_i]);
    predict(s, 0);
    ck_assert(decorrelate(s, 2, false));
    int known = 0;
    for (int i = 0; i < PLANE; i++)
        known += s->variance[i] < UNKNOWN;
    ck_assert_int_eq(known, 0);
    free(s);
}
END_TEST

// The mean of four frames, one of which has the same noise, becomes the mean of the other three.
START_TEST(what_is_left_is_independent)
{
    scene *s = new_scene(1, 0);
    predict(s, 3);
    ck_assert_double_eq_tol(error_of(s, true), 0.25, 0.02);
    ck_assert(decorrelate(s, 2, false));
    ck_assert_double_eq_tol(error_of(s, true), 0, 0.02);
    ck_assert_double_eq_tol(error_of(s, false), 1 / 3.0, 0.02);
    ck_assert_double_eq_tol(s->variance[20 * WIDTH + 20] / VARIANCE, 1 / 3.0, 1e-3);
    free(s);
}
END_TEST

// Half of the noise is the same, as through a codec: what it shares goes, and it is told how much it is worth.
START_TEST(what_nearly_repeats_is_worth_little)
{
    scene *s = new_scene(0.8f, 0);
    predict(s, 0);
    ck_assert(decorrelate(s, 2, false));
    ck_assert_double_eq_tol(error_of(s, true), 0, 0.1);
    ck_assert_double_eq_tol(s->variance[20 * WIDTH + 20] / VARIANCE, (1 - 0.64) / 0.04, 3);
    free(s);
}
END_TEST

// A noisy logo that stays over a picture whose noise does not.
START_TEST(regions_are_told_apart)
{
    scene *s = new_scene(0, 0);
    for (int i = 0; i < ALL; i++)
        s->beside[i] = i % WIDTH < 32 ? s->frame[i] : s->beside[i];
    predict(s, 0);
    ck_assert(decorrelate(s, 2, false));
    ck_assert_double_eq(s->variance[20 * WIDTH + 5], UNKNOWN);
    ck_assert_double_eq(s->variance[20 * WIDTH + 80], VARIANCE);
    free(s);
}
END_TEST

// What is as dark as before the repeat or darker is the same noise.
START_TEST(light_does_not_matter)
{
    scene *s = new_scene(1, 0);
    for (int i = 0; i < ALL; i++)
        s->beside[i] += 0.2f;
    predict(s, 0);
    ck_assert(decorrelate(s, 2, false));
    ck_assert_double_eq(s->variance[20 * WIDTH + 20], UNKNOWN);
    free(s);
}
END_TEST

// A third of the noise is the same, too little to be found; but one that is said to be a repeat is believed, unless it
// shows something else.
START_TEST(who_says_so_is_believed)
{
    scene *s = new_scene(0.3f, 0);
    predict(s, 0);
    ck_assert(decorrelate(s, 2, true));
    ck_assert_double_eq(s->variance[20 * WIDTH + 20], UNKNOWN);
    free(s);
    s = new_scene(0, 0);
    for (int i = 0; i < ALL; i++)
        s->beside[i] = -s->beside[i];
    predict(s, 0);
    ck_assert(!decorrelate(s, 2, true));
    free(s);
}
END_TEST

START_TEST(threads_change_nothing)
{
    scene *one = new_scene(0.9f, 3), *four = new_scene(0.9f, 3);
    predict(one, 2);
    predict(four, 2);
    ck_assert(decorrelate(one, 1, false));
    ck_assert(decorrelate(four, 4, false));
    assert_same(four->predicted, one->predicted, ALL);
    assert_same(four->variance, one->variance, PLANE);
    free(one);
    free(four);
}
END_TEST

START_TEST(frames_without_noise_share_none)
{
    scene *s = new_scene(1, 0);
    for (int i = 0; i < PLANE; i++)
        s->level[i] = 0;
    predict(s, 0);
    decorrelate(s, 1, false);
    ck_assert_double_eq(s->variance[20 * WIDTH + 20], VARIANCE);
    for (int i = 0; i < ALL; i++)
        s->frame[i] = s->beside[i] = 0.5f;
    for (int i = 0; i < PLANE; i++)
        s->clean[i] = 0.5f;
    ck_assert(!decorrelate(s, 1, false));
    free(s);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = fresh_noise_is_evidence },         { .test = a_repeat_is_none, .cases = COUNT_OF(motions) },
        { .test = what_is_left_is_independent },     { .test = what_nearly_repeats_is_worth_little },
        { .test = regions_are_told_apart },          { .test = light_does_not_matter },
        { .test = who_says_so_is_believed },         { .test = threads_change_nothing },
        { .test = frames_without_noise_share_none },
    };
    return test_main("correlation", tests, COUNT_OF(tests));
}
