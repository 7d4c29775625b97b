// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads safetensors: 8 bytes with the length n of the header (little endian), n bytes of JSON that give each tensor's
// type, shape and place, then the tensors, which fill the rest of the file without gap or overlap.
#include "model/weights.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/halves.h"
#include "model/file.h"
#include "model/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the tensors of a file are read as they are");

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER = 100 << 20, // the limit of the official reader
    MAX_NAME = 255,
};

typedef struct patch {
    size_t index; // of the tensor
    udm_patch what;
    float factor;
} patch;

struct udm_weights {
    char *path;
    const unsigned char *map;
    size_t map_size;
    const unsigned char *data; // the tensors, in the map
    size_t data_bytes;
    json_t *header; // keeps the names
    size_t count;
    udm_weight *list;  // sorted by name
    atomic_bool *read; // of each, whether it was
    patch *patches;
    size_t patch_count;
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

static bool read_place(const udm_weights *weights, udm_weight *weight, const json_t *offsets)
{
    size_t begin, end;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !to_size(json_array_get(offsets, 0), weights->data_bytes, &begin) ||
        !to_size(json_array_get(offsets, 1), weights->data_bytes, &end) || begin > end)
        return false;
    weight->data = weights->data + begin;
    weight->bytes = end - begin;
    return true;
}

static bool read_entry(const udm_weights *weights, udm_weight *weight, const json_t *entry, udm_error *error)
{
    const char *fault = NULL, *type = json_string_value(json_object_get(entry, "dtype"));
    const struct dtype *dtype = type ? find_dtype(type) : NULL;
    size_t bits;
    if (strlen(weight->name) > MAX_NAME)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: a tensor has a name of %zu bytes", weights->path,
                        strlen(weight->name));
    if (type && !dtype)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: tensor \"%s\" has an unknown dtype: %s", weights->path,
                        weight->name, type);
    if (!dtype)
        fault = "no dtype";
    else if (!read_shape(weight, json_object_get(entry, "shape")))
        fault = "no valid shape";
    else if (!read_place(weights, weight, json_object_get(entry, "data_offsets")))
        fault = "no data_offsets within the file (is it truncated?)";
    else if (__builtin_mul_overflow(weight->elements, (size_t)dtype->bits, &bits) || bits % 8 != 0 ||
             bits / 8 != weight->bytes)
        fault = "data_offsets that do not fit its shape";
    if (fault)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: tensor \"%s\" has %s", weights->path, weight->name, fault);
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

static int by_name(const void *a, const void *b)
{
    return strcmp(((const udm_weight *)a)->name, ((const udm_weight *)b)->name);
}

// The tensors must lie one after the other up to the end: a gap could hide something, an overlap is never meant.
static bool check_places(udm_weights *weights, udm_error *error)
{
    const unsigned char *next = weights->data;
    if (weights->count > 0)
        qsort(weights->list, weights->count, sizeof *weights->list, by_place);
    for (size_t i = 0; i < weights->count; i++) {
        const udm_weight *weight = &weights->list[i];
        if (weight->data != next)
            return udm_fail(error, UDM_ERROR_CORRUPT, "%s: tensor \"%s\" %s the one before it", weights->path,
                            weight->name,
                            (const unsigned char *)weight->data < next ? "overlaps" : "leaves a gap after");
        next += weight->bytes;
    }
    size_t rest = (size_t)(weights->data + weights->data_bytes - next);
    if (rest > 0)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: %zu bytes at its end belong to no tensor", weights->path, rest);
    return true;
}

static bool read_entries(udm_weights *weights, udm_error *error)
{
    weights->list = calloc(json_object_size(weights->header) + 1, sizeof *weights->list);
    weights->read = calloc(json_object_size(weights->header) + 1, sizeof *weights->read);
    if (!weights->list || !weights->read)
        return udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for its list of tensors", weights->path);
    const char *name;
    json_t *entry;
    json_object_foreach(weights->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        udm_weight *weight = &weights->list[weights->count++];
        weight->name = name;
        if (!read_entry(weights, weight, entry, error))
            return false;
    }
    if (!check_places(weights, error))
        return false;
    if (weights->count > 0)
        qsort(weights->list, weights->count, sizeof *weights->list, by_name);
    return true;
}

// The file's first 8 bytes, which say where the tensors begin.
static bool read_length(udm_weights *weights, udm_error *error)
{
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)weights->map[i] << (8 * i);
    if (length > MAX_HEADER || length > weights->map_size - LENGTH_BYTES)
        return udm_fail(error, UDM_ERROR_CORRUPT,
                        "%s: the file is truncated, or not safetensors: a header of %llu bytes", weights->path,
                        (unsigned long long)length);
    weights->data = weights->map + LENGTH_BYTES + length;
    weights->data_bytes = weights->map_size - LENGTH_BYTES - (size_t)length;
    return true;
}

