// SPDX-License-Identifier: LGPL-2.1-or-later
// Arrays and models of the tests, which UDM_TEST_DATA names the folder of.
#ifndef UDM_TESTS_GOLDEN_H
#define UDM_TESTS_GOLDEN_H

#include "backend/backend.h"
#include "compare.h"
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
    ck_assert_msg(npy_read(golden_path(name), &array, &why), "%s: %s", golden_path(name), why);
    return array;
}

static inline udm_model *golden_model(const char *name)
{
    udm_error error = { 0 };
    udm_model *model = udm_model_open(golden_path(name), &error);
    ck_assert_msg(model, "%s: %s", name, error.message);
    return model;
}

// A model's network on a device.
typedef struct golden_network {
    udm_model *model;
    udm_device *device;
    udm_network *network;
} golden_network;

// It takes the device.
static inline golden_network golden_open_on(const char *model, udm_device *device)
{
    udm_error error = { 0 };
    golden_network golden = { .model = golden_model(model), .device = device };
    golden.network = udm_network_open(udm_model_network_config(golden.model), udm_model_network_weights(golden.model),
                                      golden.device, &error);
    ck_assert_msg(golden.network, "%s on %s: %s", model, device->name, error.message);
    return golden;
}

static inline golden_network golden_open(const char *model, const char *device, int threads)
{
    udm_error error = { 0 };
    udm_device *opened = udm_device_open(device, threads, &error);
    ck_assert_msg(opened, "%s: %s", device, error.message);
    return golden_open_on(model, opened);
}

static inline void golden_close(golden_network *golden)
{
    udm_network_free(golden->network);
    udm_device_close(golden->device);
    udm_model_free(golden->model);
}

#endif
