// SPDX-License-Identifier: LGPL-2.1-or-later
// An entry for each kind and shape of operations, with what was multiplied and moved.
#include "backend/times.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    char operation[64];
    udm_timing sum;
} entry;

struct udm_times {
    udm_ops ops;          // those that time,
    const udm_ops *plain; // and those that work
    const udm_clock *clock;
    entry *entries;
    int count, room;
};

// The entry of that name, an old one or a new; NULL where there is no memory, and then nothing is noted.
static entry *find_entry(udm_times *times, const char *operation)
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

static double now_ms(const udm_device *device)
{
    return device->times->clock->now_ms(device);
}

static void note(udm_device *device, const char *operation, double start_ms, double flops, double bytes)
{
    entry *at = find_entry(device->times, operation);
    if (!at)
        return;
    at->sum.runs++;
    at->sum.ms += now_ms(device) - start_ms;
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

static void timed_conv(udm_device *device, const udm_conv *conv)
{
    const udm_conv_work work = device->times->clock->conv(device, conv);
    const udm_shape dst = conv->dst.shape;
    double bytes = bytes_of(device, &conv->dst) * (conv->residual ? 2 : 1) + work.bytes;
    for (int s = 0; s < work.sources; s++)
        bytes += bytes_of(device, &conv->src[s]);
    char label[64];
    snprintf(label, sizeof label, "conv %dx%d%s, %d to %d, %dx%d%s", work.size, work.size,
             work.stride > 1 ? " / 2" : "", work.in, work.out, dst.w, dst.h, work.winograd ? ", Winograd" : "");
    const double start = now_ms(device);
    device->times->plain->conv(device, conv);
    note(device, label, start, work.flops, bytes);
}

static void timed_observe(udm_device *device, const udm_tensor *dst, const udm_observation *seen, int patch)
{
    const double start = now_ms(device);
    device->times->plain->observe(device, dst, seen, patch);
    note_simple(device, "observe", start, dst, 0,
                2 * (bytes_of(device, &seen->frame) + bytes_of(device, &seen->level)));
}

static void timed_restore(udm_device *device, const udm_tensor *dst, const udm_tensor *correction,
                          const udm_observation *seen, int patch)
{
    const double start = now_ms(device);
    device->times->plain->restore(device, dst, correction, seen, patch);
    note_simple(device, "restore", start, dst, 0,
                bytes_of(device, correction) + 2 * (bytes_of(device, &seen->frame) + bytes_of(device, &seen->level)));
}

static void timed_shuffle_add(udm_device *device, const udm_tensor *dst, const udm_tensor *src,
                              const udm_tensor *addend)
{
    const double start = now_ms(device);
    device->times->plain->shuffle_add(device, dst, src, addend);
    note_simple(device, "shuffle and add", start, dst, 0,
                bytes_of(device, src) + (addend ? bytes_of(device, addend) : 0));
}

static void timed_norm(udm_device *device, const udm_norm *norm)
{
    const double start = now_ms(device);
    device->times->plain->norm(device, norm);
    note_simple(device, "group norm", start, &norm->dst, 0, 2 * bytes_of(device, &norm->dst)); // it is read twice
}

static void timed_attention(udm_device *device, const udm_attention *attention)
{
    const udm_shape dst = attention->dst.shape, key = attention->key.shape;
    const double pairs = (double)dst.h * dst.w * key.h * key.w, start = now_ms(device);
    device->times->plain->attention(device, attention);
    note_simple(device, "attention", start, &attention->dst, 4 * pairs * dst.c,
                bytes_of(device, &attention->query) + 2 * bytes_of(device, &attention->key));
}

static void timed_layer_norm(udm_device *device, const udm_layer_norm *norm)
{
    const double start = now_ms(device);
    device->times->plain->layer_norm(device, norm);
    note_simple(device, "layer norm", start, &norm->dst, 0, bytes_of(device, &norm->dst));
}

static void timed_join(udm_device *device, const udm_join *join)
{
    const double start = now_ms(device);
    device->times->plain->join(device, join);
    note_simple(device, "join", start, &join->dst, 0, bytes_of(device, &join->dst));
}

static void timed_multiply(udm_device *device, const udm_tensor *dst, const udm_tensor *a, const udm_tensor *b)
{
    const double start = now_ms(device);
    device->times->plain->multiply(device, dst, a, b);
    note_simple(device, "multiply", start, dst, 0, 2 * bytes_of(device, dst));
}

static void timed_attend_frames(udm_device *device, const udm_frame_attention *attention)
{
    const double start = now_ms(device), each = bytes_of(device, &attention->dst);
    device->times->plain->attend_frames(device, attention);
    note_simple(device, "attention over frames", start, &attention->dst, attention->frames * each,
                each * (1 + 2 * attention->frames));
}

static void timed_resample(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    const double start = now_ms(device);
    device->times->plain->resample(device, dst, src);
    note_simple(device, "resample", start, dst, 0, bytes_of(device, src));
}

static void timed_copy(udm_device *device, const udm_tensor *dst, const udm_tensor *src)
{
    const double start = now_ms(device);
    device->times->plain->copy(device, dst, src);
    note_simple(device, "copy", start, dst, 0, bytes_of(device, src));
}

static void timed_warp(udm_device *device, const udm_warp *warp)
{
    const bool lanczos = warp->filter == UDM_LANCZOS_3;
    const double start = now_ms(device), flops = lanczos ? 2 * 36 + 2 * 6 : 6; // for each value
    device->times->plain->warp(device, warp);
    note_simple(device, lanczos ? "warp, Lanczos-3" : "warp, bilinear", start, &warp->dst,
                flops * (double)udm_shape_elements(warp->dst.shape),
                bytes_of(device, &warp->src) + bytes_of(device, &warp->flow));
}

static void timed_motion(udm_device *device, udm_motion_step step, const udm_motion_level *level,
                         const udm_memory *memory)
{
    char label[64];
    snprintf(label, sizeof label, "motion, %dx%d", level->width, level->height);
    const double start = now_ms(device);
    device->times->plain->motion(device, step, level, memory);
    note(device, label, start, 0, 0);
}

bool udm_times_new(udm_device *device, const udm_clock *clock, udm_error *error)
{
    device->times = calloc(1, sizeof *device->times);
    if (!device->times)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory to time operations");
    udm_ops *ops = &device->times->ops;
    device->times->clock = clock;
    device->times->plain = device->ops;
    *ops = *device->ops;
    ops->conv = timed_conv, ops->observe = timed_observe, ops->restore = timed_restore;
    ops->shuffle_add = timed_shuffle_add, ops->norm = timed_norm, ops->attention = timed_attention;
    ops->attend_frames = timed_attend_frames, ops->resample = timed_resample, ops->copy = timed_copy;
    ops->warp = timed_warp, ops->layer_norm = timed_layer_norm, ops->join = timed_join;
    ops->multiply = timed_multiply, ops->motion = timed_motion;
    device->ops = ops;
    return true;
}

void udm_times_free(udm_times *times)
{
    if (times)
        free(times->entries);
    free(times);
}

void udm_times_list(const udm_times *times, udm_timed found, void *context)
{
    for (int i = 0; i < times->count; i++)
        found(context, times->entries[i].operation, &times->entries[i].sum);
}
