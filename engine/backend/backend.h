// SPDX-License-Identifier: LGPL-2.1-or-later
// The seam to the hardware: one table of operations, filled whole by every backend, but for `motion`. `reference` is
// plain loops and is the specification; tests/engine/test_ops.c holds every operation of every backend against it.
//
// To add an operation: declare it here, write it in reference/, in each other backend, and a case in
// tests/engine/test_ops.c. To add a backend: a folder, its udm_backend, and a line in list.c.
//
// Conventions. Shapes, kernels and sources are checked once, where a graph is built (network/graph.c), so operations
// need not. dst never overlaps a source, except where said. Operations may be queued; they do not fail by
// themselves: a device keeps its first fault, and finish(), the one place that waits, reports it. A device belongs to
// one thread at a time.
#ifndef UDM_BACKEND_BACKEND_H
#define UDM_BACKEND_BACKEND_H

#include "udm/error.h"
#include "udm/profile.h"
#include "backend/motion.h"
#include "base/halves.h"
#include "base/isa.h"
#include "base/threads.h"
#include "tensor/tensor.h"

typedef struct udm_device udm_device;
typedef struct udm_conv_weights udm_conv_weights; // the weights of a convolution, packed for a device

// How exact a network is: in float32; or with products of factors that are rounded to bf16, on processors; or with
// features and weights of f16, on devices of OpenCL; or the latter two on devices that gain by them (auto). All sums
// are of float32.
typedef enum udm_precision {
    UDM_PRECISION_F32,
    UDM_PRECISION_BF16,
    UDM_PRECISION_AUTO,
    UDM_PRECISION_F16, // after what was there before, as editors may keep numbers in their projects
    UDM_PRECISIONS
} udm_precision;

extern const char *const udm_precision_names[UDM_PRECISIONS], *const udm_precision_abouts[UDM_PRECISIONS];
bool udm_precision_find(const char *name, udm_precision *precision); // false if there is none
bool udm_only_f32(udm_device *device, udm_precision precision,
                  udm_error *error); // set_precision where there is no other

// SILU: x sigmoid(x). GELU: x Phi(x), Phi being the distribution function of the normal distribution (Hendrycks and
// Gimpel 2016); quick GELU: x sigmoid(1.702 x). Normalisations take none of the last three. The last, of convolutions
// alone, is ReLU of the sum with the residual.
typedef enum udm_activation {
    UDM_LINEAR,
    UDM_RELU,
    UDM_SILU,
    UDM_GELU,
    UDM_QUICK_GELU,
    UDM_RELU_OF_SUM
} udm_activation;

enum { UDM_MAX_SOURCES = 3 };

// A convolution, in the layout of PyTorch: weight [out, sum of in, size, size], bias [out] or NULL.
typedef struct udm_conv_spec {
    int sources;             // 1 to UDM_MAX_SOURCES tensors that are read as one, channel after channel
    int in[UDM_MAX_SOURCES]; // channels of each
    int out;
    int size;    // 1, 2 or 3
    int stride;  // 1 or 2
    int padding; // zeros on every side: 0 or 1
    int extra;   // zeros after the last row and column beyond that: 0 or, with stride 2, 1
    int pixels;  // of dst, about, where they are known when the weights are read; 0: unknown
    const float *weight;
    const float *bias;
    // Instead of weight, for devices that take them: the same in 16 bits, not aligned, which are converted as they are
    // used.
    const void *half;
    udm_half_kind kind;
} udm_conv_spec;

// dst = activation(convolution(src...) + bias) + residual, or for UDM_RELU_OF_SUM max(convolution(src...) + bias +
// residual, 0). dst: [out, H', W'] with
// H' = (H + 2 padding + extra - size) / stride + 1. residual: NULL, or dst's shape; it may be dst itself.
typedef struct udm_conv {
    udm_tensor dst, src[UDM_MAX_SOURCES];
    const udm_tensor *residual;
    const udm_conv_weights *weights;
    udm_activation activation;
} udm_conv;

