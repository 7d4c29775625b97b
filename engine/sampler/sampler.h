// SPDX-License-Identifier: LGPL-2.1-or-later
// Samplers: how a state x_t goes to x_s, s < t, given an estimate of x0. To add one: a file sampler/NAME.c with a
// const udm_sampler udm_sampler_NAME, an extern below and a line in sampler.c.
//
// All are cases of the general reverse step of the Unified Diffusion Model,
//     x_s = F_s(x0, sqrt(1 - v^2) F_t^-1(x0, x_t) + v e),   e new noise, v in [0, 1]:
// v = 0 is DDIM (deterministic), the right v is DDPM, v = 1 is the trivial sampler that draws the noise anew.
#ifndef UDM_SAMPLER_SAMPLER_H
#define UDM_SAMPLER_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>

#include "process/process.h"

typedef struct udm_sampler {
    const char *name;
    const char *about;
    bool stochastic;
    // v of a step from alpha_bar_t to alpha_bar_s >= alpha_bar_t.
    double (*fresh)(double alpha_bar_t, double alpha_bar_s);
} udm_sampler;

extern const udm_sampler udm_sampler_ddim, udm_sampler_ddpm, udm_sampler_trivial;

extern const udm_sampler *const udm_samplers[]; // NULL-ended

const udm_sampler *udm_sampler_find(const char *name); // NULL if there is none

// One step. from and to: levels of the `pixels` of a picture; x0, xt, e: [channels, pixels]; e may be NULL if the
// sampler is not stochastic; scratch: [channels, pixels]. out may be xt.
void udm_reverse_step(const udm_process *process, const udm_sampler *sampler, const udm_levels *from,
                      const udm_levels *to, int channels, const float *x0, const float *xt, const float *e,
                      float *scratch, float *out);

#endif
