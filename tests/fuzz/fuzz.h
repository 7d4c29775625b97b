// SPDX-License-Identifier: LGPL-2.1-or-later
// What the fuzzers share. Each is a libFuzzer entry point:
//     clang -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iengine tests/fuzz/fuzz_weights.c engine/base/error.c
//         engine/model/weights.c engine/model/file.c -ljansson -o fuzz_weights
//     mkdir corpus && ./fuzz_weights corpus tests/fuzz/seeds
// and linked with main.c it is a test that runs for a few seconds with any compiler.
#ifndef UDM_TESTS_FUZZ_H
#define UDM_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

// A file in memory with these bytes, for code that opens files by name. Close it with close(*fd).
static inline void fuzz_file(const uint8_t *bytes, size_t size, int *fd, char path[64])
{
    *fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (*fd < 0 || (size > 0 && write(*fd, bytes, size) != (ssize_t)size)) {
        perror("memfd");
        exit(1);
    }
    snprintf(path, 64, "/proc/self/fd/%d", *fd);
}

#endif
