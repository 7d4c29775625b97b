// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame synthesis: two pictures warped to an instant between or beyond them, how well each is known there, and their
// mean.
#ifndef UDM_INTERP_SYNTHESIS_H
#define UDM_INTERP_SYNTHESIS_H

#include <stdbool.h>

#include "udm/error.h"
#include "base/threads.h"

typedef struct udm_synthesis udm_synthesis;

// width, height: at least 1; channels: 1, 3, or 4 with alpha, which colours are multiplied by. The pool is borrowed,
// and must outlive it. All memory is allocated here.
udm_synthesis *udm_synthesis_new(int width, int height, int channels, udm_pool *pool, udm_error *error);
void udm_synthesis_free(udm_synthesis *synthesis); // NULL is fine

// What is known of a pair from the one before it.
typedef struct udm_synthesis_history {
    double gap;    // of the pair before, whose second picture is the first of this one, in gaps of this; 0: none was
    bool foreseen; // the second picture is the one that udm_synthesis_follow() was given then
} udm_synthesis_history;

// first, second: [channels, height, width] in [-1, 1]; borrowed until the next pair. Finds the motion both ways, and
// its acceleration at the first if it knows what was before. history: NULL if nothing is known.
void udm_synthesis_pair(udm_synthesis *synthesis, const float *first, const float *second,
                        const udm_synthesis_history *history);

// Right after that: the picture after the second, by so many gaps, for the acceleration at the second.
void udm_synthesis_follow(udm_synthesis *synthesis, const float *after, double gap);

// Shares of what has contrast: that motion does not explain, the same there and back, which is over 0.96 across cuts;
// and that is the same in both pictures where it is, under 0.05 across cuts.
typedef struct udm_synthesis_change {
    double unexplained, still;
} udm_synthesis_change;

// After a pair.
udm_synthesis_change udm_synthesis_measure_change(const udm_synthesis *synthesis);

// After a pair: how far its squares of some pixels move, but for the fastest hundredth of them, in pixels, rounded up;
// below half a pixel 0.
double udm_synthesis_longest(const udm_synthesis *synthesis);

// Warps both to an instant: 0 is that of the first and 1 that of the second; motion goes on beyond them.
void udm_synthesis_at(udm_synthesis *synthesis, double position);

// Puts what stays before a moving background on planes [channels, height, width] that were made of what came out.
void udm_synthesis_put_overlay(const udm_synthesis *synthesis, int channels, float *planes);

// What came out: valid until the next call. which: 0 the first, 1 the second.
const float *udm_synthesis_warped(const udm_synthesis *synthesis, int which);   // [channels, height, width]
const float *udm_synthesis_variance(const udm_synthesis *synthesis, int which); // [height, width]: of its error
const float *udm_synthesis_support(const udm_synthesis *synthesis, int which);  // [height, width]: how much moved there
const float *udm_synthesis_mean(const udm_synthesis *synthesis);                // [channels, height, width]: of all
const float *udm_synthesis_still(const udm_synthesis *synthesis); // [height, width]: share of what lies still in it

#endif
