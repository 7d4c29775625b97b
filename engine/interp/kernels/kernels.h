// SPDX-License-Identifier: LGPL-2.1-or-later
// What frames between frames are made with. Pictures and motion are packed, four floats to a pixel, so that what
// belongs to a pixel is read at once, and have a border, so that nothing has to be kept inside.
#ifndef UDM_INTERP_KERNELS_KERNELS_H
#define UDM_INTERP_KERNELS_KERNELS_H

#include <stddef.h>

#include "interp/synthesis.h"
#include "interp/kernels/blending.h"

enum {
    UDM_SYNTHESIS_BORDER = 3, // of repeated pixels around a picture: what Lanczos-3 reaches beyond it
    UDM_SYNTHESIS_TAPS = 6,
    UDM_SYNTHESIS_PHASES = 64, // of a pixel, for which the weights of the taps are known
    UDM_SYNTHESIS_CELL = 16,   // side of the squares in which motion is weighed against rest; also rows of a job
    UDM_SYNTHESIS_BEND = 4,    // side of the squares in which motion is bent
};

// Pixel (x, y) is at at[4 * (y * stride + x)]; the border lies before and after.
typedef struct udm_packed {
    int width, height;
    ptrdiff_t stride;
    float *at;
} udm_packed;

// Everything but the grids is what it is for one of the two pictures.
typedef struct udm_synthesis_view {
    const float *picture; // [channels, height, width]
    const float *luma;    // [height, width]
    const float *flow;    // [2, height, width]: to the other picture
    const float *outer;   // likewise, to the picture on the other side of this one,
    float outer_gap;      // which is so many times as far away as the other
    int bent;             // whether there is such a picture
    udm_packed bend;      // the acceleration in squares, in pixels and gaps between the pictures
    udm_packed pixels;    // the picture, red, green, blue, nothing
    udm_packed motion;    // u, v, luma, how firmly it is put down
    udm_packed put;       // what is put down at the instant: how firmly, and as much times the motion
    float *planes;        // [channels, height, width]: the picture at the instant
    float *variance;      // [height, width]: of its doubt
    float *support;       // [height, width]: how firmly its motion is put down there, 1 where all fits
} udm_synthesis_view;

typedef struct udm_synthesis_job {
    int width, height, channels;
    float weights[UDM_SYNTHESIS_PHASES + 1][8]; // of the taps, at each phase
    udm_synthesis_view views[2];                // of the first and of the second
    const udm_packed *fine, *coarse;            // levels that are worked on
    const udm_packed *settled;                  // at the instant: support of both, u, v (from the first), of the second
    float part[2];                              // of its motion that each picture goes, and how far away it so is
    udm_packed cells;                           // how much the pictures differ moved, and still; the share of rest
    float position;                             // of the instant
    float curve;                                // how much of its acceleration has moved a pixel off its straight way
    float *mean;                                // [channels, height, width]
    float *rest;                                // [height, width]: the share of what lies still in the mean
} udm_synthesis_job;

// Rows of something; k is 0 or 1 for one of the views.
typedef void (*udm_synthesis_row)(const udm_synthesis_job *job, int k, int y);

typedef struct udm_synthesis_ops {
    const char *name;               // of the instruction set
    udm_synthesis_row pack;         // picture, luma and flow, and the border
    udm_synthesis_row accelerate;   // row y of the bend of a view, from its flow and what lies on its other side
    udm_synthesis_row judge;        // how well the motion fits: motion.at[3]
    udm_synthesis_row put;          // row y of a picture at the instant, onto rows around it
    udm_synthesis_row gather;       // both that are put down, into the finest level
    udm_synthesis_row coarsen;      // row y of `coarse`, sums of 2x2
    udm_synthesis_row refine;       // row y of `fine`, whose sums become means
    udm_synthesis_row fetch;        // both pictures at the instant, their variance and their mean; and their cells
    udm_synthesis_row weigh;        // row y of the cells: the share of rest
    udm_synthesis_row mix;          // what lies still into the mean
    udm_blending_row find_blending; // what is known at the instant
    udm_blending_row mix_blending;  // other estimates, into x0
} udm_synthesis_ops;

// What this machine can run, the fastest first; NULL at the end.
const udm_synthesis_ops *const *udm_synthesis_ops_list(void);

// For tests: as udm_synthesis_new(), by kernels of one's choice.
udm_synthesis *udm_synthesis_new_with(const udm_synthesis_ops *ops, int width, int height, int channels, udm_pool *pool,
                                      udm_error *error);

#endif
