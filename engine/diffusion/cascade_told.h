// SPDX-License-Identifier: LGPL-2.1-or-later
// What the networks of a cascade are told: embeddings of prompts, of a picture that is to be resembled, of nothing.
#ifndef UDM_DIFFUSION_CASCADE_TOLD_H
#define UDM_DIFFUSION_CASCADE_TOLD_H

#include "diffusion/cascade.h"

typedef struct udm_teller udm_teller;

// network: one that is told; it and the settings outlive it. settings.image is looked at now. Errors: DEVICE, MEMORY,
// those of the files.
udm_teller *udm_teller_new(const udm_cascade_settings *settings, const udm_network *network, udm_error *error);
void udm_teller_free(udm_teller *teller); // NULL is fine

const float *udm_teller_nothing(const udm_teller *teller); // [network.embedding]: no picture, and the empty text

// Into `to` [network.embedding], what frame `number` is told: of its prompt, between two prompts, of the picture that
// is to be resembled, or half of each. Errors: SETTINGS, CANCELLED, DEVICE, MEMORY.
bool udm_teller_read(udm_teller *teller, const udm_cascade_frame *asked, uint64_t number, float *to,
                     const atomic_bool *cancel, udm_error *error);

// Of what a frame was told, its picture alone.
void udm_teller_picture(const udm_teller *teller, const float *told, float *to);

#endif
