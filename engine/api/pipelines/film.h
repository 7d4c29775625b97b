// SPDX-License-Identifier: LGPL-2.1-or-later
// What a film of latent diffusion takes of memory, on the processor, at most.
#ifndef UDM_API_FILM_H
#define UDM_API_FILM_H

#include "api/pipelines/needs.h"
#include "api/settings.h"
#include "diffusion/reel.h"

// Opens every part on a device that computes nothing. Of *settings, sizes, window, scene and parts count. *work: of an
// evaluation of all frames at once, with one chunk of text.
bool udm_film_plan(const udm_model *model, const udm_reel_settings *settings, udm_needs *to, size_t *decoding,
                   double *work, udm_error *error);

// udm_model_info(): adds what it takes.
bool udm_film_info(const udm_model *model, udm_info *info, udm_error *error);

#endif
