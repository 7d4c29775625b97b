// SPDX-License-Identifier: LGPL-2.1-or-later
// One network of a cascade: what it draws a window of, by a loop of its own.
#ifndef UDM_DIFFUSION_CASCADE_STAGE_H
#define UDM_DIFFUSION_CASCADE_STAGE_H

#include <stdatomic.h>

#include "diffusion/cascade.h"
#include "runner/film.h"

typedef struct udm_stage {
    udm_network *network;
    udm_film *film;
    udm_loop *loop;
    const udm_cascade_settings *settings;
    int frames;                            // of a window
    size_t pixels, elements, told;         // of a frame; of what it is told
    float *memory;                         // all of the following
    float *x;                              // [channels, frames, pixels], what is being drawn
    float *times;                          // [frames, pixels]
    float *made;                           // [frames, elements]
    float *beside;                         // [frames, context, pixels]
    float *in, *out, *untold;              // [frames, elements]
    float *conditions, *nothing;           // [frames, told], [told]
    double start, guidance, rescale, rate; // where noise begins; of the window
    uint64_t number;                       // of its noise
    const atomic_bool *cancel;
} udm_stage;

// For films of `frames` at once, 0: as many as it learnt from, in `steps` steps. What is in *stage is freed if it
// fails.
bool udm_stage_open(udm_stage *stage, const udm_cascade_settings *settings, const udm_text_part *part, int frames,
                    int steps, udm_error *error);
void udm_stage_close(udm_stage *stage); // of zeros is fine

// What a frame of the window is told: an embedding [network.embedding]; and what it is if it is told nothing.
void udm_stage_tell(udm_stage *stage, int frame, const float *embedding);
void udm_stage_tell_nothing(udm_stage *stage, const float *embedding);

// A frame of the window is known; or begins with noise, [channels, pixels] of it.
void udm_stage_know(udm_stage *stage, int frame, const float *planes);
void udm_stage_begin(udm_stage *stage, int frame, const float *noise);

// Draws stage->made. Errors: CANCELLED, DEVICE, MEMORY.
bool udm_stage_draw(udm_stage *stage, udm_error *error);

#endif
