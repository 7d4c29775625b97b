// SPDX-License-Identifier: LGPL-2.1-or-later
// What a network with a memory was shown, as far back as it remembers, so that its memory can be made again elsewhere.
#ifndef UDM_STREAM_PAST_H
#define UDM_STREAM_PAST_H

#include "stream/tiles.h"

typedef struct udm_past udm_past;

// frames: that each stage remembers; channels, pixels: of a frame.
udm_past *udm_past_new(int stages, int frames, int channels, size_t pixels, udm_error *error);
void udm_past_free(udm_past *past); // NULL is fine
void udm_past_clear(udm_past *past);

// Copies what the frame was that is done. Numbers of a stage rise by one from 0.
void udm_past_keep(udm_past *past, int stage, uint64_t number, const udm_seen *seen);

// The frames of a stage that are remembered are [first, end). *seen: one of them, valid until it is forgotten.
void udm_past_range(const udm_past *past, int stage, uint64_t *first, uint64_t *end);
udm_seen udm_past_seen(const udm_past *past, int stage, uint64_t number);

#endif
