// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/analyse.h, and scenes that are given: what a film needs that is restored in parts.
#include "golden.h"
#include "udm/udm.h"

enum { W = 64, H = 48, BYTES = W * H * 3, FRAMES = 14, CUT = 6 };

static udm_image image_of(uint8_t *pixels)
{
    udm_image image = { .width = W, .height = H, .channels = 3, .bits = 8 };
    for (int c = 0; c < 3; c++)
        image.data[c] = pixels + c, image.stride[c] = W * 3, image.step[c] = 3;
    return image;
}

// Two scenes of other shapes and other noise.
static void paint(uint8_t *pixels, int n)
{
    uint32_t state = 12345 + n;
    for (int i = 0; i < BYTES; i++) {
        const int x = i / 3 % W, y = i / 3 / W;
        const int shape = n < CUT ? 40 + (x + n) * 2 : 60 + 120 * ((x / 16 + y / 12) % 2);
        state = state * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(shape + (int)(state >> 24) % (n < CUT ? 9 : 31) - (n < CUT ? 4 : 15));
    }
}

static udm_settings small_settings(void)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.device = "cpu", settings.threads = 1, settings.lookahead = 0;
    return settings;
}

static double chroma[FRAMES]; // sigmas of it that are given

// Restores frames from first up to end into out, [end - first, H, W, 3]; sigmas: of each frame, in and out. Where they
// are given so are scenes, which begin at first and at the cut, and the kind of the noise.
static udm_stats restore(const udm_model *model, int first, int end, int lookahead, bool given, double *sigmas,
                         uint8_t *out)
{
    udm_error error = { 0 };
    udm_settings settings = small_settings();
    settings.scenes_given = given, settings.lookahead = lookahead;
    udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
    assert_ok(restorer, &error);
    uint8_t pixels[BYTES];
    udm_stats stats;
    for (int n = first, pulled = first; pulled < end; n++) {
        udm_image in = image_of(pixels), to = image_of(out + (size_t)(pulled - first) * BYTES);
        if (n < end) {
            paint(pixels, n);
            udm_frame frame = { .image = &in, .time = UDM_TIME_ESTIMATE, .number = n };
            if (given)
                frame.time = udm_model_time(model, sigmas[n]), frame.discontinuity = n == CUT,
                frame.kind = UDM_NOISE_OTHER, frame.chroma_sigma = chroma[n];
            assert_ok(udm_restorer_push(restorer, &frame, &error), &error);
        } else {
            udm_restorer_end(restorer);
        }
        const udm_pulled got = udm_restorer_pull(restorer, &to, &error);
        ck_assert_msg(got == UDM_PULLED_FRAME || (got == UDM_PULLED_NOTHING && n < end), "%s", error.message);
        udm_restorer_stats(restorer, &stats, sizeof stats);
        if (got == UDM_PULLED_FRAME && !given)
            sigmas[pulled] = stats.sigma;
        pulled += got == UDM_PULLED_FRAME;
    }
    udm_restorer_free(restorer);
    return stats;
}

static void analyse(double sigma, udm_finding findings[FRAMES])
{
    udm_error error = { 0 };
    const udm_settings settings = small_settings();
    udm_analyser *analyser = udm_analyser_open(&settings, &error);
    assert_ok(analyser, &error);
    uint8_t pixels[BYTES];
    for (int n = 0; n < FRAMES; n++) {
        paint(pixels, n);
        udm_image in = image_of(pixels);
        assert_ok(udm_analyser_look(analyser, &in, sigma, false, &findings[n], &error), &error);
    }
    udm_analyser_free(analyser);
}

START_TEST(an_analyser_finds_what_a_restorer_finds)
{
    udm_model *model = golden_model("tiny-guess");
    udm_finding findings[FRAMES];
    double sigmas[FRAMES];
    static uint8_t out[FRAMES * BYTES];
    analyse(-1, findings);
    const udm_stats stats = restore(model, 0, FRAMES, 0, false, sigmas, out);
    ck_assert_uint_eq(stats.scenes, 2);
    for (int n = 0; n < FRAMES; n++) {
        ck_assert_int_eq(findings[n].begins, n == 0 || n == CUT);
        ck_assert_double_eq(findings[n].sigma, sigmas[n]);
    }
    ck_assert_double_gt(findings[FRAMES - 1].sigma, 1.5 * findings[CUT - 1].sigma);
    for (int of = 0; of < 3; of++) { // what each kind of model is told
        static const char *const models[] = { "tiny-guess", "../../models/denoise-live", "tiny-chroma" };
        udm_model *asked = golden_model(models[of]);
        const udm_finding three = { .sigma = 1, .real_sigma = 2, .apart_sigma = 3 };
        ck_assert_double_eq(udm_finding_sigma(&three, asked), of == 1 ? 2 : 1);
        udm_model_free(asked);
    }
    analyse(7, findings);
    for (int n = 0; n < FRAMES; n++) {
        ck_assert_int_eq(findings[n].begins, n == 0 || n == CUT);
        ck_assert_double_eq(findings[n].sigma, 7);
    }
    udm_model_free(model);
}
END_TEST

