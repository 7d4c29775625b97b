// SPDX-License-Identifier: LGPL-2.1-or-later
// A driver of OpenCL that breaks as it is told to. What it computes PoCL computes for it, under the name of a GPU.
//
// UDM_FAULT="KIND CALL [N]": from the Nth call (1) of a function of OpenCL on, or at "load", where drivers are asked
// for their platforms:
//     crash    the process gets a SIGSEGV
//     hang     the call does not return
//     leave    the process ends, as if all were well, with a verdict on standard output
//     error    this one call fails with CL_OUT_OF_RESOURCES
//     lost     it and all that follow do
// Nothing breaks where UDM_FAULT is not set. A driver is a library with one table of functions, to which all its
// objects point, so that PoCL's is changed in place. Convolutions that are large do nothing, or the GPU would be slower
// than a processor: what speed.c times has weights of zero, and no test has large frames.
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl_icd.h>

#include <CL/cl_ext.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { LARGE = 10000 }; // work-items

static cl_icd_dispatch real;
static cl_icd_dispatch *table;

// False where the call must fail.
static bool sound(const char *call)
{
    static int calls;
    static bool lost;
    char kind[16], where[64];
    int number = 1;
    const char *fault = getenv("UDM_FAULT");
    if (lost || !fault || sscanf(fault, "%15s %63s %d", kind, where, &number) < 2)
        return !lost;
    if (strcmp(where, call) != 0 || __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) != number)
        return true;
    if (strcmp(kind, "crash") == 0) {
        signal(SIGSEGV, SIG_DFL); // not that of a sanitizer
        raise(SIGSEGV);
    } else if (strcmp(kind, "leave") == 0) {
        static const char verdict[] = "passed\n";
        _exit(write(STDOUT_FILENO, verdict, sizeof verdict - 1) < 0);
    }
    while (strcmp(kind, "hang") == 0)
        pause();
    lost = strcmp(kind, "lost") == 0;
    return false;
}

static cl_int CL_API_CALL device_info(cl_device_id id, cl_device_info what, size_t room, void *value, size_t *size)
{
    static const char name[] = "Faulty 3000";
    static const cl_device_type type = CL_DEVICE_TYPE_GPU;
    const void *from = what == CL_DEVICE_NAME ? (const void *)name : &type;
    const size_t bytes = what == CL_DEVICE_NAME ? sizeof name : sizeof type;
    if (what != CL_DEVICE_NAME && what != CL_DEVICE_TYPE)
        return real.clGetDeviceInfo(id, what, room, value, size);
    if (value && room >= bytes)
        memcpy(value, from, bytes);
    if (size)
        *size = bytes;
    return value && room < bytes ? CL_INVALID_VALUE : CL_SUCCESS;
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint count,
                                             const cl_device_id *devices,
                                             void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                                             void *context, cl_int *code)
{
    if (sound("clCreateContext"))
        return real.clCreateContext(properties, count, devices, notify, context, code);
    *code = CL_OUT_OF_RESOURCES;
    return NULL;
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t size, void *from, cl_int *code)
{
    if (sound("clCreateBuffer"))
        return real.clCreateBuffer(context, flags, size, from, code);
    *code = CL_OUT_OF_RESOURCES;
    return NULL;
}

static cl_int CL_API_CALL build_program(cl_program program, cl_uint count, const cl_device_id *devices,
                                        const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                                        void *context)
{
    return sound("clBuildProgram") ? real.clBuildProgram(program, count, devices, options, notify, context)
                                   : CL_OUT_OF_RESOURCES;
}

static cl_int CL_API_CALL run_kernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,
                                     const size_t *global, const size_t *local, cl_uint waits, const cl_event *events,
                                     cl_event *event)
{
    size_t items = 1;
    for (cl_uint i = 0; i < dimensions; i++)
        items *= global[i];
    if (!sound("clEnqueueNDRangeKernel"))
        return CL_OUT_OF_RESOURCES;
    return items >= LARGE && !event
               ? CL_SUCCESS
               : real.clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, global, local, waits, events, event);
}

static void *CL_API_CALL map_buffer(cl_command_queue queue, cl_mem buffer, cl_bool wait, cl_map_flags flags,
                                    size_t offset, size_t size, cl_uint waits, const cl_event *events, cl_event *event,
                                    cl_int *code)
{
    if (sound("clEnqueueMapBuffer"))
        return real.clEnqueueMapBuffer(queue, buffer, wait, flags, offset, size, waits, events, event, code);
    *code = CL_OUT_OF_RESOURCES;
    return NULL;
}

static cl_int CL_API_CALL finish(cl_command_queue queue)
{
    return sound("clFinish") ? real.clFinish(queue) : CL_OUT_OF_RESOURCES;
}

static bool take_over(cl_platform_id platform)
{
    if (table)
        return true;
    cl_icd_dispatch *found = *(cl_icd_dispatch **)platform; // what every object begins with
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)found / page * page;
    if (mprotect((void *)first, (uintptr_t)(found + 1) - first, PROT_READ | PROT_WRITE) != 0)
        return false;
    real = *found;
    table = found;
    table->clGetDeviceInfo = device_info;
    table->clCreateContext = create_context;
    table->clCreateBuffer = create_buffer;
    table->clBuildProgram = build_program;
    table->clEnqueueNDRangeKernel = run_kernel;
    table->clEnqueueMapBuffer = map_buffer;
    table->clFinish = finish;
    return true;
}

typedef cl_int(CL_API_CALL *get_platforms)(cl_uint room, cl_platform_id *platforms, cl_uint *count);
typedef void *(CL_API_CALL *get_function)(const char *name);

static void *find_function(const char *name)
{
    static void *pocl;
    pocl = pocl ? pocl : dlopen("libpocl.so.2", RTLD_NOW | RTLD_LOCAL);
    get_function get = pocl ? (get_function)dlsym(pocl, "clGetExtensionFunctionAddress") : NULL;
    return get ? get(name) : NULL;
}

EXPORT cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint room, cl_platform_id *platforms, cl_uint *count)
{
    if (!sound("load"))
        return CL_OUT_OF_HOST_MEMORY;
    get_platforms get = (get_platforms)find_function("clIcdGetPlatformIDsKHR");
    const cl_int code = get ? get(room, platforms, count) : CL_PLATFORM_NOT_FOUND_KHR;
    return code != CL_SUCCESS || !platforms || take_over(platforms[0]) ? code : CL_OUT_OF_HOST_MEMORY;
}

EXPORT void *CL_API_CALL clGetExtensionFunctionAddress(const char *name)
{
    return strcmp(name, "clIcdGetPlatformIDsKHR") == 0 ? (void *)clIcdGetPlatformIDsKHR : find_function(name);
}

EXPORT cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t room, void *value,
                                            size_t *size)
{
    return table ? real.clGetPlatformInfo(platform, what, room, value, size) : CL_INVALID_PLATFORM;
}
