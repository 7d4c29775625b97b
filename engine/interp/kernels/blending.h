// SPDX-License-Identifier: LGPL-2.1-or-later
// What the operations on a prediction of a frame work on: three estimates of it, blended, and the network's say.
#ifndef UDM_INTERP_KERNELS_BLENDING_H
#define UDM_INTERP_KERNELS_BLENDING_H

#include <stddef.h>

enum {
    UDM_BLENDING_ESTIMATES = 3, // the first picture, warped; the second, warped; the two cross-faded, still
    UDM_BLENDING_PLANES = 8,    // UDM_INTERPOLATOR_CONTEXT: by how much each estimate differs from their mean, the
                                // weight of each in it, the support of both pictures
    UDM_BLENDING_CONTEXT = 10,  // those, the position and the time
};

#define UDM_BLENDING_UNKNOWN 10.f // a picture of this variance or more says nothing
#define UDM_BLENDING_LEAST_VARIANCE 1e-6f
#define UDM_BLENDING_MOST_LEVEL .7f     // of a prediction, which is worth something even where both pictures end
#define UDM_BLENDING_CONTRAST 8.f       // by which differences are shown
#define UDM_BLENDING_CONVICTION 8.f     // a logit of 1 makes an estimate e^8 times as likely
#define UDM_BLENDING_MOST_POWER 12.f    // of e: nothing overflows,
#define UDM_BLENDING_LEAST_WEIGHT 1e-3f // and what seems impossible has a chance

// C: channels of the frames, 1 or 3; N: of the network, at least as many. Where it has more, a grey frame's plane
// stands for each.
typedef struct udm_blending_job {
    int width, height, channels, wide; // C is channels and N is wide
    const float *mean;                 // [C, H, W]: of the estimates
    const float *still;                // [H, W]: the weight of what lies still in it
    const float *warped[2];            // [C, H, W]
    const float *variance[2];          // [H, W]
    const float *support[2];           // [H, W]
    const float *pictures[2];          // [C, H, W]
    float position;                    // of the cross-fade, in [0, 1]
    float *predicted, *level;          // [N, H, W], scaled to the level, and [H, W]
    float *context;                    // [UDM_BLENDING_CONTEXT, H, W]
    const float *frame_level;          // [H, W] of the frame that the network was shown; NULL: 1, nothing was known
    const float *logits;               // [UDM_BLENDING_ESTIMATES, H, W]: what the network says of each estimate
    float *x0;                         // [N, H, W]
} udm_blending_job;

typedef void (*udm_blending_row)(const udm_blending_job *job, int y);

#endif
