// SPDX-License-Identifier: LGPL-2.1-or-later
// Latents of a model to pictures, and back: the halves of its autoencoder, opened when they are first needed, on a
// device or, where that fails, on its stand-in. The one that makes pictures stays.
#ifndef UDM_RUNNER_DEVELOPER_H
#define UDM_RUNNER_DEVELOPER_H

#include "runner/coder.h"

typedef struct udm_developer {
    const udm_config *config; // of the autoencoder; NULL: there is none
    const udm_weights *weights;
    udm_device *device;
    udm_autoencoder about;    // its description
    udm_autoencoder *decoder; // NULL until it is needed
} udm_developer;

// What is described must outlive it. Errors: those of the config; CORRUPT unless it makes pictures of three channels of
// `latents` channels. It takes no memory until it runs.
bool udm_developer_open(udm_developer *developer, const udm_config *config, const udm_weights *weights,
                        udm_device *device, int latents, udm_error *error);
void udm_developer_close(udm_developer *developer); // of zeros is fine

// latents: [latents, height, width] of coding; picture: [3, height scale, width scale], in [-1, 1]. Errors: those of
// the weights, CANCELLED, DEVICE, MEMORY.
bool udm_developer_run(udm_developer *developer, const udm_coding *coding, const float *latents, float *picture,
                       udm_error *error);

// The other way: those latents of a picture that are most probable.
bool udm_developer_encode(udm_developer *developer, const udm_coding *coding, const float *picture, float *latents,
                          udm_error *error);

#endif
