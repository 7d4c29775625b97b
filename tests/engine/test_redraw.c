// SPDX-License-Identifier: LGPL-2.1-or-later
// Video drawn anew by a model of latent diffusion (tiny-latents): noise that moves with the picture, pictures that are
// held still, and frames of a stream against the painter.
#include <math.h>

#include "backend/backend.h"
#include "streams.h"
#include "temporal/moving_noise.h"
#include "temporal/still.h"

#define MODEL "tiny-latents/"

// ---- noise

enum {
    CELLS_X = 20,
    CELLS_Y = 14,
    SCALE = 8,
    WIDE = CELLS_X * SCALE,
    HIGH = CELLS_Y * SCALE,
    CELLS = CELLS_X * CELLS_Y
};

static float flow_values[2 * WIDE * HIGH];
static const udm_pixel_flow flow = { flow_values, WIDE, HIGH };

static void move_by(float x, float y)
{
    for (int i = 0; i < WIDE * HIGH; i++)
        flow_values[i] = -x, flow_values[WIDE * HIGH + i] = -y;
}

static udm_moving_noise *new_noise(void)
{
    udm_error error = { 0 };
    udm_moving_noise *noise = udm_moving_noise_new(1, CELLS_X, CELLS_Y, SCALE, 7, &error);
    ck_assert_msg(noise, "%s", error.message);
    return noise;
}

// The first frame, into `first`, and the last of `frames` after it.
static const float *run(udm_moving_noise *noise, float *first, int frames)
{
    const float *now = udm_moving_noise_of(noise, NULL, 0);
    memcpy(first, now, CELLS * sizeof *first);
    for (int n = 1; n <= frames; n++) {
        udm_moving_noise_keep(noise);
        now = udm_moving_noise_of(noise, &flow, n);
    }
    return now;
}

START_TEST(noise_rests_where_nothing_moves)
{
    float first[CELLS];
    udm_moving_noise *noise = new_noise();
    move_by(0, 0);
    assert_within(run(noise, first, 5), first, CELLS, 0);
    udm_moving_noise_free(noise);
}
END_TEST

// A pixel a frame to the right, and half of one down: after 16 frames two cells, and one. What comes in is new.
START_TEST(noise_moves_by_less_than_a_cell)
{
    float first[CELLS];
    udm_moving_noise *noise = new_noise();
    move_by(1, 0.5f);
    const float *now = run(noise, first, 16);
    for (int y = 0; y < CELLS_Y; y++)
        for (int x = 0; x < CELLS_X; x++) {
            const float value = now[y * CELLS_X + x];
            test_at("%d, %d", x, y);
            if (x >= 2 && y >= 1)
                ck_assert(value == first[(y - 1) * CELLS_X + x - 2]);
            for (int i = 0; i < CELLS && (x < 2 || y < 1); i++)
                ck_assert(value != first[i]);
        }
    udm_moving_noise_free(noise);
}
END_TEST

// A picture that grows, and turns: no value is there twice, and all of them are as noise is.
START_TEST(noise_stays_white)
{
    float first[CELLS];
    double sum = 0, square = 0, beside = 0;
    udm_moving_noise *noise = new_noise();
    for (int i = 0; i < WIDE * HIGH; i++) {
        const float x = (float)(i % WIDE - WIDE / 2), y = (float)(i / WIDE - HIGH / 2);
        flow_values[i] = -0.05f * x + 0.03f * y, flow_values[WIDE * HIGH + i] = -0.05f * y - 0.03f * x;
    }
    const float *now = run(noise, first, 40);
    for (int i = 0; i < CELLS; i++) {
        for (int k = 0; k < i; k++)
            ck_assert(now[i] != now[k]);
        sum += now[i], square += now[i] * now[i], beside += i % CELLS_X ? now[i] * now[i - 1] : 0;
    }
    ck_assert_double_lt(fabs(sum / CELLS), 0.2);        // three deviations: 0.18
    ck_assert_double_lt(fabs(square / CELLS - 1), 0.3); // 0.25
    ck_assert_double_lt(fabs(beside / CELLS), 0.2);
    udm_moving_noise_free(noise);
}
END_TEST

// ---- pictures

enum { SIDE = 64, PIXELS = SIDE * SIDE, STILL_FRAMES = 12 };

typedef struct drawing {
    float frame[3 * PIXELS], drawn[3 * PIXELS];
} drawing;

