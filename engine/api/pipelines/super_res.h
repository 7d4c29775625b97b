// SPDX-License-Identifier: LGPL-2.1-or-later
// What unCLIP (Ramesh et al. 2022, section 2.2) enlarges small pictures with: a U-Net that draws a large one beside the
// small one, enlarged by cubic splines; another, trained for that, makes the last step.
#ifndef UDM_API_SUPER_RES_H
#define UDM_API_SUPER_RES_H

#include "api/painter.h"

typedef struct udm_super_res udm_super_res;

// Of a painter whose width and height are those of small pictures; factor: how many times larger they become. The
// networks are opened when they are needed, and go where `frugal` says so.
udm_super_res *udm_super_res_new(udm_painter *painter, const udm_model *model, int factor, bool frugal,
                                 udm_error *error);
void udm_super_res_free(udm_super_res *super_res); // NULL is fine

// How many times larger pictures become; 0 with *error where the networks are not such.
int udm_super_res_factor(const udm_model *model, int small_width, int small_height, udm_error *error);

int udm_super_res_steps(const udm_painting *painting); // that it asks for

// small: [3, height, width]; out: [3, factor height, factor width], in [-1, 1].
bool udm_super_res_run(udm_super_res *super_res, const udm_painting *painting, const float *small, float *out,
                       udm_error *error);

#endif
