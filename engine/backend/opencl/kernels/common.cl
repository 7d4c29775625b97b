// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernels share. Layout: UDM_FEATURES is [ceil(C / 16)][H][W][16], channels past C are zero in every tensor.
//
// Defined by the host: GPU for the variant of work-groups that share local memory; else LANES, the floats of a vector,
// for that where a work-item is a whole group and a group is a thread of a processor.

#define BLOCK 16

// activation: as udm_activation
float activate(int activation, float x)
{
    return activation == 1   ? fmax(x, 0.f)
           : activation == 2 ? x / (1 + exp(-x))
           : activation == 3 ? x * .5f * erfc(x * -.707106781f)
           : activation == 4 ? x / (1 + exp(-1.702f * x))
                             : x;
}

int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

// The part of `items` that this work-item does: one or none on a GPU, a long run of them on a processor.
typedef struct range {
    size_t first, end;
} range;

range range_of(size_t items)
{
    range part = { items * get_global_id(0) / get_global_size(0), items * (get_global_id(0) + 1) / get_global_size(0) };
    return part;
}

#ifdef GPU
#define POINTWISE kernel __attribute__((reqd_work_group_size(64, 1, 1))) void
#else
#define POINTWISE kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
#endif

// The first float of channel c (of a block's 16) at pixel (y, x).
size_t feature_at(const udm_cl_tensor tensor, int c, int y, int x)
{
    return tensor.at + (((size_t)(c / BLOCK) * tensor.h + y) * tensor.w + x) * BLOCK + c % BLOCK;
}

size_t planar_at(const udm_cl_tensor tensor, int c, int y, int x)
{
    return tensor.at + ((size_t)c * tensor.h + y) * tensor.w + x;
}
