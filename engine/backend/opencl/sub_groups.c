// SPDX-License-Identifier: LGPL-2.1-or-later
// Which sub-groups a GPU offers, and which it is fastest with.
#include "backend/opencl/opencl.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CL/cl_ext.h>

#include "backend/trial.h"

// What is tried. The first is local memory, which all have.
static const struct tiles {
    int sub_group, pixels;
} tried[] = { { 0, 0 }, { 8, 8 }, { 16, 8 }, { 16, 16 }, { 32, 8 }, { 32, 16 } };

enum { TRIED = sizeof tried / sizeof tried[0], MAX_SIZES = 16, VENDOR_INTEL = 0x8086, CHOICE_ROOM = 32 };

int udm_opencl_version(const udm_opencl_device *cl)
{
    char text[128] = "";
    int major = 1, minor = 2;
    clGetDeviceInfo(cl->id, CL_DEVICE_VERSION, sizeof text - 1, text, NULL);
    sscanf(text, "OpenCL %d.%d", &major, &minor);
    return 10 * major + minor;
}

// By OpenCL 2.0 with an extension, or 2.1. Where the size cannot be asked for, any may be what the driver makes.
bool udm_opencl_offers(const udm_opencl_device *cl, int sub_group)
{
    if (udm_opencl_version(cl) < 20 ||
        !(udm_opencl_has(cl, "cl_khr_subgroups") || udm_opencl_has(cl, "cl_intel_subgroups")))
        return false;
    if (!udm_opencl_has(cl, "cl_intel_required_subgroup_size"))
        return true;
    size_t sizes[MAX_SIZES] = { 0 }, bytes = 0;
    clGetDeviceInfo(cl->id, CL_DEVICE_SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes);
    for (size_t i = 0; i < bytes / sizeof *sizes; i++)
        if (sizes[i] == (size_t)sub_group)
            return true;
    return false;
}

typedef cl_int(CL_API_CALL *ask_kernel)(cl_kernel kernel, cl_device_id id, cl_kernel_sub_group_info what, size_t given,
                                        const void *value, size_t room, void *answer, size_t *bytes);

bool udm_opencl_made_sub_groups(const udm_opencl_device *cl)
{
    cl_platform_id platform = NULL;
    const size_t local = LOCAL_ITEMS;
    size_t made = 0;
    clGetDeviceInfo(cl->id, CL_DEVICE_PLATFORM, sizeof platform, &platform, NULL);
    const ask_kernel ask = (ask_kernel)clGetExtensionFunctionAddressForPlatform(platform, "clGetKernelSubGroupInfoKHR");
    return ask &&
           ask(cl->kernels[UDM_CL_TILED], cl->id, CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE_KHR, sizeof local, &local,
               sizeof made, &made, NULL) == CL_SUCCESS &&
           made == (size_t)cl->sub_group;
}

static void take(udm_opencl_device *cl, const struct tiles *tiles)
{
    cl->sub_group = tiles->sub_group;
    cl->pixels = tiles->pixels;
}

// What is taken where nothing can be kept, as a search takes seconds.
static const struct tiles *usual(const udm_opencl_device *cl)
{
    static const struct tiles intel = { 16, UDM_CL_PIXELS };
    cl_uint vendor = 0;
    clGetDeviceInfo(cl->id, CL_DEVICE_VENDOR_ID, sizeof vendor, &vendor, NULL);
    return vendor == VENDOR_INTEL && udm_opencl_offers(cl, intel.sub_group) ? &intel : &tried[0];
}

static const struct tiles *search(udm_opencl_device *cl)
{
    const struct tiles *best = usual(cl);
    double least = 0;
    for (int i = 0; i < TRIED; i++) {
        take(cl, &tried[i]);
        if (tried[i].sub_group && !udm_opencl_offers(cl, tried[i].sub_group))
            continue;
        udm_error error = { 0 };
        const double seconds = udm_opencl_build(cl, udm_opencl_source(), &error) ? udm_seconds(&cl->device, &error) : 0;
        cl->fault.code = UDM_OK; // one of another's kernels
        if (error.code == UDM_OK && (least == 0 || seconds < least)) {
            best = &tried[i];
            least = seconds;
        }
    }
    return best;
}

static const struct tiles *find_tried(const char *choice, size_t bytes)
{
    char text[CHOICE_ROOM];
    for (int i = 0; i < TRIED; i++)
        if ((size_t)snprintf(text, sizeof text, "%d %d", tried[i].sub_group, tried[i].pixels) == bytes &&
            memcmp(text, choice, bytes) == 0)
            return &tried[i];
    return NULL;
}

void udm_opencl_choose_sub_group(udm_opencl_device *cl)
{
    bool any = false;
    for (int i = 1; i < TRIED; i++)
        any |= udm_opencl_offers(cl, tried[i].sub_group);
    char *key = any ? udm_opencl_key(cl, "sub-groups", udm_opencl_source()) : NULL, text[CHOICE_ROOM];
    take(cl, &tried[0]);
    if (!key)
        return;
    size_t bytes;
    unsigned char *kept = udm_opencl_cache_read(key, &bytes);
    const struct tiles *choice = kept ? find_tried((const char *)kept, bytes) : NULL;
    free(kept);
    if (!choice) {
        const bool keeps = udm_opencl_cache_path(key, (char[PATH_MAX]){ 0 }, PATH_MAX);
        choice = keeps ? search(cl) : usual(cl);
        snprintf(text, sizeof text, "%d %d", choice->sub_group, choice->pixels);
        udm_opencl_cache_write(key, (const unsigned char *)text, strlen(text));
    }
    take(cl, choice);
    free(key);
}
