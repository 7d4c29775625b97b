// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens to frames of old film and tape before their noise is looked at: frames in, as many frames out, some
// later.
#ifndef UDM_REPAIR_REPAIR_H
#define UDM_REPAIR_REPAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "udm/error.h"
#include "base/threads.h"

// Each from 0, not at all, to 1.
typedef struct udm_repair_settings {
    int channels, width, height;
    double dirt, deflicker, stabilize;
    bool scenes_given; // they begin where udm_repair_push() is told so, and are not looked for
} udm_repair_settings;

// What was done to a frame.
typedef struct udm_repaired {
    double dirt; // share of its pixels that were filled
    double gain; // of its light
    double x, y; // pixels that it was moved by
} udm_repaired;

typedef struct udm_repair udm_repair;

udm_repair *udm_repair_new(const udm_repair_settings *settings, udm_pool *pool, udm_error *error);
void udm_repair_free(udm_repair *repair); // NULL is fine
size_t udm_repair_memory(const udm_repair *repair);
int udm_repair_ahead(const udm_repair *repair); // frames that must follow one before it comes out: so many, always
void udm_repair_reset(udm_repair *repair);      // forgets all

// Of a frame that enters.
typedef struct udm_repair_frame {
    bool begins; // a scene
    bool whole;  // not to be repaired
} udm_repair_frame;

// planes: [channels, height, width]; copied. As many frames may be in there as must follow one, and that one.
void udm_repair_push(udm_repair *repair, const float *planes, udm_repair_frame frame);
void udm_repair_end(udm_repair *repair); // no more frames, until a reset
// The next frame; false: more must be pushed first.
bool udm_repair_pull(udm_repair *repair, float *planes, udm_repaired *found);

#endif
