// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether an accelerator can be relied on.
#ifndef UDM_BACKEND_TRIAL_H
#define UDM_BACKEND_TRIAL_H

#include "backend/backend.h"

// True if every operation gives on `device` what it gives on `processor`, to 1e-4, and a convolution of some size takes
// it less time. False with *error where it fails or computes something else, and without where it is only slower.
bool udm_trial(udm_device *device, udm_device *processor, udm_error *error);

// Whether `device` in precision auto is within what f16 may be off, 0.02. It is left in that precision.
bool udm_trial_auto(udm_device *device, udm_device *processor);

// Of that convolution; INFINITY, with *error, where it fails.
double udm_seconds(udm_device *device, udm_error *error);

#endif
