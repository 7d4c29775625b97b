// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads safetensors: 8 bytes with the length n of the header (little endian), n bytes of JSON that give each tensor's
// type, shape and place, then the tensors, which fill the rest of the file without gap or overlap.
#include "model/safetensors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/file.h"
#include "model/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the tensors of a file are read as they are");

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER = 100 << 20, // the limit of the official reader
    MAX_NAME = 255,
};

static const struct dtype {
    const char *name;
    int bits;
    udm_dtype type;
} dtypes[] = {
    { "F32", 32, UDM_F32 },
    { "F16", 16, UDM_F16 },
    { "BF16", 16, UDM_BF16 },
    { "F64", 64, UDM_OTHER_DTYPE },
    { "C64", 64, UDM_OTHER_DTYPE },
    { "I64", 64, UDM_OTHER_DTYPE },
    { "U64", 64, UDM_OTHER_DTYPE },
    { "I32", 32, UDM_OTHER_DTYPE },
    { "U32", 32, UDM_OTHER_DTYPE },
    { "I16", 16, UDM_OTHER_DTYPE },
    { "U16", 16, UDM_OTHER_DTYPE },
    { "I8", 8, UDM_OTHER_DTYPE },
    { "U8", 8, UDM_OTHER_DTYPE },
    { "BOOL", 8, UDM_OTHER_DTYPE },
    { "F8_E4M3", 8, UDM_OTHER_DTYPE },
    { "F8_E5M2", 8, UDM_OTHER_DTYPE },
    { "F8_E8M0", 8, UDM_OTHER_DTYPE },
    { "F6_E2M3", 6, UDM_OTHER_DTYPE },
    { "F6_E3M2", 6, UDM_OTHER_DTYPE },
    { "F4", 4, UDM_OTHER_DTYPE },
};

static const struct dtype *find_dtype(const char *name)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return &dtypes[i];
    return NULL;
}

// A JSON integer that is no negative number and no more than `most`.
static bool to_size(const json_t *json, size_t most, size_t *size)
{
    json_int_t value = json_is_integer(json) ? json_integer_value(json) : -1;
    if (value < 0 || (uint64_t)value > most)
        return false;
    *size = (size_t)value;
    return true;
}

static bool read_shape(udm_weight *weight, const json_t *shape)
{
    if (!json_is_array(shape) || json_array_size(shape) > 64)
        return false;
    weight->dims = (int)json_array_size(shape);
    weight->elements = 1;
    for (int i = 0; i < weight->dims; i++) {
        size_t side;
        if (!to_size(json_array_get(shape, (size_t)i), INT64_MAX, &side) ||
            __builtin_mul_overflow(weight->elements, side, &weight->elements))
            return false;
        if (i < UDM_MAX_DIMS)
            weight->shape[i] = (int64_t)side;
    }
    return true;
}

static bool read_place(const udm_safetensors *file, udm_weight *weight, const json_t *offsets)
{
    size_t begin, end;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !to_size(json_array_get(offsets, 0), file->data_bytes, &begin) ||
        !to_size(json_array_get(offsets, 1), file->data_bytes, &end) || begin > end)
        return false;
    weight->data = file->data + begin;
    weight->bytes = end - begin;
    return true;
}

static bool read_entry(const udm_safetensors *file, udm_weight *weight, const json_t *entry, udm_error *error)
{
    const char *fault = NULL, *type = json_string_value(json_object_get(entry, "dtype"));
    const struct dtype *dtype = type ? find_dtype(type) : NULL;
    size_t bits;
    if (strlen(weight->name) > MAX_NAME)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: a tensor has a name of %zu bytes", file->path,
                        strlen(weight->name));
    if (type && !dtype)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: tensor \"%s\" has an unknown dtype: %s", file->path,
                        weight->name, type);
    if (!dtype)
        fault = "no dtype";
    else if (!read_shape(weight, json_object_get(entry, "shape")))
        fault = "no valid shape";
    else if (!read_place(file, weight, json_object_get(entry, "data_offsets")))
        fault = "no data_offsets within the file (is it truncated?)";
    else if (__builtin_mul_overflow(weight->elements, (size_t)dtype->bits, &bits) || bits % 8 != 0 ||
             bits / 8 != weight->bytes)
        fault = "data_offsets that do not fit its shape";
    if (fault)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: tensor \"%s\" has %s", file->path, weight->name, fault);
    weight->dtype = dtype->type;
    return true;
}

