// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory of the process for tensors.
#include "backend/host.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

// From calloc(), which gets large blocks from the kernel as zeros that cost nothing until they are touched. Where such
// a block begins stands just before what is returned.
udm_memory *udm_host_alloc(udm_device *device, size_t bytes, udm_error *error)
{
    // A convolution walks many rows at once: huge pages spare it the misses in the page table.
    const size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : UDM_ALIGNMENT;
    size_t room;
    char *block = NULL;
    if (bytes > 0 && !__builtin_add_overflow(bytes, alignment + sizeof(void *), &room))
        block = calloc(1, room);
    if (!block) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for %zu bytes", bytes);
        return NULL;
    }
    char *memory = block + sizeof(void *);
    memory += -(uintptr_t)memory % alignment;
    memcpy(memory - sizeof(void *), &block, sizeof(void *));
    if (alignment == HUGE_PAGE)
        madvise(memory, bytes, MADV_HUGEPAGE);
    return (udm_memory *)memory;
}

void udm_host_free(udm_device *device, udm_memory *memory)
{
    void *block;
    if (!memory)
        return;
    memcpy(&block, (char *)memory - sizeof(void *), sizeof(void *));
    free(block);
}

void udm_host_clear(udm_device *device, udm_memory *memory, size_t bytes)
{
    memset(memory, 0, bytes);
}

bool udm_host_finish(udm_device *device, udm_error *error)
{
    return true;
}

void udm_host_profile(const udm_device *device, udm_timed found, void *context)
{
    (void)device, (void)found, (void)context;
}
