// SPDX-License-Identifier: LGPL-2.1-or-later
// The devices that the tests and the benchmark of the operations run on.
#ifndef UDM_TESTS_DEVICES_H
#define UDM_TESTS_DEVICES_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "lists.h"

enum { MAX_DEVICES = 24 };

// Those of UDM_TEST_DEVICES, with commas between them, where it is set. Else all devices that are listed, the
// instruction sets of cpu, cpu with bf16 (BF16 after the name), and the variants of the kernels of OpenCL, also with
// f16 (F16 after the name). Not all of them are on every machine: open_device() says why one is not.
#define BF16 "/bf16"
#define F16 "/f16"

typedef struct device_list {
    char names[MAX_DEVICES][32];
    int count;
} device_list;

static inline void add_device(void *context, const char *device, const char *about)
{
    device_list *list = context;
    if (list->count < MAX_DEVICES && strcmp(device, "reference") != 0)
        snprintf(list->names[list->count++], sizeof(list->names[0]), "%s", device);
}

static inline udm_precision precision_of(const char *name)
{
    return strstr(name, BF16) ? UDM_PRECISION_BF16 : strstr(name, F16) ? UDM_PRECISION_F16 : UDM_PRECISION_F32;
}

// NULL, with an error, where the machine lacks it.
static inline udm_device *open_device(const char *name, int threads, udm_error *error)
{
    char plain[32];
    snprintf(plain, sizeof plain, "%s", name);
    plain[strcspn(plain, "/")] = 0;
    udm_device *device = udm_device_open(plain, threads, error);
    if (device && !device->ops->set_precision(device, precision_of(name), error)) {
        udm_device_close(device);
        return NULL;
    }
    return device;
}

static inline device_list *read_devices(const char *only, device_list *list)
{
    char name[32];
    for (int length; sscanf(only, " %31[^,]%n", name, &length) == 1; only += length + (only[length] == ','))
        add_device(list, name, "");
    return list;
}

// A process of its own asks what there is: the threads of OpenCL, once there, would not come along into those of tests.
static inline device_list *find_devices(void)
{
    static const char *const variants[] = { ("cpu" BF16),   "opencl:0:vec4",  "opencl:0:vec8",
                                            "opencl:0:gpu", ("opencl:0" F16), ("opencl:0:gpu" F16) };
    device_list *list = mmap(NULL, sizeof *list, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *only = getenv("UDM_TEST_DEVICES");
    const pid_t child = list == MAP_FAILED ? -1 : fork();
    if (child < 0) {
        perror("devices");
        exit(EXIT_FAILURE);
    }
    if (child == 0) {
        for (int i = 0; !only && udm_backends[i]; i++)
            udm_backends[i]->list(add_device, list);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    if (only)
        return read_devices(only, list);
    const size_t sets = sizeof instruction_sets / sizeof *instruction_sets;
    for (size_t i = 0; i < sets && sets > 1; i++) { // the only one is what "cpu" is
        char name[32];
        snprintf(name, sizeof name, "cpu:%s", instruction_sets[i]);
        add_device(list, name, "");
    }
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        add_device(list, variants[i], "");
    return list;
}

// Those of them that do not round, and the variants of OpenCL's kernels left out, which test_ops.c looks at.
static inline device_list *find_exact_devices(void)
{
    device_list *list = find_devices();
    int count = 0;
    for (int i = 0; i < list->count; i++)
        if (precision_of(list->names[i]) == UDM_PRECISION_F32 && !strstr(list->names[i], ":vec") &&
            !strstr(list->names[i], ":gpu"))
            memmove(list->names[count++], list->names[i], sizeof list->names[0]);
    list->count = count;
    return list;
}

#endif