static float noise_at(unsigned i, unsigned n)
{
    unsigned h = i * 2654435761u ^ n * 40503u;
    h ^= h >> 15, h *= 2246822519u, h ^= h >> 13, h *= 3266489917u, h ^= h >> 16;
    return (float)(h & 0xffff) / 65535 - 0.5f;
}

// A slope, `light` brighter; drawn as twice as bright, with noise that is another in each frame.
static void draw(drawing *d, int n, float light, float noise)
{
    for (int i = 0; i < 3 * PIXELS; i++) {
        d->frame[i] = 0.004f * (float)(i % SIDE) - 0.4f + light;
        d->drawn[i] = d->frame[i] + 0.2f + noise * noise_at((unsigned)i, (unsigned)n);
    }
}

static udm_still *new_still(udm_device **device)
{
    udm_error error = { 0 };
    *device = udm_device_open("cpu", 1, &error);
    udm_still *still = *device ? udm_still_new(SIDE, SIDE, *device, &error) : NULL;
    ck_assert_msg(still, "%s", error.message);
    memset(flow_values, 0, sizeof flow_values);
    return still;
}

static void hold(udm_still *still, drawing *d, bool first)
{
    udm_error error = { 0 };
    assert_ok(udm_still_hold(still, first ? NULL : flow_values, d->frame, d->drawn, &error), &error);
    udm_still_keep(still);
}

static double mean_square(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum / (double)count;
}

// Frames of a mean of eight change by an eighth of what each is off: 64 times less in squares, and more.
START_TEST(what_flickers_is_held_still)
{
    static drawing d;
    static float before[3 * PIXELS], plain[3 * PIXELS];
    udm_device *device;
    udm_still *still = new_still(&device);
    double flicker = 0, own = 0;
    for (int n = 0; n < STILL_FRAMES; n++) {
        draw(&d, n, 0, 0.4f);
        own = mean_square(d.drawn, plain, 3 * PIXELS);
        memcpy(plain, d.drawn, sizeof plain);
        hold(still, &d, n == 0);
        flicker = mean_square(d.drawn, before, 3 * PIXELS);
        memcpy(before, d.drawn, sizeof before);
    }
    ck_assert_double_gt(own / flicker, 50);
    udm_still_free(still);
    udm_device_close(device);
}
END_TEST

// A fade of 2 levels a frame.
START_TEST(light_is_followed)
{
    static drawing d, plain;
    udm_device *device;
    udm_still *still = new_still(&device);
    for (int n = 0; n < STILL_FRAMES; n++) {
        draw(&d, n, (float)n * 2 / 127.5f, 0);
        plain = d;
        hold(still, &d, n == 0);
        assert_within(d.drawn, plain.drawn, 3 * PIXELS, 1e-4);
    }
    udm_still_free(still);
    udm_device_close(device);
}
END_TEST

// A thing that was not there before is as it was drawn, at once.
START_TEST(what_is_new_is_new)
{
    static drawing d, plain;
    udm_device *device;
    udm_still *still = new_still(&device);
    for (int n = 0; n < STILL_FRAMES; n++) {
        draw(&d, n, 0, 0.4f);
        for (int i = 0; i < 3 * PIXELS && n == STILL_FRAMES - 1; i++)
            if (i % SIDE >= 24 && i % SIDE < 40 && i % PIXELS / SIDE >= 24 && i % PIXELS / SIDE < 40)
                d.frame[i] = 0.9f, d.drawn[i] = -0.8f;
        plain = d;
        hold(still, &d, n == 0);
    }
    for (int y = 26; y < 38; y++)
        assert_within(d.drawn + y * SIDE + 26, plain.drawn + y * SIDE + 26, 12, 0.01);
    udm_still_free(still);
    udm_device_close(device);
}
END_TEST

// ---- streams

enum { ROW = 38, PLANE = 22 * ROW }; // frames of 37x22, in whole latents of 2x2 pixels

static udm_restorer *open_redraw(const udm_model *model, int channels, int steps, const char *text)
{
    udm_error error = { 0 };
    udm_restorer *stream = open_stream(model, channels, steps, "model");
    assert_ok(udm_restorer_tell(stream, text, "a green ring", 5, &error), &error);
    return stream;
}

