// SPDX-License-Identifier: LGPL-2.1-or-later
// Where one scene ends and another begins.
#ifndef UDM_ANALYSIS_SCENE_H
#define UDM_ANALYSIS_SCENE_H

#include <stdbool.h>

#include "base/threads.h"
#include "udm/error.h"

enum { UDM_SCENE_COLUMNS = 32, UDM_SCENE_ROWS = 18 };

typedef struct udm_scene udm_scene;

udm_scene *udm_scene_new(int channels, int width, int height, udm_error *error);
void udm_scene_free(udm_scene *scene); // NULL is fine
void udm_scene_reset(udm_scene *scene);

// True if this frame begins a scene: it is the first, or a hard cut lies between it and the one before. Noise of sigma
// (0-255 scale) or less, motion, fades and flashes through which the picture can be seen are no cuts; a flash that
// blots it out counts as two, as what comes after it is not known yet. planes: [channels, height, width] in [-1, 1].
bool udm_scene_begins(udm_scene *scene, const float *planes, double sigma);

// The threads that frames are shrunk by; until then it is that of the caller alone.
void udm_scene_use(udm_scene *scene, udm_pool *pool);

// A frame, shrunk: cells of the mean of its channels, 0-255 scale, less their mean.
typedef struct udm_scene_look {
    float cells[UDM_SCENE_ROWS * UDM_SCENE_COLUMNS];
    double mean, contrast; // the variance of the cells
} udm_scene_look;

// planes: [channels, height, width] in [-1, 1]
void udm_scene_shrink(const udm_scene *scene, const float *planes, udm_scene_look *to);

#define UDM_SCENE_CUT 0.3

// How little two frames have in common: 0 where one is the other, moved, up to 1; from UDM_SCENE_CUT on a cut lies
// between them. Looks at no frame but these.
double udm_scene_change(const udm_scene *scene, const udm_scene_look *a, const udm_scene_look *b);

// How three frames follow each other. Fades and cross-fades go on: what changes from the first to the second changes
// likewise from there to the third. Light that flashes in the second alone, or is out in it, returns.
typedef enum udm_scene_course { UDM_SCENE_TURNS, UDM_SCENE_GOES_ON, UDM_SCENE_RETURNS } udm_scene_course;

udm_scene_course udm_scene_course_of(const udm_scene *scene, const udm_scene_look *first, const udm_scene_look *second,
                                     const udm_scene_look *third);

#endif
