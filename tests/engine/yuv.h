// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures in the layouts that media frameworks have.
#ifndef UDM_TESTS_YUV_H
#define UDM_TESTS_YUV_H

#include <stdlib.h>
#include <string.h>

#include "udm/image.h"

// Where a component is: its plane, the samples before it in its plane, and from one of its samples to the next.
typedef struct yuv_component {
    int plane, offset, step;
} yuv_component;

typedef struct yuv_format {
    const char *name; // GStreamer's
    int channels, bits, shift, subsample_x, subsample_y;
    bool is_rgb;
    yuv_component components[3];
} yuv_format;

#define YUV_PLANAR                                                                                                     \
    {                                                                                                                  \
        { 0, 0, 1 }, { 1, 0, 1 },                                                                                      \
        {                                                                                                              \
            2, 0, 1                                                                                                    \
        }                                                                                                              \
    }

static const yuv_format yuv_formats[] = {
    { "I420", 3, 8, 0, 1, 1, false, YUV_PLANAR },
    { "YV12", 3, 8, 0, 1, 1, false, { { 0, 0, 1 }, { 2, 0, 1 }, { 1, 0, 1 } } },
    { "NV12", 3, 8, 0, 1, 1, false, { { 0, 0, 1 }, { 1, 0, 2 }, { 1, 1, 2 } } },
    { "NV21", 3, 8, 0, 1, 1, false, { { 0, 0, 1 }, { 1, 1, 2 }, { 1, 0, 2 } } },
    { "YUY2", 3, 8, 0, 1, 0, false, { { 0, 0, 2 }, { 0, 1, 4 }, { 0, 3, 4 } } },
    { "UYVY", 3, 8, 0, 1, 0, false, { { 0, 1, 2 }, { 0, 0, 4 }, { 0, 2, 4 } } },
    { "Y42B", 3, 8, 0, 1, 0, false, YUV_PLANAR },
    { "Y41B", 3, 8, 0, 2, 0, false, YUV_PLANAR },
    { "Y444", 3, 8, 0, 0, 0, false, YUV_PLANAR },
    { "4:4:0", 3, 8, 0, 0, 1, false, YUV_PLANAR },
    { "v308", 3, 8, 0, 0, 0, false, { { 0, 0, 3 }, { 0, 1, 3 }, { 0, 2, 3 } } },
    { "AYUV", 3, 8, 0, 0, 0, false, { { 0, 1, 4 }, { 0, 2, 4 }, { 0, 3, 4 } } },
    { "VUYA", 3, 8, 0, 0, 0, false, { { 0, 2, 4 }, { 0, 1, 4 }, { 0, 0, 4 } } },
    { "I420_10LE", 3, 10, 0, 1, 1, false, YUV_PLANAR },
    { "I422_10LE", 3, 10, 0, 1, 0, false, YUV_PLANAR },
    { "Y444_10LE", 3, 10, 0, 0, 0, false, YUV_PLANAR },
    { "P010_10LE", 3, 10, 6, 1, 1, false, { { 0, 0, 1 }, { 1, 0, 2 }, { 1, 1, 2 } } },
    { "I420_12LE", 3, 12, 0, 1, 1, false, YUV_PLANAR },
    { "I422_12LE", 3, 12, 0, 1, 0, false, YUV_PLANAR },
    { "Y444_12LE", 3, 12, 0, 0, 0, false, YUV_PLANAR },
    { "P012_LE", 3, 12, 4, 1, 1, false, { { 0, 0, 1 }, { 1, 0, 2 }, { 1, 1, 2 } } },
    { "Y412_LE", 3, 12, 4, 0, 0, false, { { 0, 1, 4 }, { 0, 0, 4 }, { 0, 2, 4 } } },
    { "P016_LE", 3, 16, 0, 1, 1, false, { { 0, 0, 1 }, { 1, 0, 2 }, { 1, 1, 2 } } },
    { "Y444_16LE", 3, 16, 0, 0, 0, false, YUV_PLANAR },
    { "AYUV64", 3, 16, 0, 0, 0, false, { { 0, 1, 4 }, { 0, 2, 4 }, { 0, 3, 4 } } },
    { "RGB", 3, 8, 0, 0, 0, true, { { 0, 0, 3 }, { 0, 1, 3 }, { 0, 2, 3 } } },
    { "BGRx", 3, 8, 0, 0, 0, true, { { 0, 2, 4 }, { 0, 1, 4 }, { 0, 0, 4 } } },
    { "GBR_10LE", 3, 10, 0, 0, 0, true, { { 2, 0, 1 }, { 0, 0, 1 }, { 1, 0, 1 } } },
    { "GRAY8", 1, 8, 0, 0, 0, true, { { 0, 0, 1 } } },
    { "GRAY16_LE", 1, 16, 0, 0, 0, true, { { 0, 0, 1 } } },
};

