// SPDX-License-Identifier: LGPL-2.1-or-later
// What stays where it is before a background that moves: subtitles, logos, the display of a game. It is taken off both
// pictures, so that the background is moved as if it were seen, and put back on what is made of them.
#ifndef UDM_INTERP_OVERLAY_H
#define UDM_INTERP_OVERLAY_H

#include "interp/kernels/kernels.h"

typedef struct udm_overlay udm_overlay;

// The pool is borrowed.
udm_overlay *udm_overlay_new(int width, int height, udm_pool *pool, udm_error *error);
void udm_overlay_free(udm_overlay *overlay); // NULL is fine

// Looks at the views' pixels and motion, whose importance is known; where there is an overlay both become those of what
// is behind it. False if there is none, and nothing changed.
bool udm_overlay_take_off(udm_overlay *overlay, udm_synthesis_job *job);

// Puts it on planes [channels, height, width] of what was made at job->position, if there is one; still takes its share
// [height, width], and may be NULL.
void udm_overlay_put_on(const udm_overlay *overlay, const udm_synthesis_job *job, int channels, float *planes,
                        float *still);

#endif
