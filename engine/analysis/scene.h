// SPDX-License-Identifier: LGPL-2.1-or-later
// Where one scene ends and another begins.
#ifndef UDM_ANALYSIS_SCENE_H
#define UDM_ANALYSIS_SCENE_H

#include <stdbool.h>

#include "udm/error.h"

typedef struct udm_scene udm_scene;

udm_scene *udm_scene_new(int channels, int width, int height, udm_error *error);
void udm_scene_free(udm_scene *scene); // NULL is fine
void udm_scene_reset(udm_scene *scene);

// True if this frame begins a scene: it is the first, or a hard cut lies between it and the one before. Noise of sigma
// (0-255 scale) or less, motion, fades and flashes through which the picture can be seen are no cuts; a flash that
// blots it out counts as two, as what comes after it is not known yet. planes: [channels, height, width] in [-1, 1].
bool udm_scene_begins(udm_scene *scene, const float *planes, double sigma);

#define UDM_SCENE_CUT 0.3

// How little two frames have in common: 0 where one is the other, moved, up to 1; from UDM_SCENE_CUT on a cut lies
// between them.
// Looks at no frame but these. a, b: [channels, height, width] in [-1, 1].
double udm_scene_change(const udm_scene *scene, const float *a, const float *b);

#endif
