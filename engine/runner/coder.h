// SPDX-License-Identifier: LGPL-2.1-or-later
// Half of an autoencoder over a picture, or over the latents of one; in overlapping tiles, which are faded into each
// other, where the whole would take too much memory. Tiles of AutoencoderTiny are exact; those of AutoencoderKL are
// not, as it normalises and attends over all that it sees.
#ifndef UDM_RUNNER_CODER_H
#define UDM_RUNNER_CODER_H

#include <stdatomic.h>
#include <stddef.h>

#include "network/autoencoder.h"

typedef struct udm_coding {
    int width, height; // of the latents
    size_t limit;      // bytes for the values of a tile
    const atomic_bool *cancel;
} udm_coding;

// Encoder: in is a picture [channels, height scale, width scale] in [-1, 1], out are latents [latents, height, width]
// as a diffusion model has them: the most probable ones. Decoder: the other way round. Errors: CANCELLED, DEVICE,
// MEMORY.
bool udm_coder_run(const udm_autoencoder *half, const udm_coding *coding, const float *in, float *out,
                   udm_error *error);

// Latents along each side of the largest tile that is computed at once, and how many tiles there are.
bool udm_coder_plan(const udm_autoencoder *half, const udm_coding *coding, int *tile, int *tiles, udm_error *error);

int udm_coder_least(const udm_autoencoder *half); // latents along the side of a tile, at least

#endif
