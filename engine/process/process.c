// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of processes.
#include "process/process.h"

#include <string.h>

const udm_process *const udm_processes[] = {
    &udm_process_gaussian,    &udm_process_exploding, &udm_process_sub_vp,    &udm_process_flow,
    &udm_process_pfgm,        &udm_process_pfgmpp,    &udm_process_bridge,    &udm_process_blur,
    &udm_process_soft_blur,   &udm_process_pixelate,  &udm_process_mask,      &udm_process_rows,
    &udm_process_lost_frames, &udm_process_uniform,   &udm_process_absorbing, NULL,
};

const udm_process *udm_process_find(const char *name)
{
    for (const udm_process *const *process = udm_processes; *process; process++)
        if (strcmp((*process)->name, name) == 0)
            return *process;
    return NULL;
}

size_t udm_run_length(const float *values, size_t i, size_t count)
{
    enum { PART = 1024 }; // compared as bytes, which is fast
    size_t end = i + 1;
    while (end + PART <= count && memcmp(values + end - 1, values + end, PART * sizeof *values) == 0)
        end += PART;
    while (end < count && values[end] == values[i])
        end++;
    return end - i;
}

double udm_levels_share(const udm_levels *at, size_t pixel)
{
    const double signal = at->signal[pixel], noise = at->noise[pixel];
    return noise * noise / (signal * signal + noise * noise);
}
