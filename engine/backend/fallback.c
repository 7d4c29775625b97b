// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs, and runs again elsewhere.
#include "backend/fallback.h"

#include <stdio.h>

// The stand-in of a device that failed so; NULL, with the fault as *error, where nothing goes on.
static udm_device *replace(udm_device *device, const udm_error *fault, udm_error *error)
{
    const bool lost = fault->code == UDM_ERROR_DEVICE;
    if (!device->stand_in || (!lost && fault->code != UDM_ERROR_MEMORY)) {
        udm_fail(error, fault->code, lost ? "%s; with device=auto, cpu would go on" : "%s", fault->message);
        return NULL;
    }
    if (!device->failed)
        udm_device_warn(device, fault, device->stand_in);
    device->failed = true;
    return device->stand_in;
}

bool udm_fallback_run(udm_device *device, const udm_fallback *what, udm_error *error)
{
    udm_error fault = { .code = UDM_ERROR_DEVICE }; // of a device that failed before
    while (device->failed || !what->run(what->context, &fault)) {
        device = replace(device, &fault, error);
        if (!device || !what->move(what->context, device, error))
            return false;
    }
    return true;
}
