// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows of stream/evidence.c.
#ifndef UDM_INTERP_KERNELS_BLENDING_H
#define UDM_INTERP_KERNELS_BLENDING_H

#include <stddef.h>

enum {
    UDM_BLENDING_ESTIMATES = 3, // the first, moved; the second, moved; both, still
    UDM_BLENDING_PLANES = 8,    // what each estimate differs by, the weight of each, the support of both pictures:
                                // UDM_INTERPOLATOR_CONTEXT
    UDM_BLENDING_CONTEXT = 10,  // that, position and time
};

typedef struct udm_blending_job {
    int width, height, channels, wide; // wide: channels of the network
    const float *mean;                 // [channels, H, W]: the prediction
    const float *rest;                 // [H, W]: the share of what lies still in it
    const float *moved[2];             // [channels, H, W]
    const float *variance[2];          // [H, W]
    const float *support[2];           // [H, W]
    const float *pictures[2];          // [channels, H, W]
    float position;                    // of what lies still, in [0, 1]
    float *predicted, *level;          // [wide, H, W], as much as its level leaves, and [H, W]
    float *context;                    // [UDM_BLENDING_CONTEXT, H, W]
    const float *frame_level;          // [H, W] of the frame that the network was shown; NULL: 1, nothing was known
    const float *votes;                // [UDM_BLENDING_ESTIMATES, H, W]: what the network thinks of each estimate
    float *x0;                         // [wide, H, W]
} udm_blending_job;

typedef void (*udm_blending_row)(const udm_blending_job *job, int y);

#endif
