// SPDX-License-Identifier: LGPL-2.1-or-later
// What a conversion is made of, from what an image says of itself; and its units, divided among threads.
#include "tensor/convert/convert.h"

#include "base/maths.h"
#include "tensor/planes.h"

enum { BAND = 16 }; // units of a job

// Kr and Kb of each matrix: ITU-T H.273, table 4.
static const double weights[][2] = {
    [UDM_MATRIX_BT601] = { 0.299, 0.114 },    [UDM_MATRIX_BT709] = { 0.2126, 0.0722 },
    [UDM_MATRIX_BT2020] = { 0.2627, 0.0593 }, [UDM_MATRIX_SMPTE240M] = { 0.212, 0.087 },
    [UDM_MATRIX_FCC] = { 0.30, 0.11 },
};

// Planes have twice the scale of E, and chroma, which is 0 in the middle, too.
static void set_luma(udm_conversion *job)
{
    const int bits = job->image->bits;
    const bool limited = job->image->range == UDM_RANGE_LIMITED;
    const double black = limited ? 16 << (bits - 8) : 0, span = limited ? 219 << (bits - 8) : (1 << bits) - 1;
    job->top = (float)((1 << bits) - 1);
    job->gain = 2.f / (float)span;
    job->bias = (float)(-1 - 2 * black / span);
    job->scale = (float)span / 2;
    job->half = (float)(black + 0.5);
}

static void set_chroma(udm_conversion *job)
{
    const udm_image *image = job->image;
    const double kr = weights[image->matrix][0], kb = weights[image->matrix][1], kg = 1 - kr - kb;
    const double span = image->range == UDM_RANGE_LIMITED ? 224 << (image->bits - 8) : (1 << image->bits) - 1;
    const double unit = 2 / span; // of a value
    job->middle = 1 << (image->bits - 1);
    job->cosited_x = image->siting == UDM_SITING_LEFT || image->siting == UDM_SITING_TOP_LEFT;
    job->cosited_y = image->siting == UDM_SITING_TOP || image->siting == UDM_SITING_TOP_LEFT;
    job->red = (float)(2 * (1 - kr) * unit);
    job->blue = (float)(2 * (1 - kb) * unit);
    job->green_cb = (float)(2 * kb * (1 - kb) / kg * unit);
    job->green_cr = (float)(2 * kr * (1 - kr) / kg * unit);
    job->kr = (float)kr;
    job->kb = (float)kb;
    job->cb = (float)(1 / (2 * (1 - kb) * unit));
    job->cr = (float)(1 / (2 * (1 - kr) * unit));
}

static udm_conversion conversion_of(const udm_image *image)
{
    udm_conversion job = { .image = image, .is_yuv = image->channels == 3 && image->matrix != UDM_MATRIX_RGB };
    set_luma(&job);
    if (job.is_yuv)
        set_chroma(&job);
    return job;
}

typedef struct run {
    const udm_conversion *job;
    udm_convert_units units;
    int count;
} run;

static void run_band(void *context, int index, int worker)
{
    const run *r = context;
    const int first = index * BAND;
    r->units(r->job, first, udm_min(first + BAND, r->count));
}

static void run_units(const udm_conversion *job, udm_convert_units units, udm_pool *pool)
{
    const int count = udm_convert_samples(job->image->height, job->image->subsample_y);
    if (pool)
        udm_pool_run(pool, udm_divide_up(count, BAND), run_band, &(run){ job, units, count });
    else
        units(job, 0, count);
}

void udm_convert_to_planes(const udm_convert_ops *ops, const udm_image *image, float *planes, udm_pool *pool)
{
    udm_conversion job = conversion_of(image);
    job.to = planes;
    run_units(&job, ops->to_planes, pool);
}

void udm_convert_from_planes(const udm_convert_ops *ops, const udm_image *image, const float *planes, udm_pool *pool)
{
    udm_conversion job = conversion_of(image);
    job.from = planes;
    run_units(&job, ops->from_planes, pool);
}

void udm_planes_of_image(float *planes, const udm_image *image, udm_pool *pool)
{
    udm_convert_to_planes(udm_convert_ops_for(pool), image, planes, pool);
}

void udm_planes_into_image(const float *planes, const udm_image *image, udm_pool *pool)
{
    udm_convert_from_planes(udm_convert_ops_for(pool), image, planes, pool);
}

void udm_image_to_planes(const udm_image *image, float *planes)
{
    udm_planes_of_image(planes, image, NULL);
}

void udm_image_from_planes(const udm_image *image, const float *planes)
{
    udm_planes_into_image(planes, image, NULL);
}
