// SPDX-License-Identifier: LGPL-2.1-or-later
// What kernels are passed by value, read by both sides: C, with the types of CL/cl.h, and OpenCL C.
#ifndef UDM_BACKEND_OPENCL_KERNELS_ARGS_H
#define UDM_BACKEND_OPENCL_KERNELS_ARGS_H

#ifdef __OPENCL_VERSION__
typedef ulong udm_cl_at;
typedef int udm_cl_int;
typedef float udm_cl_float;
#else
typedef cl_ulong udm_cl_at;
typedef cl_int udm_cl_int;
typedef cl_float udm_cl_float;
#endif

// A tensor: where it starts in its buffer, in floats, and its shape.
typedef struct udm_cl_tensor {
    udm_cl_at at;
    udm_cl_int c, h, w, none; // none: there is no such tensor
} udm_cl_tensor;

// A convolution. The plan, for the kernels that draw their jobs: rows (tiles or pixels of dst) are done `batch` at a
// time; a job is a chunk of batches and one of `splits` parts of the groups of outputs.
typedef struct udm_cl_conv {
    udm_cl_tensor dst, residual, src[3];
    udm_cl_at bias;       // where it starts in the buffer of the weights, in floats
    udm_cl_at per_worker; // floats of scratch memory
    udm_cl_int sources, size, stride, padding, activation;
    udm_cl_int depth, row, groups;
    udm_cl_int rows, batch, chunk, splits, jobs;
    udm_cl_int unused;
} udm_cl_conv;

typedef struct udm_cl_observation {
    udm_cl_tensor frame, level, predicted, predicted_level;
} udm_cl_observation;

// A normalisation. Its scratch memory: the moments of each part of each block of the sources, then gain and offset of
// each channel, from `gains` on.
typedef struct udm_cl_norm {
    udm_cl_tensor dst, src[3];
    udm_cl_at affine, vector, gains; // where they start in their buffers, in floats
    udm_cl_int sources, groups, embedding, activation, parts;
    udm_cl_float eps;
} udm_cl_norm;

#define NORM_PART 512 // pixels of a part

// Attention. Each work-item of a processor, and each team of a GPU, has 2 * size * QUERIES floats of scratch memory.
typedef struct udm_cl_attention {
    udm_cl_tensor dst, query, key, value;
    udm_cl_int heads, size; // channels of a head
    udm_cl_int causal;
    udm_cl_int first, last; // attend_frame: whether the frame is
    udm_cl_int unused;
} udm_cl_attention;

// A layer normalisation.
typedef struct udm_cl_layer_norm {
    udm_cl_tensor dst, src;
    udm_cl_at affine;
    udm_cl_float eps;
    udm_cl_int unused;
} udm_cl_layer_norm;

typedef struct udm_cl_join {
    udm_cl_tensor dst, src[3];
    udm_cl_int sources, first;
    udm_cl_int place, count; // of dst: `count` pixels from `place` on are written
} udm_cl_join;

#define QUERIES 16     // that are done at once, by a work-item of a processor,
#define TEAM_QUERIES 8 // and by a team of a GPU

#define LOCAL_ITEMS 64 // work-items of a group on a GPU

#define PEAK_SUMS 4 // vectors of 16, in registers

#endif
