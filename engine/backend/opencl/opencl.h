// SPDX-License-Identifier: LGPL-2.1-or-later
// The opencl backend: OpenCL 1.2, the kernels of kernels/*.cl in one program.
//
// Variants. "gpu" shares local memory among the work-items of a group; "gpu8", "gpu16" and "gpu32" share registers
// among those of a sub-group of so many; "vec4", "vec8" and "vec16" run one work-item of vectors on each unit of a
// processor, as the cpu backend does. The device's kind and its vectors choose, and among those of GPUs a short search
// (sub_groups.c); a device string can (opencl:0:gpu).
//
// Features, and the weights of convolutions on GPUs, are of f32, or of f16, where the precision asks for it; all sums
// are of f32. Processors' weights stay f32, as those of Winograd's products lose more when rounded. A change of
// precision builds another program, and makes what was allocated before meaningless.
//
// Everything is queued in order. The first call that fails is kept as the device's fault; what follows does nothing,
// and finish() reports it.
#ifndef UDM_BACKEND_OPENCL_OPENCL_H
#define UDM_BACKEND_OPENCL_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "backend/backend.h"
#include "backend/opencl/kernels/args.h"

enum { UDM_CL_BLOCK = 16, UDM_CL_GROUP = 32, UDM_CL_SIDE = 64 }; // as in the kernels
enum { UDM_CL_PIXELS = 8 }; // that a sub-group convolves at once, where nothing was tried

typedef enum udm_cl_kernel {
    UDM_CL_WINOGRAD,
    UDM_CL_DIRECT,
    UDM_CL_TILED,
    UDM_CL_OBSERVE,
    UDM_CL_RESTORE,
    UDM_CL_SHUFFLE_ADD,
    UDM_CL_MOMENTS,
    UDM_CL_GAINS,
    UDM_CL_NORMALISE,
    UDM_CL_ATTENTION,
    UDM_CL_ATTEND_FRAME,
    UDM_CL_LAYER_NORM,
    UDM_CL_JOIN,
    UDM_CL_MULTIPLY,
    UDM_CL_RESAMPLE,
    UDM_CL_TO_FEATURES,
    UDM_CL_TO_PLANES,
    UDM_CL_WARP,
    UDM_CL_PEAK,
    UDM_CL_MOTION, // and a step; of GPUs
    UDM_CL_KERNELS = UDM_CL_MOTION + UDM_MOTION_STEPS,
    UDM_CL_UPLOAD = UDM_CL_KERNELS, // these are timed, too
    UDM_CL_DOWNLOAD,
    UDM_CL_COMMANDS,
} udm_cl_kernel;

struct udm_memory {
    size_t piece;         // bytes of each but the last
    size_t feature_bytes; // of a value of UDM_FEATURES
    int count;
    cl_mem pieces[];
};

typedef struct udm_cl_time {
    int runs;
    double ms;
} udm_cl_time;

typedef struct udm_opencl_device {
    udm_device device;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_kernel kernels[UDM_CL_KERNELS]; // NULL for those of the other variant
    int lanes;                         // floats of a vector; 0 for the GPU variants
    int sub_group, pixels;             // of those: work-items of a sub-group, and what each convolves at once; or 0
    bool half;                         // features are of f16, and a GPU's weights
    int workers;
    cl_mem scratch; // [workers][per_worker]
    size_t per_worker;
    cl_mem counter; // from which the workers draw their jobs
    bool profile;
    udm_cl_time times[UDM_CL_COMMANDS];
    udm_error fault;
} udm_opencl_device;

// An argument of a kernel: its bytes, or a buffer.
typedef struct udm_cl_argument {
    size_t size;
    const void *value;
} udm_cl_argument;

#define UDM_CL_ARGUMENT(value)                                                                                         \
    {                                                                                                                  \
        sizeof(value), &(value)                                                                                        \
    }
#define UDM_CL_BUFFER(tensor)                                                                                          \
    {                                                                                                                  \
        sizeof(cl_mem), udm_opencl_buffer(tensor)                                                                      \
    }
#define UDM_CL_COUNT(list) (int)(sizeof(list) / sizeof((list)[0]))

extern const udm_backend udm_backend_opencl;

// What a code of OpenCL means, for messages.
const char *udm_opencl_problem(cl_int code);

// Keeps the fault if it is the first. False if code is one.
bool udm_opencl_check(udm_opencl_device *cl, cl_int code, const char *what);

// The program for this device, from the cache on disk or built, and its kernels.
bool udm_opencl_build(udm_opencl_device *cl, const char *source, udm_error *error);
const char *udm_opencl_source(void); // of all kernels

// All that a program depends on; the caller frees it.
char *udm_opencl_key(const udm_opencl_device *cl, const char *options, const char *source);
bool udm_opencl_has(const udm_opencl_device *cl, const char *extension);

// Chooses sub_group and pixels for a GPU, by a search whose outcome is kept in the cache.
void udm_opencl_choose_sub_group(udm_opencl_device *cl);
bool udm_opencl_offers(const udm_opencl_device *cl, int sub_group);
bool udm_opencl_made_sub_groups(const udm_opencl_device *cl); // of that size, in the program that was built
int udm_opencl_version(const udm_opencl_device *cl);          // 12 for 1.2

