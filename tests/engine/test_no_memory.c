// SPDX-License-Identifier: LGPL-2.1-or-later
// Each request for memory, a mapping or a thread fails once, in turn, from opening a model to the last frame: what
// fails says so, nothing leaks, and what was opened is freed; or all goes on without it.
#include <jansson.h>

#include "failing.h"
#include "golden.h"
#include "testing.h"
#include "udm/udm.h"

enum { WIDTH = 40, HEIGHT = 24, PIXELS = WIDTH * HEIGHT, FRAMES = 3 };

static uint8_t pictures[FRAMES][PIXELS * 3];
static uint64_t digest; // of all that came out

static void came_out(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ ((const uint8_t *)bytes)[i]) * 1099511628211u; // FNV-1a
}

static udm_image image_of(uint8_t *pixels)
{
    return (udm_image){ .width = WIDTH,
                        .height = HEIGHT,
                        .channels = 3,
                        .bits = 8,
                        .data = { pixels, pixels + 1, pixels + 2 },
                        .stride = { 3 * WIDTH, 3 * WIDTH, 3 * WIDTH },
                        .step = { 3, 3, 3 } };
}

static void draw_pictures(void)
{
    for (int n = 0; n < FRAMES; n++)
        for (int i = 0; i < 3 * PIXELS; i++)
            pictures[n][i] = (uint8_t)((i / 3 + 2 * n) % WIDTH * 5 + (i * 7919 + n * 104729) % 23);
}

static udm_settings settings_for(int width, int height, int channels)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.device = "cpu", settings.threads = 2;
    settings.width = width, settings.height = height, settings.channels = channels;
    return settings;
}

static bool pull_all(udm_restorer *restorer, udm_pulled until, udm_error *error)
{
    uint8_t out[PIXELS * 3];
    const udm_image made = image_of(out);
    udm_pulled pulled;
    while ((pulled = udm_restorer_pull(restorer, &made, error)) == UDM_PULLED_FRAME)
        came_out(out, sizeof out);
    return pulled == until;
}

static bool restore(udm_model *model, double time, udm_error *error)
{
    const udm_settings settings = settings_for(WIDTH, HEIGHT, 3);
    udm_restorer *restorer = udm_restorer_open(model, &settings, error);
    bool good = restorer;
    for (int n = 0; good && n < FRAMES; n++) {
        const udm_image image = image_of(pictures[n]);
        const udm_frame frame = { .image = &image, .time = time, .number = n, .discontinuity = n == 2 };
        good = udm_restorer_push(restorer, &frame, error) && pull_all(restorer, UDM_PULLED_NOTHING, error);
    }
    if (good)
        udm_restorer_end(restorer);
    good = good && pull_all(restorer, UDM_PULLED_END, error);
    udm_restorer_free(restorer);
    return good;
}

static bool restore_told(udm_model *model, udm_error *error)
{
    return restore(model, udm_model_time(model, 20), error);
}

static bool restore_estimated(udm_model *model, udm_error *error)
{
    return restore(model, UDM_TIME_ESTIMATE, error);
}

static bool interpolate(udm_model *model, udm_error *error)
{
    udm_settings settings = settings_for(WIDTH, HEIGHT, 3);
    settings.alpha = true;
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, error);
    uint8_t out[PIXELS * 3], alpha[PIXELS];
    const udm_image first = image_of(pictures[0]), second = image_of(pictures[1]), third = image_of(pictures[2]);
    const udm_image made = image_of(out), made_alpha = { .width = WIDTH,
                                                         .height = HEIGHT,
                                                         .channels = 1,
                                                         .bits = 8,
                                                         .data = { alpha },
                                                         .stride = { WIDTH },
                                                         .step = { 1 } };
    const bool good = interpolator && udm_interpolator_pair(interpolator, &first, &second, 0.04, error) &&
                      udm_interpolator_follow(interpolator, &third, 0.04, error) &&
                      udm_interpolator_make_alpha(interpolator, 0.5, 1, &made, &made_alpha, error);
    udm_interpolator_free(interpolator);
    if (good)
        came_out(out, sizeof out), came_out(alpha, sizeof alpha);
    return good;
}

static bool unweave(udm_deinterlace how, udm_error *error)
{
    udm_settings settings = settings_for(WIDTH, HEIGHT, 3);
    settings.alpha = true;
    udm_deinterlacer *deinterlacer = udm_deinterlacer_open(&settings, how, error);
    uint8_t out[PIXELS * 3];
    const udm_image made = image_of(out);
    bool good = deinterlacer;
    for (int n = 0; good && n < FRAMES; n++) {
        const udm_image image = image_of(pictures[n]);
        udm_pulled pulled = UDM_PULLED_NOTHING;
        good = udm_deinterlacer_push(deinterlacer, &(udm_woven){ .image = &image }, error);
        while (good && (pulled = udm_deinterlacer_pull(deinterlacer, &made, NULL, NULL, error)) == UDM_PULLED_FRAME)
            came_out(out, sizeof out);
        good = good && pulled == UDM_PULLED_NOTHING;
    }
    udm_deinterlacer_free(deinterlacer);
    return good;
}

