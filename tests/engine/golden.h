// SPDX-License-Identifier: LGPL-2.1-or-later
// Arrays and models of the tests, which UDM_TEST_DATA names the folder of.
#ifndef UDM_TESTS_GOLDEN_H
#define UDM_TESTS_GOLDEN_H

#include "backend/backend.h"
#include "check.h"
#include "model/model.h"
#include "network/network.h"
#include "cli/npy.h"

static inline const char *golden_path(const char *name)
{
    static char path[4096];
    const char *folder = getenv("UDM_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/models", name);
    return path;
}

static inline npy golden_read(const char *name)
{
    npy array;
    const char *why;
    if (!npy_read(golden_path(name), &array, &why)) {
        printf("    %s: %s\n", golden_path(name), why);
        check_failed = true;
    }
    return array;
}

// The largest difference, relative to the largest value that was expected.
static inline double golden_difference(const float *got, const float *want, size_t count)
{
    double difference = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)got[i] - want[i]);
        if (isnan(d))
            return NAN; // passes no comparison
        difference = fmax(difference, d);
        largest = fmax(largest, fabs(want[i]));
    }
    return difference / largest;
}

// A model's network on a device.
typedef struct golden_network {
    udm_model *model;
    udm_device *device;
    udm_network *network;
} golden_network;

static inline bool golden_open(golden_network *golden, const char *model, const char *device, int threads)
{
    udm_error error = { 0 };
    *golden = (golden_network){ 0 };
    golden->model = udm_model_open(golden_path(model), &error);
    golden->device = golden->model ? udm_device_open(device, threads, &error) : NULL;
    if (golden->device)
        golden->network = udm_network_open(udm_model_network_config(golden->model),
                                           udm_model_network_weights(golden->model), golden->device, &error);
    if (!golden->network) {
        printf("    %s on %s: %s\n", model, device, error.message);
        check_failed = true;
    }
    return golden->network != NULL;
}

static inline void golden_close(golden_network *golden)
{
    udm_network_free(golden->network);
    udm_device_close(golden->device);
    udm_model_free(golden->model);
}

#endif
