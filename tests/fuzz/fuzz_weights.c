// SPDX-License-Identifier: LGPL-2.1-or-later
// Fuzzes the safetensors reader: opens the bytes as a file and reads every tensor in it, and what `udm convert` takes
// it for.
#include "convert/original.h"
#include "convert/settings.h"

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

// Of a single file of Stable Diffusion: what is renamed lies within what it was.
static void rename_all(const udm_weights *weights)
{
    udm_original original;
    if (!udm_original_read(&original, weights, NULL))
        return;
    const udm_original_guess guess = udm_original_guess_rest(&original, NULL);
    for (int i = 0; i < UDM_PARTS; i++)
        if (udm_original_has(&original, i))
            free(udm_original_config(&original, &guess, i));
    free(udm_original_scheduler(&original, &guess));
    for (size_t i = 0; i < udm_weights_count(weights); i++) {
        udm_renamed to[UDM_RENAMED_MOST];
        int count;
        if (udm_original_rename(&original, udm_weights_at(weights, i), to, &count) < 0)
            continue;
        for (int k = 0; k < count; k++)
            if (!*to[k].name || to[k].first + to[k].elements > udm_weights_at(weights, i)->elements)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int fd;
    char path[64];
    udm_error error = { 0 };
    fuzz_file(bytes, size, &fd, path);
    udm_weights *weights = udm_weights_open(path, &error);
    if (weights) {
        read_all(weights);
        rename_all(weights);
    }
    if ((weights != NULL) != (error.code == UDM_OK))
        abort();
    udm_weights_free(weights);
    close(fd);
    return 0;
}
