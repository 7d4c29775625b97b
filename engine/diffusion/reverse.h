// SPDX-License-Identifier: LGPL-2.1-or-later
// The one operation: every pixel of a frame stands at a time of its own, and all are brought to time 0, by the
// estimate-and-correct loop of the Unified Diffusion Model.
#ifndef UDM_DIFFUSION_REVERSE_H
#define UDM_DIFFUSION_REVERSE_H

#include "process/process.h"
#include "sampler/loop.h"
#include "sampler/prediction.h"
#include "runner/ensemble.h"
#include "interp/blending.h"

typedef struct udm_reverse_settings {
    const udm_network *network;
    udm_workspace *workspace; // as udm_tiling_new()
    const udm_process *process;
    double extent; // of it, in pixels
    double most;   // the highest time that the network was trained for
    const udm_sampler *sampler;
    int order, ease_below; // udm_loop_settings
    const double *powers;  // ... which must outlive it
    int power_count;
    udm_timesteps timesteps; // of steps of its own number; its noise and steps are filled in from these:
    const udm_noise *noise;  // what a time means,
    const udm_noise *told;   // and what it means to a network that is told it
    int steps;               // 1 and more
    udm_prediction prediction;
    udm_bounds bounds; // of estimates of x0
    uint64_t seed;
    int width, height;
    int views; // of udm_ensemble_new()
    int label; // for a network with classes; -1: none
    bool grey; // all channels are the same, and so is the noise that is drawn for them
    size_t memory_limit;
} udm_reverse_settings;

typedef struct udm_reverse udm_reverse;

// What the settings point to must outlive it.
udm_reverse *udm_reverse_new(const udm_reverse_settings *settings, udm_error *error);
void udm_reverse_free(udm_reverse *reverse); // NULL is fine

const udm_ensemble *udm_reverse_ensemble(const udm_reverse *reverse);
void udm_reverse_clear(udm_reverse *reverse); // forgets what was carried over

// What is known of the next frame from elsewhere: [C, height, width] and its level [height, width], both as in
// udm_network_input; NULL, NULL: nothing. They are borrowed until the frame is done.
void udm_reverse_predicted(udm_reverse *reverse, const float *predicted, const float *level);

// The same, and what else a network that mixes is shown. It is borrowed.
void udm_reverse_evidence(udm_reverse *reverse, const udm_blending *blending);

// frame: the pixels, each as the process left it at its time, [C, height, width] in [-1, 1], but *not* scaled by the
// signal; it becomes the restored frame. times: [height, width] in [0, 1]; raised here to at least `strength` times the
// highest time the network was trained for, by going on with the process. number: names the noise of that. On an error
// (CANCELLED, DEVICE, UNSUPPORTED where the process cannot go on from a frame in its middle) the same frame can be run
// again from a copy of its pixels.
bool udm_reverse_run(udm_reverse *reverse, uint64_t number, float *frame, float *times, double strength,
                     const atomic_bool *cancel, udm_error *error);

// The mean of what a frame may be of which nothing is known but the prediction, in one step. x0: [C, height, width].
bool udm_reverse_mean(udm_reverse *reverse, float *x0, const atomic_bool *cancel, udm_error *error);

#endif
