// SPDX-License-Identifier: LGPL-2.1-or-later
// Luma and chroma of BT.601, and the mean of 2x2 for each octave.
#include "analysis/noise_picture.h"

#include <stdlib.h>
#include <string.h>

static const double to_components[UDM_NOISE_COMPONENTS][3] = {
    { 0.299, 0.587, 0.114 },
    { -0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772 },
    { 0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402 },
};

// The length of each row above.
static const double white[UDM_NOISE_COMPONENTS] = { UDM_NOISE_WHITE_LUMA, 0.623063, 0.657199 };

static int octaves_of(int component)
{
    return component == 0 ? UDM_NOISE_OCTAVES : 2;
}

bool udm_noise_picture_init(udm_noise_picture *picture, int channels, int width, int height)
{
    size_t sizes[UDM_NOISE_OCTAVES], size = 0;
    *picture = (udm_noise_picture){ .width = width, .height = height };
    for (int k = 0; k < UDM_NOISE_OCTAVES; k++)
        sizes[k] = (size_t)(width >> k) * (height >> k);
    for (int c = 0; c < channels; c++)
        for (int k = 0; k < octaves_of(c); k++)
            size += sizes[k];
    float *at = picture->memory = malloc(size * sizeof *at);
    for (int c = 0; at && c < channels; c++)
        for (int k = 0; k < octaves_of(c); k++, at += sizes[k - 1])
            picture->octaves[c][k] = at;
    return at != NULL;
}

void udm_noise_picture_clear(udm_noise_picture *picture)
{
    free(picture->memory);
    *picture = (udm_noise_picture){ 0 };
}

// planes: [3, area]
static bool is_grey(const float *planes, size_t area)
{
    return memcmp(planes, planes + area, area * sizeof *planes) == 0 &&
           memcmp(planes, planes + 2 * area, area * sizeof *planes) == 0;
}

// What is not a number becomes grey, and what lies far off the scale comes back to it: neither is noise.
static float tame(float value)
{
    return value > -4 && value < 4 ? value : 0;
}

static void component(const float *planes, size_t area, const double *weights, double unit, float *out)
{
    const float r = (float)(127.5 * weights[0] / unit), g = (float)(127.5 * weights[1] / unit),
                b = (float)(127.5 * weights[2] / unit);
    const float middle = r + g + b;
    for (size_t i = 0; i < area; i++)
        out[i] = r * tame(planes[i]) + g * tame(planes[area + i]) + b * tame(planes[2 * area + i]) + middle;
}

static void halve(const float *from, int width, int height, float *to)
{
    for (int y = 0; y < height / 2; y++) {
        const float *above = from + (size_t)2 * y * width, *below = above + width;
        for (int x = 0; x < width / 2; x++)
            *to++ = (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]) / 4;
    }
}

bool udm_noise_glance_init(udm_noise_glance *glance, int width, int height)
{
    const size_t area = (size_t)(width >> UDM_NOISE_AFAR) * (height >> UDM_NOISE_AFAR);
    *glance = (udm_noise_glance){ .luma = malloc((area + 1) * sizeof *glance->luma) };
    return glance->luma != NULL;
}

void udm_noise_glance_clear(udm_noise_glance *glance)
{
    free(glance->luma);
    *glance = (udm_noise_glance){ 0 };
}

void udm_noise_glance_keep(udm_noise_glance *glance, const udm_noise_picture *picture)
{
    const size_t area = (size_t)(picture->width >> UDM_NOISE_AFAR) * (picture->height >> UDM_NOISE_AFAR);
    memcpy(glance->luma, picture->octaves[0][UDM_NOISE_AFAR], area * sizeof *glance->luma);
    glance->channels = picture->channels;
}

// The sum of a square of 1 << UDM_NOISE_AFAR pixels.
static float block_sum(const float *corner, int width)
{
    float sum = 0;
    for (int y = 0; y < 1 << UDM_NOISE_AFAR; y++)
        for (int x = 0; x < 1 << UDM_NOISE_AFAR; x++)
            sum += tame(corner[(size_t)y * width + x]);
    return sum;
}

void udm_noise_glance_set(udm_noise_glance *glance, int channels, int width, int height, const float *planes)
{
    const size_t area = (size_t)width * height;
    const double grey[] = { 1 }, *weights = grey;
    double scale = 127.5;
    glance->channels = channels == 3 && is_grey(planes, area) ? 1 : channels;
    if (glance->channels == 3)
        weights = to_components[0], scale /= white[0];
    float *out = glance->luma;
    for (int y = 0; y < height >> UDM_NOISE_AFAR; y++)
        for (int x = 0; x < width >> UDM_NOISE_AFAR; x++) {
            const size_t corner = ((size_t)y * width + x) << UDM_NOISE_AFAR;
            double sum = 0;
            for (int c = 0; c < glance->channels; c++)
                sum += weights[c] * block_sum(planes + c * area + corner, width);
            *out++ = (float)(scale * (sum / (1 << 2 * UDM_NOISE_AFAR) + 1));
        }
}

typedef struct setting {
    udm_noise_picture *picture;
    const float *planes;
} setting;

static void set_component(void *context, int c, int worker)
{
    const setting *job = context;
    udm_noise_picture *picture = job->picture;
    const size_t area = (size_t)picture->width * picture->height;
    float *out = picture->octaves[c][0];
    if (picture->channels == 3)
        component(job->planes, area, to_components[c], white[c], out);
    for (size_t i = 0; picture->channels == 1 && i < area; i++)
        out[i] = tame(job->planes[i]) * 127.5f + 127.5f;
    for (int k = 1; k < octaves_of(c); k++)
        halve(picture->octaves[c][k - 1], picture->width >> (k - 1), picture->height >> (k - 1),
              picture->octaves[c][k]);
}

void udm_noise_picture_set(udm_noise_picture *picture, int channels, const float *planes, udm_pool *pool)
{
    picture->planes = planes;
    picture->channels = channels == 3 && is_grey(planes, (size_t)picture->width * picture->height) ? 1 : channels;
    udm_pool_run(pool, picture->channels, set_component, &(setting){ picture, planes });
}
