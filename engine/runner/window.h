// SPDX-License-Identifier: LGPL-2.1-or-later
// A network that makes video, run on a window of frames.
#ifndef UDM_RUNNER_WINDOW_H
#define UDM_RUNNER_WINDOW_H

#include <stdatomic.h>

#include "network/network.h"

typedef struct udm_window udm_window;

// network: one with window.frames > 0; it must outlive the window. known: of the first frames, how many state->recalls
// may be about: fewer than all, or 0 for none.
udm_window *udm_window_new(const udm_network *network, int known, udm_error *error);
void udm_window_free(udm_window *window); // NULL is fine

size_t udm_window_memory(const udm_window *window); // bytes on the device

// frames: [C, H, W] of each; out: [frames, C, H, W], the network's output. If state->recalls, layers along time read of
// the known frames what they read when they were last run without, nothing else of these is computed, and `out` has
// nothing of them. Errors: CANCELLED, DEVICE.
bool udm_window_run(udm_window *window, const float *const *frames, const udm_window_state *state, float *out,
                    const atomic_bool *cancel, udm_error *error);

#endif
