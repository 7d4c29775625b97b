// SPDX-License-Identifier: LGPL-2.1-or-later
// From a network's output to x0.
#include "sampler/prediction.h"

#include <math.h>
#include <string.h>

void udm_predict_x0(udm_prediction kind, const udm_levels *at, int channels, const float *output, const float *xt,
                    float *x0)
{
    for (int c = 0; c < channels; c++) {
        const float *o = output + c * at->pixels, *x = xt + c * at->pixels;
        float *to = x0 + c * at->pixels;
        switch (kind) {
        case UDM_PREDICT_EPSILON:
            for (size_t i = 0; i < at->pixels; i++)
                to[i] = at->signal[i] > 0 ? (x[i] - at->noise[i] * o[i]) / at->signal[i] : 0;
            break;
        case UDM_PREDICT_V:
            for (size_t i = 0; i < at->pixels; i++)
                to[i] = at->signal[i] * x[i] - at->noise[i] * o[i];
            break;
        case UDM_PREDICT_X0:
            memmove(to, o, at->pixels * sizeof *to);
            break;
        }
    }
}

void udm_predict_output(udm_prediction kind, const udm_levels *at, int channels, const float *x0, const float *xt,
                        float *output)
{
    for (int c = 0; c < channels; c++) {
        const float *clean = x0 + c * at->pixels, *x = xt + c * at->pixels;
        float *to = output + c * at->pixels;
        switch (kind) {
        case UDM_PREDICT_EPSILON:
            for (size_t i = 0; i < at->pixels; i++)
                to[i] = at->noise[i] > 0 ? (x[i] - at->signal[i] * clean[i]) / at->noise[i] : 0;
            break;
        case UDM_PREDICT_V:
            for (size_t i = 0; i < at->pixels; i++)
                to[i] = at->noise[i] > 0 ? (at->signal[i] * x[i] - clean[i]) / at->noise[i] : 0;
            break;
        case UDM_PREDICT_X0:
            memmove(to, clean, at->pixels * sizeof *to);
            break;
        }
    }
}

void udm_predict_symbols(int channels, size_t pixels, const float *output, float *x0)
{
    for (size_t i = 0; i < pixels; i++) {
        float most = output[i], sum = 0;
        for (int c = 1; c < channels; c++)
            most = fmaxf(most, output[c * pixels + i]);
        for (int c = 0; c < channels; c++)
            sum += x0[c * pixels + i] = expf(output[c * pixels + i] - most);
        for (int c = 0; c < channels; c++)
            x0[c * pixels + i] /= sum;
    }
}

void udm_predict_towards(double scale, const udm_levels *at, int channels, const float *gradient, float *x0)
{
    for (int c = 0; c < channels; c++)
        for (size_t i = 0; i < at->pixels; i++)
            if (at->signal[i] > 0)
                x0[c * at->pixels + i] +=
                    (float)scale * at->noise[i] * at->noise[i] / at->signal[i] * gradient[c * at->pixels + i];
}
