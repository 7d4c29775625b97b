// SPDX-License-Identifier: LGPL-2.1-or-later
// Fallback to another device: the one place that decides whether a failed run is repeated, and where.
#ifndef UDM_BACKEND_FALLBACK_H
#define UDM_BACKEND_FALLBACK_H

#include "backend/backend.h"

// What runs on a device and can be set up on another.
typedef struct udm_fallback {
    void *context;
    bool (*run)(void *context, udm_error *error);
    // From now on it runs there. False with *error if it cannot.
    bool (*move)(void *context, udm_device *to, udm_error *error);
} udm_fallback;

// Runs it on its device, or, where that failed or lacks memory and has a stand-in, moves it there and runs it again.
// False with *error: what else went wrong, or CANCELLED. Inline, so that the two functions are called as any other.
static inline bool udm_fallback_run(udm_device *device, const udm_fallback *what, udm_error *error)
{
    udm_error fault = { .code = UDM_ERROR_DEVICE }; // of a device that failed before
    while (device->failed || !what->run(what->context, &fault)) {
        device = udm_device_replace(device, &fault, error);
        if (!device || !what->move(what->context, device, error))
            return false;
    }
    return true;
}

#endif