// A frame and a prediction of it, each x = sqrt(1 - level^2) x0 + level e. All planar; frame, prediction: [C, H, W],
// levels: [1, H, W] in [0, 1]. Both are fused into their precision-weighted mean, with a level of its own (equations in
// reference/observe.c, as `fuse` of models/train/network.py).
typedef struct udm_observation {
    udm_tensor frame, level, predicted, predicted_level;
} udm_observation;

// Group normalisation (Wu and He 2018, equations 1, 2, 7) of sources that are read as one, channel after channel, C in
// all; of a vector e per frame, such as an embedding of the time, n channels from `first` on take part:
//     UDM_EMBED_NONE     y = norm(x) gamma + beta
//     UDM_EMBED_ADD      y = norm(x + e[c]) gamma + beta                                  n = C
//     UDM_EMBED_SCALE    y = (norm(x) gamma + beta) (1 + e[c]) + e[C + c]                 n = 2 C
// norm(x) = (x - mean) / sqrt(variance + eps) over all pixels of the C / groups channels of a group; the variance is
// that of the population. dst: [C, H, W] = activation(y).
typedef enum udm_embedding { UDM_EMBED_NONE, UDM_EMBED_ADD, UDM_EMBED_SCALE } udm_embedding;

typedef struct udm_norm {
    udm_tensor dst, src[UDM_MAX_SOURCES];
    int sources;
    udm_tensor affine; // planar [2, 1, C]: gamma, beta
    int groups;        // divides C
    float eps;
    udm_embedding embedding;
    udm_tensor vector; // [N, 1, 1], of which [first, first + n) are e
    int first;
    udm_activation activation;
} udm_norm;

// Attention over pixels (Vaswani et al. 2017, equation 1): dst[h d + i, p] = sum over q of
// softmax(query . key / sqrt(d))[p, q] value[h d + i, q], for each head h of d = C / heads channels. query, dst:
// [C, H, W]; key, value: [C, H', W']. Where it is causal, q <= p. The matrix of all p and q is never stored.
typedef struct udm_attention {
    udm_tensor dst, query, key, value;
    int heads; // divides C
    bool causal;
} udm_attention;

// Layer normalisation (Ba et al. 2016, equation 3) of each pixel over its channels:
// dst[c, p] = (src[c, p] - mean) / sqrt(variance + eps) gamma[c] + beta[c]. dst, src: [C, H, W].
typedef struct udm_layer_norm {
    udm_tensor dst, src;
    udm_tensor affine; // planar [2, 1, C]: gamma, beta
    float eps;
} udm_layer_norm;

enum { UDM_MAX_FRAMES = 32, UDM_MAX_FRAME_HEADS = 64 };

// Pixels of sources that are read as one, pixel after pixel: dst, of N pixels, are the N from `first` on. All have C
// channels.
typedef struct udm_join {
    udm_tensor dst, src[UDM_MAX_FRAMES];
    int sources, first;
} udm_join;

// Attention over frames, at each pixel by itself, as above: dst[h d + i, p] = sum over f of
// softmax(query . key[f] / sqrt(d))[p, f] value[f][h d + i, p]. All tensors have one shape [C, H, W].
typedef struct udm_frame_attention {
    udm_tensor dst, query, key[UDM_MAX_FRAMES], value[UDM_MAX_FRAMES];
    int frames; // 1 to UDM_MAX_FRAMES
    int heads;  // divides C; at most UDM_MAX_FRAME_HEADS
} udm_frame_attention;

// Planes moved along a flow: dst(p) = src(p + flow(p)), flow being x before y, in pixels. A place beyond the border is
// brought to the nearest one within, and what is not a number to 0. All planar; dst, src: [C, H, W], flow: [2, H, W];
// inside: [1, H, W] of 1 where the place lay within and 0 elsewhere, or NULL.
typedef enum udm_filter {
    UDM_BILINEAR, // 2 x 2 pixels: for what is smooth
    UDM_LANCZOS_3 // 6 x 6 (lanczos.h): keeps detail that is moved again and again
} udm_filter;

