// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the safetensors reader: opens the bytes as a file and reads every tensor in it.
#include "model/weights.h"

#include "fuzz.h"

static void read_all(const udm_weights *weights)
{
    for (size_t i = 0; i < udm_weights_count(weights); i++) {
        const udm_weight *weight = udm_weights_at(weights, i);
        if (udm_weights_find(weights, weight->name) != weight)
            abort();
        if (weight->dims <= UDM_MAX_DIMS)
            free(udm_weights_read(weights, weight->name, weight->dims, weight->shape, NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int fd;
    char path[64];
    udm_error error = { 0 };
    fuzz_file(bytes, size, &fd, path);
    udm_weights *weights = udm_weights_open(path, &error);
    if (weights)
        read_all(weights);
    if ((weights != NULL) != (error.code == UDM_OK))
        abort();
    udm_weights_free(weights);
    close(fd);
    return 0;
}
