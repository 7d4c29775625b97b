// SPDX-License-Identifier: LGPL-2.1-or-later
// The denoiser: a network as an estimate of x0 given x_t, x0 = G_t(x_t), for any process whose x_t it can be given. The
// reverse loop runs it at every step.
#ifndef UDM_DIFFUSION_DENOISER_H
#define UDM_DIFFUSION_DENOISER_H

#include "process/process.h"
#include "runner/ensemble.h"
#include "sampler/prediction.h"
#include "schedule/schedule.h"

typedef struct udm_denoiser_settings {
    const udm_network *network;
    udm_workspace *workspace; // as udm_tiling_new()
    const udm_process *process;
    const udm_noise *noise;       // what a time means,
    const udm_noise *model_noise; // and what it means to a network that is conditioned on the time
    udm_prediction prediction;
    udm_bounds bounds; // of estimates of x0
    int width, height;
    int views; // of udm_ensemble_new()
    int label; // for a network with classes; -1: none
    size_t memory_limit;
} udm_denoiser_settings;

// What is known of a frame beside its pixels, as in udm_network_input; all NULL: nothing.
typedef struct udm_side_information {
    const float *predicted, *predicted_level; // [C, height, width], [height, width]
    const float *context;                     // [network.context, height, width]
    // The deviation of the noise of Cb and Cr, at half the size, as a share of the sigma that the level of each pixel
    // stands for: for networks with a chroma_level, of which it is the context.
    double chroma_share;
    // Refines an estimate of x0 by the other planes of the network's output. level: of the frame as it was shown; NULL:
    // 1.
    void (*refine)(const void *refiner, const float *level, const float *output, float *x0);
    const void *refiner;
} udm_side_information;

typedef struct udm_denoiser udm_denoiser;

// stages: how many estimates are made of each frame, each with a state of its own where the network has a memory. What
// the settings point to must outlive it. Errors: MEMORY, UNSUPPORTED, DEVICE.
udm_denoiser *udm_denoiser_new(const udm_denoiser_settings *settings, int stages, udm_error *error);
void udm_denoiser_free(udm_denoiser *denoiser); // NULL is fine

const udm_ensemble *udm_denoiser_ensemble(const udm_denoiser *denoiser);
void udm_denoiser_clear(udm_denoiser *denoiser);   // forgets the state kept from frame to frame
void udm_denoiser_advance(udm_denoiser *denoiser); // the frame is done: the next is run from now on

// x0 [C, height, width] of the frame x_t [C, height, width] that stands at `at`; xt and at NULL: nothing is known of it
// but the side information. stage: below `stages`. Errors: CANCELLED, DEVICE, SETTINGS.
bool udm_denoiser_run(udm_denoiser *denoiser, int stage, const udm_levels *at, const float *xt,
                      const udm_side_information *beside, float *x0, const atomic_bool *cancel, udm_error *error);

#endif
