// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of a frame that never came: a prediction of it and how well it is known, the estimates that it is made
// of, and what a network is told besides. models/train/interp.py has a network vote on them likewise (show, mend).
#ifndef UDM_INTERP_BLENDING_H
#define UDM_INTERP_BLENDING_H

#include "network/network.h"
#include "interp/synthesis.h"

typedef struct udm_blending udm_blending;

// channels: of frames, 1 or 3; the network, which may be NULL, is shown as many as it has. Errors: UNSUPPORTED, for a
// network that is told other things; MEMORY. The pool is borrowed.
udm_blending *udm_blending_new(int width, int height, int channels, const udm_network *network, udm_pool *pool,
                               udm_error *error);
void udm_blending_free(udm_blending *blending); // NULL is fine

// Takes in what two pictures [channels, height, width], `seconds` apart (0: as at 24 frames a second), look like moved
// to an instant at `position`. All are borrowed until the frame is done.
void udm_blending_run(udm_blending *blending, const udm_synthesis *synthesis, const float *const pictures[2],
                      double position, double seconds);

const float *
udm_blending_mean(const udm_blending *blending); // as in udm_network_input: [channels of the network, H, W],
const float *udm_blending_level(const udm_blending *blending);   // [H, W]
const float *udm_blending_context(const udm_blending *blending); // [context, H, W], or NULL
const float *udm_blending_planes(const udm_blending *blending);  // [told, H, W], with or without a network

// Mends the prediction's part in x0 [channels of the network, H, W] by the network's votes: the last planes of its
// output. level: of the frame that it was shown; NULL: 1.
void udm_blending_refine(const udm_blending *blending, const float *level, const float *output, float *x0);

#endif
