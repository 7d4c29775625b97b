// SPDX-License-Identifier: LGPL-2.1-or-later
// A device that times its operations ("cpu:profile"): an entry for each kind and shape, with what was multiplied and
// moved, and what the processor can do of both, measured on demand.
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/cpu/cpu.h"
#include "backend/host.h"

typedef struct entry {
    char operation[64];
    udm_timing sum;
} entry;

struct udm_cpu_times {
    udm_ops ops;          // those that time,
    const udm_ops *plain; // and those that work
    entry *entries;
    int count, room;
};

// Of all processors together: other work on the machine changes that little.
static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

static udm_cpu_times *times_of(udm_device *device)
{
    return udm_cpu_of(device)->times;
}

// The entry of that name, an old one or a new; NULL where there is no memory, and then nothing is noted.
static entry *find_entry(udm_cpu_times *times, const char *operation)
{
    for (int i = 0; i < times->count; i++)
        if (strcmp(times->entries[i].operation, operation) == 0)
            return &times->entries[i];
    if (times->count == times->room) {
        entry *more = realloc(times->entries, (2 * (size_t)times->room + 32) * sizeof *more);
        if (!more)
            return NULL;
        times->entries = more;
        times->room = 2 * times->room + 32;
    }
    entry *found = &times->entries[times->count++];
    *found = (entry){ 0 };
    snprintf(found->operation, sizeof found->operation, "%s", operation);
    return found;
}

static void note(udm_device *device, const char *operation, double start_ms, double flops, double bytes)
{
    entry *at = find_entry(times_of(device), operation);
    if (!at)
        return;
    at->sum.runs++;
    at->sum.ms += now_ms() - start_ms;
    at->sum.flops += flops;
    at->sum.bytes += bytes;
}

static double bytes_of(udm_device *device, const udm_tensor *tensor)
{
    return (double)device->ops->bytes(device, tensor->shape, tensor->layout);
}

// Of an operation that is named by its result alone.
static void note_simple(udm_device *device, const char *name, double start_ms, const udm_tensor *dst, double flops,
                        double more_bytes)
{
    char label[64];
    snprintf(label, sizeof label, "%s, %d channels, %dx%d", name, dst->shape.c, dst->shape.w, dst->shape.h);
    note(device, label, start_ms, flops, bytes_of(device, dst) + more_bytes);
}

// Multiplications are those that are done: for Winograd 36 for each tile of 16 pixels.
static void timed_conv(udm_device *device, const udm_conv *conv)
{
    const udm_conv_weights *weights = conv->weights;
    const udm_shape dst = conv->dst.shape;
    const bool winograd = weights->products > 1;
    const int unit = winograd ? UDM_CPU_TILE : 1;
    const double rows = (double)udm_divide_up(dst.h, unit) * udm_divide_up(dst.w, unit);
    const double outputs = UDM_CPU_BLOCK * (double)udm_cpu_blocks(weights->out);
    double bytes =
        bytes_of(device, &conv->dst) * (conv->residual ? 2 : 1) +
        weights->matrices * (double)weights->steps * outputs * (weights->kind ? sizeof(uint16_t) : sizeof(float));
    for (int s = 0; s < weights->sources; s++)
        bytes += bytes_of(device, &conv->src[s]);
    char label[64];
    snprintf(label, sizeof label, "conv %dx%d%s, %d to %d, %dx%d%s", weights->size, weights->size,
             weights->stride > 1 ? " / 2" : "", weights->depth / (winograd ? 1 : weights->size * weights->size),
             weights->out, dst.w, dst.h, winograd ? ", Winograd" : "");
    const double start = now_ms();
    times_of(device)->plain->conv(device, conv);
    note(device, label, start, 2 * rows * weights->products * weights->depth * outputs, bytes);
}

static void timed_observe(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch)
{
    const double start = now_ms();
    times_of(device)->plain->observe(device, dst, seen, patch);
    note_simple(device, "observe", start, dst, 0,
                2 * (bytes_of(device, &seen->frame) + bytes_of(device, &seen->level)));
}

static void timed_restore(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                          const udm_observation *seen, int patch)
{
    const double start = now_ms();
    times_of(device)->plain->restore(device, dst, correction, seen, patch);
    note_simple(device, "restore", start, dst, 0,
                bytes_of(device, correction) + 2 * (bytes_of(device, &seen->frame) + bytes_of(device, &seen->level)));
}

static void timed_shuffle_add(udm_device *device, const udm_tensor *dst, const udm_tensor *src,
                              const udm_tensor *addend)
{
    const double start = now_ms();
    times_of(device)->plain->shuffle_add(device, dst, src, addend);
    note_simple(device, "shuffle and add", start, dst, 0,
                bytes_of(device, src) + (addend ? bytes_of(device, addend) : 0));
}

static void timed_norm(udm_device *device, const udm_norm *norm)
{
    const double start = now_ms();
    times_of(device)->plain->norm(device, norm);
    note_simple(device, "group norm", start, &norm->dst, 0, 2 * bytes_of(device, &norm->dst)); // it is read twice
}

