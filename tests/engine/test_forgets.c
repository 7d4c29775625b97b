// SPDX-License-Identifier: LGPL-2.1-or-later
// What is carried over is forgotten: frames after others, with a cut, a flush, an end or a cancel between, are bit for
// bit what they are alone, for each kind of model, looking ahead or not, with the noise told or estimated.
#include "golden.h"
#include "testing.h"
#include "udm/udm.h"

enum { WIDTH = 72, HEIGHT = 56, PIXELS = WIDTH * HEIGHT, FRAMES = 6, BYTES = 3 * PIXELS };

typedef enum between { CUT, RESET, END_AND_RESET, CANCEL_AND_RESET, BETWEENS } between;

static const char *const between_names[] = { "cut", "reset", "end and reset", "cancel and reset" };

static const struct {
    const char *model;
    bool shipped, estimated;
    int lookahead;
    bool repairs; // dirt, flicker and weave, too
} kinds[] = {
    { "tiny-denoise", false, false, 0, false }, { "tiny-temporal", false, false, 0, false },
    { "tiny-guess", false, false, 0, false },   { "tiny-guess", false, false, 2, false },
    { "tiny-guess", false, true, 0, false },    { "tiny-guess", false, true, 2, false },
    { "tiny-doubt", false, false, 0, false },   { "tiny-experts", false, true, 0, false },
    { "denoise", true, true, 2, false },        { "denoise-real", true, true, 2, false },
    { "tiny-guess", false, true, 2, true },
};

static uint8_t of_a[FRAMES][BYTES], of_b[FRAMES][BYTES];

static uint8_t noise(uint32_t n)
{
    n = (n ^ 61) ^ (n >> 16), n *= 9, n ^= n >> 4, n *= 0x27d4eb2d, n ^= n >> 15;
    return (uint8_t)(n % 41);
}

// Two scenes, each of which moves and has noise of its own; some samples are stuck, the same in both.
static void draw(void)
{
    for (int n = 0; n < FRAMES; n++)
        for (int i = 0; i < BYTES; i++) {
            const int x = i / 3 % WIDTH, y = i / 3 / WIDTH, c = i % 3;
            of_a[n][i] = (uint8_t)(((x + 2 * n) / 9 + y / 7) % 2 * 90 + 60 + 10 * c + noise((uint32_t)(n * BYTES + i)));
            of_b[n][i] = (uint8_t)(160 - x - y / 2 + 3 * n + 8 * c + noise((uint32_t)((n + 99) * BYTES + i)) / 4);
            if (noise((uint32_t)i * 31) == 7)
                of_a[n][i] = of_b[n][i] = i % 2 ? 255 : 0;
        }
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

static udm_model *open_model(int kind)
{
    char path[4096];
    udm_error error = { 0 };
    const char *shipped = getenv("UDM_SHIPPED_MODELS");
    snprintf(path, sizeof path, "%s/%s", shipped ? shipped : "models", kinds[kind].model);
    udm_model *model = udm_model_open(kinds[kind].shipped ? path : golden_path(kinds[kind].model), &error);
    ck_assert_msg(model, "%s", error.message);
    return model;
}

static udm_restorer *open_restorer(const udm_model *model, int kind)
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT;
    settings.device = "cpu", settings.threads = 1, settings.lookahead = kinds[kind].lookahead;
    settings.scenes_given = true;
    settings.dirt = settings.deflicker = settings.stabilize_gate = kinds[kind].repairs;
    udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(restorer, "%s", error.message);
    return restorer;
}

// Pulls what is there into out[*count ...].
static udm_pulled pull(udm_restorer *restorer, uint8_t out[][BYTES], int *count)
{
    udm_error error = { 0 };
    udm_pulled pulled;
    uint8_t frame[BYTES];
    const udm_image image = image_of(frame);
    while ((pulled = udm_restorer_pull(restorer, &image, &error)) == UDM_PULLED_FRAME)
        memcpy(out[(*count)++], frame, BYTES);
    ck_assert_msg(pulled != UDM_PULLED_FAILED || error.code == UDM_ERROR_CANCELLED, "%s", error.message);
    return pulled;
}

static void push(udm_restorer *restorer, int kind, const udm_model *model, uint8_t *pixels, uint64_t number, bool cut)
{
    udm_error error = { 0 };
    const udm_image image = image_of(pixels);
    const udm_frame frame = { .image = &image,
                              .time = kinds[kind].estimated ? UDM_TIME_ESTIMATE : udm_model_time(model, 15),
                              .number = number,
                              .discontinuity = cut };
    assert_ok(udm_restorer_push(restorer, &frame, &error), &error);
}

// The second scene, by a restorer that may have seen another one. Gives how many frames came out in all. After a reset
// nobody has to say that it begins.
static int restore_b(udm_restorer *restorer, int kind, const udm_model *model, bool cut, uint8_t out[][BYTES],
                     int count)
{
    for (int n = 0; n < FRAMES; n++) {
        push(restorer, kind, model, of_b[n], 100 + (uint64_t)n, cut && n == 0);
        pull(restorer, out, &count);
    }
    udm_restorer_end(restorer);
    ck_assert_int_eq(pull(restorer, out, &count), UDM_PULLED_END);
    return count;
}

static int restore_a(udm_restorer *restorer, int kind, const udm_model *model, between what, uint8_t out[][BYTES])
{
    int count = 0;
    for (int n = 0; n < FRAMES; n++) {
        push(restorer, kind, model, of_a[n], (uint64_t)n, n == 0);
        if (what == CANCEL_AND_RESET && n == FRAMES - 1)
            udm_restorer_cancel(restorer, true);
        pull(restorer, out, &count);
    }
    if (what == END_AND_RESET)
        udm_restorer_end(restorer), pull(restorer, out, &count);
    if (what != CUT) {
        udm_restorer_reset(restorer);
        count = 0;
    }
    udm_restorer_cancel(restorer, false);
    return count;
}

START_TEST(another_scene_before_changes_nothing)
{
    static uint8_t alone[FRAMES][BYTES], after[2 * FRAMES][BYTES];
    const int kind = _i / BETWEENS;
    const between what = _i % BETWEENS;
    test_case("%s%s, lookahead %d%s, %s", kinds[kind].model, kinds[kind].estimated ? ", estimated" : "",
              kinds[kind].lookahead, kinds[kind].repairs ? ", repaired" : "", between_names[what]);
    draw();
    if (what != CUT) // a frame that comes again is made again
        memcpy(of_b[0], of_a[FRAMES - 1], BYTES);
    udm_model *model = open_model(kind);
    udm_restorer *restorer = open_restorer(model, kind);
    ck_assert_int_eq(restore_b(restorer, kind, model, what == CUT, alone, 0), FRAMES);
    udm_restorer_free(restorer);
    ck_assert_msg(memcmp(alone, of_b, sizeof alone) != 0, "it does nothing, so that this shows nothing");
    restorer = open_restorer(model, kind);
    const int first = restore_a(restorer, kind, model, what, after);
    ck_assert_int_eq(restore_b(restorer, kind, model, what == CUT, after, first), what == CUT ? 2 * FRAMES : FRAMES);
    const uint8_t(*const same)[BYTES] = after + (what == CUT ? FRAMES : 0);
    for (int n = 0; n < FRAMES; n++) {
        test_at("frame %d", n);
        ck_assert_msg(memcmp(alone[n], same[n], BYTES) == 0, "it is not what it is alone");
    }
    udm_restorer_free(restorer);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = another_scene_before_changes_nothing, .cases = COUNT_OF(kinds) * BETWEENS },
    };
    return test_main("forgets", tests, COUNT_OF(tests));
}
