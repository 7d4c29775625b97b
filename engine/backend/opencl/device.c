// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds and opens devices of OpenCL.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/opencl/opencl.h"
#include "backend/times.h"

enum { MAX_PLATFORMS = 16, MAX_DEVICES = 32, TILED_ITEMS = 256 };

typedef struct device_ids {
    cl_device_id ids[MAX_DEVICES];
    int count;
} device_ids;

// lanes of the variants; 0 is that of GPUs
static const struct variant {
    const char *name;
    int lanes, sub_group;
} variants[] = { { "gpu", 0, 0 },  { "gpu8", 0, 8 }, { "gpu16", 0, 16 }, { "gpu32", 0, 32 },
                 { "vec4", 4, 0 }, { "vec8", 8, 0 }, { "vec16", 16, 0 } };

// What follows the colon of a device string: "gpu", or N[:variant][:profile].
typedef struct request {
    int number; // -1: the first GPU, or the first device
    bool only_gpu, profile;
    const struct variant *variant; // or NULL
} request;

static bool is_gpu(cl_device_id id)
{
    cl_device_type type = 0;
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    return type & CL_DEVICE_TYPE_GPU;
}

static void find_devices(device_ids *found)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint platform_count = 0;
    found->count = 0;
    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &platform_count) != CL_SUCCESS)
        return;
    for (cl_uint p = 0; p < platform_count && p < MAX_PLATFORMS && found->count < MAX_DEVICES; p++) {
        cl_uint room = MAX_DEVICES - found->count, count = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, room, found->ids + found->count, &count) == CL_SUCCESS)
            found->count += (int)(count < room ? count : room);
    }
}

static const struct variant *find_variant(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        if (strlen(variants[i].name) == length && memcmp(variants[i].name, name, length) == 0)
            return &variants[i];
    return NULL;
}

static bool parse(const char *which, request *asked)
{
    *asked = (request){ .number = -1 };
    if (!which)
        return true;
    asked->only_gpu = strcmp(which, "gpu") == 0;
    if (asked->only_gpu)
        return true;
    char *end;
    long number = strtol(which, &end, 10);
    if (end == which || number < 0 || number >= MAX_DEVICES)
        return false;
    asked->number = (int)number;
    if (*end == ':' && (asked->variant = find_variant(end + 1, strcspn(end + 1, ":"))))
        end += 1 + strlen(asked->variant->name);
    asked->profile = strcmp(end, ":profile") == 0;
    return asked->profile || *end == 0;
}

// Whether the system has a graphics driver at all, or somebody named drivers by hand. Looking for a GPU through OpenCL
// loads all its drivers, with a compiler each.
static bool may_have_gpu(void)
{
#ifdef __linux__
    if (getenv("OCL_ICD_VENDORS"))
        return true;
    static const char *const nodes[] = { "/dev/dri",   "/dev/nvidiactl", "/dev/kfd",
                                         "/dev/mali0", "/dev/kgsl-3d0",  "/dev/dxg" };
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        if (access(nodes[i], F_OK) == 0)
            return true;
    return false;
#else
    return true;
#endif
}

static cl_device_id choose(const device_ids *found, const request *asked)
{
    if (asked->number >= 0)
        return asked->number < found->count ? found->ids[asked->number] : NULL;
    for (int i = 0; i < found->count; i++)
        if (is_gpu(found->ids[i]))
            return found->ids[i];
    return found->count > 0 && !asked->only_gpu ? found->ids[0] : NULL;
}

static cl_device_id find(const char *which, request *asked, udm_error *error)
{
    device_ids found = { .count = 0 };
    const bool known = parse(which, asked), none = known && asked->only_gpu && !may_have_gpu();
    if (!none)
        find_devices(&found);
    cl_device_id id = known ? choose(&found, asked) : NULL;
    if (id)
        return id;
    if (none)
        udm_fail(error, UDM_ERROR_NOT_FOUND, "there is no GPU driver: use \"cpu\" or \"opencl\", which need none");
    else if (found.count == 0)
        udm_fail(error, UDM_ERROR_NOT_FOUND,
                 "OpenCL has no device: install a driver for yours, or pocl-opencl-icd, which runs on the processor");
    else if (asked->only_gpu)
        udm_fail(error, UDM_ERROR_NOT_FOUND, "OpenCL has no GPU here, but opencl:0");
    else
        udm_fail(error, UDM_ERROR_NOT_FOUND, "unknown device 'opencl:%s'; have: opencl:0 to opencl:%d", which,
                 found.count - 1);
    return NULL;
}

static cl_uint device_uint(cl_device_id id, cl_device_info what)
{
    cl_uint value = 0;
    clGetDeviceInfo(id, what, sizeof value, &value, NULL);
    return value;
}

