// SPDX-License-Identifier: LGPL-2.1-or-later
// The specification: every sample by itself, from its definition. Indices beyond an end are that end's.
#include <string.h>

#include "base/maths.h"
#include "tensor/convert/convert.h"

// Amid the second and the third of four.
static float cubic(const float at[4])
{
    return (9 * (at[1] + at[2]) - (at[0] + at[3])) * (1 / 16.f);
}

// By how much the second of the two pixels, of which the third of five is the mean, is above it.
static float slope(const float at[5])
{
    return (22 * (at[3] - at[1]) - 3 * (at[4] - at[0])) * (1 / 128.f);
}

// ---- to planes

static int value_at(const udm_image *image, int c, int x, int y)
{
    const uint8_t *at = image->data[c] + y * image->stride[c] + x * image->step[c];
    uint16_t value;
    if (image->bits == 8)
        return *at;
    memcpy(&value, at, sizeof value);
    return value >> image->shift;
}

// The chroma of row y of the pixels, from the rows of samples: the first axis along which it is interpolated.
static float upsampled_y(const udm_conversion *job, int c, int x, int y)
{
    const udm_image *image = job->image;
    const int rows = udm_convert_samples(image->height, image->subsample_y), i = y >> image->subsample_y;
    float at[5]; // rows i - 2 to i + 2
    for (int k = 0; k < 5; k++)
        at[k] = (float)(value_at(image, c, x, udm_clamp_index(i + k - 2, rows)) - job->middle);
    if (image->subsample_y == 0 || (job->cosited_y && y % 2 == 0))
        return at[2];
    if (job->cosited_y)
        return cubic(at + 1);
    if (y % 2 == 0 && y == image->height - 1) // alone
        return at[2];
    return y % 2 ? at[2] + slope(at) : at[2] - slope(at);
}

// Sample x of a row of chroma of which 2^level pixels share one.
static float upsampled(const udm_conversion *job, int c, int level, int x, int y)
{
    const int count = udm_convert_samples(job->image->width, level);
    x = udm_clamp_index(x, count);
    if (level == job->image->subsample_x)
        return upsampled_y(job, c, x, y);
    float at[5];
    for (int k = 0; k < 5; k++)
        at[k] = upsampled(job, c, level + 1, x / 2 + k - 2, y);
    if (job->cosited_x)
        return x % 2 ? cubic(at + 1) : at[2];
    if (x % 2 == 0 && x == count - 1)
        return at[2];
    return x % 2 ? at[2] + slope(at) : at[2] - slope(at);
}

static void pixel_to_planes(const udm_conversion *job, int x, int y)
{
    const udm_image *image = job->image;
    const size_t pixels = (size_t)image->width * image->height;
    float *to = job->to + (size_t)y * image->width + x;
    const float luma = (float)value_at(image, 0, x, y) * job->gain + job->bias;
    if (!job->is_yuv) {
        for (int c = 0; c < image->channels; c++)
            to[c * pixels] = (float)value_at(image, c, x, y) * job->gain + job->bias;
        return;
    }
    const float cb = upsampled(job, 1, 0, x, y), cr = upsampled(job, 2, 0, x, y);
    to[0] = luma + job->red * cr;
    to[pixels] = luma - (job->green_cb * cb + job->green_cr * cr);
    to[2 * pixels] = luma + job->blue * cb;
}

// ---- and back

static void put_value(const udm_conversion *job, int c, int x, int y, float value)
{
    const udm_image *image = job->image;
    uint8_t *at = image->data[c] + y * image->stride[c] + x * image->step[c];
    const uint16_t word = (uint16_t)((int)udm_clamp(value, 0, job->top) << image->shift);
    if (image->bits == 8)
        *at = (uint8_t)word;
    else
        memcpy(at, &word, sizeof word);
}

static float plane_at(const udm_conversion *job, int c, int x, int y)
{
    const udm_image *image = job->image;
    return job->from[((size_t)c * image->height + y) * image->width + x];
}

