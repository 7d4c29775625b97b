// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests that need a device of OpenCL.
#ifndef UDM_TESTS_NEEDS_OPENCL_H
#define UDM_TESTS_NEEDS_OPENCL_H

#include "backend/backend.h"
#include "testing.h"

// True, and a skip, where there is none.
static inline bool lacks_opencl(void)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("opencl", 1, &error);
    const bool lacks = !device && error.code == UDM_ERROR_NOT_FOUND;
    if (lacks)
        test_skip("%s", error.message);
    udm_device_close(device);
    return lacks;
}

#endif
