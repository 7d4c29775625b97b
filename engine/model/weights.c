// SPDX-License-Identifier: LGPL-2.1-or-later
// The tensors of one safetensors file, or of several that an index names.
#include "model/weights.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/halves.h"
#include "model/file.h"
#include "model/json.h"
#include "model/safetensors.h"

enum { MAX_SHARDS = 4096, MAX_INDEX = 100 << 20 };

typedef struct patch {
    size_t index; // of the tensor
    udm_patch what;
    float factor;
} patch;

struct udm_weights {
    char *path;
    udm_safetensors *files;
    size_t file_count;
    size_t count;
    udm_weight *list;  // of all files, sorted by name
    atomic_bool *read; // of each, whether it was
    patch *patches;
    size_t patch_count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const udm_weight *)a)->name, ((const udm_weight *)b)->name);
}

// Adds a file; its tensors are listed when all were added.
static bool add_file(udm_weights *weights, const char *path, udm_error *error)
{
    udm_safetensors *files = realloc(weights->files, (weights->file_count + 1) * sizeof *files);
    if (!files)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a file of weights");
    weights->files = files;
    if (!udm_safetensors_open(&files[weights->file_count], path, error))
        return false;
    weights->count += files[weights->file_count++].count;
    return true;
}

static bool list_all(udm_weights *weights, udm_error *error)
{
    weights->list = calloc(weights->count + 1, sizeof *weights->list);
    weights->read = calloc(weights->count + 1, sizeof *weights->read);
    if (!weights->list || !weights->read)
        return udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for its list of tensors", weights->path);
    size_t listed = 0;
    for (size_t i = 0; i < weights->file_count; i++) {
        const udm_safetensors *file = &weights->files[i];
        for (size_t k = 0; k < file->count; k++)
            weights->list[listed++] = file->list[k];
    }
    if (listed > 0)
        qsort(weights->list, listed, sizeof *weights->list, by_name);
    for (size_t i = 1; i < listed; i++)
        if (strcmp(weights->list[i - 1].name, weights->list[i].name) == 0)
            return udm_fail(error, UDM_ERROR_CORRUPT, "%s: tensor \"%s\" is in two of its files", weights->path,
                            weights->list[i].name);
    return true;
}

static bool has_file(const udm_weights *weights, const char *path)
{
    for (size_t i = 0; i < weights->file_count; i++)
        if (strcmp(weights->files[i].path, path) == 0)
            return true;
    return false;
}

// Adds the file of this name beside the index, once. An index may not point elsewhere.
static bool add_shard(udm_weights *weights, const char *name, udm_error *error)
{
    const char *slash = strrchr(weights->path, '/');
    const int folder = slash ? (int)(slash - weights->path) : 1;
    char *path = NULL;
    if (!name || !*name || *name == '.' || strchr(name, '/'))
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"weight_map\" must name files beside it", weights->path);
    if (asprintf(&path, "%.*s/%s", folder, slash ? weights->path : ".", name) < 0)
        return udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for it", weights->path);
    bool good = has_file(weights, path);
    if (!good && weights->file_count >= MAX_SHARDS)
        udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: more than %d files", weights->path, (int)MAX_SHARDS);
    else if (!good)
        good = add_file(weights, path, error);
    free(path);
    return good;
}

// What an index says: {"weight_map": {TENSOR: FILE, ...}}. Every tensor that it names must be in one of the files.
static bool read_index(udm_weights *weights, udm_error *error)
{
    size_t size;
    char *text = udm_file_read(weights->path, MAX_INDEX, &size, error);
    json_t *index = text ? udm_json_parse(weights->path, "it", text, size, 0, error) : NULL, *name;
    json_t *map = json_object_get(index, "weight_map");
    const char *key;
    bool good = index != NULL;
    if (good && json_object_size(map) == 0)
        good = udm_fail(error, UDM_ERROR_CORRUPT, "%s: there is no \"weight_map\" of tensors and files", weights->path);
    if (good)
        json_object_foreach(map, key, name) good = good && add_shard(weights, json_string_value(name), error);
    good = good && list_all(weights, error);
    if (good)
        json_object_foreach(map, key, name) if (good && !udm_weights_find(weights, key)) good =
            udm_fail(error, UDM_ERROR_CORRUPT, "%s: none of its files has the tensor \"%s\"", weights->path, key);
    free(text);
    json_decref(index);
    return good;
}

static bool is_index(const char *path)
{
    static const char ending[] = ".json";
    const size_t length = strlen(path), size = sizeof ending - 1;
    return length > size && strcmp(path + length - size, ending) == 0;
}

udm_weights *udm_weights_open(const char *path, udm_error *error)
{
    udm_weights *weights = calloc(1, sizeof *weights);
    if (!weights || !(weights->path = strdup(path)))
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a file of weights");
    else if (is_index(path) ? read_index(weights, error) : add_file(weights, path, error) && list_all(weights, error))
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
    for (size_t i = 0; i < weights->file_count; i++)
        udm_safetensors_close(&weights->files[i]);
    free(weights->files);
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
    const json_t *header = weights->file_count > 0 ? weights->files[0].header : NULL;
    return json_string_value(json_object_get(json_object_get(header, "__metadata__"), key));
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
