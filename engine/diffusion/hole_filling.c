// SPDX-License-Identifier: LGPL-2.1-or-later
// Pull-push. Gortler, Grzeszczuk, Szeliski, Cohen, "The Lumigraph", 1996, section 3.6.3: a pyramid of means of what is
// known is pulled up, and what is not known is pushed down from the level above, linearly between its pixels. At every
// level some sweeps of Jacobi's method then bring it nearer to the membrane, the solution of Laplace's equation, which
// is spanned between the known pixels.
#include "diffusion/hole_filling.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_LEVELS = 18, // the highest has one pixel
    SWEEPS = 8,      // models/train/degrade.py has the same
};

typedef struct level {
    int width, height;
    float *known;  // [height, width], 1 or 0: where any of what a pixel stands for is
    float *planes; // [channels, height, width]
} level;

struct udm_hole_filler {
    int channels, count;
    level levels[MAX_LEVELS];
    float *memory, *rows; // rows: two of the largest level
};

static size_t pixels_of(const level *at)
{
    return (size_t)at->width * at->height;
}

udm_hole_filler *udm_hole_filler_new(int channels, int width, int height, udm_error *error)
{
    udm_hole_filler *filler = calloc(1, sizeof *filler);
    size_t all = 0;
    if (filler) {
        filler->channels = channels;
        for (bool last = false; !last; width = (width + 1) / 2, height = (height + 1) / 2) {
            filler->levels[filler->count] = (level){ .width = width, .height = height };
            all += pixels_of(&filler->levels[filler->count++]) * (channels + 1);
            last = width == 1 && height == 1;
        }
        filler->memory = malloc((all + 2 * (size_t)filler->levels->width) * sizeof(float));
    }
    if (!filler || !filler->memory) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to fill holes");
        udm_hole_filler_free(filler);
        return NULL;
    }
    float *next = filler->memory;
    for (level *at = filler->levels; at < filler->levels + filler->count; at++) {
        at->known = next;
        at->planes = next + pixels_of(at);
        next = at->planes + pixels_of(at) * channels;
    }
    filler->rows = next;
    return filler;
}

void udm_hole_filler_free(udm_hole_filler *filler)
{
    if (!filler)
        return;
    free(filler->memory);
    free(filler);
}

// The pixels of `fine` that one of the level above stands for: up to four.
static int children(const level *fine, int x, int y, size_t found[4])
{
    int count = 0;
    for (int dy = 0; dy < 2 && 2 * y + dy < fine->height; dy++)
        for (int dx = 0; dx < 2 && 2 * x + dx < fine->width; dx++)
            found[count++] = (size_t)(2 * y + dy) * fine->width + 2 * x + dx;
    return count;
}

static void pull(const level *fine, level *coarse, int channels)
{
    const size_t n = pixels_of(fine), m = pixels_of(coarse);
    size_t from[4], to = 0;
    for (int y = 0; y < coarse->height; y++)
        for (int x = 0; x < coarse->width; x++, to++) {
            const int count = children(fine, x, y, from);
            float known = 0;
            for (int i = 0; i < count; i++)
                known += fine->known[from[i]];
            for (int c = 0; c < channels; c++) {
                float sum = 0;
                for (int i = 0; i < count; i++)
                    sum += fine->known[from[i]] * fine->planes[c * n + from[i]];
                coarse->planes[c * m + to] = known > 0 ? sum / known : 0;
            }
            coarse->known[to] = known > 0;
        }
}

// The two pixels above pixel i that are the nearest: three quarters of the first and one of the second.
static void parents(int i, int size, int out[2])
{
    const int other = i % 2 ? i / 2 + 1 : i / 2 - 1;
    out[0] = i / 2;
    out[1] = other < 0 || other >= size ? i / 2 : other;
}

// One sweep: what is not known becomes the mean of its four neighbours, as they were before. rows: [2, width].
static void sweep(const level *at, float *plane, float *rows)
{
    const int w = at->width, last = at->height - 1;
    float *above = rows, *here = rows + w;
    memcpy(above, plane, w * sizeof *above);
    for (int y = 0; y <= last; y++) {
        float *line = plane + (size_t)y * w;
        const float *known = at->known + (size_t)y * w, *below = y < last ? line + w : line;
        memcpy(here, line, w * sizeof *here);
        for (int x = 0; x < w; x++) {
            const float beside =
                here[x > 0 ? x - 1 : 0] + here[x < w - 1 ? x + 1 : x] + above[x] + (y < last ? below[x] : here[x]);
            if (known[x] <= 0)
                line[x] = beside / 4;
        }
        float *spare = above;
        above = here;
        here = spare;
    }
}

static void push(const level *coarse, level *fine, int channels)
{
    const size_t n = pixels_of(fine), m = pixels_of(coarse);
    for (int y = 0; y < fine->height; y++)
        for (int x = 0; x < fine->width; x++) {
            const size_t at = (size_t)y * fine->width + x;
            int px[2], py[2];
            if (fine->known[at] > 0)
                continue;
            parents(x, coarse->width, px);
            parents(y, coarse->height, py);
            for (int c = 0; c < channels; c++) {
                const float *near = coarse->planes + c * m + (size_t)py[0] * coarse->width,
                            *far = coarse->planes + c * m + (size_t)py[1] * coarse->width;
                const float above = 0.75f * (0.75f * near[px[0]] + 0.25f * near[px[1]]) +
                                    0.25f * (0.75f * far[px[0]] + 0.25f * far[px[1]]);
                fine->planes[c * n + at] = above;
            }
        }
}

static void spread(const level *coarse, level *fine, int channels, float *rows)
{
    push(coarse, fine, channels);
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < SWEEPS; i++)
            sweep(fine, fine->planes + c * pixels_of(fine), rows);
}

const float *udm_hole_filler_fill(udm_hole_filler *filler, const float *planes, const float *known)
{
    level *levels = filler->levels;
    const size_t n = pixels_of(levels);
    memcpy(levels->known, known, n * sizeof *known);
    for (size_t i = 0; i < n * filler->channels; i++)
        levels->planes[i] = known[i % n] > 0 ? planes[i] : 0;
    for (int i = 0; i + 1 < filler->count; i++)
        pull(&levels[i], &levels[i + 1], filler->channels);
    for (int i = filler->count - 1; i > 0; i--)
        spread(&levels[i], &levels[i - 1], filler->channels, filler->rows);
    return levels->planes;
}
