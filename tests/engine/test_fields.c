// SPDX-License-Identifier: LGPL-2.1-or-later
// Fields in, frames out, by the public API: pictures whose fields are taken apart and put together again.
#include <udm/udm.h>

#include "compare.h"

enum { WIDTH = 64, HEIGHT = 48, PIXELS = WIDTH * HEIGHT, FRAMES = 6 };

static udm_deinterlacer *open_for(int width, int height, int channels, bool alpha, udm_deinterlace how)
{
    udm_settings settings;
    udm_error error = { 0 };
    udm_settings_init(&settings, sizeof settings);
    settings.width = width, settings.height = height, settings.channels = channels;
    settings.alpha = alpha, settings.threads = 2;
    udm_deinterlacer *d = udm_deinterlacer_open(&settings, how, &error);
    assert_ok(d, &error);
    return d;
}

static udm_image grey(uint8_t *pixels, int width, int height)
{
    return (udm_image){ .width = width,
                        .height = height,
                        .channels = 1,
                        .bits = 8,
                        .data = { pixels },
                        .stride = { width },
                        .step = { 1 } };
}

static uint8_t hash(unsigned a, unsigned b, unsigned c)
{
    unsigned h = a * 2654435761u ^ b * 2246822519u ^ c * 3266489917u;
    h ^= h >> 15, h *= 2246822519u, h ^= h >> 13;
    return (uint8_t)(h >> 8);
}

// A picture with stripes that no field alone tells of, which moves by (u, v) pixels from instant to instant.
static void draw(uint8_t *to, int width, int height, double instant, double u, double v)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const double sx = x - u * instant, sy = y - v * instant;
            to[y * width + x] =
                (uint8_t)lrint(128 + 60 * sin(sx * 0.35) * cos(sy * 0.31) + 30 * sin(2.2 * sy + 0.3 * sx));
        }
}

// The frame of fields whose instants are 2 i and 2 i + 1.
static void weave(uint8_t *to, const uint8_t *first, const uint8_t *second, int width, int height, bool bottom_first)
{
    for (int y = 0; y < height; y++)
        memcpy(to + y * width, (y % 2 == bottom_first ? first : second) + y * width, (size_t)width);
}

static udm_pulled pull(udm_deinterlacer *d, uint8_t *to, udm_unwoven *made)
{
    udm_error error = { 0 };
    const udm_image out = grey(to, WIDTH, HEIGHT);
    const udm_pulled pulled = udm_deinterlacer_pull(d, &out, NULL, made, &error);
    ck_assert_msg(pulled != UDM_PULLED_FAILED, "%s", error.message);
    return pulled;
}

static void push(udm_deinterlacer *d, uint8_t *pixels, udm_woven how)
{
    udm_error error = { 0 };
    const udm_image image = grey(pixels, WIDTH, HEIGHT);
    how.image = &image;
    assert_ok(udm_deinterlacer_push(d, &how, &error), &error);
}

static double psnr(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (int y = 4; y < HEIGHT - 4; y++)
        for (int x = 4; x < WIDTH - 4; x++)
            sum += (a[y * WIDTH + x] - b[y * WIDTH + x]) * (a[y * WIDTH + x] - b[y * WIDTH + x]);
    return 10 * log10(255. * 255 * (HEIGHT - 8) * (WIDTH - 8) / fmax(sum, 1e-3));
}

static const struct {
    double u, v;
    bool bottom_first;
    double least; // dB; what the rows above and below tell is 20
} motions[] = {
    { 0, 0, false, 60 }, { 0, 0, true, 60 }, { 1, 0, false, 60 }, { 2.5, 0, true, 44 }, { -1, 2, true, 55 }
};

