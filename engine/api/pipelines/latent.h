// SPDX-License-Identifier: LGPL-2.1-or-later
// What the parts of latent diffusion take of memory, on the processor, at most.
#ifndef UDM_API_LATENT_H
#define UDM_API_LATENT_H

#include "api/painter.h"
#include "api/pipelines/needs.h"

enum { UDM_LATENT_TEXT, UDM_LATENT_UNET, UDM_LATENT_DECODER, UDM_LATENT_ENCODER, UDM_LATENT_PARTS };

typedef struct udm_latent_needs {
    udm_need of[UDM_LATENT_PARTS];
    uint64_t rest;  // what is no part
    uint64_t least; // with which it can be done: parts one after the other, weights in a file
} udm_latent_needs;

// Opens every part on a device that computes nothing. width, height: of latents; 0: those that it was trained on.
// Fills in *info what the networks say.
bool udm_latent_plan(const udm_model *model, int width, int height, udm_info *info, udm_latent_needs *to,
                     udm_error *error);

#endif
