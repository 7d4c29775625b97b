// SPDX-License-Identifier: LGPL-2.1-or-later
// The backends there are, and how a device is found by its name.
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/reference/reference.h"
#ifdef UDM_OPENCL
#include "backend/opencl/opencl.h"
#endif

const udm_backend *const udm_backends[] = {
    &udm_backend_cpu,
#ifdef UDM_OPENCL
    &udm_backend_opencl,
#endif
    &udm_backend_reference,
    NULL,
};

typedef struct name_list {
    char text[256];
} name_list;

static void add_name(void *context, const char *device, const char *about)
{
    name_list *list = context;
    size_t used = strlen(list->text);
    snprintf(list->text + used, sizeof(list->text) - used, "%s%s", used ? ", " : "", device);
}

static udm_device *open_first(int threads, udm_error *error)
{
    for (int i = 0; udm_backends[i]; i++) {
        udm_device *device = udm_backends[i]->open(NULL, threads, error);
        // The settings are wrong for every backend, so that error is the one to show.
        if (device || (error && error->code == UDM_ERROR_SETTINGS))
            return device;
    }
    return NULL;
}

udm_device *udm_device_open(const char *device, int threads, udm_error *error)
{
    if (strcmp(device, "auto") == 0)
        return open_first(threads, error);

    size_t length = strcspn(device, ":");
    const char *which = device[length] == ':' ? device + length + 1 : NULL;
    for (int i = 0; udm_backends[i]; i++) {
        const char *name = udm_backends[i]->name;
        if (strlen(name) == length && strncmp(name, device, length) == 0)
            return udm_backends[i]->open(which, threads, error);
    }

    name_list have = { "auto" };
    for (int i = 0; udm_backends[i]; i++)
        udm_backends[i]->list(add_name, &have);
    udm_fail(error, UDM_ERROR_NOT_FOUND, "unknown device '%s'; have: %s", device, have.text);
    return NULL;
}

void udm_device_close(udm_device *device)
{
    if (device)
        device->ops->close(device);
}
