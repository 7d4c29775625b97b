// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runner/patches.h"

#include <stddef.h>

void udm_patches_copy(int channels, int width, int height, int patch, float *patches, float *frame, bool back)
{
    const int w = width / patch, h = height / patch;
    for (int c = 0; c < channels; c++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++, frame++) {
                const int plane = (c * patch + y % patch) * patch + x % patch;
                float *at = patches + ((size_t)plane * h + y / patch) * w + x / patch;
                if (back)
                    *frame = *at;
                else
                    *at = *frame;
            }
}
