// SPDX-License-Identifier: LGPL-2.1-or-later
// The prediction of a frame that never came: what it is, how well it is known, the estimates that it is blended of, and
// what a network is shown besides. models/train/interp.py has a network reweight them likewise (show, mend).
#ifndef UDM_INTERP_BLENDING_H
#define UDM_INTERP_BLENDING_H

#include "network/network.h"
#include "interp/synthesis.h"

typedef struct udm_blending udm_blending;

// channels: of frames, 1 or 3; the network, which may be NULL, is shown as many as it has. Errors: UNSUPPORTED, for a
// network with other inputs; MEMORY. The pool is borrowed.
udm_blending *udm_blending_new(int width, int height, int channels, const udm_network *network, udm_pool *pool,
                               udm_error *error);
// Whether such a network can be shown them.
bool udm_blending_check(const udm_network *network, udm_error *error);
void udm_blending_free(udm_blending *blending); // NULL is fine

// Blends two pictures [channels, height, width], `seconds` apart (0: as at 24 frames a second), as `synthesis` warped
// them to `position`. All are borrowed until the frame is done.
void udm_blending_run(udm_blending *blending, const udm_synthesis *synthesis, const float *const pictures[2],
                      double position, double seconds);

// As in udm_network_input: the prediction [channels of the network, H, W], its level [H, W], and the context, which is
// NULL if the network has none.
const float *udm_blending_mean(const udm_blending *blending);
const float *udm_blending_level(const udm_blending *blending);
const float *udm_blending_context(const udm_blending *blending);

// [UDM_BLENDING_PLANES, H, W]: what is first in the context, with or without a network.
const float *udm_blending_planes(const udm_blending *blending);

// Blends anew the prediction's part in x0 [channels of the network, H, W], by the network's logits: the last planes of
// its output. level: of the frame that it was shown; NULL: 1.
void udm_blending_refine(const udm_blending *blending, const float *level, const float *output, float *x0);

// Makes frames [channels of the network, H, W] as bright as the prediction, in the mean of each channel: a network that
// is not sure of what it sees makes it a little darker.
void udm_blending_keep_brightness(const udm_blending *blending, float *frame);

#endif
