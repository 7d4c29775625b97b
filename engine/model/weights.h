// SPDX-License-Identifier: LGPL-2.1-or-later
// Named tensors of a safetensors file, or of several that an index (.json) names, mapped into memory. Every bound is
// checked when it is opened. Immutable once open, so threads may share it.
#ifndef UDM_MODEL_WEIGHTS_H
#define UDM_MODEL_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "udm/error.h"

typedef struct udm_weights udm_weights;

enum { UDM_MAX_DIMS = 5 };

typedef enum udm_dtype { UDM_F32, UDM_F16, UDM_BF16, UDM_OTHER_DTYPE } udm_dtype;

typedef struct udm_weight {
    const char *name;
    udm_dtype dtype;
    int dims; // where more than UDM_MAX_DIMS, shape holds the first ones
    int64_t shape[UDM_MAX_DIMS];
    size_t elements, bytes;
    const void *data; // in the mapped file; not aligned
} udm_weight;

// Errors: NOT_FOUND, UNREADABLE, CORRUPT (cut, or a header that does not describe the file exactly), UNSUPPORTED (a
// dtype that safetensors did not have), MEMORY.
udm_weights *udm_weights_open(const char *path, udm_error *error);
void udm_weights_free(udm_weights *weights); // NULL is fine

const char *udm_weights_path(const udm_weights *weights);
size_t udm_weights_count(const udm_weights *weights);
int64_t udm_weights_total(const udm_weights *weights);                            // elements of all tensors
const udm_weight *udm_weights_at(const udm_weights *weights, size_t index);       // sorted by name
const udm_weight *udm_weights_find(const udm_weights *weights, const char *name); // NULL if there is none

// The tensor `name` as float32, which must have exactly this shape. The caller frees it with free(). NULL with *error
// (which names file, tensor, expected and found shape) otherwise.
float *udm_weights_read(const udm_weights *weights, const char *name, int dims, const int64_t *shape, udm_error *error);

// The same as it lies in the file; and that it was read, so that its pages need not stay.
const udm_weight *udm_weights_require(const udm_weights *weights, const char *name, int dims, const int64_t *shape,
                                      udm_error *error);
bool udm_weights_is_patched(const udm_weights *weights, const udm_weight *weight); // it is not all that it comes to
void udm_weights_done(const udm_weights *weights, const udm_weight *weight);

bool udm_weights_was_read(const udm_weights *weights, size_t index);

// False with UNSUPPORTED, which names it, if there is a tensor that was not read since the file was opened; but for
// int64 ones, which are positions that some files keep.
bool udm_weights_all_read(const udm_weights *weights, udm_error *error);

// What a tensor is changed by, whenever it is read: factor up [rows, rank] down [rank, columns] is added to it, as a
// matrix of as many rows as it has. `from`, which holds both, outlives the tensors.
typedef struct udm_patch {
    const udm_weights *from;
    const udm_weight *down, *up;
    size_t rank;
} udm_patch;

// Not while others read. Sizes must fit.
bool udm_weights_patch(udm_weights *weights, size_t index, udm_patch patch, double factor, udm_error *error);
void udm_weights_unpatch(udm_weights *weights, const udm_weights *from); // takes all of its patches back

const char *udm_weights_note(const udm_weights *weights, const char *key); // of the file's metadata; NULL: none

#endif
