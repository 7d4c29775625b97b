// SPDX-License-Identifier: LGPL-2.1-or-later
// The one operation: every pixel of a frame stands at a time of its own, and all are brought to time 0, by the
// estimate-and-correct loop of the Unified Diffusion Model.
#ifndef UDM_DIFFUSION_REVERSE_H
#define UDM_DIFFUSION_REVERSE_H

#include "diffusion/denoiser.h"
#include "sampler/loop.h"

typedef struct udm_reverse_settings {
    udm_denoiser_settings denoiser;
    double extent; // of the process, in pixels
    double most;   // the highest time that the network was trained for
    const udm_sampler *sampler;
    int order, ease_below; // udm_loop_settings
    const double *powers;  // ... which must outlive it
    int power_count;
    udm_timesteps timesteps; // of steps of its own number; its noise and steps are filled in from the denoiser's and:
    int steps;               // 1 and more
    uint64_t seed;
    bool grey; // all channels are the same, and so is the noise that is drawn for them
} udm_reverse_settings;

typedef struct udm_reverse udm_reverse;

// What the settings point to must outlive it.
udm_reverse *udm_reverse_new(const udm_reverse_settings *settings, udm_error *error);
void udm_reverse_free(udm_reverse *reverse); // NULL is fine

const udm_ensemble *udm_reverse_ensemble(const udm_reverse *reverse);
void udm_reverse_clear(udm_reverse *reverse); // forgets the state kept from frame to frame

// frame: the pixels, each as the process left it at its time, [C, height, width] in [-1, 1], but *not* scaled by the
// signal; out: the restored frame, which may be in its place. times: [height, width] in [0, 1]; raised here to at least
// `strength` times the highest time the network was trained for, by continuing the process. number: names the noise of
// that. On an error (CANCELLED, DEVICE, UNSUPPORTED where the process cannot go on from a frame in its middle) the same
// frame can be run again from a copy of its pixels.
bool udm_reverse_run(udm_reverse *reverse, uint64_t number, const udm_side_information *beside, const float *frame,
                     float *out, float *times, double strength, const atomic_bool *cancel, udm_error *error);

// The posterior mean of a frame of which nothing is known but the side information, in one step. x0: [C, height,
// width].
bool udm_reverse_mean(udm_reverse *reverse, const udm_side_information *beside, float *x0, const atomic_bool *cancel,
                      udm_error *error);

#endif
