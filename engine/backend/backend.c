// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds devices by name, chooses the one for `auto`, and replaces it when it fails.
#include "backend/backend.h"

#include <stdio.h>
#include <string.h>

#include "backend/apart.h"
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

const char *const udm_precision_names[UDM_PRECISIONS] = { "f32", "bf16", "auto", "f16" };
const char *const udm_precision_abouts[UDM_PRECISIONS] = {
    "products of float32; the same on every processor",
    "products of factors rounded to bf16, summed in float32; faster where the processor supports it",
    "bf16 on processors and f16 on GPUs that support it, f32 elsewhere",
    "values rounded to f16, summed in float32; for OpenCL, where it halves the memory and what is moved",
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
    if (precision == UDM_PRECISION_BF16 || precision == UDM_PRECISION_F16)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "\"%s\" only computes in f32: set precision to f32 or auto, or device to %s", device->name,
                        precision == UDM_PRECISION_F16 ? "opencl" : "cpu");
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

// A backend's accelerator if it passes the trial: in another process where it may break this one, and here where that
// is not possible. NULL otherwise, with *fault unless it is only slower than the processor.
static udm_device *try_accelerator(const udm_backend *backend, udm_device *processor, int threads, udm_error *fault)
{
    udm_verdict verdict = UDM_TRIAL_NOT_RUN;
    if (backend->likely) {
        char name[64];
        snprintf(name, sizeof name, "%s:%s", backend->name, backend->accelerator);
        if (!backend->likely(backend->accelerator))
            return NULL;
        verdict = udm_trial_apart(name, threads, fault);
    }
    if (verdict == UDM_TRIAL_FAILED || verdict == UDM_TRIAL_SLOWER)
        return NULL;
    udm_device *device = backend->open(backend->accelerator, threads, fault);
    const bool apart = verdict == UDM_TRIAL_PASSED || verdict == UDM_TRIAL_PASSED_F32;
    if (device && (apart || udm_trial(device, processor, fault))) {
        device->only_f32 = apart ? verdict == UDM_TRIAL_PASSED_F32 : !udm_trial_auto(device, processor);
        if (device->ops->set_precision(device, UDM_PRECISION_F32, fault))
            return device;
    }
    udm_device_close(device);
    return NULL;
}

// An accelerator that passes the trial, or the processor, with a warning if there is one that fails it.
static udm_device *open_auto(int threads, udm_error *error)
{
    udm_device *processor = open_processor(threads, error);
    for (int i = 0; processor && udm_backends[i]; i++) {
        udm_error fault = { 0 };
        udm_device *device = NULL;
        if (udm_backends[i]->accelerator)
            device = try_accelerator(udm_backends[i], processor, threads, &fault);
        if (device) {
            device->stand_in = processor;
            return device;
        }
        if (fault.code != UDM_OK && fault.code != UDM_ERROR_NOT_FOUND)
            warn(processor, &fault, processor);
    }
    return processor;
}

// The backend of "cpu:avx2", *which being what stands after the colon, or NULL. NULL, with *error, where there is none.
static const udm_backend *find_backend(const char *device, const char **which, udm_error *error)
{
    const size_t length = strcspn(device, ":");
    *which = device[length] == ':' ? device + length + 1 : NULL;
    for (int i = 0; udm_backends[i]; i++) {
        const char *name = udm_backends[i]->name;
        if (strlen(name) == length && strncmp(name, device, length) == 0)
            return udm_backends[i];
    }

    name_list have = { "auto" };
    for (int i = 0; udm_backends[i]; i++)
        udm_backends[i]->list(add_name, &have);
    udm_fail(error, UDM_ERROR_NOT_FOUND, "unknown device '%s'; have: %s", device, have.text);
    return NULL;
}

udm_device *udm_device_open(const char *device, int threads, udm_error *error)
{
    const char *which;
    if (strcmp(device, "auto") == 0)
        return open_auto(threads, error);
    const udm_backend *backend = find_backend(device, &which, error);
    return backend ? backend->open(which, threads, error) : NULL;
}

bool udm_device_name(const char *device, char name[UDM_DEVICE_NAME_ROOM], udm_error *error)
{
    const char *which;
    const udm_backend *backend = find_backend(device, &which, error);
    if (backend && backend->name_device)
        return backend->name_device(which, name, error);
    if (backend)
        snprintf(name, UDM_DEVICE_NAME_ROOM, "%s", device);
    return backend;
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
    if (precision == UDM_PRECISION_F16 && !device->failed)
        precision = UDM_PRECISION_F32; // what the processor has instead
    return other->ops->set_precision(other, precision, error);
}
