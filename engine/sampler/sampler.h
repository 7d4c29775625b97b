// SPDX-License-Identifier: LGPL-2.1-or-later
// Samplers: how a state x_t goes to x_s, s < t, given estimates of x0. To add one: a file sampler/NAME.c with a
// const udm_sampler udm_sampler_NAME, an extern below and a line in sampler.c. loop.h runs them.
//
// There are two kinds. The first are cases of the general reverse step of the Unified Diffusion Model, for any process,
//     x_s = F_s(x0, sqrt(1 - v^2) F_t^-1(x0, x_t) + v e),   e new noise, v in [0, 1],
// and give their v. The second solve the equations of Gaussian diffusion, x_t = signal x0 + noise e: a step of theirs
// is a linear combination of states, estimates and new noise, and they give its weights.
#ifndef UDM_SAMPLER_SAMPLER_H
#define UDM_SAMPLER_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>

#include "udm/error.h"
#include "process/process.h"

enum { UDM_ESTIMATES = 6 }; // the most that a step looks at

// What one pixel has at a time.
typedef struct udm_point {
    double time, signal, noise;
} udm_point;

double udm_point_ratio(udm_point point);  // noise / signal, the sigma of Karras et al. 2022
double udm_point_lambda(udm_point point); // log(signal / noise), the lambda of Lu et al. 2022

// A step of one pixel.
typedef struct udm_step {
    udm_point from, to;            // noise is more than 0 in `from`, and signal is
    udm_point seen[UDM_ESTIMATES]; // where the estimates were made, the newest first
    int count;        // of them, 1 and more: those of this step's stages, then the first of each step before
    int stage;        // of the step
    int order;        // how many estimates a multi-step method may use, as count or fewer
    int index, steps; // which step, of how many
    double least;     // noise / signal at the schedule's first step
    double power;     // E|e|^2 per element, of e as estimated at `from`; for those that need it
} udm_step;

// start x_from + now x + estimates[k] estimate k + fresh e, x being what the stage before came to.
typedef struct udm_mix {
    double start, now, estimates[UDM_ESTIMATES], fresh;
    double fresh_most; // where the variance is learned: that of share 1, `fresh` being that of share 0
} udm_mix;

typedef struct udm_loop udm_loop;
typedef struct udm_walk udm_walk;

typedef struct udm_sampler {
    const char *name;
    const char *about;
    bool stochastic;
    int order; // of convergence, towards the exact solution; 0 where it is none that it converges to

    // The first kind: v of a step from alpha_bar_t to alpha_bar_s >= alpha_bar_t. eta: udm_loop_settings.
    double (*fresh)(double alpha_bar_t, double alpha_bar_s, double eta);

    // The second: a step, stage by stage. The estimates are of x0, or of e if it says so.
    void (*mix)(const udm_step *step, udm_mix *mix);
    bool of_noise;
    int looks;                                        // at how many estimates at most; 0: one
    int uses;                                         // of a multi-step method: how many in a step, by default
    int (*stages)(int index, int steps);              // of a step; NULL: one
    double (*reach)(int index, int steps, int stage); // where a stage goes to, as a share of the step; NULL: its end
    // What x_from is replaced with when the first estimate there is known; `step` is the one before, from its start,
    // and seen[0] the new estimate. NULL: nothing.
    void (*correct)(const udm_step *step, udm_mix *mix);
    bool needs_power, learned; // udm_loop_settings.powers, udm_loop_calls.variance

    // Those that go another way through the loop (state.h), and how many estimates they ask for at most.
    bool (*run)(udm_loop *loop, udm_walk *walk, udm_error *error);
    int (*asks)(int steps, int repeats);
    bool gaussian; // `run` is for Gaussian processes only
} udm_sampler;

extern const udm_sampler udm_sampler_ddim, udm_sampler_ddpm, udm_sampler_trivial, udm_sampler_euler, udm_sampler_heun,
    udm_sampler_dpmpp_2m, udm_sampler_dpmpp_3m, udm_sampler_unipc, udm_sampler_deis, udm_sampler_s_pndm,
    udm_sampler_f_pndm, udm_sampler_plms, udm_sampler_ddpm_large, udm_sampler_ddpm_learned, udm_sampler_ddpm_analytic,
    udm_sampler_euler_ancestral, udm_sampler_dpmpp_2m_sde, udm_sampler_sde, udm_sampler_sde_pc, udm_sampler_lcm,
    udm_sampler_consistency, udm_sampler_repaint, udm_sampler_ode;

extern const udm_sampler *const udm_samplers[]; // NULL-ended

const udm_sampler *udm_sampler_find(const char *name); // NULL if there is none

// The v of the posterior q(x_s | x_t, x0), which is DDPM's; DDIM's for any eta is eta times that.
double udm_posterior(double alpha_bar_t, double alpha_bar_s);

// The mean of that posterior for Gaussian processes, as a mix without new noise; the deviation of the posterior, and
// that of the step forward, from x_s to x_t ("fixed small" and "fixed large" of Ho et al. 2020, section 3.2).
udm_mix udm_mix_posterior(const udm_step *step, double *small, double *large);

// The mix that goes from x_from along a straight line to what an estimate of x0, or of the noise, says: DDIM's step.
udm_mix udm_mix_towards_x0(const udm_step *step);
udm_mix udm_mix_along_noise(const udm_step *step);

// One step of the first kind. from and to: levels of the `pixels` of a picture; x0, xt, e: [channels, pixels]; e may be
// NULL if it draws nothing; scratch: [channels, pixels]. out may be xt.
void udm_reverse_step(const udm_process *process, const udm_sampler *sampler, double eta, const udm_levels *from,
                      const udm_levels *to, int channels, const float *x0, const float *xt, const float *e,
                      float *scratch, float *out);

#endif
