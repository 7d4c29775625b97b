// SPDX-License-Identifier: LGPL-2.1-or-later
// Texts to what a network attends to: all tokens of CLIP's text tower, the padding among them, as latent diffusion has
// it (Rombach et al. 2022, section 3.3). A long text is chunks (text/emphasis.h) that lie one after the other.
// Attention weighs tokens that are there twice as it does those that are there once, so a text can be repeated to any
// multiple of its length: each gets room for UDM_TEXT_CHUNKS, which one, two, three and six of its own fill evenly, and
// so texts of different lengths can be seen at once, and one moved towards another. Four and five are filled up with
// empty ones.
#ifndef UDM_DIFFUSION_TEXTS_H
#define UDM_DIFFUSION_TEXTS_H

#include <stdatomic.h>

#include "backend/backend.h"
#include "model/model.h"
#include "text/tokenizer.h"

enum { UDM_TEXT_CHUNKS = 6 };

typedef struct udm_texts {
    const udm_text_parts *parts;
    const udm_tokenizer *tokenizer;
    const char *const *list; // with weights (text/emphasis.h)
    int count;
    int tokens, width; // of each chunk: [width, 1, tokens]
} udm_texts;

// out: [count, UDM_TEXT_CHUNKS, width, tokens]. The tower is opened, and freed again. Where the device fails and has a
// stand-in, it is opened there. Errors: SETTINGS (not UTF-8, or more than the chunks hold), CORRUPT (tokens of another
// width), CANCELLED, DEVICE, MEMORY, and those of its files.
bool udm_texts_read(const udm_texts *texts, udm_device *device, float *out, const atomic_bool *cancel,
                    udm_error *error);

// Of two such texts, [UDM_TEXT_CHUNKS, chunk]: how many chunks there are before both repeat.
int udm_texts_period(const float *first, const float *second, size_t chunk);

#endif
