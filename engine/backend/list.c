// SPDX-License-Identifier: LGPL-2.1-or-later
// The backends there are. A file of its own, so that a test can have others.
#include "backend/backend.h"

#include <stddef.h>

#include "backend/cpu/cpu.h"
#include "backend/reference/reference.h"
#ifdef UDM_OPENCL
#include "backend/opencl/opencl.h"
#endif

const udm_backend *const udm_backends[] = {
    &udm_backend_cpu,
#ifdef UDM_OPENCL
    &udm_backend_opencl,
#endif
    &udm_backend_reference,
    NULL,
};
