// SPDX-License-Identifier: LGPL-2.1-or-later
// What times.h asks of a device, and what it can multiply and move, measured on demand.
#include <float.h>

#include "backend/opencl/opencl.h"
#include "backend/times.h"

enum { PEAK_TURNS = 5, PEAK_STEPS = 4096, PEAK_GROUPS = 256, PEAK_LANES = 16, MEMORY_BYTES = 96 << 20 };

// Of all that was done so far: each command is waited for where they are timed.
static double now_ms(const udm_device *device)
{
    const udm_opencl_device *cl = (const udm_opencl_device *)device;
    double ms = 0;
    for (int k = 0; k < UDM_CL_COMMANDS; k++)
        ms += cl->times[k].ms;
    return ms;
}

const udm_clock udm_opencl_clock = { now_ms, udm_opencl_conv_work };

// The best of some turns; it is not among what the device did.
static bool best_of(udm_opencl_device *cl, bool (*run)(udm_opencl_device *cl, cl_mem memory[2]), cl_mem memory[2],
                    udm_timing *best)
{
    const udm_cl_time before = cl->times[UDM_CL_PEAK];
    bool good = true;
    best->runs = 1;
    best->ms = DBL_MAX;
    for (int i = 0; i < PEAK_TURNS && good; i++) {
        cl->times[UDM_CL_PEAK].ms = 0;
        good = run(cl, memory) && cl->times[UDM_CL_PEAK].ms > 0;
        best->ms = good && cl->times[UDM_CL_PEAK].ms < best->ms ? cl->times[UDM_CL_PEAK].ms : best->ms;
    }
    cl->times[UDM_CL_PEAK] = before;
    return good;
}

static size_t peak_items(const udm_opencl_device *cl)
{
    return udm_opencl_work_items(cl, (size_t)PEAK_GROUPS * LOCAL_ITEMS * cl->workers);
}

static bool multiply(udm_opencl_device *cl, cl_mem memory[2])
{
    const cl_int steps = cl->lanes ? PEAK_STEPS * PEAK_GROUPS : PEAK_STEPS;
    const udm_cl_argument arguments[] = { UDM_CL_ARGUMENT(steps), UDM_CL_ARGUMENT(memory[0]) };
    udm_opencl_run_items(cl, UDM_CL_PEAK, arguments, UDM_CL_COUNT(arguments), peak_items(cl));
    return cl->fault.code == UDM_OK;
}

static bool copy(udm_opencl_device *cl, cl_mem memory[2])
{
    cl_event event = NULL;
    if (clEnqueueCopyBuffer(cl->queue, memory[0], memory[1], 0, 0, MEMORY_BYTES, 0, NULL, &event) != CL_SUCCESS)
        return false;
    udm_opencl_note_time(cl, UDM_CL_PEAK, event, event);
    return true;
}

static void find_peaks(udm_opencl_device *cl, udm_timed found, void *context)
{
    cl_mem memory[2] = { NULL };
    udm_timing peak = { 0 };
    for (int i = 0; i < 2; i++)
        memory[i] = clCreateBuffer(cl->context, CL_MEM_READ_WRITE, MEMORY_BYTES, NULL, NULL);
    const bool items_fit = peak_items(cl) * sizeof(float) <= MEMORY_BYTES;
    if (memory[0] && items_fit && best_of(cl, multiply, memory, &peak)) {
        const double steps = cl->lanes ? (double)PEAK_STEPS * PEAK_GROUPS : PEAK_STEPS;
        peak.flops = 2. * PEAK_LANES * PEAK_SUMS * steps * peak_items(cl);
        found(context, UDM_PEAK_PRODUCTS, &peak);
    }
    peak = (udm_timing){ .bytes = 2. * MEMORY_BYTES };
    if (memory[0] && memory[1] && best_of(cl, copy, memory, &peak))
        found(context, UDM_PEAK_MEMORY, &peak);
    for (int i = 0; i < 2; i++)
        if (memory[i])
            clReleaseMemObject(memory[i]);
}

void udm_opencl_profile(const udm_device *device, udm_timed found, void *context)
{
    udm_opencl_device *cl = (udm_opencl_device *)device;
    static const struct {
        const char *name;
        udm_cl_kernel of;
    } transfers[] = { { "upload", UDM_CL_UPLOAD }, { "download", UDM_CL_DOWNLOAD } };
    if (!device->times)
        return;
    find_peaks(cl, found, context);
    udm_times_list(device->times, found, context);
    for (int i = 0; i < 2; i++)
        if (cl->times[transfers[i].of].runs > 0)
            found(context, transfers[i].name,
                  &(udm_timing){ .runs = cl->times[transfers[i].of].runs, .ms = cl->times[transfers[i].of].ms });
}
