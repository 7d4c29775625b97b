// SPDX-License-Identifier: LGPL-2.1-or-later
// The cpu backend: vector code chosen at run time for the processor.
//
// Layout. UDM_FEATURES is [ceil(C / 16)][H][W][16]: a pixel's 16 channels are one line of the cache, and one, two or
// four vectors. Channels past C are zero in every tensor; each operation writes all of them.
//
// Convolutions are matrix products. Rows are gathered from the sources, `batch` of them at a time, into a worker's
// scratch memory; they are multiplied by the packed weights; and what comes out is scattered into dst, with bias,
// activation and residual. 3x3 with stride 1 and padding 1 does so in the domain of Winograd (kernels/winograd.c): a
// row is a tile of 4x4 pixels, in 36 products. Otherwise a row is a pixel, with all the values that its taps see
// (kernels/direct.c). Each element is summed in the same order whatever the batch, so the threads do not change the
// result.
#ifndef UDM_BACKEND_CPU_CPU_H
#define UDM_BACKEND_CPU_CPU_H

#include "backend/backend.h"
#include "backend/pack.h"
#include "base/threads.h"

enum {
    UDM_CPU_BLOCK = 16,   // channels side by side
    UDM_CPU_GROUP = 32,   // outputs of a packed panel of weights; the last may have 16
    UDM_CPU_ROW_STEP = 4, // a batch is a multiple of it, as the rows are that products are made of
    UDM_CPU_TILE = 4,     // width and height of a Winograd tile's outputs
};

// How convolutions are computed, jobs that take a udm_cpu_run; how their weights are packed, one that takes a
// udm_cpu_packing, each index a group of outputs; and attention, one that takes a udm_cpu_attend.
typedef struct udm_cpu_products {
    udm_job direct, winograd, pack, attend;
    udm_job peak; // context: int, the steps; each job does udm_cpu_peak_flops() in a step
    bool pairs;   // what is multiplied is bf16, two of which are multiplied in one step
} udm_cpu_products;

// The weights of a convolution. A row of the left matrix is [taps][sources][channels], without padding (taps: 1 for
// Winograd); the right ones are [groups][matrices][steps][width of the group], of a float or a pair of bf16.
struct udm_conv_weights {
    int sources, in[UDM_MAX_SOURCES], out;
    int size, stride, padding;
    int products;       // 1, or UDM_PRODUCTS for Winograd
    int matrices;       // as many; or the 9 taps, where Winograd's weights are transformed when they are used
    int depth;          // length of a row,
    int steps;          // and of one of pairs, which takes half as many
    int row;            // elements from row to row: gathering writes up to 15 past depth
    int groups;         // panels of outputs
    int max_batch;      // rows that fit the caches
    udm_half_kind kind; // the right ones are kept in 16 bits, and become floats when they are used
    size_t paged;       // bytes that are mapped from a file; 0: they are in memory,
    size_t resident;    // these bytes
    float *bias;        // [groups][32], at the end of the same memory
    float *values;
    const udm_cpu_products *code;
};

// Weights that are being packed.
typedef struct udm_cpu_packing {
    const udm_conv_weights *weights;
    const udm_conv_spec *spec;
} udm_cpu_packing;

// One convolution as it runs: index = chunk of batches * splits + part of the groups.
typedef struct udm_cpu_run {
    const udm_conv *conv;
    const udm_conv_weights *weights;
    int rows;          // tiles or pixels of dst
    int batch;         // rows done at once
    int chunk;         // batches of one job
    int splits;        // parts of the groups
    float *scratch;    // for all workers
    size_t per_worker; // floats of each
} udm_cpu_run;

typedef struct udm_cpu_pointwise {
    const udm_tensor *dst, *src, *addend; // src: correction of restore; NULL for observe
    const udm_observation *seen;
    int patch;
} udm_cpu_pointwise;

