// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures that were moved by a known motion.
#ifndef UDM_TESTS_MOVED_H
#define UDM_TESTS_MOVED_H

#include <math.h>
#include <stdlib.h>

#include "testing.h"

typedef struct picture {
    int width, height;
    float *luma; // [height, width]
} picture;

// A motion of the whole picture: what is at p shows up at (p - middle) * zoom, turned by angle, + middle + shift.
typedef struct pose {
    float x, y, zoom, angle;
} pose;

static const pose at_rest = { .zoom = 1 };

// A texture without end: waves of several lengths and directions. In [-1, 1].
static inline float texture(float x, float y)
{
    float sum = 0;
    for (int i = 0; i < 7; i++) {
        float direction = 2.4f * i, length = 5.3f + 3.1f * i;
        sum += sinf((x * cosf(direction) + y * sinf(direction)) * 6.2832f / length + i);
    }
    return sum / 7;
}

static inline void move(pose by, float middle_x, float middle_y, float *x, float *y)
{
    float dx = *x - middle_x, dy = *y - middle_y;
    *x = by.zoom * (cosf(by.angle) * dx - sinf(by.angle) * dy) + middle_x + by.x;
    *y = by.zoom * (sinf(by.angle) * dx + cosf(by.angle) * dy) + middle_y + by.y;
}

static inline picture picture_new(int width, int height, pose seen)
{
    picture made = { width, height, malloc(sizeof(float) * (size_t)width * (size_t)height) };
    ck_assert_ptr_nonnull(made.luma);
    for (int i = 0; i < width * height; i++) {
        float x = (float)(i % width), y = (float)(i / width);
        move(seen, 0.5f * (float)(width - 1), 0.5f * (float)(height - 1), &x, &y);
        made.luma[i] = texture(x, y);
    }
    return made;
}

// The share of values that differ by more than the tolerance.
static inline double share_apart(const float *a, const float *b, int count, float tolerance)
{
    int apart = 0;
    for (int i = 0; i < count; i++)
        apart += !(fabsf(a[i] - b[i]) <= tolerance);
    return (double)apart / count;
}

#endif
