// SPDX-License-Identifier: LGPL-2.1-or-later
// What a network with a memory was shown, as far back as it remembers, so that its memory can be made again elsewhere.
#ifndef UDM_RUNNER_REPLAY_H
#define UDM_RUNNER_REPLAY_H

#include "runner/tiling.h"

typedef struct udm_replay udm_replay;

// frames: that each stage remembers; channels, pixels: of a frame.
udm_replay *udm_replay_new(int stages, int frames, int channels, size_t pixels, udm_error *error);
void udm_replay_free(udm_replay *replay); // NULL is fine
void udm_replay_clear(udm_replay *replay);

// Copies what the frame was that is done. Numbers of a stage rise by one from 0.
void udm_replay_keep(udm_replay *replay, int stage, uint64_t number, const udm_network_input *seen);

// The frames of a stage that are remembered are [first, end). *seen: one of them, valid until it is forgotten.
void udm_replay_range(const udm_replay *replay, int stage, uint64_t *first, uint64_t *end);
udm_network_input udm_replay_input(const udm_replay *replay, int stage, uint64_t number);

#endif