static void timed_attention(udm_device *device, const udm_attention *attention)
{
    const udm_shape dst = attention->dst.shape, key = attention->key.shape;
    const double pairs = (double)dst.h * dst.w * key.h * key.w, start = now_ms();
    times_of(device)->plain->attention(device, attention);
    note_simple(device, "attention", start, &attention->dst, 4 * pairs * dst.c,
                bytes_of(device, &attention->query) + 2 * bytes_of(device, &attention->key));
}

static void timed_layer_norm(udm_device *device, const udm_layer_norm *norm)
{
    const double start = now_ms();
    times_of(device)->plain->layer_norm(device, norm);
    note_simple(device, "layer norm", start, &norm->dst, 0, bytes_of(device, &norm->dst));
}

static void timed_join(udm_device *device, const udm_join *join)
{
    const double start = now_ms();
    times_of(device)->plain->join(device, join);
    note_simple(device, "join", start, &join->dst, 0, bytes_of(device, &join->dst));
}

static void timed_multiply(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b)
{
    const double start = now_ms();
    times_of(device)->plain->multiply(device, dst, a, b);
    note_simple(device, "multiply", start, dst, 0, 2 * bytes_of(device, dst));
}

static void timed_attend_frames(udm_device *device, const udm_frame_attention *attention)
{
    const double start = now_ms(), each = bytes_of(device, &attention->dst);
    times_of(device)->plain->attend_frames(device, attention);
    note_simple(device, "attention over frames", start, &attention->dst, attention->frames * each,
                each * (1 + 2 * attention->frames));
}

static void timed_resample(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    const double start = now_ms();
    times_of(device)->plain->resample(device, dst, src);
    note_simple(device, "resample", start, dst, 0, bytes_of(device, src));
}

static void timed_copy(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    const double start = now_ms();
    times_of(device)->plain->copy(device, dst, src);
    note_simple(device, "copy", start, dst, 0, bytes_of(device, src));
}

static void timed_warp(udm_device *device, const udm_warp *warp)
{
    const bool lanczos = warp->filter == UDM_LANCZOS_3;
    const double start = now_ms(), flops = lanczos ? 2 * 36 + 2 * 6 : 6; // for each value
    times_of(device)->plain->warp(device, warp);
    note_simple(device, lanczos ? "warp, Lanczos-3" : "warp, bilinear", start, &warp->dst,
                flops * (double)udm_shape_elements(warp->dst.shape),
                bytes_of(device, &warp->src) + bytes_of(device, &warp->flow));
}

bool udm_cpu_times_new(udm_cpu_device *cpu, udm_error *error)
{
    cpu->times = calloc(1, sizeof *cpu->times);
    if (!cpu->times)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory to time operations");
    udm_ops *ops = &cpu->times->ops;
    cpu->times->plain = cpu->device.ops;
    *ops = *cpu->device.ops;
    ops->conv = timed_conv, ops->observe = timed_observe, ops->restore = timed_restore;
    ops->shuffle_add = timed_shuffle_add, ops->norm = timed_norm, ops->attention = timed_attention;
    ops->attend_frames = timed_attend_frames, ops->resample = timed_resample, ops->copy = timed_copy;
    ops->warp = timed_warp, ops->layer_norm = timed_layer_norm, ops->join = timed_join;
    ops->multiply = timed_multiply;
    cpu->device.ops = ops;
    return true;
}

void udm_cpu_times_free(udm_cpu_times *times)
{
    if (times)
        free(times->entries);
    free(times);
}

enum { PEAK_JOBS = 64, PEAK_TURNS = 5, PEAK_STEPS = 20000, MEMORY_BYTES = 192 << 20 };

// The best of some turns of a job, in ms.
static double best_ms(udm_pool *pool, udm_job job, void *context)
{
    double best = DBL_MAX;
    for (int i = 0; i < PEAK_TURNS; i++) {
        const double start = now_ms();
        udm_pool_run(pool, PEAK_JOBS, job, context);
        const double taken = now_ms() - start;
        best = taken < best ? taken : best;
    }
    return best;
}

static void move_part(void *context, int index, int worker)
{
    char *memory = context;
    const size_t part = MEMORY_BYTES / 2 / PEAK_JOBS;
    (void)worker;
    memcpy(memory + MEMORY_BYTES / 2 + index * part, memory + index * part, part);
}

void udm_cpu_profile(const udm_device *device, udm_timed found, void *context)
{
    const udm_cpu_device *cpu = (const udm_cpu_device *)device;
    const udm_cpu_times *times = cpu->times;
    if (!times)
        return;
    int steps = PEAK_STEPS;
    udm_timing peak = { .runs = 1, .ms = best_ms(cpu->pool, cpu->products->peak, &steps) };
    peak.flops = (double)PEAK_JOBS * PEAK_STEPS * udm_cpu_peak_flops(cpu->products->pairs, cpu->isa->lanes);
    found(context, UDM_PEAK_PRODUCTS, &peak);
    char *memory = calloc(1, MEMORY_BYTES);
    if (memory) {
        memset(memory, 1, MEMORY_BYTES); // its pages are there
        peak = (udm_timing){ .runs = 1, .ms = best_ms(cpu->pool, move_part, memory), .bytes = MEMORY_BYTES };
        found(context, UDM_PEAK_MEMORY, &peak);
    }
    free(memory);
    for (int i = 0; i < times->count; i++)
        found(context, times->entries[i].operation, &times->entries[i].sum);
}
