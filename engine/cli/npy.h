// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads and writes float32 arrays as NumPy's .npy files (format 1.0, C order, little endian).
#ifndef UDM_CLI_NPY_H
#define UDM_CLI_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { NPY_MAX_DIMS = 8 };

typedef struct npy {
    int dims;
    size_t shape[NPY_MAX_DIMS];
    size_t elements;
    float *data; // free() it
} npy;

// False, with a reason in *why, if the file is not one of those.
bool npy_read(const char *path, npy *array, const char **why);
bool npy_write(const char *path, const npy *array, const char **why);

// A file that is written up to its numbers, which the caller writes; NULL with *why.
FILE *npy_begin(const char *path, const npy *array, const char **why);

#endif
