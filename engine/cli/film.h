// SPDX-License-Identifier: LGPL-2.1-or-later
// udm generate --frames: films of what a text says.
#ifndef UDM_CLI_FILM_H
#define UDM_CLI_FILM_H

#include "udm/udm.h"

typedef struct film_options {
    udm_settings settings; // width 0: the model's
    const char *prompt, *negative;
    double guidance;
    int frames;
    const char *latents; // a file, or NULL
} film_options;

// Writes float32 1,3,F,H,W to out. The exit status.
int film_generate(const udm_model *model, film_options *options, const char *out);

#endif
