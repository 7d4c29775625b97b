// SPDX-License-Identifier: LGPL-2.1-or-later
// The guess of a frame: what is known of its neighbour, moved along the motion, and how well it is known.
#ifndef UDM_STREAM_GUESS_H
#define UDM_STREAM_GUESS_H

#include <stddef.h>

#include "backend/backend.h"
#include "base/error.h"
#include "base/threads.h"

// A recursive mean of frames along their motion: a Kalman filter for each pixel, which a network may doubt. For each
// frame: make, light, doubt if there is somebody to doubt, learn. Frames may come in their order or backwards.
typedef struct udm_guess udm_guess;

// Borrows the device, which moves pictures, and the pool. Errors: SETTINGS, MEMORY.
udm_guess *udm_guess_new(int width, int height, int channels, udm_device *device, udm_pool *pool, udm_error *error);
void udm_guess_free(udm_guess *guess);           // NULL is fine
void udm_guess_reset(udm_guess *guess);          // what was seen so far is of another scene
size_t udm_guess_memory(const udm_guess *guess); // bytes

// Makes the guess of a frame, given the motion to the one that was learned last, [2, height, width]: the frame at p is
// that one at p + flow(p). Does nothing if none was, as for a first frame, and if called again for the same frame.
// Errors: DEVICE, MEMORY.
bool udm_guess_make(udm_guess *guess, const float *flow, udm_error *error);
bool udm_guess_made(const udm_guess *guess); // whether there is a guess

// Makes the guess as bright as the frame, over wide areas: as udm_guess_learn is given it. Before it is doubted.
void udm_guess_light(udm_guess *guess, const float *frame, const float *level);

// Says how far the guess is wrong beyond the noise that is left in it: doubt [height, width] is the plane of a network
// that doubts (UDM_DOUBT_BIAS). Once for each guess.
void udm_guess_doubt(udm_guess *guess, const float *doubt);

// Takes in the frame that the guess was made of: pixels [channels, height, width], not scaled by the signal, and the
// level of their noise [height, width].
void udm_guess_learn(udm_guess *guess, const float *frame, const float *level);

// Adds to a guess what another one, made of other frames, knows of the same frame. After learning, which it leaves as
// it was.
void udm_guess_join(udm_guess *guess, const udm_guess *other);

// The guess as x_t = sqrt(1 - level^2) x0 + level e: [channels, height, width], [height, width]. Level 1: not known.
// Borrowed until the next call; after learning, it is the last one for this guess.
typedef struct udm_shown {
    const float *planes, *level;
} udm_shown;

udm_shown udm_guess_show(udm_guess *guess);

#endif
