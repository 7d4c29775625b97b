// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames as networks are shown them that take squares of pixels for channels.
#ifndef UDM_RUNNER_PATCHES_H
#define UDM_RUNNER_PATCHES_H

#include <stdbool.h>

// Between a frame [channels, height, width] and patches [channels p p, height / p, width / p]: pixel (c, y, x) is in
// plane c p p + (y mod p) p + x mod p, as torch.pixel_unshuffle has it. back: the patches become the frame.
void udm_patches_copy(int channels, int width, int height, int patch, float *patches, float *frame, bool back);

#endif
