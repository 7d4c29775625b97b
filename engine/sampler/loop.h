// SPDX-License-Identifier: LGPL-2.1-or-later
// The reverse loop: estimate x0, step, repeat, until nothing is left of the time that each pixel entered at. It calls
// its user for the estimates, and knows no network.
#ifndef UDM_SAMPLER_LOOP_H
#define UDM_SAMPLER_LOOP_H

#include "udm/error.h"
#include "base/threads.h"
#include "process/process.h"
#include "sampler/sampler.h"
#include "schedule/spacing.h"

typedef struct udm_loop_settings {
    const udm_process *process;
    const udm_sampler *sampler;
    udm_timesteps timesteps; // its noise must outlive the loop
    double eta;              // "ddim": share of DDPM's new noise, in [0, 1]
    int repeats;             // "repaint": how often each step is made; 0: 5 times
    double tolerance;        // "ode": of a step, in units of x; 0: 1e-3
    const double *powers;    // "ddpm_analytic": E|e|^2 per element, of e as estimated, at times (i + 1) / power_count
    int power_count;
    int order;      // of multi-step methods: how many estimates they use at most; 0: their own
    int ease_below; // with fewer steps than that, the last ones use fewer (lower_order_final)
    int channels;
    size_t pixels;
    int width, height;   // of a frame,
    double extent;       // and of the process in pixels, and
    const float *anchor; // the other end of a bridge, for processes that need them (udm_levels)
    udm_pool *pool;      // that large copies are made by, or NULL
} udm_loop_settings;

// The callbacks of the loop. Each returns false with *error set to end it.
typedef struct udm_loop_calls {
    void *context;
    // E[x0 | x_t] as a network sees it; number: of the estimate, from 0. xt, x0: [channels, pixels].
    bool (*estimate)(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error);
    // New standard normal noise, [channels, pixels]; number: of the draw, from 0.
    bool (*draw)(void *context, int number, float *e, udm_error *error);
    // "ddpm_learned": the variance in the network's last output, [channels, pixels]: 0 for the posterior's, 1 for that
    // of the step forward, and between and beyond by their logarithms. NULL: it does not.
    bool (*variance)(void *context, float *share, udm_error *error);
} udm_loop_calls;

// Errors: UNSUPPORTED (a sampler that solves the equations of Gaussian diffusion, and another process; one that needs
// what the model does not have), MEMORY.
udm_loop *udm_loop_new(const udm_loop_settings *settings, udm_error *error);
void udm_loop_free(udm_loop *loop); // NULL is fine

int udm_loop_estimates(const udm_loop_settings *settings); // how many a run asks for, at most

// times: [pixels], where each pixel stands; x: [channels, pixels], x_t at them. x becomes x at time 0 (or where the
// list of timesteps ends). A pixel at time 0 is known and stays as it is. After an error x is undefined.
bool udm_loop_run(udm_loop *loop, const udm_loop_calls *calls, const float *times, float *x, udm_error *error);

// The way back: x at the end of the list of timesteps (the data) becomes the x at `times` that "ddim" leads there from,
// up to the error of a step. Errors: UNSUPPORTED for other samplers.
bool udm_loop_invert(udm_loop *loop, const udm_loop_calls *calls, const float *times, float *x, udm_error *error);

#endif
