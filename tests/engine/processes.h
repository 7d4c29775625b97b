// SPDX-License-Identifier: LGPL-2.1-or-later
// A clip, and all that a forward process asks for.
#ifndef UDM_TEST_PROCESSES_H
#define UDM_TEST_PROCESSES_H

#include "lists.h"

enum { EXTENT = 16 }; // what processes that have one reach
enum { WIDTH = 12, HEIGHT = 9, FRAMES = 2, PIXELS = WIDTH * HEIGHT * FRAMES, CHANNELS = 3, ALL = CHANNELS * PIXELS };

// A clip and all that a process asks for. Its levels are those of the share 1 - alpha_bar, per pixel or the same.
typedef struct clip {
    float signal[PIXELS], noise[PIXELS], time[PIXELS], anchor[ALL], scratch[PIXELS + 5 * (WIDTH + HEIGHT)];
    float x0[ALL], e[ALL], xt[ALL], out[ALL];
    udm_levels at;
} clip;

static inline void set_share(clip *k, const udm_process *process, size_t pixel, double share)
{
    double signal = sqrt(1 - share), noise = sqrt(share);
    if (process->factors)
        process->factors(1 - share, &signal, &noise);
    k->signal[pixel] = (float)signal, k->noise[pixel] = (float)noise, k->time[pixel] = (float)share;
}

static inline void set_shares(clip *k, const udm_process *process, double share)
{
    for (size_t i = 0; i < PIXELS; i++)
        set_share(k, process, i, share);
}

static inline void make_clip(clip *k, const udm_process *process, double share)
{
    set_shares(k, process, share);
    udm_normal(1, 0, 0, 0, ALL, k->x0);
    udm_normal(1, 0, 1, 0, ALL, k->e);
    udm_normal(1, 0, 2, 0, ALL, k->anchor);
    for (size_t i = 0; process->symbols && i < PIXELS; i++)
        for (int c = 0; c < CHANNELS; c++)
            k->x0[c * PIXELS + i] = c == (int)(i % 7 % CHANNELS);
    for (size_t i = 0; process->cold && i < ALL; i++)
        k->e[i] = 0;
    k->at = (udm_levels){ PIXELS, k->signal, k->noise, k->time, WIDTH, HEIGHT, EXTENT, k->anchor, k->scratch };
}

#endif