static bool read_header(udm_weights *weights, udm_error *error)
{
    if (!read_length(weights, error))
        return false;
    const char *text = (const char *)weights->map + LENGTH_BYTES;
    size_t length = (size_t)((const char *)weights->data - text);
    if (length == 0 || text[0] != '{')
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: this is not safetensors: its header is not a JSON object",
                        weights->path);
    weights->header = udm_json_parse(weights->path, "its header", text, length, 0, error);
    return weights->header && read_entries(weights, error);
}

static bool map_file(udm_weights *weights, udm_error *error)
{
    int fd = udm_file_open(weights->path, &weights->map_size, error);
    if (fd < 0)
        return false;
    if (weights->map_size < LENGTH_BYTES) {
        close(fd);
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: the file is empty or truncated: %zu bytes", weights->path,
                        weights->map_size);
    }
    void *map = mmap(NULL, weights->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return udm_fail(error, UDM_ERROR_UNREADABLE, "%s: it cannot be mapped: %s", weights->path, strerror(errno));
    weights->map = map;
    return true;
}

udm_weights *udm_weights_open(const char *path, udm_error *error)
{
    udm_weights *weights = calloc(1, sizeof *weights);
    if (!weights || !(weights->path = strdup(path)))
        udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for it", path);
    else if (map_file(weights, error) && read_header(weights, error))
        return weights;
    udm_weights_free(weights);
    return NULL;
}

void udm_weights_free(udm_weights *weights)
{
    if (!weights)
        return;
    free(weights->list);
    free(weights->read);
    free(weights->patches);
    json_decref(weights->header);
    if (weights->map)
        munmap((void *)weights->map, weights->map_size);
    free(weights->path);
    free(weights);
}

const char *udm_weights_path(const udm_weights *weights)
{
    return weights->path;
}

size_t udm_weights_count(const udm_weights *weights)
{
    return weights->count;
}

int64_t udm_weights_total(const udm_weights *weights)
{
    int64_t total = 0;
    for (size_t i = 0; i < weights->count; i++)
        total += (int64_t)weights->list[i].elements;
    return total;
}

const udm_weight *udm_weights_at(const udm_weights *weights, size_t index)
{
    return &weights->list[index];
}

const udm_weight *udm_weights_find(const udm_weights *weights, const char *name)
{
    udm_weight key = { .name = name };
    return bsearch(&key, weights->list, weights->count, sizeof key, by_name);
}

static void convert(const udm_weight *weight, float *out)
{
    const unsigned char *data = weight->data;
    if (weight->dtype == UDM_F32) {
        memcpy(out, data, weight->bytes);
        return;
    }
    for (size_t i = 0; i < weight->elements; i++) {
        uint16_t half;
        memcpy(&half, data + 2 * i, sizeof half);
        out[i] = udm_half_to_float(weight->dtype == UDM_F16 ? UDM_FLOAT16 : UDM_BFLOAT16, half);
    }
}

// The pages of the file that hold nothing but this tensor need not stay: a device has packed its weights by the time
// that they would be read again.
static void release(const udm_weight *weight)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)weight->data;
    const uintptr_t first = (begin + page - 1) / page * page, end = (begin + weight->bytes) / page * page;
    if (end > first)
        madvise((void *)first, end - first, MADV_DONTNEED);
}

// "[64, 3, 3, 3]"
static const char *shape_text(char text[128], int dims, const int64_t *shape)
{
    int used = snprintf(text, 128, "[");
    for (int i = 0; i < dims && i < UDM_MAX_DIMS; i++)
        used += snprintf(text + used, 128 - (size_t)used, i ? ", %lld" : "%lld", (long long)shape[i]);
    snprintf(text + used, 128 - (size_t)used, dims > UDM_MAX_DIMS ? ", ...]" : "]");
    return text;
}

static bool has_shape(const udm_weight *weight, int dims, const int64_t *shape)
{
    for (int i = 0; i < dims && i < UDM_MAX_DIMS; i++)
        if (weight->shape[i] != shape[i])
            return false;
    return weight->dims == dims;
}

// The matrix product, row by row; scratch: [rank, columns], then [rows, rank].
static void add_patch(const patch *p, size_t rows, size_t columns, float *scratch, float *out)
{
    const size_t rank = p->what.rank;
    float *down = scratch, *up = scratch + rank * columns;
    convert(p->what.down, down);
    convert(p->what.up, up);
    for (size_t r = 0; r < rows; r++, out += columns)
        for (size_t k = 0; k < rank; k++) {
            const float factor = p->factor * up[r * rank + k], *from = down + k * columns;
            for (size_t c = 0; c < columns; c++)
                out[c] += factor * from[c];
        }
}

