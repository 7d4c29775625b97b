// SPDX-License-Identifier: LGPL-2.1-or-later
// Deletion: a pixel, a row, or a whole frame, is x0 until its turn comes, and then it is noise. The turns are in an
// order that a hash of its number gives, so that at a share m about m of them are gone; of rows, those of odd numbers
// go before the others, so that a field is left at a half. What inpainting, deinterlacing and the repair of lost frames
// undo. Bansal et al., "Cold Diffusion", 2022, section 4.2, with noise for what is gone, so that F has an inverse.
#include <string.h>

#include "base/random.h"
#include "process/process.h"

// The share at which number i goes: even in (0, 1].
static double turn(uint64_t i)
{
    const uint32_t counter[4] = { (uint32_t)i, (uint32_t)(i >> 32), 0, 0 }, key[2] = { 0x6d61736b, 0 };
    uint32_t bits[4];
    udm_philox(counter, key, bits);
    return (bits[0] + 1.0) / 4294967296.0;
}

typedef enum unit { PIXELS, ROWS, FRAMES } unit;

static bool gone(const udm_levels *at, size_t pixel, unit what)
{
    const double share = udm_levels_share(at, pixel);
    if (what == PIXELS)
        return share >= turn(pixel);
    const size_t row = pixel / at->width, y = row % at->height;
    if (what == FRAMES)
        return share >= turn(row / at->height);
    return share >= (y % 2 ? 0 : 0.5) + 0.5 * turn(row);
}

// out = what is there of x0, and the other of the pixels that are gone.
static void choose(const udm_levels *at, int channels, const float *there, const float *other, unit what, float *out)
{
    for (size_t i = 0; i < at->pixels; i++) {
        const float *from = gone(at, i, what) ? other : there;
        for (int c = 0; c < channels; c++)
            out[c * at->pixels + i] = from ? from[c * at->pixels + i] : 0;
    }
}

// What is gone stays as it is; what goes now is new noise.
static void advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                    unit what, float *out)
{
    for (size_t i = 0; i < to->pixels; i++) {
        const float *source = gone(to, i, what) && !gone(from, i, what) ? e : xt;
        for (int c = 0; c < channels; c++)
            out[c * to->pixels + i] = source[c * to->pixels + i];
    }
}

// The functions of a process that loses these.
#define LOSES(name, unit)                                                                                              \
    static bool name##_lost(const udm_levels *at, size_t pixel)                                                        \
    {                                                                                                                  \
        return gone(at, pixel, unit);                                                                                  \
    }                                                                                                                  \
    static void name##_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)        \
    {                                                                                                                  \
        choose(at, channels, x0, e, unit, out);                                                                        \
    }                                                                                                                  \
    static void name##_inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)       \
    {                                                                                                                  \
        (void)x0;                                                                                                      \
        choose(at, channels, NULL, xt, unit, out);                                                                     \
    }                                                                                                                  \
    static void name##_advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt,            \
                               const float *e, float *out)                                                             \
    {                                                                                                                  \
        advance(from, to, channels, xt, e, unit, out);                                                                 \
    }

LOSES(mask, PIXELS)
LOSES(rows, ROWS)
LOSES(frames, FRAMES)

const udm_process udm_process_mask = {
    .name = "mask",
    .about = "pixels are lost one by one",
    .forward = mask_forward,
    .inverse = mask_inverse,
    .advance = mask_advance,
    .lost = mask_lost,
};

const udm_process udm_process_rows = {
    .name = "rows",
    .about = "rows are lost one by one, those of odd numbers first",
    .forward = rows_forward,
    .inverse = rows_inverse,
    .advance = rows_advance,
    .lost = rows_lost,
};

const udm_process udm_process_lost_frames = {
    .name = "lost_frames",
    .about = "frames are lost one by one",
    .forward = frames_forward,
    .inverse = frames_inverse,
    .advance = frames_advance,
    .lost = frames_lost,
};
