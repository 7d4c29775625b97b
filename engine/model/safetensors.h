// SPDX-License-Identifier: LGPL-2.1-or-later
// One safetensors file, mapped into memory, whose every bound was checked.
#ifndef UDM_MODEL_SAFETENSORS_H
#define UDM_MODEL_SAFETENSORS_H

#include <jansson.h>

#include "model/weights.h"

typedef struct udm_safetensors {
    char *path;
    const unsigned char *map;
    size_t map_size;
    const unsigned char *data; // the tensors, in the map
    size_t data_bytes;
    json_t *header; // keeps the names
    size_t count;
    udm_weight *list; // in the order in which they lie there
} udm_safetensors;

// Errors as udm_weights_open(). What failed to open need not be closed.
bool udm_safetensors_open(udm_safetensors *file, const char *path, udm_error *error);
void udm_safetensors_close(udm_safetensors *file);

#endif
