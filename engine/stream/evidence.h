// SPDX-License-Identifier: LGPL-2.1-or-later
// What is known of a frame that never came: a guess of it and how well it is known, the estimates that it is made of,
// and what a network is told besides. models/train/interp.py has a network vote on them likewise (show, mend).
#ifndef UDM_STREAM_EVIDENCE_H
#define UDM_STREAM_EVIDENCE_H

#include "network/network.h"
#include "stream/midway.h"

typedef struct udm_evidence udm_evidence;

// channels: of frames, 1 or 3; the network, which may be NULL, is shown as many as it has. Errors: UNSUPPORTED, for a
// network that is told other things; MEMORY. The pool is borrowed.
udm_evidence *udm_evidence_new(int width, int height, int channels, const udm_network *network, udm_pool *pool,
                               udm_error *error);
void udm_evidence_free(udm_evidence *evidence); // NULL is fine

// Takes in what two pictures [channels, height, width], `seconds` apart (0: as at 24 frames a second), look like moved
// to an instant at `position`. All are borrowed until the frame is done.
void udm_evidence_find(udm_evidence *evidence, const udm_midway *midway, const float *const pictures[2],
                       double position, double seconds);

const float *udm_evidence_guess(const udm_evidence *evidence);   // as in udm_seen: [channels of the network, H, W],
const float *udm_evidence_level(const udm_evidence *evidence);   // [H, W]
const float *udm_evidence_context(const udm_evidence *evidence); // [context, H, W], or NULL
const float *udm_evidence_told(const udm_evidence *evidence);    // [told, H, W], with or without a network

// Mends the guess's part in x0 [channels of the network, H, W] by the network's votes: the last planes of its output.
// level: of the frame that it was shown; NULL: 1.
void udm_evidence_mix(const udm_evidence *evidence, const float *level, const float *output, float *x0);

#endif
