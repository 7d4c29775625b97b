// SPDX-License-Identifier: LGPL-2.1-or-later
// The two parts of a pseudo numerical method: the gradient part, here weights of estimates of the noise, and the
// transfer part. Liu, Ren, Lin, Zhao, "Pseudo Numerical Methods for Diffusion Models on Manifolds", 2022, section 3.2.
#ifndef UDM_SAMPLER_PSEUDO_H
#define UDM_SAMPLER_PSEUDO_H

#include "sampler/sampler.h"

// Eq. 11: x_s = phi(x_t, e', t, s), DDIM's step with e' = sum of gradient[k] times estimate k, k < count.
void udm_transfer(const udm_step *step, int count, const double *gradient, udm_mix *mix);

// The gradient part of the linear multi-step method of a `count` of estimates, 1 to 4, and that transferred. Eq. 12.
void udm_multi_step(const udm_step *step, int count, udm_mix *mix);
// Pseudo improved Euler, eq. 23: stage 0 and 1.
void udm_improved_euler(const udm_step *step, udm_mix *mix);

#endif
