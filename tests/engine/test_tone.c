// SPDX-License-Identifier: LGPL-2.1-or-later
// Tones that a network lifted come back to where they were, and only those.
#include "temporal/tone.h"

#include "base/random.h"
#include "compare.h"

enum { WIDTH = 256, HEIGHT = 160, PIXELS = WIDTH * HEIGHT, CHANNELS = 3 };

#define LEVEL (1 / 127.5f)

typedef struct frame {
    float clean[CHANNELS * PIXELS], noisy[CHANNELS * PIXELS], made[CHANNELS * PIXELS];
} frame;

// A ramp from `low` to `high` with noise, clipped, and restored: with a little noise left and a bias, in levels.
static void draw(frame *f, float low, float high, float sigma, float bias, uint64_t number)
{
    static float noise[2 * CHANNELS * PIXELS];
    udm_normal(3, number, 0, 0, 2 * CHANNELS * PIXELS, noise);
    for (int i = 0; i < CHANNELS * PIXELS; i++) {
        f->clean[i] = low + (high - low) * (float)(i % WIDTH) / WIDTH;
        f->noisy[i] = fminf(fmaxf(f->clean[i] + sigma * noise[i], -1), 1);
        f->made[i] = f->clean[i] + 0.1f * sigma * noise[CHANNELS * PIXELS + i] + bias * LEVEL;
    }
}

// In levels, over the whole frame.
static double lifted(const frame *f)
{
    double sum = 0;
    for (int i = 0; i < CHANNELS * PIXELS; i++)
        sum += f->made[i] - f->clean[i];
    return sum / (CHANNELS * PIXELS) / LEVEL;
}

static void keep(udm_tone *tone, frame *f, float sigma, int threads)
{
    udm_pool *pool = udm_pool_new(threads, NULL);
    udm_tone_keep(tone, f->noisy, f->made, CHANNELS, PIXELS, sigma, pool);
    udm_pool_free(pool);
}

static const float sigmas[] = { 2 * LEVEL, 10 * LEVEL, 25 * LEVEL };

// What the mean of the noise itself may be.
static double chance(float sigma)
{
    return 0.03 + 3 * sigma / LEVEL / sqrt(CHANNELS * PIXELS);
}

START_TEST(a_bias_goes)
{
    static frame f;
    udm_tone *tone = udm_tone_new(NULL);
    for (int n = 0; n < 4; n++) {
        draw(&f, -0.3f, 0.3f, sigmas[_i], 0.6f, n);
        keep(tone, &f, sigmas[_i], 2);
    }
    ck_assert_double_lt(fabs(lifted(&f)), chance(sigmas[_i]));
    udm_tone_free(tone);
}
END_TEST

START_TEST(what_is_right_stays)
{
    static frame f;
    udm_tone *tone = udm_tone_new(NULL);
    draw(&f, -0.3f, 0.3f, sigmas[_i], 0, 1);
    keep(tone, &f, sigmas[_i], 2);
    ck_assert_double_lt(fabs(lifted(&f)), chance(sigmas[_i]));
    udm_tone_free(tone);
}
END_TEST

// Noise that is clipped at black is brighter than black on average: black stays black.
START_TEST(what_was_clipped_is_not_asked)
{
    static frame f;
    udm_tone *tone = udm_tone_new(NULL);
    draw(&f, -1, -1, 20 * LEVEL, 0, 1);
    for (int i = 0; i < CHANNELS * PIXELS; i++)
        f.made[i] = -1;
    keep(tone, &f, 20 * LEVEL, 2);
    for (int i = 0; i < CHANNELS * PIXELS; i++)
        ck_assert_msg(f.made[i] == -1, "sample %d is %g", i, f.made[i]);
    udm_tone_free(tone);
}
END_TEST

START_TEST(a_scene_forgets_the_last)
{
    static frame f, alone;
    udm_tone *tone = udm_tone_new(NULL);
    draw(&f, -0.3f, 0.3f, sigmas[1], 3, 1);
    keep(tone, &f, sigmas[1], 1);
    udm_tone_clear(tone);
    draw(&f, -0.3f, 0.3f, sigmas[1], 0.5f, 2);
    alone = f;
    keep(tone, &f, sigmas[1], 1);
    udm_tone_clear(tone);
    keep(tone, &alone, sigmas[1], 4);
    assert_same(f.made, alone.made, CHANNELS * PIXELS);
    udm_tone_free(tone);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = a_bias_goes, .cases = COUNT_OF(sigmas) },
        { .test = what_is_right_stays, .cases = COUNT_OF(sigmas) },
        { .test = what_was_clipped_is_not_asked },
        { .test = a_scene_forgets_the_last },
    };
    return test_main("tone", tests, COUNT_OF(tests));
}
