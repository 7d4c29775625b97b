// SPDX-License-Identifier: LGPL-2.1-or-later
// How long the operations of every device take: bench_ops [DEVICE].
#include "backend/backend.h"

#include <time.h>

#include "devices.h"
#include "ops.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

typedef struct bench_case {
    const char *label;
    conv_case conv;
} bench_case;

// The shapes of the shipped network for a 1920x1080 frame, at half resolution and below.
static const bench_case conv_benches[] = {
    { "conv_in 36->32", { 1, { 36 }, 32, 3, 1, 1, 540, 960, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "3x3 32->32 relu", { 1, { 32 }, 32, 3, 1, 1, 540, 960, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "3x3 32->32 +res", { 1, { 32 }, 32, 3, 1, 1, 540, 960, UDM_LINEAR, true, IN_PLACE, 0 } },
    { "3x3 64->64 relu", { 1, { 64 }, 64, 3, 1, 1, 270, 480, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "3x3 64->64 +res", { 1, { 64 }, 64, 3, 1, 1, 270, 480, UDM_LINEAR, true, IN_PLACE, 0 } },
    { "3x3 128->128 relu", { 1, { 128 }, 128, 3, 1, 1, 135, 240, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "3x3 128->128 +res", { 1, { 128 }, 128, 3, 1, 1, 135, 240, UDM_LINEAR, true, IN_PLACE, 0 } },
    { "conv_out 32->12", { 1, { 32 }, 12, 3, 1, 1, 540, 960, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "2x2/2 32->64", { 1, { 32 }, 64, 2, 2, 0, 540, 960, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "2x2/2 64->128", { 1, { 64 }, 128, 2, 2, 0, 270, 480, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "1x1 128->256", { 1, { 128 }, 256, 1, 1, 0, 135, 240, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "1x1 64->128", { 1, { 64 }, 128, 1, 1, 0, 270, 480, UDM_LINEAR, true, NO_RESIDUAL, 0 } },
    { "time 3x32->32", { 3, { 32, 32, 32 }, 32, 1, 1, 0, 540, 960, UDM_LINEAR, false, RESIDUAL, 0 } },
    { "time 3x128->128", { 3, { 128, 128, 128 }, 128, 1, 1, 0, 135, 240, UDM_LINEAR, false, RESIDUAL, 0 } },
    { "small 3x3 64->64", { 1, { 64 }, 64, 3, 1, 1, 128, 128, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "small 3x3 32->32", { 1, { 32 }, 32, 3, 1, 1, 144, 176, UDM_RELU, true, NO_RESIDUAL, 0 } },
    { "tiny 3x3 128->128", { 1, { 128 }, 128, 3, 1, 1, 16, 16, UDM_RELU, true, NO_RESIDUAL, 0 } },
};

enum { CONV_BENCHES = sizeof(conv_benches) / sizeof(conv_benches[0]), REPEATS = 8 };

static void print_time(const char *device, const char *label, double seconds, double gflop)
{
    printf("%-11s %-18s %8.2f ms", device, label, seconds * 1e3);
    if (gflop > 0)
        printf(" %7.0f GFLOP/s", gflop / seconds);
    printf("\n");
    fflush(stdout);
}

static void bench_conv(const char *name, udm_device *device, const bench_case *bench)
{
    const conv_case *c = &bench->conv;
    conv_setup setup;
    conv_setup_init(&setup, device, c);
    double best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        device->ops->conv(device, &setup.conv);
        device->ops->finish(device, NULL);
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    udm_shape shape = conv_shape(c);
    double gflop = 2e-9 * c->size * c->size * total_in(c) * udm_shape_elements(shape);
    print_time(name, bench->label, best, gflop);
    conv_setup_clear(&setup, c);
}

// observe, restore, shuffle_add and warp at the sizes of a 1920x1080 frame
static void bench_pointwise(const char *name, udm_device *device)
{
    patch_case c = { 3, 1080, 1920, 2, true, 0, 0 };
    udm_observation seen = observation_new(device, &c);
    udm_tensor features = random_tensor(device, observe_shape(&c), UDM_FEATURES, 1);
    udm_tensor correction = random_tensor(device, (udm_shape){ 12, 540, 960 }, UDM_FEATURES, 2);
    udm_tensor frame = random_tensor(device, frame_shape(&c), UDM_PLANAR, 3);
    udm_tensor deep = random_tensor(device, (udm_shape){ 128, 270, 480 }, UDM_FEATURES, 4);
    udm_tensor wide = random_tensor(device, (udm_shape){ 32, 540, 960 }, UDM_FEATURES, 5);
    static const char *const labels[] = { "observe", "restore", "shuffle_add", "warp" };
    const warp_case moved = { 3, 1080, 1920, UDM_LANCZOS_3, 4, false };
    const udm_warp warp = { frame, seen.frame, flow_new(device, &moved), NULL, moved.filter };
    for (int op = 0; op < 4; op++) {
        double best = 1e9;
        for (int i = 0; i < REPEATS; i++) {
            double start = now();
            if (op == 0)
                device->ops->observe(device, &features, &seen, 2);
            else if (op == 1)
                device->ops->restore(device, &frame, &correction, &seen, 2);
            else if (op == 2)
                device->ops->shuffle_add(device, &wide, &deep, &wide);
            else
                device->ops->warp(device, &warp);
            device->ops->finish(device, NULL);
            best = now() - start < best ? now() - start : best;
        }
        print_time(name, labels[op], best, 0);
    }
    observation_free(device, &seen);
    const udm_tensor *tensors[] = { &features, &correction, &frame, &deep, &wide, &warp.flow };
    for (int i = 0; i < 6; i++)
        tensor_free(device, tensors[i]);
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    const device_list *list = find_devices();
    for (int i = 0; i < list->count; i++) {
        udm_error error = { 0 };
        if (only && strcmp(only, list->names[i]) != 0)
            continue;
        udm_device *device = open_device(list->names[i], 0, &error);
        if (!device) {
            printf("# no %s: %s\n", list->names[i], error.message);
            continue;
        }
        printf("# %s\n", device->name);
        for (int b = 0; b < CONV_BENCHES; b++)
            bench_conv(list->names[i], device, &conv_benches[b]);
        bench_pointwise(list->names[i], device);
        udm_device_close(device);
    }
    return 0;
}
