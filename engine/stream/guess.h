// SPDX-License-Identifier: LGPL-2.1-or-later
// The guess of a frame: what is known of the one before, moved along the motion, and how well it is known.
#ifndef UDM_STREAM_GUESS_H
#define UDM_STREAM_GUESS_H

#include "base/error.h"
#include "base/threads.h"

// A recursive mean of frames along their motion: a Kalman filter for each pixel, which a network may doubt.
typedef struct udm_guess udm_guess;

// Borrows the pool. Errors: SETTINGS, MEMORY.
udm_guess *udm_guess_new(int width, int height, int channels, udm_pool *pool, udm_error *error);
void udm_guess_free(udm_guess *guess);  // NULL is fine
void udm_guess_reset(udm_guess *guess); // what was seen so far is of another scene

// Makes the guess of the next frame, given a preview of it: luma [height, width] in [-1, 1], with little noise. False
// if there is none, as for a first frame. May be called again for the same frame.
bool udm_guess_make(udm_guess *guess, const float *preview);

// Says how far the guess is wrong beyond the noise that is left in it: doubt [height, width] is the plane of a network
// that doubts (UDM_DOUBT_BIAS). Once for each guess.
void udm_guess_doubt(udm_guess *guess, const float *doubt);

// The guess as x_t = sqrt(1 - level^2) x0 + level e: [channels, height, width], [height, width]. Level 1: not known.
const float *udm_guess_planes(const udm_guess *guess);
const float *udm_guess_level(const udm_guess *guess);

// The motion it was moved along, [2, height, width]: the frame at p is the last one at p + flow(p).
const float *udm_guess_flow(const udm_guess *guess);

// Takes in the frame that the guess was made of: pixels [channels, height, width], not scaled by the signal, and the
// level of their noise [height, width].
void udm_guess_learn(udm_guess *guess, const float *frame, const float *level);

#endif