typedef struct udm_warp {
    udm_tensor dst, src, flow;
    const udm_tensor *inside;
    udm_filter filter;
} udm_warp;

typedef struct udm_ops {
    // Memory and transfer. alloc: bytes > 0, zero-filled. bytes: what a tensor of this shape and layout takes. Several
    // tensors of one memory that lie side by side, each at the next multiple of UDM_ALIGNMENT, travel in one transfer.
    udm_memory *(*alloc)(udm_device *device, size_t bytes, udm_error *error);
    void (*free)(udm_device *device, udm_memory *memory);
    size_t (*bytes)(const udm_device *device, udm_shape shape, udm_layout layout); // 0 where it does not fit
    void (*upload)(udm_device *device, const udm_tensor *dst, const float *const *src, int count); // from [C, H, W]
    void (*download)(udm_device *device, float *const *dst, const udm_tensor *src, int count);     // waits
    void (*clear)(udm_device *device, udm_memory *memory, size_t bytes); // to zero, from the start
    bool (*finish)(udm_device *device, udm_error *error);                // waits; false on any fault so far

    // Of what is made from now on, memory and weights; f32 until then. UNSUPPORTED where the device lacks it.
    bool (*set_precision)(udm_device *device, udm_precision precision, udm_error *error);

    // Weights. The spec's arrays need only live until it returns.
    udm_conv_weights *(*conv_weights_new)(udm_device *device, const udm_conv_spec *spec, udm_error *error);
    void (*conv_weights_free)(udm_device *device, udm_conv_weights *weights);

    // The operations. Tensors are UDM_FEATURES where nothing else is said.
    void (*conv)(udm_device *device, const udm_conv *conv);
    // dst: [C p p, H / p, W / p] of [fused (C), level of it (1), innovation (C), level (1), predicted_level (1)], each
    // pixel plane c unshuffled into channels c p p + y p + x, as torch.pixel_unshuffle does; C above is 2 C' + 3.
    // Where the device `mirrors`, frame and prediction may end before dst does, by less than they have pixels: they go
    // on there as in a mirror that does not repeat the edge.
    void (*observe)(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch);
    // x0 = fused + gate pixel_shuffle(correction), gate = rho / (rho + GATE) min(rho / GATE_OPEN, 1)^2: planar dst [C,
    // H, W], correction [C p p, H / p, W / p]. Planes of dst beyond those of the frame are pixel_shuffle(correction).
    // Where the device `mirrors`, H and W are those of the frame, and divided by p they are rounded up, or more.
    void (*restore)(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                    const udm_observation *seen, int patch);
    // dst [C, 2 H, 2 W] = torch.pixel_shuffle(src [4 C, H, W], 2) + addend (NULL, or dst's shape).
    void (*shuffle_add)(udm_device *device, const udm_tensor *dst, const udm_tensor *src, const udm_tensor *addend);
    void (*norm)(udm_device *device, const udm_norm *norm);
    void (*attention)(udm_device *device, const udm_attention *attention);
    void (*layer_norm)(udm_device *device, const udm_layer_norm *norm);
    void (*join)(udm_device *device, const udm_join *join);
    // dst = a b, value by value; all of one shape.
    void (*multiply)(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b);
    void (*attend_frames)(udm_device *device, const udm_frame_attention *attention);
    // dst [C, 2 H, 2 W]: each pixel four times (nearest); or dst [C, H / 2, W / 2]: the mean of each 2x2.
    void (*resample)(udm_device *device, const udm_tensor *dst, const udm_tensor *src);
    void (*copy)(udm_device *device, const udm_tensor *dst, const udm_tensor *src); // same shape; layouts may differ
    void (*warp)(udm_device *device, const udm_warp *warp);
    // A step of the search for motion; of devices with `finds_motion` alone, as flow/ has the others' code. memory:
    // from alloc, of a single piece.
    void (*motion)(udm_device *device, udm_motion_step step, const udm_motion_level *level, const udm_memory *memory);

    // What was timed, operation by operation; nothing on a device that was not opened to be timed (cpu:profile,
    // opencl:N:profile).
    void (*profile)(const udm_device *device, udm_timed found, void *context);
    void (*close)(udm_device *device);
} udm_ops;

