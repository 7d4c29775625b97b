// SPDX-License-Identifier: LGPL-2.1-or-later
// Images of every kind of memory to planes and back.
#include "udm/image.h"

#include "check.h"

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
    uint8_t from[ROOM], to[ROOM];
    float planes[64 * HEIGHT * 3];
    udm_image a = packed(from, width, HEIGHT, channels, bits, step),
              b = packed(to, width, HEIGHT, channels, bits, step);
    for (int i = 0; i < ROOM; i++)
        from[i] = (uint8_t)(bits > 8 && i % 2 ? (i * 37) & ((1 << (bits - 8)) - 1) : i * 37);
    memset(to, 0xAA, sizeof to);
    udm_image_to_planes(&a, planes);
    for (int i = 0; i < width * HEIGHT * channels; i++)
        CHECK(planes[i] >= -1 && planes[i] <= 1);
    udm_image_from_planes(&b, planes);
    const int bytes = bits == 8 ? 1 : 2;
    for (int i = 0; i < ROOM; i++) {
        int row = i / (int)a.stride[0], x = i % (int)a.stride[0] / (step * bytes),
            c = i % (int)a.stride[0] / bytes % step;
        bool meant = row < HEIGHT && x < width && c < channels;
        CHECK(to[i] == (meant ? from[i] : 0xAA));
    }
}

TEST(round_trip_is_exact_and_touches_nothing_else)
{
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int bits = 8; bits <= 16; bits += 2) {
            check_round_trip(widths[w], 1, bits, 1);
            check_round_trip(widths[w], 3, bits, 3);
            check_round_trip(widths[w], 3, bits, 4);
        }
}

TEST(ends_of_the_range)
{
    uint16_t pixels[4] = { 0, 1023, 512, 0 };
    float planes[4];
    udm_image image = { 4, 1, 1, 10, { (uint8_t *)pixels }, { sizeof pixels }, { 2 } };
    udm_image_to_planes(&image, planes);
    CHECK_CLOSE(planes[0], -1, 0);
    CHECK_CLOSE(planes[1], 1, 1e-6);
    const float beyond[4] = { -7, 7, NAN, 0 };
    udm_image_from_planes(&image, beyond);
    CHECK(pixels[0] == 0 && pixels[1] == 1023 && pixels[2] == 0 && pixels[3] == 512);
}

CHECK_MAIN()