// What the painter makes of the frame, mirrored to whole latents, in steps of that many.
static void paint_frame(const udm_model *model, const uint8_t *pixels, int steps, double strength, uint8_t *out)
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_prompting prompting;
    udm_painting painting;
    static float image[3 * PLANE], planes[3 * PLANE];
    udm_settings_init(&settings, sizeof settings);
    settings.width = ROW, settings.height = 22, settings.device = "cpu", settings.threads = 1, settings.steps = steps;
    udm_painter *painter = udm_painter_open(model, &settings, &error);
    ck_assert_msg(painter, "%s", error.message);
    float *embedding = malloc(udm_painter_size(painter) * sizeof *embedding);
    udm_prompting_init(&prompting, sizeof prompting);
    prompting.text = "a red star", prompting.negative = "a green ring";
    udm_painting_init(&painting, sizeof painting);
    painting.embedding = embedding, painting.image = image, painting.strength = strength, painting.guidance = 5;
    for (int i = 0; i < 3 * PLANE; i++) {
        const int c = i / PLANE, y = i / ROW % H, x = i % ROW;
        const int column = x < W ? x : 2 * W - 1 - x;
        image[i] = pixels[3 * (y * W + column) + c] / 127.5f - 1;
    }
    assert_ok(udm_painter_read(painter, &prompting, embedding, &error), &error);
    assert_ok(udm_painter_paint(painter, &painting, planes, &error), &error);
    for (int i = 0; i < BYTES; i++)
        out[i] = (uint8_t)lrintf((planes[i % 3 * PLANE + i / 3 / W * ROW + i / 3 % W] + 1) * 127.5f);
    free(embedding);
    udm_painter_free(painter);
}

// Two steps at 0.5 are the last two of four.
START_TEST(a_frame_is_what_the_painter_makes)
{
    static uint8_t pixels[BYTES], want[BYTES], out[BYTES], again[BYTES];
    udm_model *model = golden_model(MODEL "sd1");
    udm_restorer *stream = open_redraw(model, 3, 2, "a red star");
    const udm_image in = image_of(pixels, W, H, 3);
    paint(pixels, BYTES, 1);
    paint_frame(model, pixels, 4, 0.5, want);
    must_pass(stream, (udm_frame){ .image = &in, .strength = 0.5, .number = 0 }, out, 3);
    for (int i = 0; i < BYTES; i++)
        ck_assert_int_le(abs(out[i] - want[i]), 1);
    must_pass(stream, (udm_frame){ .image = &in, .strength = 0.5, .number = 1 }, again, 3); // nothing moved
    ck_assert_mem_eq(again, out, BYTES);
    must_pass(stream, (udm_frame){ .image = &in, .number = 2 }, again, 3);
    ck_assert_mem_eq(again, pixels, BYTES);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

// From the next frame on, though it repeats the last.
START_TEST(words_change)
{
    static uint8_t pixels[BYTES], first[BYTES], second[BYTES], third[BYTES];
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL "turbo");
    udm_restorer *stream = open_redraw(model, 3, 1, "a red star");
    const udm_image in = image_of(pixels, W, H, 3);
    const udm_frame frame = { .image = &in, .strength = 0.5, .discontinuity = true };
    paint(pixels, BYTES, 2);
    must_pass(stream, frame, first, 3);
    assert_ok(udm_restorer_tell(stream, "a blue ring", NULL, 5, &error), &error);
    must_pass(stream, frame, second, 3);
    ck_assert_mem_ne(first, second, BYTES);
    assert_ok(udm_restorer_tell(stream, "a red star", "a green ring", 5, &error), &error);
    must_pass(stream, frame, third, 3);
    ck_assert_mem_eq(first, third, BYTES);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

START_TEST(a_cancelled_frame_is_made_again)
{
    static uint8_t pixels[2][BYTES], want[BYTES], out[BYTES];
    udm_error error = { 0 };
    udm_model *model = golden_model(MODEL "turbo");
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        udm_restorer *stream = open_redraw(model, 3, 1, "a red star");
        for (int n = 0; n < 2; n++) {
            const udm_image in = image_of(pixels[n], W, H, 3), to = image_of(out, W, H, 3);
            for (int i = 0; i < BYTES; i++) // a slope that moves
                pixels[n][i] = (uint8_t)(5 * (i / 3 % W) + 3 * (i / 3 / W) + 4 * n);
            const udm_frame frame = { .image = &in, .strength = 0.5, .number = (uint64_t)n };
            assert_ok(udm_restorer_push(stream, &frame, &error), &error);
            udm_restorer_cancel(stream, cancelled);
            if (cancelled)
                ck_assert_int_eq(udm_restorer_pull(stream, &to, &error), UDM_PULLED_FAILED);
            udm_restorer_cancel(stream, false);
            ck_assert_int_eq(udm_restorer_pull(stream, &to, &error), UDM_PULLED_FRAME);
        }
        if (cancelled)
            ck_assert_mem_eq(out, want, BYTES);
        memcpy(want, out, BYTES);
        udm_restorer_free(stream);
    }
    udm_model_free(model);
}
END_TEST

