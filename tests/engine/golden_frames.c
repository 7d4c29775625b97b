// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes the bytes of frames that a shipped model restores, interpolates or generates: golden_frames.sh holds their md5
// sums, so that a change that shall change no bit does not, and same_frames.sh compares them with each other.
//     golden_frames CASE [DEVICE [THREADS]] >frames.raw
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "udm/udm.h"

// No size of a vector divides the width.
enum { WIDTH = 101, HEIGHT = 67, CHANNELS = 3, BYTES = WIDTH * HEIGHT * CHANNELS, FRAMES = 5, SIGMA = 25 };

static const char *device = "cpu";
static int threads;

static _Noreturn void fail(const char *what, const udm_error *error)
{
    fprintf(stderr, "golden_frames: %s: %s\n", what, error->message);
    exit(1);
}

static udm_image image_of(uint8_t *bytes, int width, int height)
{
    udm_image image = { .width = width, .height = height, .channels = CHANNELS, .bits = 8 };
    for (int c = 0; c < CHANNELS; c++)
        image.data[c] = bytes + c, image.stride[c] = (ptrdiff_t)width * CHANNELS, image.step[c] = CHANNELS;
    return image;
}

static uint32_t scramble(uint32_t x)
{
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

// Integers only: stripes and a disc that move over a ramp, and noise, the sum of four uniform numbers.
static void draw(uint8_t *bytes, int frame, int noise)
{
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        const int x = i % WIDTH, y = i / WIDTH, dx = x - 30 - 3 * frame, dy = y - 32;
        const int disc = dx * dx + dy * dy < 200, stripe = (x + 2 * frame) / 6 % 2;
        for (int c = 0; c < CHANNELS; c++) {
            const uint32_t bits = scramble((uint32_t)(frame * BYTES + i * CHANNELS + c) + 77);
            const int sum = (int)(bits & 255) + (int)(bits >> 8 & 255) + (int)(bits >> 16 & 255) + (int)(bits >> 24);
            const int clean = disc ? 200 - 60 * c : 60 + x + 30 * stripe * (c + 1) / 2 - y / 2;
            const int value = clean + (sum - 510) * noise / 148; // 148: the deviation of the sum
            bytes[i * CHANNELS + c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
    }
}

static udm_settings settings_for(int width, int height)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = width, settings.height = height, settings.channels = CHANNELS;
    settings.device = device, settings.threads = threads;
    return settings;
}

static void put(const uint8_t *bytes, size_t count)
{
    fwrite(bytes, 1, count, stdout);
}

typedef struct restoration {
    const char *model;
    double amount; // negative: estimated
    int noise, lookahead, ensemble, steps;
    double strength;
    bool holes;
} restoration;

static void pull_all(udm_restorer *restorer, udm_pulled until)
{
    udm_error error = { 0 };
    uint8_t bytes[BYTES];
    const udm_image out = image_of(bytes, WIDTH, HEIGHT);
    udm_pulled pulled;
    while ((pulled = udm_restorer_pull(restorer, &out, &error)) == UDM_PULLED_FRAME)
        put(bytes, BYTES);
    if (pulled != until)
        fail("pull", &error);
}

static void restore(const udm_model *model, const restoration *what)
{
    udm_error error = { 0 };
    udm_settings settings = settings_for(WIDTH, HEIGHT);
    settings.lookahead = what->lookahead, settings.ensemble = what->ensemble, settings.steps = what->steps;
    udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
    if (!restorer)
        fail("open", &error);
    for (int n = 0; n < FRAMES; n++) {
        uint8_t bytes[BYTES], mask[WIDTH * HEIGHT];
        draw(bytes, n, what->noise);
        for (int i = 0; i < WIDTH * HEIGHT; i++)
            mask[i] = (i / WIDTH / 8 + i % WIDTH / 8) % 3 ? 255 : 0;
        const udm_image in = image_of(bytes, WIDTH, HEIGHT);
        udm_image known = image_of(mask, WIDTH, HEIGHT);
        known.channels = 1, known.stride[0] = WIDTH, known.step[0] = 1;
        const udm_frame frame = { .image = &in,
                                  .time = what->holes        ? 0
                                          : what->amount < 0 ? UDM_TIME_ESTIMATE
                                                             : udm_model_time(model, what->amount),
                                  .known = what->holes ? &known : NULL,
                                  .strength = what->strength,
                                  .number = (uint64_t)n };
        if (!udm_restorer_push(restorer, &frame, &error))
            fail("push", &error);
        pull_all(restorer, UDM_PULLED_NOTHING);
    }
    udm_restorer_end(restorer);
    pull_all(restorer, UDM_PULLED_END);
    udm_restorer_free(restorer);
}

static void interpolate(const udm_model *model)
{
    udm_error error = { 0 };
    udm_settings settings = settings_for(WIDTH, HEIGHT);
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
    if (!interpolator)
        fail("open", &error);
    uint8_t frames[FRAMES][BYTES], bytes[BYTES];
    for (int n = 0; n < FRAMES; n++)
        draw(frames[n], n, 0);
    for (int n = 0; n + 2 < FRAMES; n++) {
        const udm_image a = image_of(frames[n], WIDTH, HEIGHT), b = image_of(frames[n + 1], WIDTH, HEIGHT);
        const udm_image c = image_of(frames[n + 2], WIDTH, HEIGHT), out = image_of(bytes, WIDTH, HEIGHT);
        if (!udm_interpolator_pair(interpolator, &a, &b, 0.04, &error) ||
            !udm_interpolator_follow(interpolator, &c, 0.04, &error) ||
            !udm_interpolator_make(interpolator, 0.4, (uint64_t)n, &out, &error))
            fail("make", &error);
        put(bytes, BYTES);
    }
    udm_interpolator_free(interpolator);
}

static void generate(const udm_model *model)
{
    enum { SIDE = 64 };
    udm_error error = { 0 };
    udm_settings settings = settings_for(SIDE, SIDE);
    settings.steps = 10, settings.seed = 5;
    const udm_generation params = { .size = sizeof(udm_generation), .rate = 25 };
    udm_generator *generator = udm_generator_open(model, &settings, &params, &error);
    if (!generator)
        fail("open", &error);
    static uint8_t bytes[SIDE * SIDE * CHANNELS];
    const udm_image out = image_of(bytes, SIDE, SIDE);
    for (uint64_t n = 0; n < 3; n++) {
        if (!udm_generator_make(generator, n, &out, &error))
            fail("make", &error);
        put(bytes, sizeof bytes);
    }
    udm_generator_free(generator);
}

static void sample(const udm_model *model)
{
    enum { SIDE = 28 };
    udm_error error = { 0 };
    udm_settings settings = settings_for(SIDE, SIDE);
    settings.channels = 1, settings.steps = 5, settings.class_label = 3;
    const udm_sampling sampling = { .count = 2, .guidance = 1.5 };
    static float out[2 * SIDE * SIDE];
    if (!udm_model_sample(model, &settings, &sampling, out, &error))
        fail("sample", &error);
    fwrite(out, sizeof *out, 2 * SIDE * SIDE, stdout);
}

static const restoration restorations[] = {
    { .model = "denoise", .amount = SIGMA, .noise = SIGMA, .ensemble = 1, .steps = 1 },
    { .model = "denoise-quality", .amount = SIGMA, .noise = SIGMA, .lookahead = 2, .ensemble = 2, .steps = 1 },
    { .model = "denoise-real", .amount = 10, .noise = 10, .ensemble = 1, .steps = 3, .strength = 0.3 },
    { .model = "deblur", .amount = 2, .noise = 2, .ensemble = 1, .steps = 1 },
    { .model = "super4", .amount = 4, .ensemble = 1, .steps = 1 },
    { .model = "inpaint", .ensemble = 1, .steps = 1, .holes = true },
};

// `denoise`, at a level that is estimated: a case of its own.
static const restoration estimated = { .model = "denoise", .amount = -1, .noise = SIGMA, .ensemble = 1, .steps = 1 };

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "", *models = getenv("UDM_SHIPPED_MODELS");
    device = argc > 2 ? argv[2] : device;
    threads = argc > 3 ? atoi(argv[3]) : 0;
    const bool estimates = strcmp(name, "estimated") == 0;
    name = estimates ? estimated.model : name;
    if (strcmp(name, "motion") == 0) {
        interpolate(NULL);
        return 0;
    }
    char directory[4096];
    snprintf(directory, sizeof directory, "%s/%s", models ? models : "models", name);
    udm_error error = { 0 };
    udm_model *model = udm_model_open(directory, &error);
    if (!model)
        fail(name, &error);
    const restoration *what = NULL;
    for (size_t i = 0; i < sizeof restorations / sizeof *restorations; i++)
        what = strcmp(restorations[i].model, name) == 0 ? &restorations[i] : what;
    what = estimates ? &estimated : what;
    if (what)
        restore(model, what);
    else if (strcmp(name, "interp") == 0)
        interpolate(model);
    else if (strncmp(name, "digits", 6) == 0)
        generate(model);
    else
        sample(model);
    udm_model_free(model);
    return 0;
}
