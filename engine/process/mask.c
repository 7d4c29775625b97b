// SPDX-License-Identifier: LGPL-2.1-or-later
// Deletion: a pixel, or a whole frame, is x0 until its turn comes, and then it is noise. The turns are in an order that
// a hash of the pixel's, or the frame's, number gives, so that at a share m about m of them are gone. What inpainting
// and the repair of lost frames undo. Bansal et al., "Cold Diffusion", 2022, section 4.2, with noise for what is gone,
// so that F has an inverse.
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

static bool gone(const udm_levels *at, size_t pixel, bool frames)
{
    const size_t frame = (size_t)at->width * at->height;
    return udm_levels_share(at, pixel) >= turn(frames ? pixel / frame : pixel);
}

// out = what is there of x0, and the other of the pixels that are gone.
static void choose(const udm_levels *at, int channels, const float *there, const float *other, bool frames, float *out)
{
    for (size_t i = 0; i < at->pixels; i++) {
        const float *from = gone(at, i, frames) ? other : there;
        for (int c = 0; c < channels; c++)
            out[c * at->pixels + i] = from ? from[c * at->pixels + i] : 0;
    }
}

static bool mask_lost(const udm_levels *at, size_t pixel)
{
    return gone(at, pixel, false);
}

static bool frame_lost(const udm_levels *at, size_t pixel)
{
    return gone(at, pixel, true);
}

static void mask_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    choose(at, channels, x0, e, false, out);
}

static void mask_inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)
{
    (void)x0;
    choose(at, channels, NULL, xt, false, out);
}

static void frames_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out)
{
    choose(at, channels, x0, e, true, out);
}

static void frames_inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out)
{
    (void)x0;
    choose(at, channels, NULL, xt, true, out);
}

// What is gone stays as it is; what goes now is new noise.
static void advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                    bool frames, float *out)
{
    for (size_t i = 0; i < to->pixels; i++) {
        const float *source = gone(to, i, frames) && !gone(from, i, frames) ? e : xt;
        for (int c = 0; c < channels; c++)
            out[c * to->pixels + i] = source[c * to->pixels + i];
    }
}

static void mask_advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                         float *out)
{
    advance(from, to, channels, xt, e, false, out);
}

static void frames_advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                           float *out)
{
    advance(from, to, channels, xt, e, true, out);
}

const udm_process udm_process_mask = {
    .name = "mask",
    .about = "pixels are lost one by one",
    .forward = mask_forward,
    .inverse = mask_inverse,
    .advance = mask_advance,
    .lost = mask_lost,
};

const udm_process udm_process_lost_frames = {
    .name = "lost_frames",
    .about = "frames are lost one by one",
    .forward = frames_forward,
    .inverse = frames_inverse,
    .advance = frames_advance,
    .lost = frame_lost,
};