// Every field becomes the picture of its instant, and keeps its own rows.
START_TEST(each_field_becomes_the_picture_of_its_instant)
{
    static uint8_t pictures[2 * FRAMES][PIXELS], woven[PIXELS], made[PIXELS];
    udm_deinterlacer *d = open_for(WIDTH, HEIGHT, 1, false, UDM_DEINTERLACE_FIELDS);
    const bool bottom_first = motions[_i].bottom_first;
    int count = 0;
    test_case("motion %g, %g, %s first", motions[_i].u, motions[_i].v, bottom_first ? "bottom" : "top");
    for (int i = 0; i < 2 * FRAMES; i++)
        draw(pictures[i], WIDTH, HEIGHT, i, motions[_i].u, motions[_i].v);
    for (int i = 0; i <= FRAMES; i++) {
        udm_unwoven what;
        if (i < FRAMES) {
            weave(woven, pictures[2 * i], pictures[2 * i + 1], WIDTH, HEIGHT, bottom_first);
            push(d, woven, (udm_woven){ .bottom_first = bottom_first });
        } else {
            udm_deinterlacer_end(d);
        }
        for (; pull(d, made, &what) == UDM_PULLED_FRAME; count++) {
            test_at("field %d", count);
            ck_assert_int_eq((int)what.first.frame, count / 2);
            ck_assert_int_eq(what.first.field, count % 2);
            ck_assert_int_eq(what.last.field, count % 2);
            ck_assert_int_eq((int)what.done, (count + 1) / 2);
            for (int y = (count % 2) ^ bottom_first; y < HEIGHT; y += 2)
                assert_same(made + y * WIDTH, pictures[count] + y * WIDTH, WIDTH);
            if (count >= 2 && count < 2 * FRAMES - 2)
                ck_assert_double_ge(psnr(made, pictures[count]), motions[_i].least);
        }
    }
    ck_assert_int_eq(count, 2 * FRAMES);
    ck_assert_int_eq(pull(d, made, NULL), UDM_PULLED_END);
    udm_deinterlacer_free(d);
}
END_TEST

// What rests keeps all its rows, whatever lies in them, from the first field to the last.
START_TEST(what_rests_comes_out_as_it_was_woven)
{
    static uint8_t still[PIXELS], made[PIXELS];
    udm_deinterlacer *d = open_for(WIDTH, HEIGHT, 1, false, UDM_DEINTERLACE_FIELDS);
    int count = 0;
    for (int i = 0; i < PIXELS; i++)
        still[i] = i / WIDTH < 24 ? hash(i, 1, 2) : i / WIDTH % 8 == 3 ? 255 : 16; // noise, and lines of one row
    for (int i = 0; i < 5; i++) {
        if (i < 4)
            push(d, still, (udm_woven){ 0 });
        else
            udm_deinterlacer_end(d);
        for (; pull(d, made, NULL) == UDM_PULLED_FRAME; count++) {
            test_at("field %d", count);
            assert_within(made, still, PIXELS, 1);
        }
    }
    ck_assert_int_eq(count, 8);
    udm_deinterlacer_free(d);
}
END_TEST

// Of frames of one instant nothing is guessed, whatever lies around them; the first field alone of others comes out if
// that was asked for.
START_TEST(whole_frames_pass_as_they_are)
{
    static uint8_t frames[FRAMES][PIXELS], made[PIXELS];
    const udm_deinterlace how = (udm_deinterlace)_i;
    udm_deinterlacer *d = open_for(WIDTH, HEIGHT, 1, false, how);
    int count = 0;
    test_case("way %d", _i);
    for (int i = 0; i < FRAMES; i++)
        for (int k = 0; k < PIXELS; k++)
            frames[i][k] = hash(k, i, 7);
    for (int i = 0; i <= FRAMES; i++) {
        udm_unwoven what;
        if (i < FRAMES)
            push(d, frames[i], (udm_woven){ .progressive = i % 2 == 0 });
        else
            udm_deinterlacer_end(d);
        for (; pull(d, made, &what) == UDM_PULLED_FRAME; count++) {
            const int frame = (int)what.first.frame, field = what.first.field;
            test_at("frame %d", frame);
            if (how == UDM_DEINTERLACE_FIELDS && frame % 2 == 1)
                ck_assert_int_eq(what.last.field, field);
            ck_assert(what.woven || frame % 2 == 1);
            if (frame % 2 == 0)
                assert_same(made, frames[frame], PIXELS);
            for (int y = field; y < HEIGHT; y += 2)
                assert_same(made + y * WIDTH, frames[frame] + y * WIDTH, WIDTH);
        }
    }
    ck_assert_int_eq(count, how == UDM_DEINTERLACE_FIELDS ? FRAMES * 3 / 2 : FRAMES);
    udm_deinterlacer_free(d);
}
END_TEST

