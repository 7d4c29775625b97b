// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds devices by name, chooses the one for `auto`, and replaces it when it fails.
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

#include "backend/trial.h"

typedef struct name_list {
    char text[256];
} name_list;

static void add_name(void *context, const char *device, const char *about)
{
    name_list *list = context;
    size_t used = strlen(list->text);
    snprintf(list->text + used, sizeof(list->text) - used, "%s%s", used ? ", " : "", device);
}

const char *const udm_precision_names[UDM_PRECISIONS] = { "f32", "bf16", "auto" };
const char *const udm_precision_abouts[UDM_PRECISIONS] = {
    "products of float32; the same on every processor",
    "products of factors rounded to bf16, summed in float32; faster where the processor supports it",
    "bf16 where the processor supports it, f32 elsewhere",
};

bool udm_precision_find(const char *name, udm_precision *precision)
{
    for (int i = 0; i < UDM_PRECISIONS; i++)
        if (strcmp(udm_precision_names[i], name) == 0) {
            *precision = (udm_precision)i;
            return true;
        }
    return false;
}

bool udm_only_f32(udm_device *device, udm_precision precision, udm_error *error)
{
    if (precision == UDM_PRECISION_BF16)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "\"%s\" only computes in f32: set precision to f32 or auto, or device to cpu", device->name);
    return true;
}

// The first that opens. Settings that are wrong for one are so for all, and that error is the one to show.
static udm_device *open_processor(int threads, udm_error *error)
{
    udm_error fault = { 0 };
    udm_device *device = NULL;
    for (int i = 0; udm_backends[i] && !device && fault.code != UDM_ERROR_SETTINGS; i++)
        if (!udm_backends[i]->accelerator)
            device = udm_backends[i]->open(NULL, threads, &fault);
    if (!device && error)
        *error = fault;
    return device;
}

static void warn(udm_device *device, const udm_error *fault, const udm_device *in_use)
{
    snprintf(device->warning, sizeof device->warning, "%s. Continuing on %s", fault->message, in_use->name);
}

// An accelerator that passes the trial, or the processor, with a warning if there is one that fails it.
static udm_device *open_auto(int threads, udm_error *error)
{
    udm_device *processor = open_processor(threads, error);
    for (int i = 0; processor && udm_backends[i]; i++) {
        udm_error fault = { 0 };
        const char *which = udm_backends[i]->accelerator;
        udm_device *device = which ? udm_backends[i]->open(which, threads, &fault) : NULL;
        if (device && udm_trial(device, processor, &fault)) {
            device->stand_in = processor;
            return device;
        }
        udm_device_close(device);
        if (fault.code != UDM_OK && fault.code != UDM_ERROR_NOT_FOUND)
            warn(processor, &fault, processor);
    }
    return processor;
}

udm_device *udm_device_open(const char *device, int threads, udm_error *error)
{
    if (strcmp(device, "auto") == 0)
        return open_auto(threads, error);

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
    if (!device)
        return;
    udm_device_close(device->stand_in);
    device->ops->close(device);
}

udm_device *udm_device_replace(udm_device *device, const udm_error *fault, udm_error *error)
{
    const bool lost = fault->code == UDM_ERROR_DEVICE;
    if (!device->stand_in || (!lost && fault->code != UDM_ERROR_MEMORY)) {
        udm_fail(error, fault->code, lost ? "%s; with device=auto, cpu would take over" : "%s", fault->message);
        return NULL;
    }
    if (!device->failed)
        warn(device, fault, device->stand_in);
    device->failed = true;
    return device->stand_in;
}

const udm_device *udm_device_in_use(const udm_device *device)
{
    return device->failed ? device->stand_in : device;
}

bool udm_device_set_precision(udm_device *device, udm_precision precision, udm_error *error)
{
    udm_device *other = device->stand_in;
    if (!other)
        return device->ops->set_precision(device, precision, error);
    device->failed = device->failed || !device->ops->set_precision(device, precision, NULL);
    return other->ops->set_precision(other, precision, error);
}
