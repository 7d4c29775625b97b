// SPDX-License-Identifier: LGPL-2.1-or-later
// One level of the pyramid, and the operations on it. Each fills one row from what the operations before it wrote, so
// rows may be filled in any order, by any thread, and always come out the same.
#ifndef UDM_FLOW_LEVEL_H
#define UDM_FLOW_LEVEL_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/motion.h"
#include "base/maths.h"
#include "base/threads.h"

// How much is done on a level.
typedef struct udm_flow_effort {
    float least_gain; // a step that leaves so little less of a patch's error, as a share of it, is its last
    float good;       // a patch of less error does not look at its neighbours
    int search;       // Gauss-Newton iterations of a patch,
    int again;        // and of one that took over a neighbour's motion
    int steps;        // of refinement,
    int relaxations;  // and of the solver in each
    bool from_rest;   // a patch is searched from rest, too
} udm_flow_effort;

// Damping for the noise that the pictures had before they were denoised: the stronger it was, the less detail is
// followed, or the flow follows what is left of it. Given the variance of the noise; chosen on training clips and on
// stills of sigma 20 and 40.
typedef struct udm_flow_care {
    float damp;       // added to the diagonal of a patch's Hessian: what is flat stays where it is
    float least_miss; // a pixel that fits better than this weighs no more
    float contrast;   // the squared gradient below which there is nothing to follow
} udm_flow_care;

static inline udm_flow_care udm_flow_care_for(float variance)
{
    return (udm_flow_care){ 0.1f + 5 * variance, 8e-3f + 0.22f * variance, 6e-6f + 0.03f * variance };
}

// A motion of the whole picture: u = of[0] + of[1] x + of[2] y, x and y being from the middle, in widths of the
// picture.
typedef struct udm_flow_camera {
    double u[3], v[3];
} udm_flow_camera;

// Of each block, [rows, columns].
typedef struct udm_flow_blocks {
    int columns, rows;
    float *unmoved, *found, *along;     // squared differences: unmoved, along the flow found, and along that in u, v
    float *rest_excess, *camera_excess; // how many times the second the first is, and the third
    float *xx, *xy, *yy, *xr, *yr;      // sums of products of the gradient and of what differs along u, v
    float *middle_u, *middle_v;         // u, v in their middle
} udm_flow_blocks;

// Planes are [height, width] with `stride` floats a row and UDM_FLOW_PAD pixels on every side, and point to pixel
// (0, 0). Split planes hold in each row its even pixels from 0 on and its odd ones from `odd` on, so that the pixels of
// one colour of the checkerboard lie side by side.
typedef struct udm_flow_level {
    const struct udm_flow_level *coarser; // NULL at the top
    int width, height, odd;
    udm_flow_care care;
    udm_flow_effort effort;
    ptrdiff_t stride;
    float *from, *to; // luma, its borders repeated into the padding
    float *dx, *dy;   // gradient of from
    float *u, *v;     // the flow
    float *weight;    // of the patches at a pixel

    int columns, rows;                      // of patches
    float *patch_u, *patch_v, *patch_error; // [rows, columns]: the motion of each, what it leaves of its contrast,
    float *patch_mean;                      // and by how much it became brighter
    float *seen_u, *seen_v, *seen_error, *seen_mean; // copies, for the neighbours

    float *mean, *change;     // (from + w) / 2 and w - from, w being `to` moved by the flow
    float *diffusivity;       // of the flow
    float *split_u, *split_v; // split, as all below
    float *right, *below;     // the strength of the links to the neighbours there
    float *a12, *b1, *b2;     // the system at a pixel: [a11 a12; a12 a22] (u, v) = (b1, b2) + what the links pull
    float *scale1, *scale2;   // omega / (a11 + links), omega / (a22 + links)

    udm_flow_blocks blocks; // of the finest level; see blocks.h
    udm_flow_camera camera;
    bool moves, most_move; // whether that was found, and has the blocks that could do either
} udm_flow_level;

typedef void (*udm_flow_row)(const udm_flow_level *level, int row);

// Every backend fills every entry; `reference` is plain loops and is the specification.
typedef struct udm_flow_ops {
    const char *name;
    udm_flow_row gradient;  // dx, dy; in the padding too, but for its outermost pixels
    udm_flow_row expand;    // u, v from the coarser level
    udm_flow_row search;    // a row of patches, from u, v
    udm_flow_row propagate; // a row of patches, from those seen around it
    udm_flow_row densify;   // u, v from the patches
    udm_flow_row prepare;   // mean, change, diffusivity
    udm_flow_row assemble;  // the system
    udm_flow_row relax_red, relax_black;
    udm_flow_row join; // u, v from split_u, split_v
} udm_flow_ops;

// NULL-ended: those that run on this machine, the fastest first and `reference` last.
const udm_flow_ops *const *udm_flow_ops_list(void);
const udm_flow_ops *udm_flow_ops_for(const udm_pool *pool); // the fastest that the pool allows

// Where patch i of a row or column of patches begins, in a level of this size.
static inline int udm_flow_patch_at(int i, int size)
{
    int at = i * UDM_FLOW_STEP, last = size > UDM_FLOW_PATCH ? size - UDM_FLOW_PATCH : 0;
    return at < last ? at : last;
}

static inline int udm_flow_patches(int size)
{
    int last = size > UDM_FLOW_PATCH ? size - UDM_FLOW_PATCH : 0;
    return (last + UDM_FLOW_STEP - 1) / UDM_FLOW_STEP + 1;
}

#endif