enum { YUV_FORMATS = sizeof yuv_formats / sizeof *yuv_formats, YUV_PAD = 0xA5 };

// The bytes of a picture and one that views them: each row has 5 samples after its last, each plane a row after its
// last, and all of it is YUV_PAD.
typedef struct yuv_picture {
    const yuv_format *format;
    udm_image image;
    uint8_t *bytes;
    size_t size;
} yuv_picture;

static inline int yuv_shared(int pixels, int level)
{
    return (pixels + (1 << level) - 1) >> level;
}

static inline int yuv_columns(const udm_image *image, int c)
{
    return yuv_shared(image->width, c ? image->subsample_x : 0);
}

static inline int yuv_rows(const udm_image *image, int c)
{
    return yuv_shared(image->height, c ? image->subsample_y : 0);
}

static inline yuv_picture yuv_new(const yuv_format *format, int width, int height)
{
    const int bytes = format->bits == 8 ? 1 : 2;
    const size_t plane = (size_t)(4 * (width + 3) + 5) * (size_t)(height + 1) * bytes;
    yuv_picture picture = { .format = format,
                            .image = { .width = width,
                                       .height = height,
                                       .channels = format->channels,
                                       .bits = format->bits,
                                       .shift = format->shift,
                                       .matrix = format->is_rgb ? UDM_MATRIX_RGB : UDM_MATRIX_BT709,
                                       .subsample_x = format->subsample_x,
                                       .subsample_y = format->subsample_y },
                            .bytes = malloc(3 * plane),
                            .size = 3 * plane };
    memset(picture.bytes, YUV_PAD, picture.size);
    for (int c = 0; c < format->channels; c++) {
        const yuv_component *at = &format->components[c];
        picture.image.data[c] = picture.bytes + at->plane * plane + at->offset * bytes;
        picture.image.step[c] = at->step * bytes;
        picture.image.stride[c] = (yuv_columns(&picture.image, c) * at->step + 5) * bytes;
    }
    if (format->channels == 3 && format->components[1].plane == 0) // YUY2: as wide as its luma
        for (int c = 0; c < 3; c++)
            picture.image.stride[c] = (4 * (width + 3) + 5) * bytes;
    return picture;
}

static inline uint8_t *yuv_at(const udm_image *image, int c, int x, int y)
{
    return image->data[c] + y * image->stride[c] + x * image->step[c];
}

static inline int yuv_get(const udm_image *image, int c, int x, int y)
{
    uint16_t value;
    if (image->bits == 8)
        return *yuv_at(image, c, x, y);
    memcpy(&value, yuv_at(image, c, x, y), sizeof value);
    return value >> image->shift;
}

static inline void yuv_put(const udm_image *image, int c, int x, int y, int value)
{
    const uint16_t word = (uint16_t)(value << image->shift);
    if (image->bits == 8)
        *yuv_at(image, c, x, y) = (uint8_t)value;
    else
        memcpy(yuv_at(image, c, x, y), &word, sizeof word);
}

static inline uint32_t yuv_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

// Every value that the bits hold.
static inline void yuv_fill(const yuv_picture *picture, uint32_t seed)
{
    const udm_image *image = &picture->image;
    for (int c = 0; c < image->channels; c++)
        for (int y = 0; y < yuv_rows(image, c); y++)
            for (int x = 0; x < yuv_columns(image, c); x++)
                yuv_put(image, c, x, y, (int)(yuv_random(&seed) & ((1u << image->bits) - 1)));
}

static inline void yuv_free(yuv_picture *picture)
{
    free(picture->bytes);
}

#endif
