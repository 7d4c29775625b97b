// SPDX-License-Identifier: LGPL-2.1-or-later
// Noise that moves with the picture, so that what is drawn of it does, too. Each cell of noise is a particle that
// follows the motion of the pixels below it; those that leave the picture, or lie under another, are gone, and cells
// that none comes to have new noise. So it stays white, of deviation 1, in every frame.
#ifndef UDM_TEMPORAL_MOVING_NOISE_H
#define UDM_TEMPORAL_MOVING_NOISE_H

#include <stdint.h>

#include "udm/error.h"

typedef struct udm_moving_noise udm_moving_noise;

// Cells are squares of `scale` pixels, [channels, height, width] of them.
udm_moving_noise *udm_moving_noise_new(int channels, int width, int height, int scale, uint64_t seed, udm_error *error);
void udm_moving_noise_free(udm_moving_noise *noise); // NULL is fine

// Of pixels [2, height, width]: the frame at p is the one before at p + flow(p). What lies beyond moves as the border.
typedef struct udm_pixel_flow {
    const float *values;
    int width, height;
} udm_pixel_flow;

// The noise of the frame named `number`, [channels, height, width], borrowed until the next call. flow: to the frame of
// the last udm_moving_noise_keep(); NULL: a scene begins. The same again if called again.
const float *udm_moving_noise_of(udm_moving_noise *noise, const udm_pixel_flow *flow, uint64_t number);

// That frame is done: the next one comes after it.
void udm_moving_noise_keep(udm_moving_noise *noise);

#endif
