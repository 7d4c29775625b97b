// SPDX-License-Identifier: LGPL-2.1-or-later
// udm bench
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cli/options.h"
#include "cli/profile.h"

static double now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Milliseconds per frame over a run of `count` frames, by a clock and of all processors; negative on failure. images:
// two that come in turns, as a repeat would cost nothing, and one for what comes out.
static double time_frames(udm_restorer *stream, const udm_image images[3], double time, int count, double *cpu_ms,
                          udm_error *error)
{
    double start = now_ms(CLOCK_MONOTONIC), cpu_start = now_ms(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < count; i++) {
        udm_frame frame = { .image = &images[i % 2], .time = time, .number = i };
        if (!udm_restorer_push(stream, &frame, error))
            return -1;
        const udm_pulled pulled = udm_restorer_pull(stream, &images[2], error);
        if (pulled != UDM_PULLED_FRAME && pulled != UDM_PULLED_NOTHING)
            return -1;
    }
    *cpu_ms = (now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_start) / count;
    return (now_ms(CLOCK_MONOTONIC) - start) / count;
}

// One run more than asked for: the first warms up.
static bool time_runs(udm_restorer *stream, const udm_image images[3], double time, const options *options, double *ms,
                      double *least_cpu_ms, udm_error *error)
{
    *least_cpu_ms = DBL_MAX;
    for (int run = -1; run < options->repeat; run++) {
        double cpu_ms, taken = time_frames(stream, images, time, options->frames, &cpu_ms, error);
        if (taken < 0)
            return false;
        ms[run < 0 ? 0 : run] = taken;
        *least_cpu_ms = run >= 0 && cpu_ms < *least_cpu_ms ? cpu_ms : *least_cpu_ms;
    }
    qsort(ms, options->repeat, sizeof *ms, by_value);
    return true;
}

static void print_times(const char *directory, udm_restorer *stream, const options *options, const double *ms,
                        double cpu_ms)
{
    udm_stats stats;
    struct rusage usage;
    udm_restorer_stats(stream, &stats, sizeof stats);
    getrusage(RUSAGE_SELF, &usage);
    if (stats.warning[0])
        fprintf(stderr, "udm: warning: %s\n", stats.warning);
    printf(
        "{\"model\": \"%s\", \"device\": \"%s\", \"size\": \"%dx%d\", \"frames\": %d, \"repeat\": %d, \"tiles\": %d, "
        "\"median_ms\": %.3f, \"min_ms\": %.3f, \"cpu_ms\": %.3f, \"peak_rss_mib\": %.1f, \"ms\": [",
        directory, stats.device, options->settings.width, options->settings.height, options->frames, options->repeat,
        stats.tiles, ms[options->repeat / 2], ms[0], cpu_ms, usage.ru_maxrss / 1024.0);
    for (int i = 0; i < options->repeat; i++)
        printf("%s%.3f", i ? ", " : "", ms[i]);
    puts("]}");
}

// Those that time their operations.
static const char *profiled_device(const char *device, char *name, size_t room)
{
    const char *plain = strcmp(device, "auto") == 0 ? "cpu" : strcmp(device, "opencl") == 0 ? "opencl:0" : device;
    snprintf(name, room, "%s:profile", plain);
    return name;
}

int bench_command(const char *directory, const udm_model *model, options *options)
{
    udm_error error = { 0 };
    udm_info info;
    udm_settings *s = &options->settings;
    char device[64];
    if (!udm_model_info(model, &info, sizeof info, &error))
        return cli_fail(directory, error.message);
    s->channels = info.channels;
    if (options->profile)
        s->device = profiled_device(s->device, device, sizeof device);
    udm_restorer *stream = udm_restorer_open(model, s, &error);
    if (!stream)
        return cli_fail(directory, error.message);
    const size_t row = (size_t)s->width * s->channels, picture = row * s->height;
    uint8_t *pixels = malloc(3 * picture);
    double *ms = malloc(options->repeat * sizeof *ms), cpu_ms = 0;
    udm_image images[3];
    for (int k = 0; k < 3; k++) {
        images[k] = (udm_image){ .width = s->width, .height = s->height, .channels = s->channels, .bits = 8 };
        for (int c = 0; c < s->channels; c++) {
            images[k].data[c] = pixels + k * picture + c;
            images[k].stride[c] = (ptrdiff_t)row, images[k].step[c] = s->channels;
        }
    }
    for (size_t i = 0; pixels && i < 2 * picture; i++)
        pixels[i] = (uint8_t)(85 + (i * 2654435761u >> 24) / 3); // grey with noise of sigma 25, without impulses
    bool good = pixels && ms && time_runs(stream, images, udm_model_time(model, 25), options, ms, &cpu_ms, &error);
    if (good)
        print_times(directory, stream, options, ms, cpu_ms);
    else
        cli_fail(directory, error.code ? error.message : "there is no memory for a frame");
    const bool on_device = good && options->profile && strncmp(s->device, "opencl", 6) == 0;
    if (good && options->profile)
        profile_print(stream, on_device, (options->repeat + 1) * options->frames, on_device ? ms[0] : cpu_ms);
    free(ms);
    free(pixels);
    udm_restorer_free(stream);
    return !good;
}
