// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolution with Keys' kernel (1981, a = -1/2), which is as many times wider as the picture becomes smaller, so that
// it sees every pixel; first along rows, then along columns. At the borders the weights of what is there are brought
// to 1.
#include "tensor/bicubic.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

// Of a pixel that is made: which are read, from `first` on, and how much each counts.
typedef struct taps {
    int first, count;
    double *weights;
} taps;

static double kernel(double x)
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static int most_taps(int before, int after)
{
    return (int)(4 * fmax((double)before / after, 1)) + 2;
}

// Of pixel x, where `before` pixels become `after`.
static void find_taps(taps *to, int x, int before, int after)
{
    const double scale = (double)before / after, wide = fmax(scale, 1), middle = (x + 0.5) * scale;
    const int first = (int)fmax(middle - 2 * wide + 0.5, 0), end = (int)fmin(middle + 2 * wide + 0.5, before);
    double sum = 0;
    to->first = first, to->count = end - first;
    for (int i = 0; i < to->count; i++)
        sum += kernel((first + i + 0.5 - middle) / wide);
    for (int i = 0; i < to->count; i++)
        to->weights[i] = kernel((first + i + 0.5 - middle) / wide) / sum;
}

// Values lie `step` apart. The kernel swings beyond what is white or black.
static double apply(const taps *at, const float *in, ptrdiff_t step)
{
    double sum = 0;
    for (int i = 0; i < at->count; i++)
        sum += at->weights[i] * in[(at->first + i) * step];
    return sum;
}

// What becomes of pictures: `wide` x `high` pixels, of which those from (left, top) on are made.
typedef struct resizing {
    int width, height, wide, high, left, top, to_width, to_height;
    double most; // values are at most so far from 0
} resizing;

static bool resize(const resizing *r, const float *in, int planes, float *out)
{
    const int across = most_taps(r->width, r->wide), down = most_taps(r->height, r->high);
    const size_t rows = (size_t)planes * r->height, row = r->to_width;
    float *memory = malloc(rows * row * sizeof *memory);
    taps at = { .weights = malloc((size_t)(across > down ? across : down) * sizeof *at.weights) };
    const bool good = memory && at.weights;
    for (int x = 0; good && x < r->to_width; x++) {
        find_taps(&at, r->left + x, r->width, r->wide);
        for (size_t y = 0; y < rows; y++)
            memory[y * row + x] = (float)fmin(fmax(apply(&at, in + y * r->width, 1), -r->most), r->most);
    }
    for (int y = 0; good && y < r->to_height; y++) {
        find_taps(&at, r->top + y, r->height, r->high);
        for (int c = 0; c < planes; c++)
            for (size_t x = 0; x < row; x++) {
                const double value = apply(&at, memory + (size_t)c * r->height * row + x, (ptrdiff_t)row);
                out[((size_t)c * r->to_height + y) * row + x] = (float)fmin(fmax(value, -r->most), r->most);
            }
    }
    free(at.weights);
    free(memory);
    return good;
}

bool udm_bicubic_square(const float *in, int planes, int width, int height, int side, float *out)
{
    const int shorter = width < height ? width : height;
    const int wide = (int)((double)side * width / shorter), high = (int)((double)side * height / shorter);
    const resizing r = { width, height, wide, high, (wide - side) / 2, (high - side) / 2, side, side, 1 };
    return resize(&r, in, planes, out);
}

bool udm_bicubic_resize(const float *in, int planes, int width, int height, int to_width, int to_height, float *out)
{
    const resizing r = { width, height, to_width, to_height, 0, 0, to_width, to_height, INFINITY };
    return resize(&r, in, planes, out);
}
