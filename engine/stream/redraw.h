// SPDX-License-Identifier: LGPL-2.1-or-later
// Video drawn anew by a network that makes video: each frame enters the window that rolls with noise on it, and leaves
// as the network has it (SDEdit: Meng et al. 2022).
#ifndef UDM_STREAM_REDRAW_H
#define UDM_STREAM_REDRAW_H

#include "stream/rolling.h"

// A frame that is to be drawn anew.
typedef struct udm_redrawn {
    const float *planes; // [C, H, W], with the noise of its own time
    double time, own;    // noise is added up to `time`, if that is more
    uint64_t number;     // names that noise
} udm_redrawn;

typedef struct udm_redraw_settings {
    udm_rolling_settings rolling; // all but wish, context and classless
    int label;                    // the class, or -1
    // The frame that is `ahead` frames after the one in the making; false if its scene ends before.
    bool (*frame)(void *context, int ahead, udm_redrawn *frame);
    void *context;
} udm_redraw_settings;

typedef struct udm_redraw udm_redraw;

udm_redraw *udm_redraw_new(const udm_redraw_settings *settings, udm_error *error);
void udm_redraw_free(udm_redraw *redraw); // NULL is fine

int udm_redraw_ahead(const udm_redraw *redraw); // frames that are asked for after the one in the making
size_t udm_redraw_memory(const udm_redraw *redraw);
void udm_redraw_clear(udm_redraw *redraw); // the next frame begins a scene

// The next frame: [C, H, W], valid until the next call. NULL with *error; it is then still the next.
const float *udm_redraw_make(udm_redraw *redraw, const atomic_bool *cancel, udm_error *error);

#endif
