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

// What the network makes of frames [channels, height, width], each at its timestep, and of texts [token_width, 1,
// tokens]; out: of each frame. Errors: CANCELLED, DEVICE, MEMORY.
bool udm_film_run(udm_film *film, const float *const *frames, const double *timesteps, const float *const *texts,
                  float *const *out, const atomic_bool *cancel, udm_error *error);

#endif