// A file of the cache, under XDG_CACHE_HOME. key: all that the program depends on. Reading gives NULL where there is
// none or it is damaged; the caller frees it. Writing that fails leaves nothing behind, and is no fault.
unsigned char *udm_opencl_cache_read(const char *key, size_t *bytes);
void udm_opencl_cache_write(const char *key, const unsigned char *binary, size_t bytes);
bool udm_opencl_cache_path(const char *key, char *path, size_t room);

// Lets the workers share so many floats of scratch memory; what was in it is lost.
bool udm_opencl_grow_scratch(udm_opencl_device *cl, size_t per_worker, udm_error *error);

// Queues a kernel. global, local: of two dimensions.
void udm_opencl_run(udm_opencl_device *cl, udm_cl_kernel kernel, const udm_cl_argument *arguments, int count,
                    const size_t global[2], const size_t local[2]);

// Queues a kernel that divides its items among the work-items (range_of in common.cl): a GPU's do one each, in groups;
// those of a processor do long runs of them.
void udm_opencl_run_items(udm_opencl_device *cl, udm_cl_kernel kernel, const udm_cl_argument *arguments, int count,
                          size_t items);
// The same for kernels of teams (team.cl): each item is one of a team's on a GPU.
void udm_opencl_run_teams(udm_opencl_device *cl, udm_cl_kernel kernel, const udm_cl_argument *arguments, int count,
                          size_t items);
size_t udm_opencl_work_items(const udm_opencl_device *cl, size_t items); // how many work-items those are

udm_cl_tensor udm_opencl_tensor(const udm_tensor *tensor); // NULL: one with `none` set

// The time from the beginning of one event to the end of another, both of which it releases. Runs them to their end.
void udm_opencl_note_time(udm_opencl_device *cl, udm_cl_kernel command, cl_event first, cl_event last);
void udm_opencl_profile(const udm_device *device, udm_timed found, void *context);
extern const struct udm_clock udm_opencl_clock; // of times.h

udm_memory *udm_opencl_alloc(udm_device *device, size_t bytes, udm_error *error);
void udm_opencl_free(udm_device *device, udm_memory *memory);
size_t udm_opencl_bytes(const udm_device *device, udm_shape shape, udm_layout layout);
void udm_opencl_upload(udm_device *device, const udm_tensor *dst, const float *const *src, int count);
void udm_opencl_download(udm_device *device, float *const *dst, const udm_tensor *src, int count);
void udm_opencl_clear(udm_device *device, udm_memory *memory, size_t bytes);
void udm_opencl_copy(udm_device *device, const udm_tensor *dst, const udm_tensor *src);

struct udm_conv_work udm_opencl_conv_work(udm_device *device, const udm_conv *conv); // for times.h
udm_conv_weights *udm_opencl_conv_weights_new(udm_device *device, const udm_conv_spec *spec, udm_error *error);
void udm_opencl_conv_weights_free(udm_device *device, udm_conv_weights *kernel);
void udm_opencl_conv(udm_device *device, const udm_conv *conv);

void udm_opencl_observe(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch);
void udm_opencl_restore(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                        const udm_observation *seen, int patch);
void udm_opencl_shuffle_add(udm_device *device, const udm_tensor *dst, const udm_tensor *src, const udm_tensor *addend);

void udm_opencl_norm(udm_device *device, const udm_norm *norm);
void udm_opencl_attention(udm_device *device, const udm_attention *attention);
void udm_opencl_attend_frames(udm_device *device, const udm_frame_attention *attention);
void udm_opencl_layer_norm(udm_device *device, const udm_layer_norm *norm);
void udm_opencl_multiply(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b);
void udm_opencl_join(udm_device *device, const udm_join *join);
void udm_opencl_warp(udm_device *device, const udm_warp *warp);
void udm_opencl_motion(udm_device *device, udm_motion_step step, const udm_motion_level *level,
                       const udm_memory *memory);
void udm_opencl_resample(udm_device *device, const udm_tensor *dst, const udm_tensor *src);
void udm_opencl_convert(udm_device *device, const udm_tensor *dst, const udm_tensor *src); // to the other layout

static inline udm_opencl_device *udm_opencl_of(udm_device *device)
{
    return (udm_opencl_device *)device;
}

// The buffer that a tensor lies in, and where it starts there, in values.
static inline const cl_mem *udm_opencl_buffer(const udm_tensor *tensor)
{
    return &tensor->memory->pieces[tensor->offset / tensor->memory->piece];
}

static inline cl_ulong udm_opencl_at(const udm_tensor *tensor)
{
    const size_t value = tensor->layout == UDM_FEATURES ? tensor->memory->feature_bytes : sizeof(float);
    return tensor->offset % tensor->memory->piece / value;
}

static inline int udm_opencl_blocks(int channels)
{
    return (channels + UDM_CL_BLOCK - 1) / UDM_CL_BLOCK;
}

#endif
