// SPDX-License-Identifier: LGPL-2.1-or-later
// The guess of a frame: what is known of the one before, moved along the motion, and how well it is known.
#ifndef UDM_STREAM_GUESS_H
#define UDM_STREAM_GUESS_H

#include "base/error.h"
#include "base/threads.h"
#include "stream/warp.h"

// A recursive mean of frames along their motion. All variances are of one channel, luma being in [-1, 1].
typedef struct udm_guess udm_guess;

udm_guess *udm_guess_new(int width, int height, int channels, udm_pool *pool, udm_error *error);
void udm_guess_free(udm_guess *guess);  // NULL is fine
void udm_guess_reset(udm_guess *guess); // what was seen so far is of another scene

// One frame. All are [channels, height, width], but for the flow.
typedef struct udm_sight {
    const float *noisy;    // the frame,
    float variance;        // of its noise,
    const float *clean;    // and an estimate of it from itself alone
    const float *flow;     // [2, height, width], from it to the frame before; unused for the first
    const float *previous; // the estimate of the frame before that the flow was found with; unused for the first
} udm_sight;

// Takes in the next frame.
void udm_guess_see(udm_guess *guess, const udm_sight *sight);

// What came out: valid until the next call. The guess is of the last frame, made before it was seen, with its variance
// (of its noise and its doubt); fused is their mean. There is no guess of a first frame: its variance is infinite.
const float *udm_guess_planes(const udm_guess *guess);         // [channels, height, width]
const float *udm_guess_variance(const udm_guess *guess);       // [height, width]
const float *udm_guess_fused(const udm_guess *guess);          // [channels, height, width]
const float *udm_guess_fused_variance(const udm_guess *guess); // [height, width]

#endif
