// SPDX-License-Identifier: LGPL-2.1-or-later
// A prompt that changes from frame to frame: lines "FRAME: text", between which it goes evenly from one text to the
// next. Any other prompt is one text.
#ifndef UDM_TEXT_TRAVEL_H
#define UDM_TEXT_TRAVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "udm/error.h"

typedef struct udm_travel {
    char *from, *to; // to: NULL where there is one text alone; free them with udm_travel_clear()
    double share;    // of `to`
} udm_travel;

// What a prompt says at a frame. Errors: SETTINGS (a line that is none of those), MEMORY.
bool udm_travel_at(const char *prompt, uint64_t frame, udm_travel *travel, udm_error *error);
void udm_travel_clear(udm_travel *travel);

#endif
