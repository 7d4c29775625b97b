// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames on their way into the engine, with a block for each pixel: --upscale.
#ifndef UDM_CLI_RESTORE_ENLARGE_H
#define UDM_CLI_RESTORE_ENLARGE_H

#include "udm/udm.h"

typedef struct enlarge {
    uint16_t *memory; // of the last frame; NULL before there was one
    int factor;       // 1: frames stay as they are
} enlarge;

// Makes the image a larger one, whose memory is that of `enlarge` until the next call.
bool enlarge_image(enlarge *enlarge, udm_image *image, udm_error *error);
void enlarge_close(enlarge *enlarge);

#endif
