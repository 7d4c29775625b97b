// SPDX-License-Identifier: LGPL-2.1-or-later
// What a stream knows of a frame from its neighbours: a guess. A small network makes a preview of each frame, motion is
// found between previews, what is known is moved along it, and another small network says how far to trust it. The
// frames before are carried along; those after are seen if they are there.
#ifndef UDM_STREAM_CARRY_H
#define UDM_STREAM_CARRY_H

#include "stream/guess.h"
#include "stream/tiles.h"

typedef struct udm_carry udm_carry;

// preview: estimates x0 from a frame alone. trust: doubts a guess, with as many channels; NULL: a guess is believed as
// it is. Both must outlive the carry. room: as udm_tiles_new(). ahead: frames after the one at hand that may be looked
// at. threads: 0 for all. memory_limit: as udm_tiles.
udm_carry *udm_carry_new(const udm_network *preview, const udm_network *trust, udm_room *room, int width, int height,
                         int ahead, int threads, size_t memory_limit, udm_error *error);
void udm_carry_free(udm_carry *carry);           // NULL is fine
void udm_carry_clear(udm_carry *carry);          // a scene begins
size_t udm_carry_memory(const udm_carry *carry); // bytes

// A frame, and what is found out about it once: the caller owns the memory and sets the flags to false.
typedef struct udm_sight {
    const float *planes, *level; // [C, height, width], not scaled by the signal; of its noise, [height, width]
    float *preview;              // luma [height, width]
    float *flow;                 // to the frame after it, [2, height, width]; not used if nothing looks ahead
    bool previewed, linked, carried;
} udm_sight;

// Takes in the next frame, sights[0], after looking at those that follow it in its scene: count - 1 of them, not more
// than `ahead`. *guess gets what is known of it from its neighbours, or NULLs: borrowed until the next call. Called
// again for the same frame, it says the same. Errors: CANCELLED, DEVICE.
bool udm_carry_look(udm_carry *carry, udm_sight *const *sights, int count, udm_shown *guess, const atomic_bool *cancel,
                    udm_error *error);

// The motion from what was looked at last to the frame before it, [2, height, width]: the one at p is the other at
// p + flow(p).
const float *udm_carry_flow(const udm_carry *carry);

#endif
