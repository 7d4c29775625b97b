// SPDX-License-Identifier: LGPL-2.1-or-later
// What a stream carries from frame to frame: a guess of the next one. A small network makes a preview of each frame,
// motion is found between previews, what is known is moved along it, and another small network says how far to trust
// it.
#ifndef UDM_STREAM_CARRY_H
#define UDM_STREAM_CARRY_H

#include "stream/tiles.h"

typedef struct udm_carry udm_carry;

// preview: estimates x0 from a frame alone. trust: doubts a guess, with as many channels; NULL: a guess is believed as
// it is. Both must outlive the carry. threads: 0 for all. memory_limit: as udm_tiles.
udm_carry *udm_carry_new(const udm_network *preview, const udm_network *trust, int width, int height, int threads,
                         size_t memory_limit, udm_error *error);
void udm_carry_free(udm_carry *carry); // NULL is fine
void udm_carry_clear(udm_carry *carry);
size_t udm_carry_memory(const udm_carry *carry); // bytes

// Looks at the next frame: pixels [C, height, width], not scaled by the signal, and the level of their noise [height,
// width]. *guess gets what is known of it, or NULLs: borrowed until the next call. May be called again. Errors:
// CANCELLED, DEVICE.
typedef struct udm_carried {
    const float *planes, *level; // as the guess of udm_seen
} udm_carried;

bool udm_carry_look(udm_carry *carry, const float *frame, const float *level, udm_carried *guess,
                    const atomic_bool *cancel, udm_error *error);

// The motion that the guess came along, as udm_guess_flow(); of what was looked at last.
const float *udm_carry_flow(const udm_carry *carry);

// Takes in the frame that was looked at last, once it is done.
void udm_carry_learn(udm_carry *carry);

#endif
