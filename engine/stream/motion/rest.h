// SPDX-License-Identifier: LGPL-2.1-or-later
// What is at rest. Between pictures that noise was taken from, motion follows what is left of the noise: a still
// picture seems to tremble by 0.1 to 0.3 pixels, which blurs what is averaged along it. Where one picture fits the
// other nearly as well unmoved, and nothing around moves, it is taken to be at rest, and its motion is exactly 0.
#ifndef UDM_STREAM_MOTION_REST_H
#define UDM_STREAM_MOTION_REST_H

#include "stream/motion/level.h"

enum { UDM_MOTION_BLOCK = 16 }; // side, in pixels

// Passes over rows of blocks, each over all of them before the next.
void udm_motion_compare(const udm_motion_level *level, int row); // what differs unmoved, and along the flow (`change`)
void udm_motion_judge(const udm_motion_level *level, int row);   // how many times more that is, in 3x3 blocks
void udm_motion_settle(const udm_motion_level *level, int row);  // u, v

#endif