// A processor's kernels run as many groups as there are workers, and so on no more of its threads.
static int count_workers(cl_device_id id, int threads)
{
    int units = (int)device_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    units = units > 0 ? units : 1;
    return threads > 0 && threads < units ? threads : units;
}

static void write_name(const udm_opencl_device *cl, char name[UDM_DEVICE_NAME_ROOM])
{
    char own[96] = "";
    clGetDeviceInfo(cl->id, CL_DEVICE_NAME, sizeof own - 1, own, NULL);
    snprintf(name, UDM_DEVICE_NAME_ROOM, "opencl (%s, %d units%s)", own, cl->workers, cl->half ? ", f16" : "");
}

// GPUs whose groups are too small for the tiles take the vectors' kernels. A processor that has no vectors makes them
// of work-items, as Mesa's llvmpipe does, which ends each after 65,535 turns of its loops (tests/drivers/loops.c): too
// few for one that does the work of a thread.
static bool choose_variant(udm_opencl_device *cl, const struct variant *named, udm_error *error)
{
    size_t items = 0;
    clGetDeviceInfo(cl->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof items, &items, NULL);
    const cl_uint native = device_uint(cl->id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    const bool gpu = is_gpu(cl->id), tiles = items >= TILED_ITEMS, vectors = gpu || native > 1 || !tiles;
    cl->lanes = native >= 16 ? 16 : native >= 8 ? 8 : 4;
    if ((gpu || !vectors) && tiles)
        cl->lanes = 0;
    if (named) {
        cl->lanes = named->lanes;
        cl->sub_group = named->sub_group;
        cl->pixels = UDM_CL_PIXELS;
    }
    if (cl->sub_group && !udm_opencl_offers(cl, cl->sub_group))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s has no sub-groups of %d: leave out the \"%s\"",
                        cl->device.name, cl->sub_group, named->name);
    return vectors || !cl->lanes ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s makes vectors of work-items, which cannot do much each: leave out the \"%s\"", cl->device.name,
                    named->name);
}

static bool make_queue(udm_opencl_device *cl, udm_error *error)
{
    cl_int code;
    cl_ulong largest = 0;
    const cl_int zeros[2] = { 0 };
    clGetDeviceInfo(cl->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof largest, &largest, NULL);
    cl->device.largest = (largest < SIZE_MAX ? (size_t)largest : SIZE_MAX) / UDM_ALIGNMENT * UDM_ALIGNMENT;
    cl->context = clCreateContext(NULL, 1, &cl->id, NULL, NULL, &code);
    if (code == CL_SUCCESS)
        cl->queue = clCreateCommandQueue(cl->context, cl->id, cl->profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (code == CL_SUCCESS)
        cl->counter =
            clCreateBuffer(cl->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof zeros, (void *)zeros, &code);
    return code == CL_SUCCESS || udm_fail(error, UDM_ERROR_DEVICE, "%s cannot be opened: %s (%d)", cl->device.name,
                                          udm_opencl_problem(code), code);
}

static void opencl_close(udm_device *device)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (cl->queue)
        clFinish(cl->queue);
    for (int k = 0; k < UDM_CL_KERNELS; k++)
        if (cl->kernels[k])
            clReleaseKernel(cl->kernels[k]);
    if (cl->program)
        clReleaseProgram(cl->program);
    if (cl->counter)
        clReleaseMemObject(cl->counter);
    if (cl->scratch)
        clReleaseMemObject(cl->scratch);
    udm_times_free(device->times);
    if (cl->queue)
        clReleaseCommandQueue(cl->queue);
    if (cl->context)
        clReleaseContext(cl->context);
    free(cl);
}

static bool opencl_finish(udm_device *device, udm_error *error)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (cl->fault.code == UDM_OK)
        udm_opencl_check(cl, clFinish(cl->queue), "finish");
    return cl->fault.code == UDM_OK || udm_fail(error, cl->fault.code, "%s", cl->fault.message);
}

bool udm_opencl_has(const udm_opencl_device *cl, const char *name)
{
    char list[8192] = "";
    clGetDeviceInfo(cl->id, CL_DEVICE_EXTENSIONS, sizeof list - 1, list, NULL);
    const size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return true;
    return false;
}

// A device without instructions for halves computes with them, too, as all sums are of floats, but gains little.
static bool opencl_set_precision(udm_device *device, udm_precision precision, udm_error *error)
{
    udm_opencl_device *cl = udm_opencl_of(device);
    if (precision == UDM_PRECISION_BF16)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "\"%s\" has no bf16: set precision to f32, f16 or auto, or device to cpu", device->name);
    const bool gains = is_gpu(cl->id) && udm_opencl_has(cl, "cl_khr_fp16") && !device->only_f32;
    const bool half = precision == UDM_PRECISION_F16 || (precision == UDM_PRECISION_AUTO && gains);
    if (half == cl->half)
        return true;
    cl->half = half;
    write_name(cl, device->name);
    return udm_opencl_build(cl, udm_opencl_source(), error);
}

