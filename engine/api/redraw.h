// SPDX-License-Identifier: LGPL-2.1-or-later
// Video drawn anew, frame by frame, by a model of latent diffusion that is told in words what to make of it. Each frame
// is drawn from itself, with noise that moves with the picture, and held still to what became of the one before.
#ifndef UDM_API_REDRAW_H
#define UDM_API_REDRAW_H

#include "api/settings.h"

typedef struct udm_redraw udm_redraw;

bool udm_redraws(const udm_model *model);      // whether it is such a model,
bool udm_redraw_fills(const udm_model *model); // and one for holes

// settings: steps is how many are made of each frame; frames may have any size. Borrows the pool. Errors: those of
// udm_painter_open(), SETTINGS (lookahead, ensemble).
udm_redraw *udm_redraw_new(const udm_model *model, const udm_settings *settings, udm_pool *pool, udm_error *error);
void udm_redraw_free(udm_redraw *redraw); // NULL is fine

// From the next frame on. Strings are copied. guidance: UDM_GUIDANCE_USUAL is none, but with models that are told it.
// *changed: becomes true where that is something else than before.
bool udm_redraw_tell(udm_redraw *redraw, const char *text, const char *negative, double guidance, bool *changed,
                     udm_error *error);
void udm_redraw_clear(udm_redraw *redraw); // a scene begins

typedef struct udm_redraw_frame {
    const float *planes; // [3, height, width]
    const float *known;  // of models that fill holes: how likely each pixel is known, [height, width]
    double strength;     // 0: as it is, or where there are holes, all of it
    uint64_t number;     // names the noise of the first frame of a scene, and of what comes into view later
} udm_redraw_frame;

// out: [3, height, width]. May be called again for a frame of which nothing came. Errors: CANCELLED, SETTINGS, DEVICE,
// MEMORY, and what is wrong with the files of the networks.
bool udm_redraw_make(udm_redraw *redraw, const udm_redraw_frame *frame, float *out, udm_error *error);

void udm_redraw_cancel(udm_redraw *redraw, bool cancel); // from any thread
size_t udm_redraw_memory(const udm_redraw *redraw);
int udm_redraw_tiles(const udm_redraw *redraw);
udm_device *udm_redraw_device(const udm_redraw *redraw); // that it draws on, borrowed

#endif
