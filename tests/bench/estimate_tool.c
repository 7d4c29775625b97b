// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tracker reads of raw frames on standard input: estimate_tool WIDTH HEIGHT CHANNELS (1: gray, 3: rgb24).
// One line a frame: sigma, real_sigma, luma, chroma, whiteness, confidence, finding, milliseconds, whether a scene
// begins there, and chroma at half the size.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "analysis/noise_tracker.h"

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

// pixels: [height, width, channels], planes: [channels, height, width]
static void to_planes(const unsigned char *pixels, int channels, size_t area, float *planes)
{
    for (size_t i = 0; i < area * channels; i++)
        planes[i % channels * area + i / channels] = pixels[i] / 127.5f - 1;
}

static int measure(int width, int height, int channels)
{
    size_t area = (size_t)width * height;
    udm_error error = { 0 };
    unsigned char *pixels = malloc(area * channels);
    float *planes = malloc(area * channels * sizeof(float));
    udm_noise_tracker *tracker = udm_noise_tracker_new(channels, width, height, &error);
    bool good = pixels && planes && tracker;
    while (good && fread(pixels, area * channels, 1, stdin) == 1) {
        to_planes(pixels, channels, area, planes);
        double start = now_ms();
        bool begins = udm_noise_tracker_look(tracker, planes, (udm_noise_hint){ .sigma = -1 });
        const udm_noise_estimate *noise = udm_noise_tracker_noise(tracker);
        printf("%.4f %.4f %.4f %.4f %.3f %.3f %d %.3f %d %.4f\n", noise->sigma, noise->real_sigma, noise->luma,
               noise->chroma, noise->whiteness, noise->confidence, noise->finding, now_ms() - start, begins,
               noise->half_chroma);
    }
    if (!good)
        fprintf(stderr, "estimate_tool: %s\n", error.code ? error.message : "no memory");
    udm_noise_tracker_free(tracker);
    free(planes);
    free(pixels);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    int width = argc == 4 ? atoi(argv[1]) : 0, height = argc == 4 ? atoi(argv[2]) : 0;
    int channels = argc == 4 ? atoi(argv[3]) : 0;
    if (width < 1 || height < 1 || (channels != 1 && channels != 3)) {
        fprintf(stderr, "usage: estimate_tool WIDTH HEIGHT CHANNELS < frames\n");
        return 2;
    }
    return measure(width, height, channels);
}
