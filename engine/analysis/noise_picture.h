// SPDX-License-Identifier: LGPL-2.1-or-later
// A picture as the noise in it is measured: luma and chroma apart, at the full size and at halves of it.
#ifndef UDM_ANALYSIS_NOISE_PICTURE_H
#define UDM_ANALYSIS_NOISE_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/noise.h"
#include "base/threads.h"

enum { UDM_NOISE_COMPONENTS = 3 };

// What white noise of deviation 1 in red, green and blue has in luma, and as a root mean square in the two of chroma.
#define UDM_NOISE_WHITE_LUMA 0.668555
#define UDM_NOISE_WHITE_CHROMA 0.640359

typedef struct udm_noise_picture {
    const float *planes; // [channels, height, width] in [-1, 1], as long as they last
    int channels;        // 1 of a grey picture, whatever it came as
    int width, height;
    // [components][octaves], each [height >> octave, width >> octave]: Y, Cb and Cr from 0 to 255, each over what white
    // noise has in it. A grey picture has Y alone, as it is. Chroma has two octaves.
    float *octaves[UDM_NOISE_COMPONENTS][UDM_NOISE_OCTAVES];
    float *memory;
} udm_noise_picture;

bool udm_noise_picture_init(udm_noise_picture *picture, int channels, int width, int height);
void udm_noise_picture_clear(udm_noise_picture *picture);

// planes: [channels, height, width] of what it was initialised for.
void udm_noise_picture_set(udm_noise_picture *picture, int channels, const float *planes, udm_pool *pool);

// One that is seen from afar: luma at the octave UDM_NOISE_AFAR alone, as above.
typedef struct udm_noise_glance {
    float *luma;  // [height >> UDM_NOISE_AFAR, width >> UDM_NOISE_AFAR]
    int channels; // 0: nothing was seen
} udm_noise_glance;

enum { UDM_NOISE_AFAR = 2 };

bool udm_noise_glance_init(udm_noise_glance *glance, int width, int height);
void udm_noise_glance_clear(udm_noise_glance *glance);

// Of a picture that was set, or of one that is not needed as a whole.
void udm_noise_glance_keep(udm_noise_glance *glance, const udm_noise_picture *picture);
void udm_noise_glance_set(udm_noise_glance *glance, int channels, int width, int height, const float *planes);

#endif