// After a discontinuity nothing of before is seen: what comes out is what comes out without it.
START_TEST(nothing_passes_a_discontinuity)
{
    static uint8_t frames[2][PIXELS], after[2][PIXELS], alone[2][PIXELS];
    for (int run = 0; run < 2; run++) {
        udm_deinterlacer *d = open_for(WIDTH, HEIGHT, 1, false, UDM_DEINTERLACE_FIELDS);
        int count = 0;
        for (int i = 0; i < PIXELS; i++)
            frames[0][i] = hash(i, 3, 4);
        draw(frames[1], WIDTH, HEIGHT, 0, 0, 0);
        if (run == 0)
            push(d, frames[0], (udm_woven){ 0 });
        push(d, frames[1], (udm_woven){ .discontinuity = true });
        udm_unwoven what;
        uint8_t *to = run ? alone[0] : after[0];
        udm_deinterlacer_end(d);
        while (pull(d, to, &what) == UDM_PULLED_FRAME)
            if (what.first.frame == (uint64_t)(1 - run) && ++count == 1)
                to = run ? alone[1] : after[1];
        ck_assert_int_eq(count, 2);
        udm_deinterlacer_free(d);
    }
    assert_same(after[0], alone[0], 2 * PIXELS);
}
END_TEST

// A single field is a frame; its other rows, which are rubbish, are nowhere to be seen.
START_TEST(a_field_alone)
{
    static uint8_t good[PIXELS], bad[PIXELS], made[PIXELS];
    udm_deinterlacer *d = open_for(WIDTH, HEIGHT, 1, false, UDM_DEINTERLACE_FIELDS);
    int count = 0;
    memset(good, 60, sizeof good);
    memcpy(bad, good, sizeof bad);
    for (int y = 1; y < HEIGHT; y += 2)
        memset(bad + y * WIDTH, 255, WIDTH);
    push(d, good, (udm_woven){ 0 });
    push(d, bad, (udm_woven){ .one_field = true });
    for (int i = 0; i < 2; i++) {
        for (; pull(d, made, NULL) == UDM_PULLED_FRAME; count++)
            assert_within(made, good, PIXELS, 0);
        if (i == 0)
            push(d, good, (udm_woven){ .bottom_first = true });
        udm_deinterlacer_end(d);
    }
    ck_assert_int_eq(count, 5);
    udm_deinterlacer_free(d);
}
END_TEST

// A row that the field lacks, of its two rows above and its two below: (-1 9 9 -1) / 16.
static int between(const uint8_t *frame, int parity, int x, int y)
{
    int value[4];
    for (int k = 0; k < 4; k++) {
        const int row = (y - parity + 1) / 2 - 2 + k, last = (HEIGHT - 1 - parity) / 2;
        value[k] = frame[(2 * (row < 0 ? 0 : row > last ? last : row) + parity) * WIDTH + x];
    }
    const double sum = (9. * (value[1] + value[2]) - value[0] - value[3]) / 16;
    return (int)fmin(fmax(sum + 0.5, 0), 255);
}

