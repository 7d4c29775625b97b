// SPDX-License-Identifier: LGPL-2.1-or-later
// Two pictures, both moved to an instant between or beyond them, and how well each is known there.
#ifndef UDM_INTERP_SYNTHESIS_H
#define UDM_INTERP_SYNTHESIS_H

#include <stdbool.h>

#include "udm/error.h"
#include "base/threads.h"

typedef struct udm_synthesis udm_synthesis;

// width, height: at least 1; channels: 1 or 3. The pool is borrowed, and must outlive it. All memory is allocated here.
udm_synthesis *udm_synthesis_new(int width, int height, int channels, udm_pool *pool, udm_error *error);
void udm_synthesis_free(udm_synthesis *synthesis); // NULL is fine

// What is known of a pair from the one before it.
typedef struct udm_synthesis_history {
    double gap;    // the first picture was the second of that, whose gap was so many times this one's; 0: it was not
    bool foreseen; // the second picture is what followed then
} udm_synthesis_history;

// first, second: [channels, height, width] in [-1, 1]; borrowed until the next pair. Finds the motion both ways, and,
// if it knows what was before, how it bends. past: NULL if nothing is known.
void udm_synthesis_pair(udm_synthesis *synthesis, const float *first, const float *second,
                        const udm_synthesis_history *history);

// Right after that: the picture after the second, in a gap so many times as long, for how motion bends there.
void udm_synthesis_follow(udm_synthesis *synthesis, const float *after, double gap);

// Moves both to an instant: 0 is that of the first and 1 that of the second; motion goes on beyond them.
void udm_synthesis_at(udm_synthesis *synthesis, double position);

// What came out: valid until the next call. which: 0 the first, 1 the second.
const float *udm_synthesis_planes(const udm_synthesis *synthesis, int which);   // [channels, height, width]
const float *udm_synthesis_variance(const udm_synthesis *synthesis, int which); // [height, width], of its doubt
const float *udm_synthesis_support(const udm_synthesis *synthesis,
                                   int which);                   // [height, width], how much of it moved there
const float *udm_synthesis_mean(const udm_synthesis *synthesis); // [channels, height, width], of all
const float *udm_synthesis_rest(const udm_synthesis *synthesis); // [height, width], share of what lies still

#endif