static bool deinterlace(udm_model *model, udm_error *error)
{
    return unweave(UDM_DEINTERLACE_FIELDS, error) && unweave(UDM_DEINTERLACE_FILM, error);
}

static bool generate(udm_model *model, udm_error *error)
{
    static uint8_t pixels[64 * 64 * 3];
    udm_info info;
    if (!udm_model_info(model, &info, sizeof info, error))
        return false;
    const udm_settings settings = settings_for(info.width, info.height, info.channels);
    udm_generation generation;
    udm_generation_init(&generation, sizeof generation);
    udm_generator *generator = udm_generator_open(model, &settings, &generation, error);
    udm_image out = image_of(pixels);
    out.width = settings.width, out.height = settings.height, out.channels = settings.channels;
    for (int c = 0; c < out.channels; c++)
        out.data[c] = pixels + c, out.step[c] = out.channels, out.stride[c] = out.width * out.channels;
    bool good =
        generator && (size_t)out.width * out.height * out.channels <= sizeof pixels; // no check here: it allocates
    for (uint64_t n = 0; good && n < 2; n++) {
        good = udm_generator_make(generator, n, &out, error);
        came_out(pixels, sizeof pixels);
    }
    udm_generator_free(generator);
    return good;
}

static bool paint(udm_model *model, udm_error *error)
{
    enum { MOST = 4096, SIDE = 64 };
    const udm_settings settings = settings_for(WIDTH, HEIGHT, 3);
    float embedding[MOST];
    static float planes[3 * SIDE * SIDE];
    udm_prompting prompting;
    udm_painting painting;
    udm_prompting_init(&prompting, sizeof prompting);
    udm_painting_init(&painting, sizeof painting);
    prompting.text = "a red seven", prompting.negative = "blue", prompting.steps = 2;
    painting.embedding = embedding;
    udm_painter *painter = udm_painter_open(model, &settings, error);
    const udm_image seen = image_of(pictures[0]);
    const bool good =
        painter && udm_painter_size(painter) <= MOST && udm_painter_look(painter, &seen, embedding, error) &&
        udm_painter_read(painter, &prompting, embedding, error) && udm_painter_paint(painter, &painting, planes, error);
    udm_painter_free(painter);
    came_out(planes, sizeof planes);
    return good;
}

static const struct {
    const char *model;
    bool (*use)(udm_model *model, udm_error *error);
} uses[] = {
    { "tiny-denoise", restore_told },
    { "tiny-temporal", restore_told },
    { "tiny-guess", restore_told },
    { "tiny-experts", restore_estimated },
    { "tiny-interp", interpolate },
    { "", interpolate },
    { "", deinterlace },
    { "tiny-video", generate },
    { "tiny-text", paint },
};

static bool run(int number, udm_error *error)
{
    digest = 14695981039346656037u;
    const bool asks = *uses[number].model;
    udm_model *model = asks ? udm_model_open(golden_path(uses[number].model), error) : NULL;
    const bool good = (model || !asks) && uses[number].use(model, error);
    udm_model_free(model);
    return good;
}

// jansson always gets memory: without it, version 2.14 leaves out characters of strings, and says nothing.
static void *json_memory(size_t size)
{
    failing_pause(true);
    void *block = malloc(size);
    failing_pause(false);
    return block;
}

static bool says_why(const char *message)
{
    return strstr(message, "memory") || strstr(message, "threads could be started");
}

START_TEST(each_request_fails_once)
{
    udm_error error = { 0 };
    test_case("%s %d", *uses[_i].model ? uses[_i].model : "no model", _i);
    if (!FAILING_WORKS) {
        test_skip("sanitizers have a malloc of their own");
        return;
    }
    draw_pictures();
    json_set_alloc_funcs(json_memory, free);
    assert_ok(run(_i, &error), &error); // so that what libraries keep for good is there
    const uint64_t right = digest;
    long failed = 0, spared = 0;
    for (long n = 0;; n++) {
        test_at("request %ld", n);
        const long live = atomic_load(&failing_live);
        failing_arm(n);
        const bool good = run(_i, &error), came = failing_disarm();
        ck_assert_msg(good || says_why(error.message), "error %d: %s", error.code, error.message);
        ck_assert_msg(!good || error.code == UDM_OK, "worked, with error %d: %s", error.code, error.message);
        ck_assert_msg(!good || digest == right, "worked, but made something else");
        ck_assert_int_eq(atomic_load(&failing_live), live);
        if (!came) {
            ck_assert_msg(good, "nothing failed, but: %s", error.message);
            break;
        }
        *(good ? &spared : &failed) += 1;
        error = (udm_error){ 0 };
    }
    ck_assert_int_gt(failed, 5);
    test_note("%s: %ld requests were errors, without %ld it went on", uses[_i].model, failed, spared);
}
END_TEST

int main(void)
{
    const test_entry tests[] = { { .test = each_request_fails_once, .cases = COUNT_OF(uses) } };
    return test_main("no_memory", tests, COUNT_OF(tests));
}
