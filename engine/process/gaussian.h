// SPDX-License-Identifier: LGPL-2.1-or-later
// x_t = signal x0 + noise e, whatever the two factors are.
#ifndef UDM_PROCESS_GAUSSIAN_H
#define UDM_PROCESS_GAUSSIAN_H

#include "process/process.h"

void udm_gaussian_forward(const udm_levels *at, int channels, const float *x0, const float *e, float *out);
void udm_gaussian_inverse(const udm_levels *at, int channels, const float *x0, const float *xt, float *out);
void udm_gaussian_advance(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                          float *out);

#endif
