// SPDX-License-Identifier: LGPL-2.1-or-later
// Thin lines that run from the top of a picture to the bottom, nearly upright: what scratches along a film look like.
#ifndef UDM_REPAIR_LINES_H
#define UDM_REPAIR_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/threads.h"
#include "udm/error.h"

enum { UDM_LINES_MOST = 16 };

typedef struct udm_line {
    bool bright;    // than what is beside it
    bool ends;      // above the bottom, or below the top
    float share;    // of the height in which it stands out
    float strength; // by how much, there
    float middle;   // where it is at half the height, in pixels
    float *at;      // [height]: its middle in each row; until the next search
} udm_line;

typedef struct udm_lines udm_lines;

udm_lines *udm_lines_new(int width, int height, udm_pool *pool, udm_error *error);
void udm_lines_free(udm_lines *lines); // NULL is fine
size_t udm_lines_memory(const udm_lines *lines);
// A line of a picture that is so much larger than others is so much wider.
int udm_lines_scale(const udm_lines *lines);

// Those that stand out from both sides by `least` or more in `share` of the height; by more than that in pictures of
// much texture or noise. luma: [height, width], in [-1, 1]. Returns how many.
int udm_lines_find(udm_lines *lines, const float *luma, float least, float share, udm_line found[UDM_LINES_MOST]);

#endif
