// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames by a model that draws what a text says: pictures that stand still as long as nothing changes of what they are
// drawn of, and change with it. All frames of a scene begin with the same noise.
#ifndef UDM_API_STILLS_H
#define UDM_API_STILLS_H

#include "udm/generate.h"
#include "udm/paint.h"

typedef struct udm_stills udm_stills;

// Of the size that the model was trained on, whatever the settings say, but with latent diffusion. image:
// udm_generation.image. Errors: those of udm_painter_open() and udm_painter_look().
udm_stills *udm_stills_new(const udm_model *model, const udm_settings *settings, const udm_image *image,
                           udm_error *error);
void udm_stills_free(udm_stills *stills); // NULL is fine

udm_painter *udm_stills_painter(const udm_stills *stills);

// Frame `number` of a scene, [3, H, W], valid until the next call; NULL with *error.
const float *udm_stills_make(udm_stills *stills, uint64_t scene, uint64_t number, const udm_frame_params *params,
                             udm_error *error);

#endif
