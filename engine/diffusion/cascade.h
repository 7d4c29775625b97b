// SPDX-License-Identifier: LGPL-2.1-or-later
// Films of what prompts say, by the way of Make-A-Video (Singer et al. 2022): a decoder with layers along time draws
// frames of the embedding of a picture, a window of them at once, the first of which are the last of the window before;
// another network fills in four frames between every two. Both draw latents, of which an autoencoder makes pictures; a
// third network enlarges those, a few at a time, and a fourth each by itself, all from the same noise. What a frame
// needs is drawn when it is asked for, and a window of each network is kept, so that memory does not grow and a frame
// depends on those before it in its scene alone.
#ifndef UDM_DIFFUSION_CASCADE_H
#define UDM_DIFFUSION_CASCADE_H

#include <stdatomic.h>

#include "model/model.h"
#include "network/network.h"
#include "sampler/loop.h"

// What a frame is to be. Strings must live until the next is asked for.
typedef struct udm_cascade_frame {
    const char *prompt, *negative; // "" and no image: the network is told nothing
    double guidance, rescale;      // of the first new frame of a window for all of it
} udm_cascade_frame;

typedef struct udm_cascade_settings {
    const udm_text_parts *parts;
    udm_device *device;
    int width, height; // of what is asked for; it makes the largest frames of which those are a multiple
    double rate;       // frames a second
    uint64_t scene;    // frames after which all begins anew; 0: never
    uint64_t seed;
    udm_loop_settings loop; // but for what depends on sizes; its steps are those of the first network
    const udm_noise *noise; // what times mean, as in loop
    const udm_noise *trained;
    udm_prediction prediction;
    udm_bounds bounds;
    const float
        *latents; // the noise that the first window begins with, [channels, frames, height, width]; copied. Or NULL
    int window;   // frames of the first network at once; 0: as many as it learnt from
    const float *known; // the last frames of a clip, or a picture, from which the first scene goes on, of the smallest
                        // size, at `rate`: [known_count, 3, known_height, known_width]; encoded at once. Or NULL
    int known_count, known_width, known_height;
    const float *image; // a picture to be resembled, [3, image_height, image_width]; looked at once. Or NULL
    int image_width, image_height;
    void (*frame)(void *context, uint64_t number, udm_cascade_frame *to); // *to: has defaults
    void *context;
} udm_cascade_settings;

typedef struct udm_cascade udm_cascade;

// Errors: CORRUPT (parts that do not fit together), SETTINGS, DEVICE, MEMORY, those of the files.
udm_cascade *udm_cascade_new(const udm_cascade_settings *settings, udm_error *error);
void udm_cascade_free(udm_cascade *cascade); // NULL is fine

int udm_cascade_width(const udm_cascade *cascade); // of the frames that it makes
int udm_cascade_height(const udm_cascade *cascade);
size_t udm_cascade_memory(const udm_cascade *cascade);
uint64_t udm_cascade_scenes(const udm_cascade *cascade); // begun

// Frame `number`, [3, height, width], valid until the next call. NULL with *error: SETTINGS, CANCELLED, DEVICE, MEMORY.
const float *udm_cascade_make(udm_cascade *cascade, uint64_t number, const atomic_bool *cancel, udm_error *error);

#endif
