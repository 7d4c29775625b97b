// SPDX-License-Identifier: LGPL-2.1-or-later
// A device that computes nothing: networks are opened on it to find what is wrong with their files, how much memory
// they take on the processor, and how much work they are.
#ifndef UDM_BACKEND_PLAN_H
#define UDM_BACKEND_PLAN_H

#include "backend/backend.h"

udm_device *udm_plan_open(udm_error *error);       // for udm_device_close()
size_t udm_plan_weights(const udm_device *device); // bytes of the weights of all convolutions that are open on it
size_t udm_plan_largest(udm_device *device);       // of the largest that was opened since this was asked

#endif