static float luma_at(const udm_conversion *job, int x, int y)
{
    const float red = plane_at(job, 0, x, y), green = plane_at(job, 1, x, y), blue = plane_at(job, 2, x, y);
    return green + (job->kr * (red - green) + job->kb * (blue - green));
}

// Chroma of which 2^level pixels of row y share one: sample x.
static float downsampled(const udm_conversion *job, int c, int level, int x, int y)
{
    if (level == 0)
        return (plane_at(job, c == 1 ? 2 : 0, x, y) - luma_at(job, x, y)) * (c == 1 ? job->cb : job->cr);
    const int above = udm_convert_samples(job->image->width, level - 1), firsts = (above + 1) / 2, seconds = above / 2;
    if (!job->cosited_x) {
        const float first = downsampled(job, c, level - 1, 2 * x, y);
        return (first + (x < seconds ? downsampled(job, c, level - 1, 2 * x + 1, y) : first)) * 0.5f;
    }
    float detail[2] = { 0, 0 }; // x - 1 and x: what is not interpolated from the firsts
    for (int k = 0; k < 2 && seconds > 0; k++) {
        const int i = udm_clamp_index(x + k - 1, seconds);
        float at[4];
        for (int tap = 0; tap < 4; tap++)
            at[tap] = downsampled(job, c, level - 1, 2 * udm_clamp_index(i + tap - 1, firsts), y);
        detail[k] = downsampled(job, c, level - 1, 2 * i + 1, y) - cubic(at);
    }
    return downsampled(job, c, level - 1, 2 * x, y) + (detail[0] + detail[1]) * 0.25f;
}

// The same along y: sample (x, y) of the image.
static float downsampled_y(const udm_conversion *job, int c, int x, int y)
{
    const udm_image *image = job->image;
    const int level = image->subsample_x, firsts = (image->height + 1) / 2, seconds = image->height / 2;
    if (image->subsample_y == 0)
        return downsampled(job, c, level, x, y);
    if (!job->cosited_y) {
        const float first = downsampled(job, c, level, x, 2 * y);
        return (first + (y < seconds ? downsampled(job, c, level, x, 2 * y + 1) : first)) * 0.5f;
    }
    float detail[2] = { 0, 0 };
    for (int k = 0; k < 2 && seconds > 0; k++) {
        const int i = udm_clamp_index(y + k - 1, seconds);
        float at[4];
        for (int tap = 0; tap < 4; tap++)
            at[tap] = downsampled(job, c, level, x, 2 * udm_clamp_index(i + tap - 1, firsts));
        detail[k] = downsampled(job, c, level, x, 2 * i + 1) - cubic(at);
    }
    return downsampled(job, c, level, x, 2 * y) + (detail[0] + detail[1]) * 0.25f;
}

// ---- units

static int end_of_rows(const udm_image *image, int units)
{
    const int rows = units << image->subsample_y;
    return rows < image->height ? rows : image->height;
}

static void to_planes(const udm_conversion *job, int first, int end)
{
    for (int y = first << job->image->subsample_y; y < end_of_rows(job->image, end); y++)
        for (int x = 0; x < job->image->width; x++)
            pixel_to_planes(job, x, y);
}

static void from_planes(const udm_conversion *job, int first, int end)
{
    const udm_image *image = job->image;
    const int shared = udm_convert_samples(image->width, image->subsample_x);
    for (int y = first << image->subsample_y; y < end_of_rows(image, end); y++)
        for (int x = 0; x < image->width; x++)
            for (int c = 0; c < (job->is_yuv ? 1 : image->channels); c++) {
                const float luma = job->is_yuv ? luma_at(job, x, y) : plane_at(job, c, x, y);
                put_value(job, c, x, y, (luma + 1) * job->scale + job->half);
            }
    for (int y = first; job->is_yuv && y < end; y++)
        for (int x = 0; x < shared; x++)
            for (int c = 1; c < 3; c++)
                put_value(job, c, x, y, downsampled_y(job, c, x, y) + ((float)job->middle + 0.5f));
}

extern const udm_convert_ops udm_convert_ops_reference;

const udm_convert_ops udm_convert_ops_reference = { "reference", to_planes, from_planes };
