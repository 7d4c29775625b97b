// SPDX-License-Identifier: LGPL-2.1-or-later
// The search for motion (flow/) on a device: its steps, one level of its pyramid, and its constants. Read by C and by
// OpenCL C, so there are ints and floats only.
#ifndef UDM_BACKEND_MOTION_H
#define UDM_BACKEND_MOTION_H

enum {
    UDM_FLOW_PAD = 16,  // pixels around a plane
    UDM_FLOW_PATCH = 8, // side of a patch
    UDM_FLOW_STEP = 4,  // between patches
    UDM_FLOW_BLOCK = 16 // side of a block, in pixels
};

// Luma is in [-1, 1] and motion in pixels. Chosen on clean and on denoised frames; nothing changes by 0.1 dB within
// half or twice these.
#define UDM_FLOW_STOP 0.02f       // a step this short ends the search
#define UDM_FLOW_LEAST_ERROR 0.1f // and so for a patch
#define UDM_FLOW_EXPLAINED 1e-2f  // error of a patch that fits, as a share of its squared slopes,
#define UDM_FLOW_LEAST_SLOPES 1.f // and these, below which it tells nothing
#define UDM_FLOW_BETTER 0.98f     // a longer motion must leave so much less
#define UDM_FLOW_APART 0.25f      // motions this near to each other are the same
#define UDM_FLOW_DATA 5.f         // weight of the brightness constancy,
#define UDM_FLOW_SMOOTHNESS 4.f   // and of smoothness
#define UDM_FLOW_KINK 1e-3f       // the robust penalty is sqrt(x^2 + KINK^2), x in pixels
#define UDM_FLOW_OMEGA 1.6f       // over-relaxation

// A picture at rest differs, unmoved, up to this many times as much, in squares, as along the flow that was fitted to
// it: of stills of sigma 10 to 40, one place in twenty differs more than 1.2 to 1.3 times; of pictures that move by 0.3
// pixels, half of the places do that have any texture. Chosen on training clips.
#define UDM_FLOW_MOST_EXCESS 1.35f
#define UDM_FLOW_LEAST_DIFFERENCE 1e-7f // added to squared differences: two pictures that are the same are at rest

enum { UDM_FLOW_NEAR = 2, UDM_FLOW_FAR = 4 }; // blocks around one that must rest, or follow the camera, for it to

// In the order in which a level goes through them. Those on a device need no JOIN, as it does not split planes.
typedef enum udm_motion_step {
    UDM_MOTION_PICTURE, // from, to: the planes that were uploaded, with their padding; or the finer level's at half
    UDM_MOTION_GRADIENT,
    UDM_MOTION_EXPAND,
    UDM_MOTION_SEARCH,
    UDM_MOTION_PROPAGATE,
    UDM_MOTION_DENSIFY,
    UDM_MOTION_PREPARE,
    UDM_MOTION_ASSEMBLE,
    UDM_MOTION_RELAX_RED,
    UDM_MOTION_RELAX_BLACK,
    UDM_MOTION_JOIN,
    UDM_MOTION_MEASURE,
    UDM_MOTION_COMPARE,
    UDM_MOTION_REST,
    UDM_MOTION_FIT,
    UDM_MOTION_KEEP,
    UDM_MOTION_FOLLOW,
    UDM_MOTION_SETTLE,
    UDM_MOTION_OUT, // the planes that are downloaded: u, v
    UDM_MOTION_STEPS
} udm_motion_step;

// A level as flow/level.h has it, whose planes lie in one memory: where each begins, in floats.
typedef struct udm_motion_level {
    int width, height, stride;
    int columns, rows, block_columns, block_rows;
    int from, to, dx, dy, u, v; // these and the next point to pixel (0, 0)
    int mean, change, diffusivity, right, below, a12, b1, b2, scale1, scale2, kept_u, kept_v;
    int patch_u, patch_v, patch_error, patch_mean, seen_u, seen_v, seen_error, seen_mean;
    int unmoved, found, along, rest_excess, camera_excess, xx, xy, yy, xr, yr, middle_u, middle_v;
    int planes;                             // [2, height, width] of the finest level: pictures, or flow
    int finer_from, finer_to, finer_stride; // 0, 0, 0: it is the finest
    int coarser_u, coarser_v, coarser_width, coarser_height, coarser_stride;
    int search, again, from_rest, denoised;
    int moves, most_move;
    float damp, least_miss, contrast;
    float camera_u0, camera_u1, camera_u2, camera_v0, camera_v1, camera_v2;
} udm_motion_level;

#endif
