// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a frame's time goes, operation by operation, and how far each is from the roofline (Williams, Waterman and
// Patterson 2009): the time that it would take if the processor did nothing but its products, or nothing but move its
// bytes, whichever is longer.
#include "cli/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    char operation[80];
    udm_timing timing;
} row;

typedef struct table {
    row *rows;
    int count;
    double flops_per_ms, bytes_per_ms; // at most
} table;

static void add(void *context, const char *operation, const udm_timing *timing)
{
    table *t = context;
    row *more = realloc(t->rows, ((size_t)t->count + 1) * sizeof *more);
    if (strcmp(operation, UDM_PEAK_PRODUCTS) == 0)
        t->flops_per_ms = timing->flops / timing->ms;
    if (strcmp(operation, UDM_PEAK_MEMORY) == 0)
        t->bytes_per_ms = timing->bytes / timing->ms;
    if (!more)
        return;
    t->rows = more;
    t->rows[t->count].timing = *timing;
    snprintf(t->rows[t->count++].operation, sizeof more->operation, "%s", operation);
}

static int by_time(const void *a, const void *b)
{
    const row *x = a, *y = b;
    return (y->timing.ms > x->timing.ms) - (y->timing.ms < x->timing.ms);
}

static bool is_peak(const row *r)
{
    return r->operation[0] == '(';
}

static void print_row(const table *t, const row *r, int frames, double frame_ms)
{
    const udm_timing *at = &r->timing;
    const double least_products = t->flops_per_ms > 0 ? at->flops / t->flops_per_ms : 0;
    const double least_memory = t->bytes_per_ms > 0 ? at->bytes / t->bytes_per_ms : 0;
    const double least = least_products > least_memory ? least_products : least_memory;
    printf("%-44s %5.1f %9.3f %5.1f %% %8.1f %7.1f", r->operation, (double)at->runs / frames, at->ms / frames,
           100 * at->ms / frames / frame_ms, at->flops / at->ms / 1e6, at->bytes / at->ms / 1e6);
    if (least > 0)
        printf(" %6.0f %%  %s", 100 * least / at->ms, least_products > least_memory ? "products" : "memory");
    puts("");
}

void profile_print(const udm_restorer *stream, bool on_device, int frames, double frame_ms)
{
    table t = { 0 };
    double sum = 0;
    udm_restorer_profile(stream, add, &t);
    if (t.count > 0)
        qsort(t.rows, t.count, sizeof *t.rows, by_time);
    printf("%-44s %5s %9s %7s %8s %7s %8s\n", "operation, of a frame", "runs", on_device ? "ms" : "CPU ms", "share",
           "GFLOP/s", "GB/s", "roofline");
    for (int i = 0; i < t.count; i++)
        if (!is_peak(&t.rows[i])) {
            print_row(&t, &t.rows[i], frames, frame_ms);
            sum += t.rows[i].timing.ms / frames;
        }
    printf("%-44s %5s %9.3f %5.1f %%\n", "around them: conversion, motion, prediction", "", frame_ms - sum,
           100 * (frame_ms - sum) / frame_ms);
    if (t.flops_per_ms > 0)
        printf("at most %.0f GFLOP/s and %.1f GB/s, as measured here%s\n", t.flops_per_ms / 1e6, t.bytes_per_ms / 1e6,
               on_device ? "" : "; all of one processor");
    free(t.rows);
}
