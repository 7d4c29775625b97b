// SPDX-License-Identifier: LGPL-2.1-or-later
// Texts to what a network attends to: all tokens of CLIP's text tower, the padding among them, as latent diffusion has
// it (Rombach et al. 2022, section 3.3).
#ifndef UDM_DIFFUSION_TEXTS_H
#define UDM_DIFFUSION_TEXTS_H

#include <stdatomic.h>

#include "backend/backend.h"
#include "model/model.h"
#include "text/tokenizer.h"

typedef struct udm_texts {
    const udm_text_parts *parts;
    const udm_tokenizer *tokenizer;
    const char *const *list; // with weights (text/emphasis.h); of a long one the first chunk is read
    int count;
    int tokens, width; // of each: [width, 1, tokens]
} udm_texts;

// out: [count, width, tokens]. The tower is opened, and freed again. Where the device fails and has a stand-in, it is
// opened there. Errors: SETTINGS (not UTF-8), CORRUPT (tokens of another width), CANCELLED, DEVICE, MEMORY, and those
// of its files.
bool udm_texts_read(const udm_texts *texts, udm_device *device, float *out, const atomic_bool *cancel,
                    udm_error *error);

#endif
