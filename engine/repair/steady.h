// SPDX-License-Identifier: LGPL-2.1-or-later
// Light that flickers and a picture that weaves in the gate, brought to what they do on the whole.
#ifndef UDM_REPAIR_STEADY_H
#define UDM_REPAIR_STEADY_H

#include <stdbool.h>
#include <stdint.h>

#include "repair/change.h"

enum {
    UDM_STEADY_BEHIND = 24, // frames whose changes are known,
    UDM_STEADY_AHEAD = 8,   // and those that must follow
    UDM_STEADY_WINDOW = UDM_STEADY_BEHIND + 1 + UDM_STEADY_AHEAD,
    UDM_STEADY_HELD = 4, // frames that borders are filled from, on either side
};

// What is to be done to a frame.
typedef struct udm_steady_frame {
    double gain;                                               // of the whole, and times that:
    float local[UDM_CHANGE_CELLS];                             // of parts
    double x, y;                                               // pixels: what is to be at p is at p + (x, y)
    double way_x[UDM_STEADY_WINDOW], way_y[UDM_STEADY_WINDOW]; // of the picture, from this frame to the others
    int at, count;                                             // this frame among those
} udm_steady_frame;

// changes: [count], of frames of one scene, each since the one before; what that of the first says is not looked at.
// at: which frame it is about. deflicker, stabilize: 0 to 1.
void udm_steady_find(const udm_change *const changes[], int count, int at, double deflicker, double stabilize,
                     udm_steady_frame *frame);

// Frames [channels, height, width] by place in the window; NULL: it is not there. frames[frame->at]: the frame itself.
typedef struct udm_steady_picture {
    int channels, width, height;
    const float *const *frames;
} udm_steady_picture;

void udm_steady_make(const udm_steady_frame *frame, const udm_steady_picture *picture, udm_pool *pool, float *out);

#endif
