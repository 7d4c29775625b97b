// SPDX-License-Identifier: LGPL-2.1-or-later
// Weights that do not stay in memory: packed ones lie in a file without a name, in TMPDIR or /var/tmp, and are mapped.
// What a convolution has read leaves the process after it; the kernel keeps it in its cache while there is room.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/cpu/cpu.h"

static int open_file(void)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    folder = folder && *folder ? folder : "/var/tmp";
    int file = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0 || snprintf(path, sizeof path, "%s/udm-weights-XXXXXX", folder) >= (int)sizeof path)
        return file;
    file = mkostemp(path, O_CLOEXEC); // of file systems that cannot do that
    if (file >= 0)
        unlink(path);
    return file;
}

bool udm_cpu_wants_paging(const udm_cpu_device *cpu, size_t bytes)
{
    const size_t limit = cpu->device.weights_limit;
    return limit > 0 && (cpu->resident >= limit || bytes > limit - cpu->resident);
}

void *udm_cpu_page(udm_cpu_device *cpu, size_t bytes, size_t *paged)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
    if (cpu->paged == 0 && (cpu->file = open_file()) < 0)
        return NULL;
    void *map = posix_fallocate(cpu->file, (off_t)cpu->file_bytes, (off_t)room) == 0
                    ? mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->file, (off_t)cpu->file_bytes)
                    : MAP_FAILED;
    if (map == MAP_FAILED) {
        if (cpu->paged == 0)
            close(cpu->file);
        return NULL;
    }
    cpu->file_bytes += room;
    cpu->paged++;
    *paged = room;
    return map;
}

void udm_cpu_unpage(udm_cpu_device *cpu, void *memory, size_t paged)
{
    munmap(memory, paged);
    if (--cpu->paged > 0)
        return;
    close(cpu->file);
    cpu->file_bytes = 0;
}

void udm_cpu_page_in(const udm_conv_weights *weights)
{
#ifdef MADV_POPULATE_READ
    if (weights->paged > 0)
        madvise(weights->values, weights->paged, MADV_POPULATE_READ); // at once; otherwise one by one
#endif
}

void udm_cpu_page_out(const udm_conv_weights *weights)
{
    if (weights->paged > 0)
        madvise(weights->values, weights->paged, MADV_DONTNEED);
}
