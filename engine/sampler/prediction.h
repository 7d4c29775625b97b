// SPDX-License-Identifier: LGPL-2.1-or-later
// What a network was trained to predict, and the x0 that follows from it.
#ifndef UDM_SAMPLER_PREDICTION_H
#define UDM_SAMPLER_PREDICTION_H

#include "udm/error.h"
#include "process/process.h"

typedef enum udm_prediction { UDM_PREDICT_EPSILON, UDM_PREDICT_X0, UDM_PREDICT_V } udm_prediction;

// output, xt, x0: [channels, pixels]; x0 may be output. With signal a and noise s (Gaussian process, a^2 + s^2 = 1):
//     epsilon (Ho et al. 2020, eq. 15):          x0 = (x_t - s output) / a
//     v (Salimans and Ho 2022, appendix D):      x0 = a x_t - s output
// Where a is 0, epsilon does not determine x0, which is 0 then.
void udm_predict_x0(udm_prediction kind, const udm_levels *at, int channels, const float *output, const float *xt,
                    float *x0);

// The inverse: the output that stands for x0. Where s is 0, epsilon and v are undetermined, and it is 0.
void udm_predict_output(udm_prediction kind, const udm_levels *at, int channels, const float *x0, const float *xt,
                        float *output);

// Of symbols (udm_process.symbols): logits to the probabilities of each, at every pixel. x0 may be output.
void udm_predict_symbols(int channels, size_t pixels, const float *output, float *x0);

// Towards a class (Dhariwal and Nichol 2021, algorithm 2), for the Gaussian process: e becomes
// e - scale noise grad log p(class | x_t), and so x0 becomes x0 + scale noise^2 / signal grad. Where no signal is left,
// x0 stays.
void udm_predict_towards(double scale, const udm_levels *at, int channels, const float *gradient, float *x0);

// What is done to x0 before a step.
typedef struct udm_bounds {
    double clip;        // it is clamped to [-clip, clip], static thresholding; 0: it is not
    double ratio, most; // dynamic thresholding, which goes before: the share of values that stay, and the largest range
                        // that is pressed together; ratio 0: none
} udm_bounds;

// Dynamic thresholding (Saharia et al., "Imagen", 2022, section 2.3): s is that quantile of |x0|, at least 1 and at
// most `most`; x0 is clamped to [-s, s] and divided by s. x0: [count]. False: no memory.
bool udm_bound_x0(const udm_bounds *bounds, size_t count, float *x0, udm_error *error);

#endif
