// SPDX-License-Identifier: LGPL-2.1-or-later
// What models of embeddings take of memory, on the processor, at most.
#ifndef UDM_API_UNCLIP_H
#define UDM_API_UNCLIP_H

#include "api/painter.h"
#include "api/pipelines/needs.h"

// Of what the decoder draws, by what is asked for; where that is nothing, *settings gets the usual size. factor: how
// many times larger pictures become. Error: SETTINGS.
bool udm_unclip_size(udm_settings *settings, const udm_network *decoder, int factor, int *width, int *height,
                     udm_error *error);

// Opens every part on a device that computes nothing. *settings: as above.
bool udm_unclip_plan(const udm_model *model, udm_settings *settings, udm_needs *to, double *work, udm_error *error);

// udm_model_info(): adds what it takes.
bool udm_unclip_info(const udm_model *model, udm_info *info, udm_error *error);

#endif
