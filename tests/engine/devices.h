// SPDX-License-Identifier: LGPL-2.1-or-later
// For the tests of operations: every device there is, and what it computes against `reference`.
#ifndef UDM_TESTS_DEVICES_H
#define UDM_TESTS_DEVICES_H

#include <math.h>

#include "backend/backend.h"
#include "check.h"

enum { MAX_DEVICES = 16, THREADS = 3 };

// The devices under test: all that are listed, the instruction sets of cpu that this machine has, with bf16 where it
// has that (BF16 after the name), and the variants of the kernels of OpenCL.
#define BF16 "/bf16"

typedef struct device_list {
    char names[MAX_DEVICES][32];
    udm_device *open[MAX_DEVICES][THREADS]; // on 1, 2 and 4 threads, from their first use on
    int count;
} device_list;

static inline void add_device(void *context, const char *device, const char *about)
{
    device_list *list = context;
    if (list->count < MAX_DEVICES && strcmp(device, "reference") != 0)
        snprintf(list->names[list->count++], sizeof(list->names[0]), "%s", device);
}

static inline bool rounds(const char *name)
{
    return strstr(name, BF16) != NULL;
}

// NULL, with an error, where the machine lacks it.
static inline udm_device *open_device(const char *name, int threads, udm_error *error)
{
    char plain[32];
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(name, "/"), name);
    udm_device *device = udm_device_open(plain, threads, error);
    if (device && rounds(name) && !device->ops->set_precision(device, UDM_PRECISION_BF16, error)) {
        udm_device_close(device);
        return NULL;
    }
    return device;
}

static inline device_list find_devices(void)
{
    static const char *const variants[] = { "cpu:sse2",      "cpu:avx2",      "cpu:avx512",   "cpu" BF16,
                                            "opencl:0:vec4", "opencl:0:vec8", "opencl:0:gpu", NULL };
    device_list list = { 0 };
    for (int i = 0; udm_backends[i]; i++)
        udm_backends[i]->list(add_device, &list);
    for (int i = 0; variants[i]; i++) {
        udm_error error = { 0 };
        udm_device *device = open_device(variants[i], 1, &error);
        if (device)
            add_device(&list, variants[i], "");
        else if (strncmp(variants[i], "opencl", 6) == 0)
            printf("skip %s: %s\n", variants[i], error.message);
        udm_device_close(device);
    }
    return list;
}

static inline device_list *all_devices(void)
{
    static device_list list;
    if (list.count == 0)
        list = find_devices();
    return &list;
}

// An operation on one case: runs it on a device and gives its result in planes.
typedef float *(*run_case)(udm_device *device, const void *of);

// The largest difference; NaN where there is one. Values are near 1, so absolute and relative are the same.
static inline double difference(const float *a, const float *b, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - b[i]);
        if (!(d <= worst))
            worst = d;
    }
    return worst;
}

// On 1, 2 and 4 threads: near the reference, and the same bits on all.
static inline void compare_device(const char *name, udm_device **open, run_case run, const void *of, size_t count,
                                  const float *want)
{
    float *first = NULL;
    for (int i = 0; i < THREADS; i++) {
        if (!open[i])
            open[i] = open_device(name, 1 << i, NULL);
        udm_device *device = open[i];
        REQUIRE(device);
        float *got = run(device, of);
        if (first)
            CHECK(memcmp(first, got, count * sizeof(float)) == 0);
        else
            CHECK_CLOSE(difference(got, want, count), 0, rounds(name) ? 0.06 : 1e-4);
        CHECK(device->ops->finish(device, NULL));
        free(first);
        first = got;
    }
    free(first);
}

static inline void compare(run_case run, const void *of, udm_shape shape, const char *label)
{
    size_t count = udm_shape_elements(shape);
    udm_device *reference = udm_device_open("reference", 1, NULL);
    float *want = run(reference, of);
    device_list *list = all_devices();
    bool failed = check_failed;
    check_failed = false;
    for (int i = 0; i < list->count; i++) {
        compare_device(list->names[i], list->open[i], run, of, count, want);
        if (check_failed && !failed)
            printf("    on %s: %s -> [%d, %d, %d]\n", list->names[i], label, shape.c, shape.h, shape.w);
        failed |= check_failed;
        check_failed = false;
    }
    check_failed = failed;
    free(want);
    udm_device_close(reference);
}

#endif
