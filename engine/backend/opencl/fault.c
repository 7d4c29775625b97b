// SPDX-License-Identifier: LGPL-2.1-or-later
// Errors of OpenCL in words.
#include "backend/opencl/opencl.h"

const char *udm_opencl_problem(cl_int code)
{
    switch (code) {
    case CL_OUT_OF_RESOURCES:
        return "out of resources, or the device was lost";
    case CL_OUT_OF_HOST_MEMORY:
        return "out of memory";
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_INVALID_BUFFER_SIZE:
        return "out of memory on the device";
    case CL_DEVICE_NOT_AVAILABLE:
        return "the device is not available";
    case CL_COMPILER_NOT_AVAILABLE:
        return "the driver has no compiler";
    case CL_BUILD_PROGRAM_FAILURE:
        return "the compiler refused them";
    case CL_INVALID_KERNEL_NAME:
        return "a kernel is missing";
    case CL_INVALID_MEM_OBJECT:
        return "a buffer is not valid";
    default:
        return "the driver reports an error";
    }
}

bool udm_opencl_check(udm_opencl_device *cl, cl_int code, const char *what)
{
    if (code != CL_SUCCESS && cl->fault.code == UDM_OK)
        udm_fail(&cl->fault, UDM_ERROR_DEVICE, "%s failed in \"%s\": %s (%d)", cl->device.name, what,
                 udm_opencl_problem(code), code);
    return code == CL_SUCCESS;
}
