// SPDX-License-Identifier: LGPL-2.1-or-later
// Builds the program of all kernels for a device, or takes it from the cache.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/opencl/opencl.h"
#include "base/macros.h"

static const char *const kernel_names[UDM_CL_COMMANDS] = {
    [UDM_CL_WINOGRAD] = "conv_winograd",
    [UDM_CL_DIRECT] = "conv_direct",
    [UDM_CL_TILED] = "conv_tiled",
    [UDM_CL_OBSERVE] = "observe",
    [UDM_CL_RESTORE] = "restore",
    [UDM_CL_SHUFFLE_ADD] = "shuffle_add",
    [UDM_CL_MOMENTS] = "norm_moments",
    [UDM_CL_GAINS] = "norm_gains",
    [UDM_CL_NORMALISE] = "normalise",
    [UDM_CL_ATTEND_FRAME] = "attend_frame",
    [UDM_CL_ATTENTION] = "attention",
    [UDM_CL_RESAMPLE] = "resample",
    [UDM_CL_TO_FEATURES] = "to_features",
    [UDM_CL_TO_PLANES] = "to_planes",
    [UDM_CL_UPLOAD] = "upload",
    [UDM_CL_DOWNLOAD] = "download",
    [UDM_CL_WARP] = "warp",
    [UDM_CL_PEAK] = "peak",
    [UDM_CL_LAYER_NORM] = "layer_norm",
    [UDM_CL_JOIN] = "join_pixels",
    [UDM_CL_MULTIPLY] = "multiply_values",
    [UDM_CL_MOTION + UDM_MOTION_PICTURE] = "motion_picture",
    [UDM_CL_MOTION + UDM_MOTION_GRADIENT] = "motion_gradient",
    [UDM_CL_MOTION + UDM_MOTION_EXPAND] = "motion_expand",
    [UDM_CL_MOTION + UDM_MOTION_SEARCH] = "motion_search",
    [UDM_CL_MOTION + UDM_MOTION_PROPAGATE] = "motion_propagate",
    [UDM_CL_MOTION + UDM_MOTION_DENSIFY] = "motion_densify",
    [UDM_CL_MOTION + UDM_MOTION_PREPARE] = "motion_prepare",
    [UDM_CL_MOTION + UDM_MOTION_ASSEMBLE] = "motion_assemble",
    [UDM_CL_MOTION + UDM_MOTION_RELAX_RED] = "motion_relax_red",
    [UDM_CL_MOTION + UDM_MOTION_RELAX_BLACK] = "motion_relax_black",
    [UDM_CL_MOTION + UDM_MOTION_MEASURE] = "motion_measure",
    [UDM_CL_MOTION + UDM_MOTION_COMPARE] = "motion_compare",
    [UDM_CL_MOTION + UDM_MOTION_REST] = "motion_rest",
    [UDM_CL_MOTION + UDM_MOTION_FIT] = "motion_fit",
    [UDM_CL_MOTION + UDM_MOTION_KEEP] = "motion_keep",
    [UDM_CL_MOTION + UDM_MOTION_FOLLOW] = "motion_follow",
    [UDM_CL_MOTION + UDM_MOTION_SETTLE] = "motion_settle",
    [UDM_CL_MOTION + UDM_MOTION_OUT] = "motion_out",
};

enum { OPTIONS_ROOM = 256, INFO_ROOM = 256, LOG_SHOWN = 300 };

static void describe_options(const udm_opencl_device *cl, char options[OPTIONS_ROOM])
{
    char variant[64] = "-cl-std=CL1.2 -DGPU";
    if (cl->lanes)
        snprintf(variant, sizeof variant, "-cl-std=CL1.2 -DLANES=%d", cl->lanes);
    else if (cl->sub_group)
        snprintf(variant, sizeof variant, "-cl-std=CL%s -DGPU -DSUB_GROUP=%d -DPIXELS=%d",
                 udm_opencl_version(cl) >= 30 ? "3.0" : "2.0", cl->sub_group, cl->pixels);
    snprintf(options, OPTIONS_ROOM,
             "-cl-mad-enable -cl-no-signed-zeros %s%s -DMIN_LEVEL=%s -DPRIOR_PRECISION=%s -DGATE=%s "
             "-DGATE_OPEN=%s",
             variant, cl->half ? " -DHALF" : "", TEXT(UDM_MIN_LEVEL), TEXT(UDM_PRIOR_PRECISION), TEXT(UDM_GATE),
             TEXT(UDM_GATE_OPEN));
}

char *udm_opencl_key(const udm_opencl_device *cl, const char *options, const char *source)
{
    static const cl_device_info asked[] = { CL_DEVICE_NAME, CL_DEVICE_VENDOR, CL_DEVICE_VERSION, CL_DRIVER_VERSION };
    enum { ASKED = sizeof asked / sizeof asked[0] };
    char info[ASKED][INFO_ROOM] = { { 0 } };
    for (int i = 0; i < ASKED; i++)
        clGetDeviceInfo(cl->id, asked[i], INFO_ROOM - 1, info[i], NULL);
    size_t room = ASKED * (INFO_ROOM + 1) + OPTIONS_ROOM + strlen(source) + 1;
    char *key = malloc(room);
    if (key)
        snprintf(key, room, "%s\n%s\n%s\n%s\n%s\n%s", info[0], info[1], info[2], info[3], options, source);
    return key;
}

