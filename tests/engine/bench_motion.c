// SPDX-License-Identifier: LGPL-2.1-or-later
// How long motion takes, by each set of operations, on one thread: bench_motion [WIDTH HEIGHT].
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "flow/optical_flow.h"
#include "flow/with_ops.h"
#include "interp/kernels/kernels.h"

enum { REPEATS = 12 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

// A texture that is moved by a fraction of a pixel.
static float *picture_new(int width, int height, int channels, float moved)
{
    float *picture = malloc(sizeof(float) * (size_t)(width * height * channels));
    for (int i = 0; picture && i < width * height * channels; i++) {
        const float x = (float)(i % width) + moved, y = (float)(i / width % height);
        picture[i] = 0.3f * sinf(0.31f * x + 0.2f * y) + 0.3f * cosf(0.7f * y - 0.13f * x) + 0.2f * sinf(0.05f * x * y);
    }
    return picture;
}

static void time_flow(const udm_flow_ops *ops, int width, int height, udm_pool *pool)
{
    udm_flow *flow = udm_flow_new_with(ops, width, height, pool, NULL);
    float *a = picture_new(width, height, 1, 0), *b = picture_new(width, height, 1, 1.7f);
    float *found = malloc(sizeof(float) * 2 * (size_t)(width * height));
    double clean = INFINITY, noisy = INFINITY;
    for (int i = 0; flow && a && b && found && i < REPEATS; i++) {
        double start = now_ms();
        udm_flow_estimate(flow, a, b, 0, found);
        clean = fmin(clean, now_ms() - start);
        start = now_ms();
        udm_flow_estimate(flow, a, b, 0.01f, found);
        noisy = fmin(noisy, now_ms() - start);
    }
    printf("%-10s flow %8.2f ms   between noisy frames %8.2f ms\n", ops->name, clean, noisy);
    free(found);
    free(b);
    free(a);
    udm_flow_free(flow);
}

static void time_synthesis(const udm_synthesis_ops *ops, int width, int height, udm_pool *pool)
{
    udm_synthesis *synthesis = udm_synthesis_new_with(ops, width, height, 3, pool, NULL);
    float *a = picture_new(width, height, 3, 0), *b = picture_new(width, height, 3, 1.7f);
    double least = INFINITY;
    if (synthesis && a && b)
        udm_synthesis_pair(synthesis, a, b, NULL);
    for (int i = 0; synthesis && a && b && i < REPEATS; i++) {
        const double start = now_ms();
        udm_synthesis_at(synthesis, 0.4);
        least = fmin(least, now_ms() - start);
    }
    printf("%-10s frame between %8.2f ms\n", ops->name, least);
    free(b);
    free(a);
    udm_synthesis_free(synthesis);
}

int main(int argc, char **argv)
{
    const int width = argc > 2 ? atoi(argv[1]) : 352, height = argc > 2 ? atoi(argv[2]) : 288;
    udm_pool *pool = udm_pool_new(1, NULL);
    if (!pool || width < 1 || height < 1)
        return 1;
    for (const udm_flow_ops *const *ops = udm_flow_ops_list(); *ops; ops++)
        time_flow(*ops, width, height, pool);
    for (const udm_synthesis_ops *const *ops = udm_synthesis_ops_list(); *ops; ops++)
        time_synthesis(*ops, width, height, pool);
    udm_pool_free(pool);
    return 0;
}
