// SPDX-License-Identifier: LGPL-2.1-or-later
// Half the size and back.
#include <math.h>
#include <stddef.h>

#include "base/maths.h"
#include "temporal/kernels/jobs.h"
#include "temporal/variance.h"

enum { RUN = 64 }; // pixels whose signal is kept at a time

#define MOST 1e4f // of a variance: nothing is known

// The mean of pixels x, x + 1 of two rows.
static inline float mean_of(const float *above, const float *below, int x, int width)
{
    const int next = x + 1 < width ? x + 1 : x;
    return 0.25f * (above[x] + above[next] + below[x] + below[next]);
}

static void halve_run(const udm_halving_job *h, int row, int first, int count)
{
    const int width = h->width, half = udm_divide_up(width, 2), y = 2 * row, next = udm_min(y + 1, h->height - 1);
    const size_t above = (size_t)y * (size_t)width, below = (size_t)next * (size_t)width;
    const size_t at = (size_t)row * (size_t)half + (size_t)first, plane = (size_t)width * (size_t)h->height;
    const size_t small_plane = (size_t)half * (size_t)udm_divide_up(h->height, 2);
    float signal[RUN];
    const size_t left = above + 2 * (size_t)first; // its pixels tell, as levels vary slowly
    for (int i = 0; i < count && h->level; i++) {
        const float variance = variance_of(h->level[left + (size_t)(2 * i)], MOST) / 4;
        signal[i] = 1 / sqrtf(1 + variance);
        h->small_level[at + (size_t)i] = sqrtf(variance) * signal[i];
    }
    for (int i = 0; i < count && h->variance; i++) {
        const float variance = h->variance[left + (size_t)(2 * i)], ratio = 1 / sqrtf(1 + variance / 4);
        signal[i] = variance < UDM_UNKNOWN_VARIANCE ? ratio : 0;
        h->small_level[at + (size_t)i] = variance < UDM_UNKNOWN_VARIANCE ? sqrtf(variance / 4) * ratio : 1;
    }
    for (int c = 0; c < h->channels; c++) {
        const float *from = h->planes + (size_t)c * plane;
        float *to = h->small + (size_t)c * small_plane + at;
        const int inner = 2 * (first + count) <= width ? count : count - 1;
        INDEPENDENT
        for (int i = 0; i < inner; i++) {
            const float *upper = from + above + 2 * (first + i), *lower = from + below + 2 * (first + i);
            to[i] = signal[i] * (0.25f * (upper[0] + upper[1] + lower[0] + lower[1]));
        }
        for (int i = inner; i < count; i++)
            to[i] = signal[i] * mean_of(from + above, from + below, 2 * (first + i), width);
    }
}

void NAME(udm_temporal_halve)(void *context, int row, int worker)
{
    const udm_halving_job *h = context;
    const int half = udm_divide_up(h->width, 2);
    for (int x = 0; x < half; x += RUN)
        halve_run(h, row, x, udm_min(RUN, half - x));
}

// Pixels 2 i and 2 i + 1 lie a quarter of a pixel before and after pixel i.
void NAME(udm_temporal_expand)(void *context, int y, int worker)
{
    const udm_expansion_job *e = context;
    const int half = udm_divide_up(e->width, 2), rows = udm_divide_up(e->height, 2);
    const int near = y / 2, far = udm_clamp_index(y % 2 ? near + 1 : near - 1, rows);
    const float *a = e->small + (size_t)near * (size_t)half, *b = e->small + (size_t)far * (size_t)half;
    const float three = 0.75f * 0.75f * e->factor, one = 0.25f * 0.75f * e->factor, none = 0.25f * 0.25f * e->factor;
    float *out = e->out + (size_t)y * (size_t)e->width;
    for (int i = 0; i<half; i += half> 1 ? half - 1 : 1) { // the first and the last
        const int left = i > 0 ? i - 1 : 0, right = i + 1 < half ? i + 1 : i;
        const float middle = three * a[i] + one * b[i];
        out[2 * i] = middle + one * a[left] + none * b[left];
        if (2 * i + 1 < e->width)
            out[2 * i + 1] = middle + one * a[right] + none * b[right];
    }
    INDEPENDENT
    for (int i = 1; i < half - 1; i++) {
        const float middle = three * a[i] + one * b[i];
        out[2 * i] = middle + one * a[i - 1] + none * b[i - 1];
        out[2 * i + 1] = middle + one * a[i + 1] + none * b[i + 1];
    }
}
