// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory of the process for tensors.
#include "backend/host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

udm_memory *udm_host_alloc(udm_device *device, size_t bytes, udm_error *error)
{
    // A convolution walks many rows at once: huge pages spare it the misses in the page table.
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : UDM_ALIGNMENT;
    size_t rounded;
    void *memory = NULL;
    if (bytes > 0 && !__builtin_add_overflow(bytes, alignment - 1, &rounded))
        memory = aligned_alloc(alignment, rounded & ~(alignment - 1));
    if (!memory) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for %zu bytes", bytes);
        return NULL;
    }
    if (alignment == HUGE_PAGE)
        madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 0, bytes);
    return memory;
}

void udm_host_free(udm_device *device, udm_memory *memory)
{
    free(memory);
}

void udm_host_clear(udm_device *device, udm_memory *memory, size_t bytes)
{
    memset(memory, 0, bytes);
}

bool udm_host_finish(udm_device *device, udm_error *error)
{
    return true;
}