enum { UDM_DEVICE_NAME_ROOM = 128 };

struct udm_device {
    const udm_ops *ops;
    char name[UDM_DEVICE_NAME_ROOM]; // for people: "cpu (AVX-512, 2 threads)"
    size_t largest;       // bytes of a tensor, at most; and none may lie across a multiple of it in its memory
    bool takes_halves;    // udm_conv_spec.half
    bool finds_motion;    // udm_ops.motion
    bool halves;          // UDM_HALVES, at the precision that it has; in conv, observe, restore and shuffle_add
    bool mirrors;         // it is the processor: observe and restore take planes as they lie there, of any size
    udm_pool *pool;       // the threads it computes on, for what is done to frames around it; NULL: the caller's alone
    bool pages;           // it heeds weights_limit:
    size_t weights_limit; // bytes of weights of convolutions that stay in memory, those that were made first; others
                          // lie in a file that has no name, and only while they are used in memory. 0: all stay
    struct udm_times *times; // of times.h; NULL where nothing is timed

    // Of one that `auto` chose.
    udm_device *stand_in; // the processor, which goes on where this one fails; NULL: nothing does
    bool failed;
    bool only_f32;     // what it computes in f16 is wrong
    char warning[704]; // for people: why another device than the best is in use; or empty
};

typedef struct udm_backend {
    const char *name;
    const char *about;
    const char *accelerator; // the `which` that `auto` tries; NULL: it is the processor
    // Of one with drivers that others wrote, which may crash or hang, so that `auto` tries it in another process first
    // (apart.h). likely: false where it is known, without loading a driver, that there is no such device. name: what
    // open would give it as its name; loads the drivers.
    bool (*likely)(const char *which);
    bool (*name_device)(const char *which, char name[UDM_DEVICE_NAME_ROOM], udm_error *error);
    // which: what stands after the colon of "cpu:avx2", or NULL. threads: 0 for all.
    udm_device *(*open)(const char *which, int threads, udm_error *error);
    // Calls found(context, device string, description) for each device there is.
    void (*list)(void (*found)(void *context, const char *device, const char *about), void *context);
} udm_backend;

extern const udm_backend *const udm_backends[]; // NULL-ended, in the order in which `auto` tries them

// device: a backend's name with an optional ":which"; or "auto": an accelerator that computes what the processor does
// (trial.h), and does it faster, or else the processor. The caller owns the device: udm_device_close().
udm_device *udm_device_open(const char *device, int threads, udm_error *error);
void udm_device_close(udm_device *device); // NULL is fine

// The name that this device would have if it were opened; loads its driver. False with *error where it is not there.
bool udm_device_name(const char *device, char name[UDM_DEVICE_NAME_ROOM], udm_error *error);

// What a device's name limits all code of an object to: "cpu:avx2" to that, any other to the best that there is. It is
// for udm_pool_limit(). Errors: those of udm_isa_find().
bool udm_device_isa(const char *device, udm_isa *isa, udm_error *error);

// What replaces a device that failed so: its stand-in, which it closes; the first such fault is its warning. NULL, with
// the fault as *error, where the device was selected by name, and for faults that are not the device's. Only fallback.h
// calls it.
udm_device *udm_device_replace(udm_device *device, const udm_error *fault, udm_error *error);
// As set_precision of its operations, for its stand-in, too, which takes over where only that has the precision.
bool udm_device_set_precision(udm_device *device, udm_precision precision, udm_error *error);
const udm_device *udm_device_in_use(const udm_device *device); // itself, or its stand-in

// The constants of the fusion; models/train/network.py has the same.
#define UDM_MIN_LEVEL 1e-3f
#define UDM_PRIOR_PRECISION 1e-2f
#define UDM_GATE 1e-2f
#define UDM_GATE_OPEN 1.2e-2f // sigma 1.5

#endif
