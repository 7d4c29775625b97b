// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory that several networks on one device compute in, one after the other.
#ifndef UDM_STREAM_ROOM_H
#define UDM_STREAM_ROOM_H

#include "network/graph.h"

typedef struct udm_room {
    udm_device *device;
    udm_memory *arena; // for the values of a graph, and
    float *staging;    // for what goes up to it and comes down, on the host
    size_t arena_bytes, staging_floats;
    const void *user; // whoever left its values in the arena
} udm_room;

// The device must outlive it.
udm_room *udm_room_new(udm_device *device, udm_error *error);
void udm_room_free(udm_room *room);           // NULL is fine
size_t udm_room_memory(const udm_room *room); // bytes on the device

// Grows until the graph fits, and so many floats.
bool udm_room_grow(udm_room *room, const udm_graph *graph, size_t staging, udm_error *error);

#endif
