// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations that frames between frames are made with: forward splatting of motion, backward warping of pictures,
// and blending. Pictures and motion are packed, four floats to a pixel, so that what belongs to a pixel is read at
// once, and have a border, so that no tap has to be kept inside.
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
    UDM_SYNTHESIS_BEND = 4,    // side of the squares that have one acceleration
};

// Chosen on training clips. Luma is in [-1, 1], motion in pixels; squares of motion are in squared pixels.
#define UDM_IMPORTANCE_LUMA 10.f       // importance falls by e for each squared difference of luma of 1 / 10,
#define UDM_IMPORTANCE_CONSISTENCY .3f // and for each 3 squared pixels by which the way back misses,
#define UDM_MOST_INCONSISTENCY 16.f    // which counts as this at most;
#define UDM_LEAST_IMPORTANCE 1e-4f     // but this is left
#define UDM_LEAST_EXPLAINED .5f        // importance of a pixel whose motion explains it
#define UDM_SAME_LUMA .025f            // by which what lies still may differ
#define UDM_LEAST_NEARNESS .05f        // share in the motion at an instant of the picture that is further away
#define UDM_LEAST_SUPPORT .01f         // where less was splatted there is a hole, which its surroundings fill
#define UDM_WARP_VARIANCE 1e-2f        // of a picture that is warped over a whole gap,
#define UDM_OCCLUSION_VARIANCE 3e-3f   // more for each squared pixel by which the motions disagree,
#define UDM_OUTSIDE_VARIANCE 1e2f      // and of what lies outside of it
#define UDM_LEAST_ACCELERATION 1e-2f   // below this, accelerations that both pictures agree on are not trusted
#define UDM_ONE_SIDED .5f              // share of an acceleration that only one picture knows
#define UDM_STILL_COST .5f             // pictures that differ half as much moved as still are half taken still,
#define UDM_STILL_COST_OF_TINTS .2f    // and their colours if they do a fifth as much,
#define UDM_LEAST_CHANGE 1e-5f         // but not where neither differs (squared value)
#define UDM_TINY 1e-12f                // keeps quotients finite

// Pixel (x, y) is at at[4 * (y * stride + x)]; the border lies before and after.
typedef struct udm_packed {
    int width, height;
    ptrdiff_t stride;
    float *at;
} udm_packed;

// Of one of the two pictures.
typedef struct udm_synthesis_view {
    const float *picture;    // [channels, height, width]
    const float *luma;       // [height, width]
    const float *flow;       // [2, height, width]: to the other picture
    const float *outer_flow; // likewise, to the picture on the other side of this one,
    float outer_gap;         // which is so many times as far away as the other
    int accelerated;         // whether there is such a picture
    udm_packed acceleration; // of each square: u, v in pixels and gaps between the pictures, 0, 0
    udm_packed pixels;       // the picture: red, green, blue, alpha or 0
    udm_packed motion;       // u, v, luma, importance
    udm_packed splatted;     // at the instant, in squares of 2x2, sums of: weight, weight u, weight v, 0; a border of 1
    float *warped;           // [channels, height, width]: the picture at the instant
    float *variance;         // [height, width]: of its error
    float *support;          // [height, width]: of what was splatted, its own share; 1 where all motion fits
} udm_synthesis_view;

typedef struct udm_synthesis_job {
    int width, height, channels;                // 1, 3, or 4 with alpha
    float lanczos[UDM_SYNTHESIS_PHASES + 1][8]; // weights of the taps at each phase; the last two are 0
    udm_synthesis_view views[2];                // of the first and of the second
    const udm_packed *fine, *coarse;            // two levels of the pyramid that fills holes; coarse: NULL at the top
    const udm_packed *filled; // motion at the instant, in squares of 2x2: weight, u, v from the first, weight of second
    float distance[2];        // from each picture to the instant, in gaps: t and 1 - t
    udm_packed cells;         // sums of squared differences, moved and still; pixels; share of still:
                              // of grey, the mean of the colours, and alpha
    udm_packed tints;         // likewise, of what colours differ from their grey
    float position;           // of the instant: t
    float curve;              // (t^2 - t) / 2: so many accelerations off the straight way
    float *mean;              // [channels, height, width]: of the blended pictures
    float *still;             // [height, width]: share of what lies still in the mean
} udm_synthesis_job;

// Row y of something; k is 0 or 1 for one of the views, which operations on both do not look at.
typedef void (*udm_synthesis_row)(const udm_synthesis_job *job, int k, int y);

// Every instruction set fills every entry; `reference` is plain loops and is the specification.
typedef struct udm_synthesis_ops {
    const char *name;             // of the instruction set
    udm_synthesis_row pack;       // pixels and motion of a view, with their borders
    udm_synthesis_row accelerate; // acceleration of a view, with its border; y counts squares
    udm_synthesis_row
        importance;          // of the motion of a view, the same in a square of 2x2; y counts squares, as in the next
    udm_synthesis_row splat; // a view's motion, added to what is splatted around it; serial
    udm_synthesis_row merge; // row y of `fine`: what both views splatted
    udm_synthesis_row pull;  // row y of `coarse`: sums over 2x2 of `fine`
    udm_synthesis_row push;  // row y of `fine`: sums become means, and holes are filled from `coarse`
    udm_synthesis_row warp;  // both pictures, variance, support and mean; sums in a cell: its rows are serial
    udm_synthesis_row weigh_still; // row y of the cells: the share of what lies still
    udm_synthesis_row blend_still; // still, and that share into the mean
    udm_blending_row blend;        // the prediction and what a network is shown of it
    udm_blending_row reblend;      // x0, by what the network says of each estimate
} udm_synthesis_ops;

// NULL-ended: those that run on this machine, the fastest first and `reference` last.
const udm_synthesis_ops *const *udm_synthesis_ops_list(void);
const udm_synthesis_ops *udm_synthesis_ops_for(const udm_pool *pool); // the fastest that the pool allows

// For tests: as udm_synthesis_new(), by operations of one's choice.
udm_synthesis *udm_synthesis_new_with(const udm_synthesis_ops *ops, int width, int height, int channels, udm_pool *pool,
                                      udm_error *error);

#endif
