// SPDX-License-Identifier: LGPL-2.1-or-later
// A network over the frames of a film, all at once (udm_network_class.build_frames).
#ifndef UDM_RUNNER_FILM_H
#define UDM_RUNNER_FILM_H

#include <stdatomic.h>

#include "network/network.h"

typedef struct udm_film udm_film;

// network: outlives it. Where its device fails and has a stand-in, the film goes on there. Errors: SETTINGS, MEMORY,
// DEVICE.
udm_film *udm_film_new(const udm_network *network, const udm_film_shape *shape, udm_error *error);
void udm_film_free(udm_film *film); // NULL is fine

size_t udm_film_memory(const udm_film *film); // bytes of all values

// What a network looks at: frames [channels, height, width], each at its timestep; texts [token_width, 1, tokens], as
// many as the shape has; for each frame, where the network has labels, the values of its port `label`, and where it has
// a context, that [context, height, width].
typedef struct udm_film_input {
    const float *const *frames;
    const double *timesteps;
    const float *const *texts;
    const float *const *labels, *const *contexts;
} udm_film_input;

// out: what it makes of each frame. Errors: CANCELLED, DEVICE, MEMORY.
bool udm_film_run(udm_film *film, const udm_film_input *input, float *const *out, const atomic_bool *cancel,
                  udm_error *error);

#endif
