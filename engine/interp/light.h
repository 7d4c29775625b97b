// SPDX-License-Identifier: LGPL-2.1-or-later
// Fades, lamps and flashes: by how much what one picture shows is brighter in the other.
#ifndef UDM_INTERP_LIGHT_H
#define UDM_INTERP_LIGHT_H

#include "interp/kernels/kernels.h"

typedef struct udm_light udm_light;

// The pool is borrowed.
udm_light *udm_light_new(int width, int height, udm_pool *pool, udm_error *error);
void udm_light_free(udm_light *light); // NULL is fine

// Before motion is looked for: gives the luma [height, width] of the picture that has less contrast the light of the
// other, where that explains most of how they differ. Returns which was changed, 0 or 1; -1: neither.
int udm_light_match(const udm_light *light, float *const luma[2]);

// After both pictures were warped in a row of cells: measures the light there.
void udm_light_measure(udm_light *light, const udm_synthesis_job *job, int row);

// After that, for all rows: gives both, and their mean, the light at the instant; takes off the sums in the cells by
// what the light changed.
void udm_light_follow(udm_light *light, const udm_synthesis_job *job);

#endif
