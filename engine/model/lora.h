// SPDX-License-Identifier: LGPL-2.1-or-later
// Low-rank changes of weights, W + scale alpha / rank up down (LoRA, Hu et al. 2021, section 4.1), in a safetensors
// file with the names of kohya's scripts or of diffusers, old and new.
#ifndef UDM_MODEL_LORA_H
#define UDM_MODEL_LORA_H

#include "model/weights.h"

typedef struct udm_lora udm_lora;

// What it may change: the tensors of a U-Net, which may lie in two files, and of a text encoder; NULL: there is none.
typedef struct udm_lora_targets {
    udm_weights *unet, *motion, *text;
} udm_lora_targets;

// Opens it and has it added to tensors whenever they are read, beside what others add. It must outlive the targets.
// NULL with NOT_FOUND, CORRUPT, UNSUPPORTED (a tensor that is none of a LoRA, or changes none of the targets: it is
// named) or MEMORY.
udm_lora *udm_lora_open(const char *path, double scale, const udm_lora_targets *targets, udm_error *error);
void udm_lora_free(udm_lora *lora); // NULL is fine

// Those of a list "FILE[:SCALE];FILE[:SCALE]...", before what is in *first, the first of a chain; all of them or none.
// Errors: those above, and SETTINGS.
bool udm_loras_add(udm_lora **first, const char *list, const udm_lora_targets *targets, udm_error *error);
void udm_loras_free(udm_lora *first);

#endif
