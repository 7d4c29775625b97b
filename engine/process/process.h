// SPDX-License-Identifier: LGPL-2.1-or-later
// Forward processes x_t = F_t(x0, e) and their inverses e = F_t^-1(x0, x_t). To add one: a file process/NAME.c with a
// const udm_process udm_process_NAME, an extern below and a line in process.c.
#ifndef UDM_PROCESS_PROCESS_H
#define UDM_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How far the process has gone. Signal and noise of every pixel, [pixels] each; the planes of a picture share them.
// Processes that are not Gaussian go by the share 1 - alpha_bar = noise^2 / (signal^2 + noise^2), which rises from 0 to
// 1, so that any schedule drives any process.
typedef struct udm_levels {
    size_t pixels;       // of all frames
    const float *signal; // factor of x0: sqrt(alpha_bar)
    const float *noise;  // factor of e: sqrt(1 - alpha_bar)
    const float *time;   // in [0, 1]
    int width, height;   // of a frame; where a process looks at neighbours
    double extent;       // of it, in pixels, where the share is 1 (udm_process.sized)
    const float *anchor; // [channels, pixels], the picture at the other end of a bridge; NULL elsewhere
    float *scratch;      // [pixels + 5 (width + height)], where a process `blends`
} udm_levels;

// How many of `count` values from i on are the same: neighbours mostly share their time and their level.
size_t udm_run_length(const float *values, size_t i, size_t count);

double udm_levels_share(const udm_levels *at, size_t pixel); // 1 - alpha_bar

// x0, e, x_t: [channels, pixels]. out may be any of the inputs.
typedef struct udm_process {
    const char *name;
    const char *about;
    // x_t = signal x0 + noise e: the factors where alpha_bar is left, with noise / signal = sqrt(1 / alpha_bar - 1) in
    // all of them. NULL where F is something else; methods that solve the equations of diffusion refuse those.
    void (*factors)(double alpha_bar, double *signal, double *noise);
    void (*forward)(const udm_levels *at, int channels, const float *x0, const float *e, float *out);
    // An e that leads from x0 to x_t, if any does; 0 where F does not depend on e.
    void (*inverse)(const udm_levels *at, int channels, const float *x0, const float *xt, float *out);
    // Goes on from x_t to a later time, without knowing x0; e is new noise. NULL where that cannot be.
    void (*advance)(const udm_levels *from, const udm_levels *to, int channels, const float *xt, const float *e,
                    float *out);
    // Draws from q(x_s | x_t, x0) with x0 given as probabilities, where F(x0, F^-1) with new noise mixed in cannot; e
    // is new noise. NULL: it can.
    void (*posterior)(const udm_levels *from, const udm_levels *to, int channels, const float *x0, const float *xt,
                      const float *e, float *out);
    // Makes its own kind of noise of standard normal noise, count values in place; (seed, frame, step) name it. NULL:
    // it stays as it is.
    void (*shape)(uint64_t seed, uint64_t frame, uint32_t step, size_t count, float *e);
    // Which pixels of x_t are lost, where the others are known exactly. NULL: there is no such difference.
    bool (*lost)(const udm_levels *at, size_t pixel);
    // Processes that reach a number of pixels: whether they can reach this far; and what is done to a frame in their
    // own measure, which people know, as the share that it corresponds to, and back. NULL: they have none.
    bool (*sized)(double extent);
    double (*share)(double extent, double amount);
    double (*amount)(double extent, double share);
    const char *measure;
    bool fades;    // x0 has the factor `signal` in x_t; so it has where there are `factors`
    bool cold;     // there is no noise in x_t: e, which is 0 forward, is what an estimate of x0 leaves unexplained
    bool blends;   // looks at neighbours: all pixels stand at the same time, and levels need a size and scratch
    bool anchored; // needs an anchor
    bool symbols;  // a pixel is one of `channels` symbols: one of them is 1 and the others 0
} udm_process;

extern const udm_process udm_process_gaussian, udm_process_exploding, udm_process_sub_vp, udm_process_flow,
    udm_process_pfgm, udm_process_pfgmpp, udm_process_bridge, udm_process_blur, udm_process_soft_blur,
    udm_process_pixelate, udm_process_mask, udm_process_rows, udm_process_lost_frames, udm_process_uniform,
    udm_process_absorbing;

extern const udm_process *const udm_processes[]; // NULL-ended

const udm_process *udm_process_find(const char *name); // NULL if there is none

// Whether x0 has the factor `signal` in x_t.
static inline bool udm_process_fades(const udm_process *process)
{
    return process->fades || process->factors;
}

#endif
