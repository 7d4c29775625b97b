// SPDX-License-Identifier: LGPL-2.1-or-later
// Half of an autoencoder over an array: coder_tool FOLDER encode|decode IN.npy OUT.npy [DEVICE [MEBIBYTES
// [PRECISION]]]. One line: latents along a side of a tile, tiles, and milliseconds, the least of two.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/npy.h"
#include "model/file.h"
#include "runner/coder.h"

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static udm_autoencoder *open_half(char **argv, udm_device *device, udm_config **config, udm_weights **weights,
                                  udm_error *error)
{
    char *paths[] = { udm_file_join(argv[1], "config.json", error),
                      udm_file_join(argv[1], "diffusion_pytorch_model.safetensors", error) };
    *config = paths[0] ? udm_config_open(paths[0], error) : NULL;
    *weights = *config && paths[1] ? udm_weights_open(paths[1], error) : NULL;
    free(paths[0]), free(paths[1]);
    return *weights ? udm_autoencoder_open(*config, *weights, argv[2][0] == 'e', device, error) : NULL;
}

static bool run(const udm_autoencoder *half, npy *in, npy *out, size_t limit, udm_error *error)
{
    const int height = (int)in->shape[in->dims - 2], width = (int)in->shape[in->dims - 1], scale = half->scale;
    const udm_coding coding = { .width = half->encodes ? width / scale : width,
                                .height = half->encodes ? height / scale : height,
                                .limit = limit };
    const size_t side = half->encodes ? 1 : scale;
    int tile, tiles;
    *out = (npy){ .dims = 4,
                  .shape = { 1, half->encodes ? half->latents : half->channels, coding.height * side,
                             coding.width * side } };
    out->elements = out->shape[1] * out->shape[2] * out->shape[3];
    out->data = malloc(out->elements * sizeof *out->data);
    if (!out->data)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory");
    if (!udm_coder_plan(half, &coding, &tile, &tiles, error))
        return false;
    double least = 0;
    for (int i = 0; i < 2; i++) {
        const double start = now_ms();
        if (!udm_coder_run(half, &coding, in->data, out->data, error))
            return false;
        least = i && least < now_ms() - start ? least : now_ms() - start;
    }
    printf("%d %d %.1f\n", tile, tiles, least);
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 8) {
        fputs("usage: coder_tool FOLDER encode|decode IN.npy OUT.npy [DEVICE [MEBIBYTES [PRECISION]]]\n", stderr);
        return 2;
    }
    udm_error error = { 0 };
    udm_config *config = NULL;
    udm_weights *weights = NULL;
    npy in = { 0 }, out = { 0 };
    const char *why = "";
    udm_device *device = udm_device_open(argc > 5 ? argv[5] : "cpu", 2, &error);
    udm_precision precision = UDM_PRECISION_F32;
    if (argc > 7 && !udm_precision_find(argv[7], &precision))
        why = "there is no such precision";
    const bool ready = device && !*why && udm_device_set_precision(device, precision, &error);
    udm_autoencoder *half = ready ? open_half(argv, device, &config, &weights, &error) : NULL;
    const size_t limit = argc > 6 ? (size_t)atoi(argv[6]) << 20 : SIZE_MAX;
    const bool good = half && npy_read(argv[3], &in, &why) && in.dims >= 3 && run(half, &in, &out, limit, &error) &&
                      npy_write(argv[4], &out, &why);
    if (!good)
        fprintf(stderr, "coder_tool: %s%s\n", error.message, why);
    free(in.data);
    free(out.data);
    udm_autoencoder_free(half);
    udm_device_close(device);
    udm_config_free(config);
    udm_weights_free(weights);
    return good ? 0 : 1;
}
