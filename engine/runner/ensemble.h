// SPDX-License-Identifier: LGPL-2.1-or-later
// The geometric self-ensemble (Lim et al., Enhanced deep residual networks for single image super-resolution, 2017,
// section 3.3): a network is run on a frame several times, turned and mirrored, and its outputs are turned back and
// averaged. Its errors differ from view to view, so that the mean is better than each.
#ifndef UDM_RUNNER_ENSEMBLE_H
#define UDM_RUNNER_ENSEMBLE_H

#include "runner/tiling.h"

typedef struct udm_ensemble udm_ensemble;

// views: 1 to 8, as there are so many ways to turn and mirror a picture; each takes the time of one. The others are
// those of udm_tiling_new(): a view has a state of its own in every stage.
udm_ensemble *udm_ensemble_new(const udm_network *network, udm_workspace *workspace, int width, int height, int stages,
                               int views, size_t limit, udm_error *error);
void udm_ensemble_free(udm_ensemble *ensemble); // NULL is fine

int udm_ensemble_tiles(const udm_ensemble *ensemble);     // in a frame
size_t udm_ensemble_memory(const udm_ensemble *ensemble); // bytes, as udm_tiling_memory(), and those of turned planes

// As those of udm_tiling.
void udm_ensemble_clear(udm_ensemble *ensemble);
bool udm_ensemble_run(udm_ensemble *ensemble, int stage, uint64_t number, const udm_network_input *seen, float *out,
                      const atomic_bool *cancel, udm_error *error);

#endif
