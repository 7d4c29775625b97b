// SPDX-License-Identifier: LGPL-2.1-or-later
// What a model is for: what udm_model_restores() and udm_model_interpolates() say, and what opens on one asks.
#ifndef UDM_API_PURPOSE_H
#define UDM_API_PURPOSE_H

#include "model/model.h"
#include "network/network.h"

// Whether a text is all that the model goes by; *error then says so, and what it is for.
bool udm_model_draws_texts(const udm_model *model, udm_error *error);
// Whether the model's network, which is open, restores frames of that size and so many channels. Errors: UNSUPPORTED,
// where it is for something else; SETTINGS, where it is for other frames.
bool udm_network_restores(const udm_network *network, const udm_model *model, int width, int height, int channels,
                          udm_error *error);
// ... makes frames of so many channels between others.
bool udm_network_interpolates(const udm_network *network, const udm_model *model, int channels, udm_error *error);

#endif