START_TEST(grey_stays_grey)
{
    static uint8_t pixels[W * H], out[W * H];
    udm_model *model = golden_model(MODEL "turbo");
    udm_restorer *stream = open_redraw(model, 1, 1, "a red star");
    const udm_image in = image_of(pixels, W, H, 1);
    paint(pixels, W * H, 3);
    must_pass(stream, (udm_frame){ .image = &in, .strength = 0.5 }, out, 1);
    ck_assert_mem_ne(pixels, out, W * H);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

// What is known stays, bit for bit, and the hole is drawn, even with no strength.
START_TEST(holes_are_filled)
{
    static uint8_t pixels[BYTES], known[W * H], out[BYTES];
    udm_model *model = golden_model(MODEL "filled");
    udm_restorer *stream = open_redraw(model, 3, 2, "a red star");
    const udm_image in = image_of(pixels, W, H, 3), mask = image_of(known, W, H, 1);
    int changed = 0;
    ck_assert(udm_model_degradation(model)->holes && udm_model_degradation(model)->told);
    paint(pixels, BYTES, 4);
    for (int i = 0; i < W * H; i++)
        known[i] = i % W < 16 || i % W >= 24 ? 255 : 0;
    must_pass(stream, (udm_frame){ .image = &in, .known = &mask }, out, 3);
    for (int i = 0; i < BYTES; i++)
        if (known[i / 3])
            ck_assert_int_eq(out[i], pixels[i]);
        else
            changed += out[i] != pixels[i];
    ck_assert_int_gt(changed, 3 * 8 * H * 9 / 10);
    memset(known, 255, sizeof known);
    must_pass(stream, (udm_frame){ .image = &in, .known = &mask, .strength = 0.5 }, out, 3);
    ck_assert_mem_eq(out, pixels, BYTES); // there is no hole
    udm_error error = { 0 };
    ck_assert_int_eq(pass(stream, (udm_frame){ .image = &in }, out, 3, &error), UDM_PULLED_FAILED);
    assert_error(&error, UDM_ERROR_SETTINGS, "which pixels of a frame are known");
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

START_TEST(what_is_refused)
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_model *model = golden_model(MODEL "turbo"), *other = golden_model("tiny-denoise");
    udm_restorer *stream = open_redraw(model, 3, 1, ""), *deaf = open_stream(other, 3, 1, "model");
    ck_assert(!udm_restorer_tell(deaf, "a star", NULL, 1, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "knows no text");
    ck_assert(!udm_restorer_tell(stream, "a star", NULL, 101, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "0 to 100");
    ck_assert(!udm_restorer_tell(stream, NULL, NULL, 1, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the text is NULL");
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.device = "cpu", settings.threads = 1;
    settings.lookahead = 2;
    ck_assert(!udm_restorer_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "lookahead is 2");
    settings.lookahead = 0, settings.ensemble = 2;
    ck_assert(!udm_restorer_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "ensemble is 2");
    udm_restorer_free(stream), udm_restorer_free(deaf);
    udm_model_free(model), udm_model_free(other);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = noise_rests_where_nothing_moves },
        { .test = noise_moves_by_less_than_a_cell },
        { .test = noise_stays_white },
        { .test = what_flickers_is_held_still },
        { .test = light_is_followed },
        { .test = what_is_new_is_new },
        { .test = a_frame_is_what_the_painter_makes },
        { .test = words_change },
        { .test = a_cancelled_frame_is_made_again },
        { .test = grey_stays_grey },
        { .test = holes_are_filled },
        { .test = what_is_refused },
    };
    return test_main("redraw_words", tests, COUNT_OF(tests));
}
