// SPDX-License-Identifier: LGPL-2.1-or-later
// The tones of a scene stay as bright as they are. Noise has a mean of zero, so what a network adds to all pixels of a
// tone on average is a bias of its training: one that learnt from cameras, whose noise passes a concave curve and a
// clamp, lifts the tones of noise that did not.
#ifndef UDM_TEMPORAL_TONE_H
#define UDM_TEMPORAL_TONE_H

#include <stddef.h>

#include "udm/error.h"
#include "base/threads.h"

typedef struct udm_tone udm_tone;

udm_tone *udm_tone_new(udm_error *error); // MEMORY
void udm_tone_free(udm_tone *tone);       // NULL is fine
void udm_tone_clear(udm_tone *tone);      // a scene begins

// A frame with noise and what was made of it, [channels, pixels] in [-1, 1], of 1 or 3 channels. Takes the bias of each
// tone, as this frame and those before it in the scene show it, from what was made. sigma: of the noise, in the same
// unit. What noise may have been clipped to tells nothing, and stays.
void udm_tone_keep(udm_tone *tone, const float *frame, float *made, int channels, size_t pixels, float sigma,
                   udm_pool *pool);

#endif