enum { UDM_CPU_NORM_PART = 512 }; // pixels of a block that one job of a normalisation takes

// A normalisation as it runs: the moments of each part of each block, then y = activation(gain x + offset). An index is
// part + block * parts; blocks are counted through the sources for the moments, and in dst otherwise.
typedef struct udm_cpu_norm {
    const udm_norm *norm;
    int parts;
    float *moments; // [blocks][parts][2][16]: sum and squares of x - its first pixel
    float *affine;  // [2][channels]: gain, offset
} udm_cpu_norm;

enum { UDM_CPU_QUERIES = 32, UDM_CPU_KEYS = 96 }; // that are multiplied at once

// Attention as it runs. An index is a part of the queries + head * parts.
typedef struct udm_cpu_attend {
    const udm_attention *attention;
    int parts, queries; // of a part, a multiple of UDM_CPU_QUERIES
    float *scratch;     // for all workers
    size_t per_worker;  // floats of each
} udm_cpu_attend;

enum { UDM_CPU_PHASES = 512, UDM_CPU_TAPS = 8 }; // of a pixel, at which weights are known; the last two taps weigh 0

// A warp as it runs: an index is a row of dst.
typedef struct udm_cpu_warp {
    const udm_warp *warp;
    const float (*weights)[UDM_CPU_TAPS];
} udm_cpu_warp;

enum { UDM_CPU_LAYER_PART = 64 }; // pixels of one job of a layer normalisation

// The code for one instruction set. All are jobs for a pool: a udm_cpu_norm, a udm_layer_norm, a udm_cpu_warp, or a
// udm_cpu_pointwise, of which each index is a row of dst (of its patches for restore; of src for shuffle_add; of a
// block for resample).
typedef struct udm_cpu_isa {
    const char *name;
    int lanes;
    udm_cpu_products products;
    udm_job moments, normalise, layer_norm, warp;
    udm_job observe, restore, shuffle_add, resample;
} udm_cpu_isa;

typedef struct udm_cpu_device {
    udm_device device;
    const udm_cpu_isa *isa;
    const udm_cpu_products *products; // of the kernels to be made
    udm_pool *pool;
    float *scratch; // for all workers
    size_t per_worker;
    bool lacks_memory; // an operation found none for its scratch
    size_t resident;   // bytes of weights that stay in memory, and
    size_t paged;      // how many weights do not, but lie in a file
    int file;          // ... which is open while there are some,
    size_t file_bytes; // and its size
    bool has_weights;  // of lanczos.h, for each phase: from the first warp on
    float weights[UDM_CPU_PHASES + 1][UDM_CPU_TAPS];
} udm_cpu_device;

extern const udm_backend udm_backend_cpu;

static inline udm_cpu_device *udm_cpu_of(udm_device *device)
{
    return (udm_cpu_device *)device;
}

// Weights that lie in a file (paging.c): whether these are to; their memory, NULL where there is no room; and what is
// done before and after they are read.
bool udm_cpu_wants_paging(const udm_cpu_device *cpu, size_t bytes);
void *udm_cpu_page(udm_cpu_device *cpu, size_t bytes, size_t *paged);
void udm_cpu_unpage(udm_cpu_device *cpu, void *memory, size_t paged);
void udm_cpu_page_in(const udm_conv_weights *weights);
void udm_cpu_page_out(const udm_conv_weights *weights);

size_t udm_cpu_bytes(const udm_device *device, udm_shape shape, udm_layout layout);
void udm_cpu_upload(udm_device *device, const udm_tensor *dst, const float *const *src, int count);
void udm_cpu_download(udm_device *device, float *const *dst, const udm_tensor *src, int count);
void udm_cpu_copy(udm_device *device, const udm_tensor *dst, const udm_tensor *src);