// What is hurried comes out at once, and nothing of the frames around it is seen; before and after that all is as ever,
// and no field is lost or comes twice.
START_TEST(a_hurry_is_of_its_own_frames)
{
    static uint8_t still[PIXELS], frames[2][PIXELS], made[PIXELS];
    const bool bottom_first = _i;
    udm_deinterlacer *d = open_for(WIDTH, HEIGHT, 1, false, UDM_DEINTERLACE_FIELDS);
    uint64_t fields = 0;
    for (int i = 0; i < PIXELS; i++)
        still[i] = hash(i, 1, 2), frames[0][i] = hash(i, 3, 4), frames[1][i] = hash(i, 5, 6);
    for (int i = 0; i <= 12; i++) {
        const bool hurry = i >= 4 && i < 8;
        udm_unwoven what;
        udm_deinterlacer_hurry(d, hurry);
        if (i < 12)
            push(d, hurry ? frames[i % 2] : still, (udm_woven){ .bottom_first = bottom_first });
        else
            udm_deinterlacer_end(d);
        for (; pull(d, made, &what) == UDM_PULLED_FRAME; fields++) {
            const int frame = (int)what.first.frame, parity = what.first.field ^ bottom_first;
            test_at("field %d of frame %d", what.first.field, frame);
            ck_assert_uint_eq(2 * what.first.frame + (uint64_t)what.first.field, fields);
            if (frame < 3 || frame >= 9)
                assert_within(made, still, PIXELS, 1);
            for (int k = 0; frame >= 4 && frame < 8 && k < PIXELS; k++)
                ck_assert_int_le(
                    abs(made[k] - (k / WIDTH % 2 == parity ? frames[frame % 2][k]
                                                           : between(frames[frame % 2], parity, k % WIDTH, k / WIDTH))),
                    1);
        }
        if (hurry)
            ck_assert_uint_eq(fields, 2 * (uint64_t)(i + 1));
    }
    ck_assert_uint_eq(fields, 24);
    udm_deinterlacer_free(d);
}
END_TEST

typedef struct kind {
    const char *name;
    int bits, shift, channels, subsample_x, subsample_y;
    udm_matrix matrix;
    bool alpha;
} kind;

static const kind kinds[] = {
    { "I420", 8, 0, 3, 1, 1, UDM_MATRIX_BT601, false },  { "I422 of 10 bits", 10, 0, 3, 1, 0, UDM_MATRIX_BT709, false },
    { "P010", 10, 6, 3, 1, 1, UDM_MATRIX_BT709, false }, { "Y41B", 8, 0, 3, 2, 0, UDM_MATRIX_BT601, false },
    { "RGBA", 8, 0, 3, 0, 0, UDM_MATRIX_RGB, true },     { "grey of 16 bits", 16, 0, 1, 0, 0, UDM_MATRIX_RGB, false },
    { "A420", 8, 0, 3, 1, 1, UDM_MATRIX_BT601, true },
};

enum { ODD_WIDTH = 45, ODD_HEIGHT = 39, PLANES = 4, MOST = ODD_WIDTH * ODD_HEIGHT };

static udm_image image_of(const kind *k, uint16_t planes[PLANES][MOST])
{
    udm_image image = { .width = ODD_WIDTH,
                        .height = ODD_HEIGHT,
                        .channels = k->channels,
                        .bits = k->bits,
                        .shift = k->shift,
                        .matrix = k->matrix,
                        .subsample_x = k->subsample_x,
                        .subsample_y = k->subsample_y };
    for (int c = 0; c < k->channels; c++) {
        image.data[c] = (uint8_t *)planes[c];
        image.step[c] = 2, image.stride[c] = 2 * ODD_WIDTH; // bytes lie in every second one
    }
    return image;
}