static bool add_patches(const udm_weights *weights, size_t index, float *out, udm_error *error)
{
    const udm_weight *weight = &weights->list[index];
    for (size_t i = 0; i < weights->patch_count; i++) {
        const patch *p = &weights->patches[i];
        if (p->index != index)
            continue;
        const size_t rows = (size_t)weight->shape[0], columns = weight->elements / rows;
        float *scratch = malloc((columns + rows) * p->what.rank * sizeof *scratch);
        if (!scratch)
            return udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for tensor \"%s\"", weights->path, weight->name);
        add_patch(p, rows, columns, scratch, out);
        free(scratch);
    }
    return true;
}

bool udm_weights_patch(udm_weights *weights, size_t index, udm_patch what, double factor, udm_error *error)
{
    const udm_weight *const halves[] = { what.down, what.up };
    for (int i = 0; i < 2; i++)
        if (halves[i]->dtype == UDM_OTHER_DTYPE)
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: tensor \"%s\" must be F32, F16 or BF16", what.from->path,
                            halves[i]->name);
    patch *patches = realloc(weights->patches, (weights->patch_count + 1) * sizeof *patches);
    if (!patches)
        return udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for what changes it", weights->path);
    weights->patches = patches;
    patches[weights->patch_count++] = (patch){ index, what, (float)factor };
    return true;
}

void udm_weights_unpatch(udm_weights *weights, const udm_weights *from)
{
    size_t kept = 0;
    for (size_t i = 0; i < weights->patch_count; i++)
        if (weights->patches[i].what.from != from)
            weights->patches[kept++] = weights->patches[i];
    weights->patch_count = kept;
}

const char *udm_weights_note(const udm_weights *weights, const char *key)
{
    return json_string_value(json_object_get(json_object_get(weights->header, "__metadata__"), key));
}

const udm_weight *udm_weights_require(const udm_weights *weights, const char *name, int dims, const int64_t *shape,
                                      udm_error *error)
{
    const udm_weight *weight = udm_weights_find(weights, name);
    char expected[128], found[128];
    if (weight && has_shape(weight, dims, shape) && weight->dtype != UDM_OTHER_DTYPE)
        return weight;
    if (!weight)
        udm_fail(error, UDM_ERROR_CORRUPT, "%s: there is no tensor \"%s\" %s, which the config requires", weights->path,
                 name, shape_text(expected, dims, shape));
    else if (!has_shape(weight, dims, shape))
        udm_fail(error, UDM_ERROR_CORRUPT, "%s: tensor \"%s\" is %s, but the config requires %s", weights->path, name,
                 shape_text(found, weight->dims, weight->shape), shape_text(expected, dims, shape));
    else
        udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: tensor \"%s\" must be F32, F16 or BF16", weights->path, name);
    return NULL;
}

bool udm_weights_is_patched(const udm_weights *weights, const udm_weight *weight)
{
    for (size_t i = 0; i < weights->patch_count; i++)
        if (&weights->list[weights->patches[i].index] == weight)
            return true;
    return false;
}

void udm_weights_done(const udm_weights *weights, const udm_weight *weight)
{
    release(weight);
    atomic_store_explicit(&weights->read[weight - weights->list], true, memory_order_relaxed);
}

float *udm_weights_read(const udm_weights *weights, const char *name, int dims, const int64_t *shape, udm_error *error)
{
    const udm_weight *weight = udm_weights_require(weights, name, dims, shape, error);
    if (!weight)
        return NULL;
    size_t bytes;
    float *out = __builtin_mul_overflow(weight->elements, sizeof *out, &bytes) ? NULL : malloc(bytes ? bytes : 1);
    if (!out) {
        udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for tensor \"%s\"", weights->path, name);
        return NULL;
    }
    convert(weight, out);
    udm_weights_done(weights, weight);
    if (!add_patches(weights, (size_t)(weight - weights->list), out, error)) {
        free(out);
        return NULL;
    }
    return out;
}

bool udm_weights_was_read(const udm_weights *weights, size_t index)
{
    return atomic_load_explicit(&weights->read[index], memory_order_relaxed);
}

bool udm_weights_all_read(const udm_weights *weights, udm_error *error)
{
    for (size_t i = 0; i < weights->count; i++)
        if (weights->list[i].dtype != UDM_OTHER_DTYPE && !udm_weights_was_read(weights, i))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                            "%s: nothing in the config says what to do with the tensor \"%s\"", weights->path,
                            weights->list[i].name);
    return true;
}
