// SPDX-License-Identifier: LGPL-2.1-or-later
// Dense motion between two pictures: Dense Inverse Search (Kroeger et al., "Fast Optical Flow using Dense Inverse
// Search", ECCV 2016) and a variational refinement.
#ifndef UDM_FLOW_OPTICAL_FLOW_H
#define UDM_FLOW_OPTICAL_FLOW_H

#include <stddef.h>

#include "udm/error.h"
#include "backend/backend.h"
#include "base/threads.h"

typedef struct udm_flow udm_flow;

// width, height: at least 1. The pool is borrowed, and must outlive the motion. All memory is allocated here.
udm_flow *udm_flow_new(int width, int height, udm_pool *pool, udm_error *error);
// Borrows the device, too, which does the work where it has memory of its own and is made for it (finds_motion).
udm_flow *udm_flow_new_on(udm_device *device, int width, int height, udm_pool *pool, udm_error *error);
void udm_flow_free(udm_flow *motion);           // NULL is fine
size_t udm_flow_memory(const udm_flow *motion); // bytes

// From now on, the motion of clean pictures is found sooner, and off by a little more.
void udm_flow_hurry(udm_flow *motion);

// flow [2, height, width], x before y, in pixels: from(p) = to(p + flow(p)). from, to: luma [height, width] in [-1, 1].
// noise: the variance of that which they had before they were denoised; 0: none. Where they had noise and seem to be at
// rest the flow is exactly 0.
// Of one that works on the host.
void udm_flow_estimate(udm_flow *motion, const float *from, const float *to, float noise, float *flow);

// The same wherever it works. False with *error where the device failed and nothing replaces it.
bool udm_flow_find(udm_flow *motion, const float *from, const float *to, float noise, float *flow, udm_error *error);

#endif