// Every kind of image, of odd sizes: chroma is of fields as luma is, rows of a field come out as they went in, and a
// still whose rows all differ comes out as it was.
START_TEST(every_kind_of_image)
{
    static uint16_t in[PLANES][MOST], out[PLANES][MOST];
    const kind *k = &kinds[_i];
    udm_deinterlacer *d = open_for(ODD_WIDTH, ODD_HEIGHT, k->channels, k->alpha, UDM_DEINTERLACE_FIELDS);
    udm_error error = { 0 };
    int count = 0;
    test_case("%s", k->name);
    for (int c = 0; c < PLANES; c++)
        for (int i = 0; i < MOST; i++)
            in[c][i] = k->bits == 8 ? hash(i, c, 1) : (uint16_t)((hash(i, c, 1) * 257 >> (16 - k->bits)) << k->shift);
    const udm_image image = image_of(k, in), made = image_of(k, out);
    udm_image alpha = image, alpha_made = made;
    alpha.channels = alpha_made.channels = 1, alpha.matrix = alpha_made.matrix = UDM_MATRIX_RGB;
    alpha.subsample_x = alpha.subsample_y = alpha_made.subsample_x = alpha_made.subsample_y = 0;
    alpha.data[0] = (uint8_t *)in[3], alpha_made.data[0] = (uint8_t *)out[3];
    for (int i = 0; i < 4; i++) {
        const udm_woven frame = { .image = &image, .alpha = k->alpha ? &alpha : NULL };
        if (i < 3)
            assert_ok(udm_deinterlacer_push(d, &frame, &error), &error);
        else
            udm_deinterlacer_end(d);
        memset(out, 0, sizeof out);
        for (; udm_deinterlacer_pull(d, &made, k->alpha ? &alpha_made : NULL, NULL, &error) == UDM_PULLED_FRAME;
             count++)
            for (int c = 0; c < k->channels + k->alpha; c++) {
                const int plane = c < k->channels ? c : 3, chroma = plane == 1 || plane == 2;
                const int width = chroma ? (ODD_WIDTH + (1 << k->subsample_x) - 1) >> k->subsample_x : ODD_WIDTH;
                const int height = chroma ? (ODD_HEIGHT + (1 << k->subsample_y) - 1) >> k->subsample_y : ODD_HEIGHT;
                for (int y = 0; y < height; y++) {
                    test_at("field %d, component %d, row %d", count, c, y);
                    if (y % 2 == count % 2)
                        assert_same(out[plane] + y * ODD_WIDTH, in[plane] + y * ODD_WIDTH, width);
                    else
                        assert_within(out[plane] + y * ODD_WIDTH, in[plane] + y * ODD_WIDTH, width,
                                      (2 << (k->bits - 8)) << k->shift);
                }
            }
    }
    ck_assert_int_eq(count, 6);
    udm_deinterlacer_free(d);
}
END_TEST

// However small: there is something for every field.
START_TEST(the_smallest_pictures)
{
    for (int height = 1; height < 6; height++)
        for (int width = 1; width < 6; width++) {
            uint8_t pixels[25], out[25];
            udm_error error = { 0 };
            memset(pixels, 77, sizeof pixels);
            udm_deinterlacer *d = open_for(width, height, 1, false, UDM_DEINTERLACE_FIELDS);
            const udm_image image = grey(pixels, width, height), made = grey(out, width, height);
            int count = 0;
            test_at("%dx%d", width, height);
            for (int i = 0; i < 3; i++) {
                if (i < 2)
                    assert_ok(udm_deinterlacer_push(d, &(udm_woven){ .image = &image }, &error), &error);
                else
                    udm_deinterlacer_end(d);
                for (; udm_deinterlacer_pull(d, &made, NULL, NULL, &error) == UDM_PULLED_FRAME; count++)
                    assert_same(out, pixels, width * height);
            }
            ck_assert_int_eq(count, 4);
            udm_deinterlacer_free(d);
        }
}
END_TEST

