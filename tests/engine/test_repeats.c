// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams that repeat frames, with the shipped models: the same noise is no new evidence, and new noise is.
#include "base/random.h"
#include "golden.h"
#include "udm/udm.h"

enum { W = 96, H = 64, BYTES = W * H * 3, FRAMES = 6, SIGMA = 25 };

typedef uint8_t film[FRAMES][BYTES];

static udm_image image_of(uint8_t *pixels)
{
    udm_image image = { .width = W, .height = H, .channels = 3, .bits = 8 };
    for (int c = 0; c < 3; c++)
        image.data[c] = pixels + c, image.stride[c] = W * 3, image.step[c] = 3;
    return image;
}

static uint8_t byte_of(double value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : lround(value));
}

// A disc before stripes, which moves, with noise of this number; and what a codec changes, likewise numbered.
static void paint(int moved, int noise, int codec, uint8_t *clean, uint8_t *noisy)
{
    float *e = malloc(2 * BYTES * sizeof *e);
    udm_normal(1, (uint64_t)noise, 0, 0, BYTES, e);
    udm_normal(2, (uint64_t)codec, 0, 0, BYTES, e + BYTES);
    for (int i = 0; i < BYTES; i++) {
        const int x = i / 3 % W, y = i / 3 / W, dx = x - 30 - 2 * moved, dy = y - 32;
        const double value = dx * dx + dy * dy < 300 ? 170 - 20 * (i % 3) : 90 + 20 * sin(0.4 * x) + y / 2.0;
        clean[i] = byte_of(value);
        noisy[i] = byte_of(value + SIGMA * (double)e[i] + (codec ? 3 * (double)e[BYTES + i] : 0));
    }
    free(e);
}

static double psnr(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (int i = 0; i < BYTES; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return 10 * log10(255.0 * 255 * BYTES / sum);
}

typedef struct way {
    const char *model;
    int lookahead;
    bool estimated;
} way;

static const way ways[] = {
    { "denoise", 0, false },      { "denoise", 2, false },         { "denoise", 0, true },
    { "denoise", 2, true },       { "denoise-quality", 0, false }, { "denoise-quality", 2, false },
    { "denoise-real", 0, false }, { "denoise-real", 2, true },
};

// alone: no frame knows another one.
static void restore(const way *way, film in, bool alone, film out)
{
    udm_error error = { 0 };
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("UDM_SHIPPED_MODELS"), way->model);
    udm_model *model = udm_model_open(path, &error);
    ck_assert_msg(model, "%s", error.message);
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.device = "cpu", settings.threads = 1;
    settings.lookahead = way->lookahead;
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    for (int f = 0, pulled = 0; f <= FRAMES; f++) {
        const udm_image image = image_of(in[f < FRAMES ? f : 0]);
        const udm_frame frame = { .image = &image,
                                  .time = way->estimated ? UDM_TIME_ESTIMATE : udm_model_time(model, SIGMA),
                                  .number = (uint64_t)f,
                                  .discontinuity = alone };
        if (f < FRAMES)
            assert_ok(udm_restorer_push(stream, &frame, &error), &error);
        else
            udm_restorer_end(stream);
        for (; pulled < FRAMES; pulled++) {
            const udm_image to = image_of(out[pulled]);
            if (udm_restorer_pull(stream, &to, &error) != UDM_PULLED_FRAME)
                break;
        }
        ck_assert_int_eq(pulled, f == FRAMES ? FRAMES : f < way->lookahead ? 0 : f + 1 - way->lookahead);
    }
    udm_restorer_free(stream);
    udm_model_free(model);
}

// No frame of a stream is more than this below the frame alone. Returns how far the last is above that, in dB.
static double check_not_below(const way *way, film clean, film in, double slack, film out)
{
    static film alone;
    restore(way, in, false, out);
    restore(way, in, true, alone);
    for (int f = 0; f < FRAMES; f++) {
        test_at("frame %d", f);
        ck_assert_double_gt(psnr(out[f], clean[f]), psnr(alone[f], clean[f]) - slack);
    }
    return psnr(out[FRAMES - 1], clean[FRAMES - 1]) - psnr(alone[FRAMES - 1], clean[FRAMES - 1]);
}

static void name_case(int number)
{
    const way *way = &ways[number];
    test_case("%s, lookahead %d%s", way->model, way->lookahead, way->estimated ? ", estimated" : "");
}

// Frames on ones, twos, threes; or all the same.
static const int times[] = { 2, 3, FRAMES };

START_TEST(what_is_repeated_comes_out_again)
{
    static film clean, in, out;
    name_case(_i);
    for (int t = 0; t < COUNT_OF(times); t++) {
        for (int f = 0; f < FRAMES; f++)
            paint(f / times[t], f / times[t], 0, clean[f], in[f]);
        check_not_below(&ways[_i], clean, in, 0.1, out);
        for (int f = 1; f < FRAMES; f++)
            if (f % times[t] > 0)
                assert_same(out[f], out[f - 1], BYTES);
    }
}
END_TEST

START_TEST(what_nearly_repeats_is_not_believed_twice)
{
    static film clean, in, out;
    name_case(_i);
    for (int t = 0; t < COUNT_OF(times); t++) {
        for (int f = 0; f < FRAMES; f++)
            paint(f / times[t], f / times[t], 1 + f, clean[f], in[f]);
        check_not_below(&ways[_i], clean, in, 0.3, out);
    }
}
END_TEST

START_TEST(new_noise_on_a_held_picture_gains)
{
    static film clean, in, out;
    name_case(_i);
    for (int f = 0; f < FRAMES; f++)
        paint(0, f, 0, clean[f], in[f]);
    ck_assert_double_gt(check_not_below(&ways[_i], clean, in, 0.1, out), 2);
}
END_TEST

// A frame that is to be drawn, or at another level, is none that was made.
START_TEST(the_same_pixels_may_be_another_frame)
{
    static uint8_t clean[BYTES], noisy[BYTES], out[4][BYTES];
    udm_error error = { 0 };
    udm_model *model = golden_model("tiny-denoise");
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.device = "cpu", settings.threads = 1;
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    paint(0, 0, 0, clean, noisy);
    const udm_image image = image_of(noisy);
    const double time = udm_model_time(model, SIGMA), less = udm_model_time(model, 5);
    const udm_frame frames[] = {
        { .image = &image, .time = time, .number = 0 },
        { .image = &image, .time = less, .number = 1 },
        { .image = &image, .time = less, .strength = 0.5, .number = 2 },
        { .image = &image, .time = less, .strength = 0.5, .number = 3 },
    };
    for (int f = 0; f < COUNT_OF(frames); f++) {
        const udm_image to = image_of(out[f]);
        assert_ok(udm_restorer_push(stream, &frames[f], &error), &error);
        assert_ok(udm_restorer_pull(stream, &to, &error) == UDM_PULLED_FRAME, &error);
        test_at("frame %d", f);
        if (f > 0)
            assert_differ(out[f], out[f - 1], BYTES);
    }
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    ck_assert_uint_eq(stats.frames, COUNT_OF(frames));
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = what_is_repeated_comes_out_again, .cases = COUNT_OF(ways) },
        { .test = what_nearly_repeats_is_not_believed_twice, .cases = COUNT_OF(ways) },
        { .test = new_noise_on_a_held_picture_gains, .cases = COUNT_OF(ways) },
        { .test = the_same_pixels_may_be_another_frame },
    };
    return test_main("repeats", tests, COUNT_OF(tests));
}
