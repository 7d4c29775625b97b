// SPDX-License-Identifier: LGPL-2.1-or-later
// A folder of a model with a network: its config, and its weights as safetensors.
#ifndef UDM_MODEL_PART_H
#define UDM_MODEL_PART_H

#include "model/model.h"

// Frees folder, which may be NULL.
bool udm_part_open(char *folder, udm_text_part *part, udm_error *error);
void udm_part_close(udm_text_part *part); // of zeros is fine

udm_config *udm_part_config(const char *folder, const char *name, udm_error *error);
bool udm_part_has(const char *folder, const char *name);

// A file in the folder that is a pickle by its name, to be freed with free(), or NULL; and false, with why there are no
// weights in it.
char *udm_part_pickle(const char *folder);
bool udm_part_fail(const char *folder, udm_error *error);

#endif