static const struct {
    const char *model;
    int lookahead;
} parted[] = { { "tiny-guess", 0 }, { "tiny-guess", 1 }, { "tiny-guess", 2 }, { "tiny-chroma", 0 } };

// The frame whose noise is that of frame n.
static int judged(int n, int lookahead)
{
    const int settled = (n < CUT ? 0 : CUT) + (lookahead < UDM_FINDING_SETTLED ? lookahead : UDM_FINDING_SETTLED);
    return n < settled ? settled : n;
}

START_TEST(parts_that_begin_at_cuts_make_the_whole)
{
    udm_model *model = golden_model(parted[_i].model);
    udm_finding findings[FRAMES];
    double sigmas[FRAMES], given[FRAMES];
    static uint8_t whole[FRAMES * BYTES], parts[FRAMES * BYTES];
    const int lookahead = parted[_i].lookahead;
    test_case("%s, %d ahead", parted[_i].model, lookahead);
    restore(model, 0, FRAMES, lookahead, false, sigmas, whole);
    analyse(-1, findings);
    for (int n = 0; n < FRAMES; n++)
        given[n] = findings[judged(n, lookahead)].sigma, chroma[n] = findings[judged(n, lookahead)].chroma_sigma;
    ck_assert_double_gt(chroma[FRAMES - 1], 0.2 * given[FRAMES - 1]);
    restore(model, 0, CUT, lookahead, true, given, parts);
    restore(model, CUT, FRAMES, lookahead, true, given, parts + CUT * BYTES);
    for (int n = 0; n < FRAMES; n++)
        ck_assert_msg(memcmp(whole + n * BYTES, parts + n * BYTES, BYTES) == 0, "frame %d differs", n);
    // All at once with the same given: a discontinuity in the middle is where a scene begins.
    const udm_stats stats = restore(model, 0, FRAMES, lookahead, true, given, parts);
    ck_assert_uint_eq(stats.scenes, 2);
    ck_assert(memcmp(whole, parts, sizeof whole) == 0);
    udm_model_free(model);
}
END_TEST

START_TEST(given_scenes_are_not_looked_for)
{
    udm_model *model = golden_model("tiny-guess");
    udm_error error = { 0 };
    udm_settings settings = small_settings();
    settings.scenes_given = true;
    udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
    assert_ok(restorer, &error);
    uint8_t pixels[BYTES], out[BYTES];
    udm_image in = image_of(pixels), to = image_of(out);
    for (int n = CUT - 2; n < CUT + 2; n++) {
        paint(pixels, n);
        udm_frame frame = { .image = &in, .time = 0.1, .number = n };
        assert_ok(udm_restorer_push(restorer, &frame, &error), &error);
        assert_ok(udm_restorer_pull(restorer, &to, &error) == UDM_PULLED_FRAME, &error);
    }
    udm_stats stats;
    udm_restorer_stats(restorer, &stats, sizeof stats);
    ck_assert_uint_eq(stats.scenes, 1);
    udm_restorer_free(restorer);
    udm_model_free(model);
}
END_TEST

START_TEST(what_an_analyser_cannot_take_is_an_error)
{
    udm_error error = { 0 };
    udm_settings settings = small_settings();
    ck_assert_ptr_null(udm_analyser_open(NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the settings is NULL");
    settings.width = 0;
    ck_assert_ptr_null(udm_analyser_open(&settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "0x48");
    settings = small_settings();
    udm_analyser *analyser = udm_analyser_open(&settings, &error);
    uint8_t pixels[BYTES] = { 0 };
    udm_image in = image_of(pixels);
    udm_finding finding;
    ck_assert(!udm_analyser_look(NULL, &in, 0, false, &finding, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the analyser is NULL");
    ck_assert(!udm_analyser_look(analyser, &in, 0, false, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the finding is NULL");
    ck_assert(!udm_analyser_look(analyser, &in, NAN, false, &finding, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "sigma");
    in.width--;
    ck_assert(!udm_analyser_look(analyser, &in, 0, false, &finding, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "64x48");
    udm_analyser_free(analyser);
    udm_analyser_free(NULL);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = an_analyser_finds_what_a_restorer_finds },
        { .test = parts_that_begin_at_cuts_make_the_whole, .cases = COUNT_OF(parted) },
        { .test = given_scenes_are_not_looked_for },
        { .test = what_an_analyser_cannot_take_is_an_error },
    };
    return test_main("analyse", tests, COUNT_OF(tests));
}
