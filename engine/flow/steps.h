// SPDX-License-Identifier: LGPL-2.1-or-later
// The steps of the search for motion, on the host or on a device that has memory of its own.
#ifndef UDM_FLOW_STEPS_H
#define UDM_FLOW_STEPS_H

#include "flow/level.h"
#include "flow/optical_flow.h"

enum { UDM_FLOW_LEVELS = 32, UDM_FLOW_SUMS = 12 }; // planes of udm_flow_blocks, which lie side by side

struct udm_flow {
    udm_pool *pool;
    bool hurries; // udm_flow_hurry()
    const udm_flow_ops *ops;
    int levels;
    udm_flow_level level[UDM_FLOW_LEVELS];
    float *memory; // of `floats`; where a device works its planes are not touched, but for the blocks
    size_t floats;
    bool denoised;            // the pictures were
    const float *pictures[2]; // [height, width]: what is searched

    udm_device *device; // that works, or NULL: the host does
    udm_memory *there;  // as `memory`, and then the planes [2, height, width] that travel
};

// Sizes every level and places its planes; the floats they take, or 0 where that does not fit. memory: NULL to measure.
size_t udm_flow_lay_out(udm_flow_level *levels, int count, int width, int height, float *memory);

// Does a step of a level, or queues it.
void udm_flow_step(udm_flow *motion, udm_motion_step step, const udm_flow_level *level);
void udm_flow_fetch_blocks(udm_flow *motion); // from the device, where that works
void udm_flow_fetch(udm_flow *motion, float *flow);

#endif
