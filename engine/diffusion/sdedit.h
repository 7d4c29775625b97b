// SPDX-License-Identifier: LGPL-2.1-or-later
// SDEdit of video by a network that generates video: each frame enters the rolling window with noise added, and leaves
// as the network draws it (Meng et al. 2022).
#ifndef UDM_DIFFUSION_SDEDIT_H
#define UDM_DIFFUSION_SDEDIT_H

#include "diffusion/rolling_window.h"

// A frame that is to be drawn anew.
typedef struct udm_sdedit_frame {
    const float *planes; // [C, H, W], with the noise of its own time
    double time, own;    // noise is added up to `time`, if that is more
    uint64_t number;     // names that noise
} udm_sdedit_frame;

typedef struct udm_sdedit_settings {
    udm_rolling_settings rolling; // all but frame_params, context and classless
    int label;                    // the class, or -1
    // The frame that is `ahead` frames after the one in the making; false if its scene ends before.
    bool (*frame)(void *context, int ahead, udm_sdedit_frame *frame);
    void *context;
} udm_sdedit_settings;

typedef struct udm_sdedit udm_sdedit;

udm_sdedit *udm_sdedit_new(const udm_sdedit_settings *settings, udm_error *error);
void udm_sdedit_free(udm_sdedit *sdedit); // NULL is fine

int udm_sdedit_ahead(const udm_sdedit *sdedit); // frames that are asked for after the one in the making
size_t udm_sdedit_memory(const udm_sdedit *sdedit);
void udm_sdedit_clear(udm_sdedit *sdedit); // the next frame begins a scene

// The next frame: [C, H, W], valid until the next call. NULL with *error; it is then still the next.
const float *udm_sdedit_make(udm_sdedit *sdedit, const atomic_bool *cancel, udm_error *error);

#endif
