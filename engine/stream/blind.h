// SPDX-License-Identifier: LGPL-2.1-or-later
// What is not known about a stream until it is looked at: where its scenes begin, and how noisy each is.
#ifndef UDM_STREAM_BLIND_H
#define UDM_STREAM_BLIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct udm_blind udm_blind;

udm_blind *udm_blind_new(int channels, int width, int height, udm_error *error);
void udm_blind_free(udm_blind *blind); // NULL is fine
void udm_blind_reset(udm_blind *blind);

// Looks at the next frame, planes [channels, height, width] in [-1, 1], once. True if it begins a scene. sigma: of its
// noise, 0-255 scale, or negative to have it estimated.
bool udm_blind_look(udm_blind *blind, const float *planes, double sigma);

// The estimate for the scene so far; 0 if none was asked for.
double udm_blind_sigma(const udm_blind *blind);

#endif