// The same bits with any number of threads and whichever instruction set, after a reset, and after a cancel.
START_TEST(the_same_bits)
{
    static uint8_t frames[3][PIXELS], want[PIXELS], made[PIXELS];
    static const char *const devices[] = { "cpu", "cpu:sse2", "auto" };
    for (int i = 0; i < 3; i++)
        draw(frames[i], WIDTH, HEIGHT, i, 3, 1);
    for (int run = 0; run < 4; run++) {
        udm_settings settings;
        udm_error error = { 0 };
        udm_settings_init(&settings, sizeof settings);
        settings.width = WIDTH, settings.height = HEIGHT, settings.channels = 1;
        settings.threads = run + 1, settings.device = devices[run % 3];
        udm_deinterlacer *d = udm_deinterlacer_open(&settings, UDM_DEINTERLACE_FIELDS, &error);
        if (!d && error.code == UDM_ERROR_NOT_FOUND) // no such instruction set on this machine
            continue;
        assert_ok(d, &error);
        for (int turn = 0; turn < 2; turn++) {
            const udm_image out = grey(made, WIDTH, HEIGHT);
            push(d, frames[0], (udm_woven){ 0 });
            push(d, frames[1], (udm_woven){ 0 });
            udm_deinterlacer_cancel(d, true);
            ck_assert_int_eq(udm_deinterlacer_pull(d, &out, NULL, NULL, &error), UDM_PULLED_FAILED);
            assert_error(&error, UDM_ERROR_CANCELLED, "cancelled");
            udm_deinterlacer_cancel(d, false);
            ck_assert_int_eq(pull(d, made, NULL), UDM_PULLED_FRAME);
            if (run == 0 && turn == 0)
                memcpy(want, made, sizeof want);
            assert_same(made, want, PIXELS);
            udm_deinterlacer_reset(d);
        }
        udm_deinterlacer_free(d);
    }
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    static uint8_t pixels[PIXELS];
    udm_error error = { 0 };
    udm_deinterlacer *d = open_for(WIDTH, HEIGHT, 1, false, UDM_DEINTERLACE_FIELDS);
    const udm_image image = grey(pixels, WIDTH, HEIGHT), small = grey(pixels, WIDTH, HEIGHT - 1);
    ck_assert(!udm_deinterlacer_push(d, &(udm_woven){ .image = &small }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "64x47");
    ck_assert(!udm_deinterlacer_push(d, &(udm_woven){ .image = &image, .alpha = &image }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "alpha");
    ck_assert(!udm_deinterlacer_push(d, &(udm_woven){ 0 }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the image");
    ck_assert(!udm_deinterlacer_push(NULL, &(udm_woven){ .image = &image }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "the deinterlacer");
    push(d, pixels, (udm_woven){ 0 });
    push(d, pixels, (udm_woven){ 0 });
    ck_assert(!udm_deinterlacer_push(d, &(udm_woven){ .image = &image }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "left to be pulled");
    udm_deinterlacer_end(d);
    ck_assert(!udm_deinterlacer_push(d, &(udm_woven){ .image = &image }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "udm_deinterlacer_end()");
    udm_deinterlacer_free(d);
    udm_deinterlacer_free(NULL);
    ck_assert_ptr_null(udm_deinterlacer_open(NULL, UDM_DEINTERLACE_FRAMES, &error));
    ck_assert_int_eq(error.code, UDM_ERROR_SETTINGS);
    ck_assert(!udm_deinterlacer_ready(NULL));
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = each_field_becomes_the_picture_of_its_instant, .cases = COUNT_OF(motions) },
        { .test = what_rests_comes_out_as_it_was_woven },
        { .test = whole_frames_pass_as_they_are, .cases = UDM_DEINTERLACE_FILM + 1 },
        { .test = nothing_passes_a_discontinuity },
        { .test = a_field_alone },
        { .test = a_hurry_is_of_its_own_frames, .cases = 2 },
        { .test = every_kind_of_image, .cases = COUNT_OF(kinds) },
        { .test = the_smallest_pictures },
        { .test = the_same_bits },
        { .test = what_does_not_fit_is_refused },
    };
    return test_main("fields", tests, COUNT_OF(tests));
}
