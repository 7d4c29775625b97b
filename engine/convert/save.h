// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes what a file of another kind becomes: tensors, copied as they are, and configs.
#ifndef UDM_CONVERT_SAVE_H
#define UDM_CONVERT_SAVE_H

#include "convert/original.h"

// A tensor that is written.
typedef struct udm_saved {
    const udm_weight *from;
    udm_renamed as;
} udm_saved;

// false: stop
typedef bool (*udm_save_progress)(void *context, size_t bytes);

// A safetensors file of these, in this order; progress, called with the bytes that were written since, gets 4 MiB at
// most. No more of `weights` stays in memory than that. Errors: UNREADABLE, CANCELLED, MEMORY.
bool udm_save_tensors(const char *path, const udm_weights *weights, const udm_saved *list, size_t count,
                      udm_save_progress progress, void *context, udm_error *error);
bool udm_save_bytes(const char *path, const void *bytes, size_t size, udm_error *error);

size_t udm_saved_bytes(const udm_saved *saved); // that it takes

#endif
