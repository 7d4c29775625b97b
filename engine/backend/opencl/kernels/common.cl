// SPDX-License-Identifier: LGPL-2.1-or-later
// What the kernels share. Layout: UDM_FEATURES is [ceil(C / 16)][H][W][16], channels past C are zero in every tensor.
//
// Defined by the host: GPU for the variant of work-groups that share local memory; else LANES, the floats of a vector,
// for that where a work-item is a whole group and a group is a thread of a processor.

#define BLOCK 16
#define UNROLL _Pragma("unroll")

// Features, and a GPU's weights: float, or, where the host defines HALF, half, which is read into float and written
// from it, so that all sums are of float. What is larger than the largest half becomes that.
#ifdef HALF
#define LARGEST 65504.f
typedef half feature;
#define load_one(from) vload_half(0, from)
#define load_four(i, from) vload_half4(i, from)
#define load_block(i, from) vload_half16(i, from)
#define store_one(x, to) vstore_half(clamp(x, -LARGEST, LARGEST), 0, to)
#define store_four(x, i, to) vstore_half4(clamp(x, -LARGEST, LARGEST), i, to)
#define store_block(x, i, to) vstore_half16(clamp(x, -LARGEST, LARGEST), i, to)
#else
typedef float feature;
#define load_one(from) (*(from))
#define load_four(i, from) vload4(i, from)
#define load_block(i, from) vload16(i, from)
#define store_one(x, to) (*(to) = (x))
#define store_four(x, i, to) vstore4(x, i, to)
#define store_block(x, i, to) vstore16(x, i, to)
#endif

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
#define POINTWISE kernel __attribute__((reqd_work_group_size(LOCAL_ITEMS, 1, 1))) void
#else
#define POINTWISE kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
#endif

// One of the sources. Drivers (Mesa 22.3's rusticl) crash where an argument is read at a place that is not known when
// the kernel is compiled, tests/drivers/argument.c.
udm_cl_tensor source(const udm_cl_tensor a, const udm_cl_tensor b, const udm_cl_tensor c, int s)
{
    udm_cl_tensor one;
    one.at = s == 0 ? a.at : s == 1 ? b.at : c.at;
    one.c = s == 0 ? a.c : s == 1 ? b.c : c.c;
    one.h = s == 0 ? a.h : s == 1 ? b.h : c.h;
    one.w = s == 0 ? a.w : s == 1 ? b.w : c.w;
    return one;
}

#define SOURCE(of, s) source((of).src[0], (of).src[1], (of).src[2], s)

// The first float of channel c (of a block's 16) at pixel (y, x).
size_t feature_at(const udm_cl_tensor tensor, int c, int y, int x)
{
    return tensor.at + (((size_t)(c / BLOCK) * tensor.h + y) * tensor.w + x) * BLOCK + c % BLOCK;
}

size_t planar_at(const udm_cl_tensor tensor, int c, int y, int x)
{
    return tensor.at + ((size_t)c * tensor.h + y) * tensor.w + x;
}
