// SPDX-License-Identifier: LGPL-2.1-or-later
// Still and camera motion. Between denoised pictures the flow follows residual noise: a still picture seems to tremble
// by 0.1 to 0.3 pixels, which blurs averages along the flow, and so does one over which a camera moves. Where the
// pictures fit nearly as well unmoved, and nothing around moves, they are taken to be at rest; where they fit nearly as
// well along one motion of the whole picture, they are taken to follow the camera.
//
// The finest level is looked at in blocks, by passes over rows of them.
#ifndef UDM_FLOW_BLOCKS_H
#define UDM_FLOW_BLOCKS_H

#include "flow/level.h"

void udm_flow_measure(const udm_flow_level *level, int row); // along to middle_v, of what `prepare` left
void udm_flow_compare(const udm_flow_level *level, int row); // unmoved; found: what is along
void udm_flow_rest(const udm_flow_level *level, int row);    // rest_excess
void udm_flow_fit(const udm_flow_level *level, int row);     // camera_excess
void udm_flow_keep(const udm_flow_level *level, int row);    // split_u, split_v: u, v, as they are
void udm_flow_follow(const udm_flow_level *level, int row);  // u, v: the camera's
bool udm_flow_most_move(const udm_flow_level *level);        // of the blocks that do one and not the other
void udm_flow_settle(const udm_flow_level *level, int row);  // u, v: 0, the camera's, or what was kept

// The motion that most blocks share which are not at rest, by the flow in u, v; false if they are too few. Then made
// better by what was measured along it (Lucas and Kanade, "An Iterative Image Registration Technique", IJCAI 1981).
bool udm_flow_camera_fit(udm_flow_level *level);
void udm_flow_camera_improve(udm_flow_level *level);

static inline bool udm_flow_excessive(float excess)
{
    return !(excess < UDM_FLOW_MOST_EXCESS); // what is not a number, too
}

#endif