static int by_place(const void *a, const void *b)
{
    const udm_weight *x = a, *y = b;
    if (x->data != y->data)
        return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

// The tensors must lie one after the other up to the end: a gap could hide something, an overlap is never meant.
static bool check_places(udm_safetensors *file, udm_error *error)
{
    const unsigned char *next = file->data;
    if (file->count > 0)
        qsort(file->list, file->count, sizeof *file->list, by_place);
    for (size_t i = 0; i < file->count; i++) {
        const udm_weight *weight = &file->list[i];
        if (weight->data != next)
            return udm_fail(error, UDM_ERROR_CORRUPT, "%s: tensor \"%s\" %s the one before it", file->path,
                            weight->name,
                            (const unsigned char *)weight->data < next ? "overlaps" : "leaves a gap after");
        next += weight->bytes;
    }
    size_t rest = (size_t)(file->data + file->data_bytes - next);
    if (rest > 0)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: %zu bytes at its end belong to no tensor", file->path, rest);
    return true;
}

static bool read_entries(udm_safetensors *file, udm_error *error)
{
    file->list = calloc(json_object_size(file->header) + 1, sizeof *file->list);
    if (!file->list)
        return udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for its list of tensors", file->path);
    const char *name;
    json_t *entry;
    json_object_foreach(file->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        udm_weight *weight = &file->list[file->count++];
        weight->name = name;
        if (!read_entry(file, weight, entry, error))
            return false;
    }
    return check_places(file, error);
}

// The file's first 8 bytes, which say where the tensors begin.
static bool read_length(udm_safetensors *file, udm_error *error)
{
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)file->map[i] << (8 * i);
    if (length > MAX_HEADER || length > file->map_size - LENGTH_BYTES)
        return udm_fail(error, UDM_ERROR_CORRUPT,
                        "%s: the file is truncated, or not safetensors: a header of %llu bytes", file->path,
                        (unsigned long long)length);
    file->data = file->map + LENGTH_BYTES + length;
    file->data_bytes = file->map_size - LENGTH_BYTES - (size_t)length;
    return true;
}

static bool read_header(udm_safetensors *file, udm_error *error)
{
    if (!read_length(file, error))
        return false;
    const char *text = (const char *)file->map + LENGTH_BYTES;
    size_t length = (size_t)((const char *)file->data - text);
    if (length == 0 || text[0] != '{')
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: this is not safetensors: its header is not a JSON object",
                        file->path);
    file->header = udm_json_parse(file->path, "its header", text, length, 0, error);
    return file->header && read_entries(file, error);
}

static bool map_file(udm_safetensors *file, udm_error *error)
{
    int fd = udm_file_open(file->path, &file->map_size, error);
    if (fd < 0)
        return false;
    if (file->map_size < LENGTH_BYTES) {
        close(fd);
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: the file is empty or truncated: %zu bytes", file->path,
                        file->map_size);
    }
    void *map = mmap(NULL, file->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return udm_fail(error, UDM_ERROR_UNREADABLE, "%s: it cannot be mapped: %s", file->path, strerror(errno));
    file->map = map;
    return true;
}

bool udm_safetensors_open(udm_safetensors *file, const char *path, udm_error *error)
{
    *file = (udm_safetensors){ .path = strdup(path) };
    if (!file->path)
        udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for it", path);
    else if (map_file(file, error) && read_header(file, error))
        return true;
    udm_safetensors_close(file);
    return false;
}

void udm_safetensors_close(udm_safetensors *file)
{
    free(file->list);
    json_decref(file->header);
    if (file->map)
        munmap((void *)file->map, file->map_size);
    free(file->path);
    *file = (udm_safetensors){ 0 };
}
