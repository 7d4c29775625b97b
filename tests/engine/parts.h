// SPDX-License-Identifier: LGPL-2.1-or-later
// A part of a model by itself: a folder with a config and weights.
#ifndef UDM_TEST_PARTS_H
#define UDM_TEST_PARTS_H

#include "golden.h"
#include "model/config.h"
#include "model/weights.h"

typedef struct part {
    udm_config *config;
    udm_weights *weights;
} part;

// folder: in the folder of models; file: of the weights, without its ending
static inline part part_of(const char *folder, const char *file)
{
    char path[128];
    udm_error error = { 0 };
    snprintf(path, sizeof path, "%s/config.json", folder);
    part opened = { .config = udm_config_open(golden_path(path), &error) };
    ck_assert_msg(opened.config, "%s", error.message);
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, file);
    opened.weights = udm_weights_open(golden_path(path), &error);
    ck_assert_msg(opened.weights, "%s", error.message);
    return opened;
}

static inline void part_close(part *opened)
{
    udm_config_free(opened->config);
    udm_weights_free(opened->weights);
}

#endif
