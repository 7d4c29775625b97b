// SPDX-License-Identifier: LGPL-2.1-or-later
// What kernels are passed by value, read by both sides: C, with the types of CL/cl.h, and OpenCL C.
#ifndef UDM_BACKEND_OPENCL_KERNELS_ARGS_H
#define UDM_BACKEND_OPENCL_KERNELS_ARGS_H

#ifdef __OPENCL_VERSION__
typedef ulong udm_cl_at;
typedef int udm_cl_int;
#else
typedef cl_ulong udm_cl_at;
typedef cl_int udm_cl_int;
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
    udm_cl_tensor frame, level, guess, guess_level;
} udm_cl_observation;

#endif
