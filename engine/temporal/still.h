// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures that were drawn one by one, held still: where a frame shows what the one before did, moved, what was drawn
// of it is to be what was drawn of that, moved. A recursive mean along the motion, which forgets where frames disagree.
#ifndef UDM_TEMPORAL_STILL_H
#define UDM_TEMPORAL_STILL_H

#include <stddef.h>

#include "backend/backend.h"
#include "udm/error.h"

typedef struct udm_still udm_still;

// Borrows the device, which moves pictures. Errors: MEMORY.
udm_still *udm_still_new(int width, int height, udm_device *device, udm_error *error);
void udm_still_free(udm_still *still);          // NULL is fine
size_t udm_still_memory(int width, int height); // bytes

// frame: [3, height, width]; drawn: what was drawn of it, which is replaced. flow: [2, height, width], to the frame of
// the last udm_still_keep(): the frame at p is that one at p + flow(p); NULL: a scene begins. Errors: DEVICE, MEMORY.
bool udm_still_hold(udm_still *still, const float *flow, const float *frame, float *drawn, udm_error *error);

// That frame is done: the next one comes after it.
void udm_still_keep(udm_still *still);

#endif
