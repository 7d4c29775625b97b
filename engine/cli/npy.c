// SPDX-License-Identifier: LGPL-2.1-or-later
// The .npy format: a magic, the length of a header, the header (a Python literal), the numbers.
#include "cli/npy.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX = 10, MAX_HEADER = 65535 };

static const char magic[8] = { (char)0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0 };

// "(1, 3, 24, 32)" after 'shape': in the header. False if it is not there or does not fit.
static bool parse_shape(const char *header, npy *array)
{
    const char *at = strstr(header, "'shape':");
    at = at ? strchr(at, '(') : NULL;
    if (!at)
        return false;
    array->dims = 0, array->elements = 1;
    for (at++; *at && *at != ')';) {
        char *end;
        unsigned long long size = strtoull(at, &end, 10);
        if (end == at || array->dims == NPY_MAX_DIMS || __builtin_mul_overflow(array->elements, size, &array->elements))
            return false;
        array->shape[array->dims++] = size;
        at = end + strspn(end, ", ");
    }
    return *at == ')' && array->elements > 0 && array->elements <= SIZE_MAX / sizeof(float);
}

static bool read_file(FILE *file, npy *array, const char **why)
{
    unsigned char prefix[PREFIX];
    static char header[MAX_HEADER + 1];
    *why = "it is not a .npy file of format 1.0";
    if (fread(prefix, 1, PREFIX, file) != PREFIX || memcmp(prefix, magic, sizeof magic) != 0)
        return false;
    size_t length = prefix[8] | prefix[9] << 8;
    if (fread(header, 1, length, file) != length)
        return false;
    header[length] = 0;
    *why = "its numbers are not little endian float32 in C order";
    if (!strstr(header, "'<f4'") || strstr(header, "'fortran_order': True") || !parse_shape(header, array))
        return false;
    array->data = malloc(array->elements * sizeof(float));
    *why = "out of memory";
    if (!array->data)
        return false;
    *why = "it is truncated";
    return fread(array->data, sizeof(float), array->elements, file) == array->elements;
}

bool npy_read(const char *path, npy *array, const char **why)
{
    *array = (npy){ 0 };
    FILE *file = fopen(path, "rb");
    if (!file) {
        *why = "it cannot be opened";
        return false;
    }
    bool good = read_file(file, array, why);
    fclose(file);
    if (!good) {
        free(array->data);
        array->data = NULL;
    }
    return good;
}

FILE *npy_begin(const char *path, const npy *array, const char **why)
{
    char header[512];
    int n = snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < array->dims; i++)
        n += snprintf(header + n, sizeof header - n, "%zu,%s", array->shape[i], i + 1 < array->dims ? " " : "");
    n += snprintf(header + n, sizeof header - n, "), }");
    while ((PREFIX + n + 1) % 64)
        header[n++] = ' ';
    header[n++] = '\n';
    const unsigned char length[2] = { n & 255, n >> 8 };
    *why = "it cannot be written";
    FILE *file = fopen(path, "wb");
    if (!file || (fwrite(magic, 1, sizeof magic, file) == sizeof magic && fwrite(length, 1, 2, file) == 2 &&
                  fwrite(header, 1, n, file) == (size_t)n))
        return file;
    fclose(file);
    return NULL;
}

bool npy_write(const char *path, const npy *array, const char **why)
{
    FILE *file = npy_begin(path, array, why);
    if (!file)
        return false;
    const bool good = fwrite(array->data, sizeof(float), array->elements, file) == array->elements;
    return fclose(file) == 0 && good;
}
