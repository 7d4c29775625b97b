// SPDX-License-Identifier: LGPL-2.1-or-later
// The fusion of a frame with a prediction of it, for one pixel; as `fuse` and the end of UdmUNet.forward in
// models/train/network.py.
//
// frame = a x0 + s e, a = sqrt(1 - s^2), and prediction = b x0 + g e', b = sqrt(1 - g^2), s and g at least
// UDM_MIN_LEVEL. Under a flat prior (of a tiny precision P, so that it stays finite where s = g = 1) the posterior of
// x0 is normal:
//
//     q        = a^2 g^2 + b^2 s^2 + P s^2 g^2          (its precision, times s^2 g^2)
//     fused    = (a g^2 frame + b s^2 prediction) / q        (its mean)
//     variance = s^2 g^2 / q,  rho = sqrt(variance / (1 + variance))
//
// rho is the level of an x_t whose noise-to-signal ratio is that variance. innovation = a prediction - b frame is noise
// alone where both show the same x0, so it shows the network where the prediction is wrong.
#ifndef UDM_BACKEND_FUSION_H
#define UDM_BACKEND_FUSION_H

#include <math.h>

#include "backend/backend.h"

// What is the same for every channel of a pixel.
typedef struct udm_fusion {
    float frame, predicted;           // fused = frame * frame's value + prediction * prediction's
    float frame_gain, predicted_gain; // innovation = frame_gain * prediction's value - predicted_gain * frame's
    float rho;
} udm_fusion;

static inline float udm_fusion_square(float level)
{
    float clamped = level > UDM_MIN_LEVEL ? level : UDM_MIN_LEVEL;
    clamped = clamped < 1 ? clamped : 1;
    return clamped * clamped;
}

static inline udm_fusion udm_fusion_at(float level, float predicted_level)
{
    float s2 = udm_fusion_square(level), g2 = udm_fusion_square(predicted_level);
    float a = sqrtf(1 - s2), b = sqrtf(1 - g2);
    float both = s2 * g2;
    float precision = (1 - s2) * g2 + (1 - g2) * s2 + UDM_PRIOR_PRECISION * both;
    // variance / (1 + variance), without the division between
    float rho = sqrtf(both / (precision + both));
    return (udm_fusion){ a * g2 / precision, b * s2 / precision, a, b, rho };
}

static inline float udm_fusion_mean(udm_fusion at, float frame, float predicted)
{
    return at.frame * frame + at.predicted * predicted;
}

static inline float udm_fusion_innovation(udm_fusion at, float frame, float predicted)
{
    return at.frame_gain * predicted - at.predicted_gain * frame;
}

// The share of the network's correction that a pixel takes: next to nothing where next to nothing is wrong.
static inline float udm_fusion_gate(udm_fusion at)
{
    const float opening = at.rho * (1 / UDM_GATE_OPEN);
    return at.rho / (at.rho + UDM_GATE) * (opening < 1 ? opening * opening : 1);
}

#endif
