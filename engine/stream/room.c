// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory that several networks on one device compute in, one after the other.
#include "stream/room.h"

#include <stdlib.h>

udm_room *udm_room_new(udm_device *device, udm_error *error)
{
    udm_room *room = calloc(1, sizeof *room);
    if (!room)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
    else
        room->device = device;
    return room;
}

void udm_room_free(udm_room *room)
{
    if (!room)
        return;
    if (room->arena)
        room->device->ops->free(room->device, room->arena);
    free(room->staging);
    free(room);
}

size_t udm_room_memory(const udm_room *room)
{
    return room->arena_bytes;
}

static bool grow_arena(udm_room *room, const udm_graph *graph, udm_error *error)
{
    if (room->arena && udm_graph_arena_bytes(graph) <= room->arena_bytes)
        return true;
    udm_memory *larger = udm_graph_alloc(graph, error); // first, as others go on with what is there if there is no more
    if (!larger)
        return false;
    if (room->arena)
        room->device->ops->free(room->device, room->arena);
    room->arena = larger;
    room->arena_bytes = udm_graph_arena_bytes(graph);
    room->user = NULL;
    return true;
}

bool udm_room_grow(udm_room *room, const udm_graph *graph, size_t staging, udm_error *error)
{
    if (!grow_arena(room, graph, error))
        return false;
    if (room->staging && staging <= room->staging_floats)
        return true;
    float *larger = malloc(staging * sizeof(float));
    if (!larger)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for what goes to the device and back");
    free(room->staging);
    room->staging = larger;
    room->staging_floats = staging;
    return true;
}
