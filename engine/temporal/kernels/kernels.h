// SPDX-License-Identifier: LGPL-2.1-or-later
// What the temporal filter does to pixels, compiled for each instruction set. All of it are jobs of a pool
// (base/threads.h), and give the same bits in each.
#ifndef UDM_TEMPORAL_KERNELS_KERNELS_H
#define UDM_TEMPORAL_KERNELS_KERNELS_H

#include <stddef.h>

#include "base/threads.h"

enum {
    UDM_TEMPORAL_PART = 4096,      // pixels of a job
    UDM_CORRELATION_BLOCK = 16,    // side of the squares in which noise is compared,
    UDM_ILLUMINATION_BLOCK = 32,   // ... and illumination
    UDM_ILLUMINATION_CHANNELS = 4, // at most
    UDM_BLOCKS_TOGETHER = 8        // blocks of a row that a job measures
};

// A variance of which nothing is known; finite, so that it can be interpolated.
#define UDM_UNKNOWN_VARIANCE 1e4f

// The prediction of a frame and the mean that it is made of (prediction.c). Planes are [channels, pixels], all else is
// [pixels]; flow: [2, pixels]. Which of them a job reads and writes stands beside it. Jobs are parts of
// UDM_TEMPORAL_PART pixels.
typedef struct udm_prediction_job {
    size_t pixels;
    int channels;
    bool made; // there is a prediction
    const float *flow, *frame, *level, *log_variance;
    const float *other, *other_variance; // another prediction
    float *mean, *mean_variance, *moved, *variance;
    float *shown, *shown_level;
} udm_prediction_job;

// A frame beside the one that the prediction was updated with last (correlation.c). frame, beside: [channels, height,
// width], flow: [2, height, width], level, clean: [height, width]; shared: [rows, columns]. Jobs are parts of rows of
// blocks.
typedef struct udm_correlation_job {
    int width, height, channels, columns, rows; // pixels; blocks
    const float *frame, *beside, *level, *clean, *flow;
    bool repeat;
    int step; // of how many rows one is looked at
    float *shared;
} udm_correlation_job;

// A frame beside its prediction (illumination.c). frame, predicted: [channels, height, width]; level, variance:
// [height, width]; offsets: [channels, rows, columns]. Jobs are parts of rows of blocks, and then rows of pixels.
typedef struct udm_illumination_job {
    int width, height, channels, columns, rows;
    const float *frame, *level, *variance;
    float unknown;
    int step;
    float *offsets, *predicted;
} udm_illumination_job;

// A frame and its level, or a prediction and its variance, and what has half their size (halving.c). Jobs are rows of
// that.
typedef struct udm_halving_job {
    const float *planes, *level, *variance; // one of both
    int channels, width, height;
    float *small, *small_level;
} udm_halving_job;

// A plane of half the size, times a factor, and what has width x height again. Jobs are rows of that.
typedef struct udm_expansion_job {
    const float *small;
    float factor, *out;
    int width, height;
} udm_expansion_job;

enum { UDM_TONE_KNOTS = 9 };

// Planes of values and what is to be added to each tone (tone.c). Jobs are parts of UDM_TEMPORAL_PART values of one
// plane after the other, of udm_temporal_parts(pixels) each.
typedef struct udm_tone_job {
    size_t pixels;
    const float (*bias)[UDM_TONE_KNOTS];
    float *planes;
} udm_tone_job;

typedef struct udm_temporal_ops {
    const char *name;
    udm_job scale;        // shown = frame as networks are shown it
    udm_job fade;         // variance grows along flow; mean_variance: > 0 where that came from within
    udm_job add_variance; // variance += e^(log_variance + bias)
    udm_job learn;        // mean, mean_variance: of moved, variance with frame, level
    udm_job join;         // moved, variance: with other, other_variance
    udm_job show;         // shown, shown_level = moved at the level of variance; in place of any of the others
    udm_job correlate;    // shared
    udm_job measure_light, shift_light; // offsets; predicted += offsets
    udm_job halve, expand;
    udm_job add_tone;
} udm_temporal_ops;

// Those of a pool's instruction set; and all that this machine can run, up to NULL.
const udm_temporal_ops *udm_temporal_ops_for(const udm_pool *pool);
const udm_temporal_ops *const *udm_temporal_ops_list(void);

// Of a row of blocks.
static inline int udm_block_parts(int columns)
{
    return (columns + UDM_BLOCKS_TOGETHER - 1) / UDM_BLOCKS_TOGETHER;
}

static inline int udm_temporal_parts(size_t pixels)
{
    return (int)((pixels + UDM_TEMPORAL_PART - 1) / UDM_TEMPORAL_PART);
}

#endif
