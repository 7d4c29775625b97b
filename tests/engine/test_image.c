// SPDX-License-Identifier: LGPL-2.1-or-later
// Images of every kind of memory to planes and back.
#include "udm/image.h"

#include "compare.h"

static const int widths[] = { 1, 2, 17, 64 };

// A packed image of `step` components a pixel, the first 1 or 3 of which are meant, in rows that are padded.
static udm_image packed(uint8_t *memory, int width, int height, int channels, int bits, int step)
{
    udm_image image = { .width = width, .height = height, .channels = channels, .bits = bits };
    const int bytes = bits == 8 ? 1 : 2;
    for (int c = 0; c < channels; c++) {
        image.data[c] = memory + c * bytes;
        image.step[c] = step * bytes;
        image.stride[c] = (width * step + 5) * bytes;
    }
    return image;
}

static void check_round_trip(int width, int channels, int bits, int step)
{
    enum { HEIGHT = 3, ROOM = (64 * 4 + 5) * 2 * HEIGHT };
    uint8_t from[ROOM], to[ROOM], want[ROOM];
    float planes[64 * HEIGHT * 3];
    const int bytes = bits == 8 ? 1 : 2;
    udm_image a = packed(from, width, HEIGHT, channels, bits, step),
              b = packed(to, width, HEIGHT, channels, bits, step);
    test_at("%d components of %d bits, %d of them meant", step, bits, channels);
    memset(to, 0xAA, sizeof to);
    for (int i = 0; i < ROOM; i++) {
        const int row = i / (int)a.stride[0], x = i % (int)a.stride[0] / (step * bytes),
                  c = i % (int)a.stride[0] / bytes % step;
        from[i] = (uint8_t)(bits > 8 && i % 2 ? (i * 37) & ((1 << (bits - 8)) - 1) : i * 37);
        want[i] = row < HEIGHT && x < width && c < channels ? from[i] : 0xAA;
    }
    udm_image_to_planes(&a, planes);
    for (int i = 0; i < width * HEIGHT * channels; i++)
        ck_assert_msg(planes[i] >= -1 && planes[i] <= 1, "value %d is %g", i, planes[i]);
    udm_image_from_planes(&b, planes);
    assert_same(to, want, ROOM);
}

START_TEST(round_trip_is_exact_and_touches_nothing_else)
{
    test_case("width %d", widths[_i]);
    for (int bits = 8; bits <= 16; bits += 2) {
        check_round_trip(widths[_i], 1, bits, 1);
        check_round_trip(widths[_i], 3, bits, 3);
        check_round_trip(widths[_i], 3, bits, 4);
    }
}
END_TEST

START_TEST(ends_of_the_range)
{
    uint16_t pixels[4] = { 0, 1023, 512, 0 };
    float planes[4];
    udm_image image = { .width = 4, .height = 1, .channels = 1, .bits = 10 };
    image.data[0] = (uint8_t *)pixels, image.stride[0] = sizeof pixels, image.step[0] = 2;
    udm_image_to_planes(&image, planes);
    ck_assert_double_eq(planes[0], -1);
    ck_assert_double_eq_tol(planes[1], 1, 1e-6);
    const float beyond[4] = { -7, 7, NAN, 0 };
    udm_image_from_planes(&image, beyond);
    const uint16_t want[4] = { 0, 1023, 0, 512 };
    assert_same(pixels, want, 4);
}
END_TEST

// A sample and the block of it, at their places.
static void check_blocks(const udm_image *from, int factor, const udm_image *to)
{
    const size_t bytes = from->bits == 8 ? 1 : 2;
    for (int c = 0; c < to->channels; c++) {
        const int x_shift = c > 0 ? to->subsample_x : 0, y_shift = c > 0 ? to->subsample_y : 0;
        for (int y = 0; y < (to->height + (1 << y_shift) - 1) >> y_shift; y++)
            for (int x = 0; x < (to->width + (1 << x_shift) - 1) >> x_shift; x++)
                ck_assert_msg(memcmp(to->data[c] + y * to->stride[c] + x * to->step[c],
                                     from->data[c] + y / factor * from->stride[c] + x / factor * from->step[c],
                                     bytes) == 0,
                              "component %d at %d,%d of factor %d", c, x, y, factor);
    }
}

START_TEST(pixels_become_blocks)
{
    enum { WIDTH = 5, HEIGHT = 3, ROOM = 4 * (WIDTH * 4 + 5) * 2 * 4 * HEIGHT };
    static uint8_t from[ROOM], to[ROOM];
    const int factor = 2 << _i % 2, bits = _i < 2 ? 8 : 10;
    udm_image a = packed(from, WIDTH, HEIGHT, 3, bits, 4), b = packed(to, WIDTH * factor, HEIGHT * factor, 3, bits, 4);
    memset(to, 0xAA, sizeof to);
    for (int i = 0; i < ROOM; i++)
        from[i] = (uint8_t)(i * 37);
    for (int shared = 0; shared < 2; shared++) { // chroma of 3x2 samples becomes one of 5x3 and 10x6
        a.subsample_x = a.subsample_y = b.subsample_x = b.subsample_y = shared;
        a.matrix = b.matrix = shared ? UDM_MATRIX_BT709 : UDM_MATRIX_RGB;
        udm_error error = { 0 };
        ck_assert_msg(udm_image_enlarge(&a, factor, &b, &error), "%s", error.message);
        check_blocks(&a, factor, &b);
    }
    for (int i = 0; i < b.width * b.height; i++) {
        const ptrdiff_t at = i / b.width * b.stride[0] + i % b.width * b.step[0] + (bits == 8 ? 3 : 6);
        ck_assert_msg(to[at] == 0xAA, "what is between pixels was written at %d", i);
    }
}
END_TEST

START_TEST(what_is_no_enlarged_image_is_told)
{
    static uint8_t memory[2][64 * 64 * 3];
    const udm_image a = packed(memory[0], 8, 8, 3, 8, 3), good = packed(memory[1], 16, 16, 3, 8, 3);
    udm_error error = { 0 };
    ck_assert(udm_image_enlarge(&a, 2, &good, &error));
    ck_assert(!udm_image_enlarge(&a, 4, &good, &error));
    ck_assert(strstr(error.message, "16x16 is not 4 times one of 8x8"));
    ck_assert(!udm_image_enlarge(&a, 0, &good, &error));
    ck_assert(!udm_image_enlarge(NULL, 2, &good, &error));
    udm_image other = good;
    other.channels = 1;
    ck_assert(!udm_image_enlarge(&a, 2, &other, &error));
    ck_assert(strstr(error.message, "as many channels"));
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = round_trip_is_exact_and_touches_nothing_else, .cases = COUNT_OF(widths) },
        { .test = ends_of_the_range },
        { .test = pixels_become_blocks, .cases = 4 },
        { .test = what_is_no_enlarged_image_is_told },
    };
    return test_main("image", tests, COUNT_OF(tests));
}
