// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads the part of a model directory that says how noise is added to its frames.
#ifndef UDM_MODEL_SCHEDULER_H
#define UDM_MODEL_SCHEDULER_H

#include "model/config.h"
#include "model/model.h"

// class: the class of diffusers whose defaults hold; config: scheduler_config.json. Its noise is freed by the caller.
// Keys that change the noise or x0 and are not implemented are errors; those of the method, which the user can replace,
// are noted in `missing`.
bool udm_scheduler_read(udm_scheduler *scheduler, const char *class, const udm_config *config, udm_error *error);

// DDPM's, for a model that has no scheduler.
bool udm_scheduler_default(udm_scheduler *scheduler, udm_error *error);

#endif
