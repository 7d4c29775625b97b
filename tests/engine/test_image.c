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

int main(void)
{
    const test_entry tests[] = {
        { .test = round_trip_is_exact_and_touches_nothing_else, .cases = COUNT_OF(widths) },
        { .test = ends_of_the_range },
    };
    return test_main("image", tests, COUNT_OF(tests));
}
