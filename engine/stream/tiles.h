// SPDX-License-Identifier: LGPL-2.1-or-later
// A network over frames of one size, any size: padded inside by mirroring, and in overlapping tiles where the whole
// would take too much memory. The overlap is what the network reaches, so that tiles have no seams. Where the device
// fails and has a stand-in, the network goes on there with the frame in hand, and sees again what it remembers.
#ifndef UDM_STREAM_TILES_H
#define UDM_STREAM_TILES_H

#include "network/network.h"
#include "stream/room.h"

typedef struct udm_tiles udm_tiles;

// room: memory that others on the device use too, between their runs; NULL: memory of its own. stages: how many streams
// with states of their own run through it (one per step of a sampler). limit: bytes for the values of a tile; a frame
// is cut until they fit, but not into tiles that are more overlap than picture. The network must outlive it.
udm_tiles *udm_tiles_new(const udm_network *network, udm_room *room, int width, int height, int stages, size_t limit,
                         udm_error *error);
void udm_tiles_free(udm_tiles *tiles); // NULL is fine

int udm_tiles_count(const udm_tiles *tiles); // tiles in a frame
size_t udm_tiles_memory(
    const udm_tiles *tiles); // bytes on the device: states, and values but for those in a room that is shared

// Forgets all that was carried over: the next frame is number 0.
void udm_tiles_clear(udm_tiles *tiles);

// What the network is shown: [C, height, width] and [1, height, width]. frame and level may both be NULL, and so may
// guess and guess_level: nothing is known, and the level is 1.
// timestep and label are for networks that are told them (udm_network_class.condition); label: -1 for none.
typedef struct udm_seen {
    const float *frame, *level, *guess, *guess_level;
    const float *context; // [network.context, height, width], for networks that have some; NULL: zeros
    double timestep;
    int label;
} udm_seen;

// out: [udm_network_outputs(), height, width], the network's output for frame `number` (counted from 0 since the last
// clear) of `stage`. May be run again for the same number. Errors: CANCELLED, DEVICE, SETTINGS (a class that there is
// not).
bool udm_tiles_run(udm_tiles *tiles, int stage, uint64_t number, const udm_seen *seen, float *out,
                   const atomic_bool *cancel, udm_error *error);

#endif