udm_conv_weights *udm_cpu_conv_weights_new(udm_device *device, const udm_conv_spec *spec, udm_error *error);
size_t udm_cpu_weights_bytes(const udm_conv_spec *spec); // in f32; 0 where they do not fit
void udm_cpu_conv_weights_free(udm_device *device, udm_conv_weights *weights);
void udm_cpu_conv(udm_device *device, const udm_conv *conv);
void udm_cpu_norm_run(udm_device *device, const udm_norm *norm);
void udm_cpu_attend_frames(udm_device *device, const udm_frame_attention *attention);
void udm_cpu_attention(udm_device *device, const udm_attention *attention);
void udm_cpu_layer_norm_run(udm_device *device, const udm_layer_norm *norm);
void udm_cpu_multiply(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b);
void udm_cpu_join(udm_device *device, const udm_join *join);
void udm_cpu_warp_run(udm_device *device, const udm_warp *warp);

extern const struct udm_clock udm_cpu_clock; // of times.h
void udm_cpu_profile(const udm_device *device, udm_timed found, void *context);

enum { UDM_CPU_PEAK_SUMS = 12 };

static inline int udm_cpu_peak_flops(bool pairs, int lanes)
{
    return UDM_CPU_PEAK_SUMS * lanes * (pairs ? 4 : 2);
}

// Lets each worker have as many floats of scratch memory; what was in it is lost.
bool udm_cpu_grow_scratch(udm_cpu_device *cpu, size_t per_worker, udm_error *error);

static inline int udm_cpu_blocks(int channels)
{
    return (channels + UDM_CPU_BLOCK - 1) / UDM_CPU_BLOCK;
}

// Outputs of group g: 32, or 16 for the rest.
static inline int udm_cpu_width(const udm_conv_weights *weights, int g)
{
    return udm_cpu_blocks(weights->out) - 2 * g == 1 ? UDM_CPU_BLOCK : UDM_CPU_GROUP;
}

// Where matrix p of group g begins, in elements.
static inline size_t udm_cpu_panel_at(const udm_conv_weights *weights, int g, int p)
{
    size_t panel = (size_t)weights->steps * udm_cpu_width(weights, g);
    return (size_t)g * weights->matrices * weights->steps * UDM_CPU_GROUP + p * panel;
}

static inline const float *udm_cpu_panel(const udm_conv_weights *weights, int g, int p)
{
    return weights->values + udm_cpu_panel_at(weights, g, p);
}

// ... of those that are kept in 16 bits.
static inline const uint16_t *udm_cpu_half_panel(const udm_conv_weights *weights, int g, int p)
{
    return (const uint16_t *)(const void *)weights->values + udm_cpu_panel_at(weights, g, p);
}

// From product to product of the scratch matrices, elements and floats. One line more than they need, so that the 36
// places that a tile is written to do not fall into few sets of the cache.
static inline size_t udm_cpu_rows_stride(const udm_conv_weights *weights, int batch)
{
    return (size_t)batch * weights->row + UDM_CPU_BLOCK;
}

// All rows of a batch, in floats.
static inline size_t udm_cpu_rows_floats(const udm_conv_weights *weights, int batch)
{
    return udm_cpu_rows_stride(weights, batch) * weights->products / (weights->code->pairs ? 2 : 1);
}

static inline size_t udm_cpu_sums_stride(int batch)
{
    return (size_t)batch * UDM_CPU_GROUP + UDM_CPU_BLOCK;
}

enum {
    UDM_CPU_LATE_STEPS = 32, // inputs whose late weights are transformed at once
    UDM_CPU_HALF_STEPS = 256 // whose weights of 16 bits become floats at once
};

// From product to product of late weights: a line more than they take, as above.
static inline size_t udm_cpu_late_stride(int width)
{
    return UDM_CPU_LATE_STEPS * (size_t)width + UDM_CPU_BLOCK;
}

// Whether Winograd's weights are kept as they are until they are used.
static inline bool udm_cpu_is_late(const udm_conv_weights *weights)
{
    return weights->matrices < weights->products;
}

#endif
