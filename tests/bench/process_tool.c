// SPDX-License-Identifier: LGPL-2.1-or-later
// What a forward process does to pictures: process_tool NAME EXTENT SHARE IN.npy OUT.npy (mnist.py). IN.npy holds
// N,C,H,W; the noise of picture k is that of seed 1, frame k.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "cli/npy.h"
#include "process/process.h"

static void fill(float *values, size_t count, double value)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)value;
}

static bool degrade(const udm_process *process, double extent, double share, npy *x)
{
    const int channels = (int)x->shape[1], height = (int)x->shape[2], width = (int)x->shape[3];
    const size_t pixels = (size_t)height * width, elements = channels * pixels;
    float *memory = malloc((elements + 4 * pixels + 5 * (size_t)(height + width)) * sizeof *memory);
    if (!memory)
        return false;
    float *e = memory, *signal = e + elements, *noise = signal + pixels, *scratch = noise + pixels;
    fill(signal, pixels, sqrt(1 - share)), fill(noise, pixels, sqrt(share));
    const udm_levels at = { .pixels = pixels,
                            .signal = signal,
                            .noise = noise,
                            .width = width,
                            .height = height,
                            .extent = extent,
                            .scratch = scratch };
    for (size_t k = 0; k < x->shape[0]; k++) {
        udm_normal(1, k, 0, 0, elements, e);
        if (process->cold)
            fill(e, elements, 0);
        process->forward(&at, channels, x->data + k * elements, e, x->data + k * elements);
    }
    free(memory);
    return true;
}

int main(int argc, char **argv)
{
    const char *why = "usage: process_tool NAME EXTENT SHARE IN.npy OUT.npy";
    const udm_process *process = argc == 6 ? udm_process_find(argv[1]) : NULL;
    npy x = { 0 };
    const bool good = process && npy_read(argv[4], &x, &why) && x.dims == 4 &&
                      degrade(process, atof(argv[2]), atof(argv[3]), &x) && npy_write(argv[5], &x, &why);
    if (!good)
        fprintf(stderr, "process_tool: %s\n", why);
    free(x.data);
    return !good;
}
