// SPDX-License-Identifier: LGPL-2.1-or-later
// Films of what prompts say, by latent diffusion over frames (Guo et al., "AnimateDiff", 2023; Wang et al., "ModelScope
// Text-to-Video", 2023). A window of frames is drawn at once; the next window begins with the last frames of the one
// before: where the network guesses those, the guess is replaced by what they are, at every step (as RePaint does with
// pixels, Lugmayr et al. 2022), so that what is new goes on from them. So memory does not grow with the film, and a
// window depends on those before it in its scene alone. Frames are decoded one by one, when they are asked for.
#ifndef UDM_DIFFUSION_REEL_H
#define UDM_DIFFUSION_REEL_H

#include <stdatomic.h>

#include "model/model.h"
#include "network/network.h"
#include "sampler/loop.h"

// What a frame is to be. Strings must live until the next is asked for.
typedef struct udm_reel_frame {
    const char *prompt, *negative;
    double guidance, rescale; // of the first new frame of a window for all of it
} udm_reel_frame;

typedef struct udm_reel_settings {
    const udm_film_parts *parts;
    const udm_network *network; // of films
    udm_device *device;
    int width, height; // of the pictures; 0: those that the network was trained on
    int window;        // frames at once; 0: USUAL ones, or as many as the network takes
    uint64_t scene;    // frames after which all begins anew; 0: never
    uint64_t seed;
    size_t limit;           // of the memory that decoding a frame takes
    bool limited;           // so is all of it: texts have at most UDM_REEL_CHUNKS chunks
    udm_loop_settings loop; // but for what depends on sizes
    const udm_noise *noise; // what times mean, as in loop
    const udm_noise *trained;
    bool begins_noisy; // udm_scheduler
    udm_prediction prediction;
    udm_bounds bounds;
    const float
        *latents; // the noise that the first window begins with, [channels, frames, height, width]; copied. Or NULL
    void (*frame)(void *context, uint64_t number, udm_reel_frame *to); // *to: has defaults
    void *context;
} udm_reel_settings;

typedef struct udm_reel udm_reel;

enum { UDM_REEL_CHUNKS = 6 };

// What a window of it is, but for the tokens of texts. scale: pixels for each latent, along a side. Error: SETTINGS.
bool udm_reel_shape(const udm_reel_settings *settings, const udm_network *network, int scale, udm_film_shape *to,
                    udm_error *error);

// Opens the other networks. Errors: SETTINGS, CORRUPT, MEMORY, those of the files.
udm_reel *udm_reel_new(const udm_reel_settings *settings, udm_error *error);
void udm_reel_free(udm_reel *reel); // NULL is fine

int udm_reel_width(const udm_reel *reel);
int udm_reel_height(const udm_reel *reel);
int udm_reel_window(const udm_reel *reel);
size_t udm_reel_memory(const udm_reel *reel);
uint64_t udm_reel_scenes(const udm_reel *reel); // begun

// Frame `number`, [3, height, width], valid until the next call. NULL with *error: SETTINGS, CANCELLED, DEVICE, MEMORY.
const float *udm_reel_make(udm_reel *reel, uint64_t number, const atomic_bool *cancel, udm_error *error);

#endif