static bool make_kernels(udm_opencl_device *cl)
{
    for (int k = 0; k < UDM_CL_KERNELS; k++) {
        const bool gpu = k == UDM_CL_TILED || k >= UDM_CL_MOTION, vector = k == UDM_CL_WINOGRAD || k == UDM_CL_DIRECT;
        if ((gpu && cl->lanes) || (vector && !cl->lanes) || !kernel_names[k])
            continue;
        cl->kernels[k] = clCreateKernel(cl->program, kernel_names[k], NULL);
        if (!cl->kernels[k])
            return false;
    }
    return true;
}

static void drop_program(udm_opencl_device *cl)
{
    for (int k = 0; k < UDM_CL_KERNELS; k++) {
        if (cl->kernels[k])
            clReleaseKernel(cl->kernels[k]);
        cl->kernels[k] = NULL;
    }
    if (cl->program)
        clReleaseProgram(cl->program);
    cl->program = NULL;
}

static bool load(udm_opencl_device *cl, const char *key, const char *options)
{
    size_t bytes;
    unsigned char *binary = udm_opencl_cache_read(key, &bytes);
    if (!binary)
        return false;
    cl_int status;
    cl->program =
        clCreateProgramWithBinary(cl->context, 1, &cl->id, &bytes, (const unsigned char **)&binary, &status, NULL);
    free(binary);
    if (cl->program && clBuildProgram(cl->program, 1, &cl->id, options, NULL, NULL) == CL_SUCCESS && make_kernels(cl))
        return true;
    drop_program(cl); // of another driver that goes by the same name, say
    return false;
}

static void save(const udm_opencl_device *cl, const char *key)
{
    size_t bytes = 0;
    if (clGetProgramInfo(cl->program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS || bytes == 0)
        return;
    unsigned char *binary = malloc(bytes);
    if (binary && clGetProgramInfo(cl->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        udm_opencl_cache_write(key, binary, bytes);
    free(binary);
}

static bool fail_build(const udm_opencl_device *cl, cl_int code, udm_error *error)
{
    size_t bytes = 0;
    char *log = NULL;
    if (cl->program && clGetProgramBuildInfo(cl->program, cl->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) == CL_SUCCESS)
        log = calloc(1, bytes + 1);
    if (log)
        clGetProgramBuildInfo(cl->program, cl->id, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    udm_fail(error, UDM_ERROR_DEVICE, "%s: the kernels could not be built (%s): %.*s", cl->device.name,
             udm_opencl_problem(code), LOG_SHOWN, log ? log : "");
    free(log);
    return false;
}

static bool compile(udm_opencl_device *cl, const char *source, const char *options, udm_error *error)
{
    cl_int code;
    cl->program = clCreateProgramWithSource(cl->context, 1, &source, NULL, &code);
    if (cl->program)
        code = clBuildProgram(cl->program, 1, &cl->id, options, NULL, NULL);
    if (code == CL_SUCCESS && !make_kernels(cl))
        code = CL_INVALID_KERNEL_NAME;
    if (code == CL_SUCCESS && cl->sub_group && !udm_opencl_made_sub_groups(cl))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s made other sub-groups than those of %d", cl->device.name,
                        cl->sub_group);
    return code == CL_SUCCESS || fail_build(cl, code, error);
}

bool udm_opencl_build(udm_opencl_device *cl, const char *source, udm_error *error)
{
    char options[OPTIONS_ROOM];
    drop_program(cl);
    describe_options(cl, options);
    char *key = udm_opencl_key(cl, options, source);
    if (!key)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for the kernels of %s", cl->device.name);
    bool good = load(cl, key, options);
    if (!good) {
        good = compile(cl, source, options, error);
        if (good)
            save(cl, key);
        else
            drop_program(cl);
    }
    free(key);
    return good;
}

static bool event_time(cl_event event, cl_profiling_info what, cl_ulong *ns)
{
    return clWaitForEvents(1, &event) == CL_SUCCESS &&
           clGetEventProfilingInfo(event, what, sizeof *ns, ns, NULL) == CL_SUCCESS;
}

void udm_opencl_note_time(udm_opencl_device *cl, udm_cl_kernel command, cl_event first, cl_event last)
{
    cl_ulong start, end;
    if (event_time(last, CL_PROFILING_COMMAND_END, &end) && event_time(first, CL_PROFILING_COMMAND_START, &start)) {
        cl->times[command].runs++;
        cl->times[command].ms += (double)(end - start) * 1e-6;
    }
    clReleaseEvent(first);
    if (last != first)
        clReleaseEvent(last);
}

void udm_opencl_run(udm_opencl_device *cl, udm_cl_kernel kernel, const udm_cl_argument *arguments, int count,
                    const size_t global[2], const size_t local[2])
{
    if (cl->fault.code != UDM_OK)
        return;
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < count && code == CL_SUCCESS; i++)
        code = clSetKernelArg(cl->kernels[kernel], i, arguments[i].size, arguments[i].value);
    cl_event event = NULL;
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(cl->queue, cl->kernels[kernel], 2, NULL, global, local, 0, NULL,
                                      cl->profile ? &event : NULL);
    if (udm_opencl_check(cl, code, kernel_names[kernel]) && event)
        udm_opencl_note_time(cl, kernel, event, event);
}
