// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/list.h: the names of devices and methods.
#include <stdio.h>

#include "backend/backend.h"
#include "process/process.h"
#include "sampler/sampler.h"
#include "schedule/schedule.h"
#include "schedule/spacing.h"
#include "udm/udm.h"

// Opened, to say which device it chooses.
static void list_auto(udm_found found, void *context)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("auto", 0, &error);
    char about[sizeof device->name + sizeof device->warning + 2];
    if (device)
        snprintf(about, sizeof about, "%s%s%s", device->name, device->warning[0] ? ". " : "", device->warning);
    else
        snprintf(about, sizeof about, "%s", error.message);
    found(context, "auto", about);
    udm_device_close(device);
}

void udm_list_devices(udm_found found, void *context)
{
    list_auto(found, context);
    for (const udm_backend *const *backend = udm_backends; *backend; backend++)
        (*backend)->list(found, context);
}

void udm_list_precisions(udm_found found, void *context)
{
    for (int i = 0; i < UDM_PRECISIONS; i++)
        found(context, udm_precision_names[i], udm_precision_abouts[i]);
}

void udm_list_samplers(udm_found found, void *context)
{
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++)
        found(context, (*sampler)->name, (*sampler)->about);
}

void udm_list_schedules(udm_found found, void *context)
{
    for (const udm_schedule *const *schedule = udm_schedules; *schedule; schedule++)
        found(context, (*schedule)->name, (*schedule)->about);
}

void udm_list_spacings(udm_found found, void *context)
{
    for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++)
        found(context, (*spacing)->name, (*spacing)->about);
}

void udm_list_processes(udm_found found, void *context)
{
    for (const udm_process *const *process = udm_processes; *process; process++)
        found(context, (*process)->name, (*process)->about);
}

const char *udm_version(void)
{
    return UDM_VERSION;
}
