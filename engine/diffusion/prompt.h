// SPDX-License-Identifier: LGPL-2.1-or-later
// From a prompt, or a picture, to the embedding that a decoder is conditioned on (DALL-E 2, Ramesh et al. 2022): CLIP's
// text tower reads the prompt, and the prior finds an embedding of a picture for it by diffusion, with guidance away
// from what the negative prompt says; CLIP's other tower reads a picture. Decoders that see a text as well are told
// what the text tower says, as Kandinsky 2.1 has it.
#ifndef UDM_DIFFUSION_PROMPT_H
#define UDM_DIFFUSION_PROMPT_H

#include <stdatomic.h>

#include "backend/backend.h"
#include "model/model.h"
#include "network/network.h"

typedef struct udm_prompt {
    const char *text, *negative; // negative: NULL is ""
    double guidance;             // 1: what the text says, and the negative prompt is not read
    int steps;
    uint64_t seed;
    const float *noise; // what the seed otherwise gives: where it begins, then what each step but the last draws,
                        // [steps, size]; NULL: the seed's
} udm_prompt;

typedef struct udm_reader udm_reader;

// device, parts: outlive it. Networks are opened when they are first needed. Where the device fails and has a stand-in,
// it goes on there.
udm_reader *udm_reader_new(const udm_text_parts *parts, udm_device *device, udm_error *error);
void udm_reader_free(udm_reader *reader); // NULL is fine

// The embedding [size] of the picture that a prompt speaks of. Errors: SETTINGS (not UTF-8), CANCELLED, DEVICE, MEMORY,
// and those of the files of networks that are opened now.
bool udm_reader_read(udm_reader *reader, const udm_prompt *prompt, int size, float *embedding,
                     const atomic_bool *cancel, udm_error *error);

// Those of a text itself, [text] and [token_width, 1, tokens] of a shape that has some, to which the text is filled up,
// and how many it was, where the shape is `counted`.
bool udm_reader_tell(udm_reader *reader, const char *text, const udm_embedding_shape *shape, float *embedding,
                     const atomic_bool *cancel, udm_error *error);

// That of a picture [3, height, width] in [-1, 1], of which the middle square is seen.
bool udm_reader_look(udm_reader *reader, const float *picture, int width, int height, int size, float *embedding,
                     const atomic_bool *cancel, udm_error *error);

#endif
