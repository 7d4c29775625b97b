// SPDX-License-Identifier: LGPL-2.1-or-later
// Forward processes x_t = F_t(x0, e) and their inverses e = F_t^-1(x0, x_t). To add one: a file process/NAME.c with a
// const udm_process udm_process_NAME, an extern below and a line in process.c.
#ifndef UDM_PROCESS_PROCESS_H
#define UDM_PROCESS_PROCESS_H

#include <stddef.h>

// How far the process has gone: signal and noise of every pixel, [pixels] each; the planes of a picture share them.
typedef struct udm_levels {
    size_t pixels;
    const float *signal; // factor of x0: sqrt(alpha_bar)
    const float *noise;  // factor of e: sqrt(1 - alpha_bar)
    const float *time;   // in [0, 1]
} udm_levels;

// x0, e, x_t: [channels, pixels]. out may be any of the inputs.
typedef struct udm_process {
    const char *name;
    const char *about;
    // x_t = signal x0 + noise e: the factors where alpha_bar is left, with noise / signal = sqrt(1 / alpha_bar - 1) in
    // all of them. NULL where F is something else; methods that solve the equations of diffusion refuse those.
    void (*factors)(double alpha_bar, double *signal, double *noise);
    void (*forward)(const udm_levels *at, int channels, const float *x0, const float *e, float *out);
    // Where noise is 0, x_t says nothing about e, which is 0 then.
    void (*inverse)(const udm_levels *at, int channels, const float *x0, const float *xt, float *out);
    // Goes on from x_t to a later time, without knowing x0; e is new noise.
    void (*advance)(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                    float *out);
} udm_process;

extern const udm_process udm_process_gaussian;

extern const udm_process *const udm_processes[]; // NULL-ended

#endif
