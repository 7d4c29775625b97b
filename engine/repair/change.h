// SPDX-License-Identifier: LGPL-2.1-or-later
// How a whole frame changed since the one before: by how much it moved, and became brighter, as a whole and in parts.
#ifndef UDM_REPAIR_CHANGE_H
#define UDM_REPAIR_CHANGE_H

#include <stddef.h>

#include "udm/error.h"
#include "base/threads.h"

enum { UDM_CHANGE_COLUMNS = 8, UDM_CHANGE_ROWS = 6, UDM_CHANGE_CELLS = UDM_CHANGE_COLUMNS * UDM_CHANGE_ROWS };

typedef struct udm_change {
    double x, y;                    // pixels: what was at p is at p + (x, y)
    double gain;                    // of the light, black being 0
    double local[UDM_CHANGE_CELLS]; // times that
} udm_change;

typedef struct udm_changes udm_changes;

udm_changes *udm_changes_new(int width, int height, udm_pool *pool, udm_error *error);
void udm_changes_free(udm_changes *changes); // NULL is fine
size_t udm_changes_memory(const udm_changes *changes);

// The next frame, [channels, height, width] in [-1, 1], against the one that was looked at before; of the first one
// what is found means nothing.
void udm_changes_look(udm_changes *changes, int channels, const float *planes, udm_change *found);

#endif