static const udm_ops opencl_ops = {
    .alloc = udm_opencl_alloc,
    .free = udm_opencl_free,
    .set_precision = opencl_set_precision,
    .bytes = udm_opencl_bytes,
    .upload = udm_opencl_upload,
    .download = udm_opencl_download,
    .clear = udm_opencl_clear,
    .finish = opencl_finish,
    .conv_weights_new = udm_opencl_conv_weights_new,
    .conv_weights_free = udm_opencl_conv_weights_free,
    .conv = udm_opencl_conv,
    .observe = udm_opencl_observe,
    .restore = udm_opencl_restore,
    .shuffle_add = udm_opencl_shuffle_add,
    .norm = udm_opencl_norm,
    .attention = udm_opencl_attention,
    .layer_norm = udm_opencl_layer_norm,
    .join = udm_opencl_join,
    .multiply = udm_opencl_multiply,
    .attend_frames = udm_opencl_attend_frames,
    .resample = udm_opencl_resample,
    .copy = udm_opencl_copy,
    .warp = udm_opencl_warp,
    .motion = udm_opencl_motion,
    .profile = udm_opencl_profile,
    .close = opencl_close,
};

static udm_device *opencl_open(const char *which, int threads, udm_error *error)
{
    if (threads < 0 || threads > 256) {
        udm_fail(error, UDM_ERROR_SETTINGS, "threads is %d: it must be 0 (all) to 256", threads);
        return NULL;
    }
    request asked;
    cl_device_id id = find(which, &asked, error);
    udm_opencl_device *cl = id ? calloc(1, sizeof *cl) : NULL;
    if (!cl) {
        if (id)
            udm_fail(error, UDM_ERROR_MEMORY, "no memory for an OpenCL device");
        return NULL;
    }
    cl->device.ops = &opencl_ops;
    cl->id = id;
    cl->profile = asked.profile;
    cl->workers = count_workers(id, threads);
    write_name(cl, cl->device.name);
    bool good = choose_variant(cl, asked.variant, error) && make_queue(cl, error);
    cl->device.finds_motion = !cl->lanes;
    if (good && !cl->lanes && !asked.variant)
        udm_opencl_choose_sub_group(cl);
    good = good && udm_opencl_build(cl, udm_opencl_source(), error);
    if (good && (!cl->profile || udm_times_new(&cl->device, &udm_opencl_clock, error)))
        return &cl->device;
    opencl_close(&cl->device);
    return NULL;
}

static bool opencl_likely(const char *which)
{
    return strcmp(which, "gpu") != 0 || may_have_gpu();
}

static bool opencl_name(const char *which, char name[UDM_DEVICE_NAME_ROOM], udm_error *error)
{
    request asked;
    cl_device_id id = find(which, &asked, error);
    if (id)
        write_name(&(udm_opencl_device){ .id = id, .workers = count_workers(id, 0) }, name);
    return id;
}

// "NAME, a GPU of 20 units with 8.0 GiB: PLATFORM, driver VERSION"
static void describe(cl_device_id id, char *about, size_t room)
{
    char name[128] = "", driver[64] = "", maker[96] = "";
    cl_platform_id platform = NULL;
    cl_device_type type = 0;
    cl_ulong memory = 0;
    clGetDeviceInfo(id, CL_DEVICE_NAME, sizeof name - 1, name, NULL);
    clGetDeviceInfo(id, CL_DRIVER_VERSION, sizeof driver - 1, driver, NULL);
    clGetDeviceInfo(id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL);
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof maker - 1, maker, NULL);
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof memory, &memory, NULL);
    const char *kind = type & CL_DEVICE_TYPE_GPU ? "GPU" : type & CL_DEVICE_TYPE_CPU ? "processor" : "accelerator";
    snprintf(about, room, "%s, as a %s of %u units with %.1f GiB: %s, driver %s", name, kind,
             device_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS), (double)memory / (1 << 30), maker, driver);
}

static void opencl_list(void (*found)(void *context, const char *device, const char *about), void *context)
{
    device_ids devices;
    find_devices(&devices);
    for (int i = 0; i < devices.count; i++) {
        char name[32], about[384];
        snprintf(name, sizeof name, "opencl:%d", i);
        describe(devices.ids[i], about, sizeof about);
        found(context, name, about);
    }
}

const udm_backend udm_backend_opencl = {
    .name = "opencl",
    .about = "OpenCL 1.2",
    .accelerator = "gpu",
    .likely = opencl_likely,
    .name_device = opencl_name,
    .open = opencl_open,
    .list = opencl_list,
};
