// SPDX-License-Identifier: LGPL-2.1-or-later
// What fills the rows that a field lacks, compiled for each instruction set. All of it are jobs of a pool
// (base/threads.h), and give the same bits in each.
#ifndef UDM_FIELDS_KERNELS_KERNELS_H
#define UDM_FIELDS_KERNELS_KERNELS_H

#include "fields/guess.h"

enum { UDM_GUESS_MAPS = 3, UDM_GUESS_LINES = 5 };

// Jobs are rows of fields.
typedef struct udm_guess_job {
    const udm_guess *guess; // not of `space`
    float *plane;           // that is filled, [height, width]
    int width, height, parity;
    float *maps, *lines; // [MAPS, rows, width]: p, n, s of guess.c; [threads, LINES, width]
} udm_guess_job;

// Motion [2, all, full] becomes that of a component of fewer samples, [2, rows, width]. Jobs are rows of that.
typedef struct udm_narrowing_job {
    int full, all, width, rows;
    const float *motion;
    float *to;
} udm_narrowing_job;

typedef struct udm_field_ops {
    const char *name;
    udm_job space;   // plane: rows from those above and below
    udm_job measure; // maps
    udm_job fill;    // plane, from maps
    udm_job narrow;  // to: means of motion
} udm_field_ops;

// Those of a pool's instruction set; and all that this machine can run, up to NULL.
const udm_field_ops *udm_field_ops_for(const udm_pool *pool);
const udm_field_ops *const *udm_field_ops_list(void);

#endif
