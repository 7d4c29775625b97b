// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens models by name.
#ifndef UDM_CLI_RESTORE_MODELS_H
#define UDM_CLI_RESTORE_MODELS_H

#include "udm/udm.h"

#define MODELS_DEFAULT "auto"

// As udm_model_open(), but if the model is not found the error lists those that are there.
udm_model *models_open(const char *name, udm_error *error);

#endif
