// SPDX-License-Identifier: LGPL-2.1-or-later
// A network over frames of one size, any size: padded inside by mirroring, and in overlapping tiles where the whole
// would take too much memory. The overlap is what the network reaches, so that tiles have no seams. Where the device
// fails and has a stand-in, the network goes on there with the frame at hand, after a replay of the frames that it
// remembers.
#ifndef UDM_RUNNER_TILING_H
#define UDM_RUNNER_TILING_H

#include "network/network.h"
#include "runner/workspace.h"

typedef struct udm_tiling udm_tiling;

// workspace: shared with other networks on the device, which use it between runs; NULL: one of its own. stages: how
// many streams with states of their own run through it (one per step of a sampler). limit: bytes for the values of a
// tile; a frame is cut until they fit, but not into tiles that are more overlap than picture. The network must outlive
// it.
udm_tiling *udm_tiling_new(const udm_network *network, udm_workspace *workspace, int width, int height, int stages,
                           size_t limit, udm_error *error);
void udm_tiling_free(udm_tiling *tiles); // NULL is fine

int udm_tiling_count(const udm_tiling *tiles); // tiles in a frame
size_t udm_tiling_memory(
    const udm_tiling *tiles); // bytes on the device: states, and values but for those in a shared workspace

// Forgets the states: the next frame is number 0.
void udm_tiling_clear(udm_tiling *tiles);

// What the network is shown: [C, height, width] and [1, height, width]. frame and level may both be NULL, and so may
// predicted and predicted_level: nothing is known, and the level is 1. timestep and label are for networks that are
// conditioned on them (udm_network_class.condition); label: -1 for none.
typedef struct udm_network_input {
    const float *frame, *level, *predicted, *predicted_level;
    const float *context; // [network.context, height, width], for networks that have some; NULL: zeros
    double timestep;
    int label;
    double guidance;        // of networks that are guided
    const float *condition; // of networks with an embedding, as udm_network_class.embed gives it,
    int tokens;             // and of how many tokens; 0: all that the network has
} udm_network_input;

// out: [udm_network_outputs(), height, width], the network's output for frame `number` (counted from 0 since the last
// clear) of `stage`. May be run again for the same number. Errors: CANCELLED, DEVICE, SETTINGS (no such class).
bool udm_tiling_run(udm_tiling *tiles, int stage, uint64_t number, const udm_network_input *seen, float *out,
                    const atomic_bool *cancel, udm_error *error);

#endif
