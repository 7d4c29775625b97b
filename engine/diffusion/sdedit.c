// SPDX-License-Identifier: LGPL-2.1-or-later
// SDEdit of video by a network that generates video.
#include "diffusion/sdedit.h"

#include <stdlib.h>

struct udm_sdedit {
    udm_sdedit_settings settings;
    udm_rolling *rolling;
    uint64_t made; // frames of the scene
};

// The rolling window counts the frames of the scene from its beginning.
static void frame_params(void *context, uint64_t number, udm_rolling_frame *frame_params)
{
    const udm_sdedit *sdedit = context;
    udm_sdedit_frame frame = { 0 };
    frame_params->class = sdedit->settings.label;
    if (!sdedit->settings.frame(sdedit->settings.context, (int)(number - sdedit->made), &frame)) {
        frame_params->over = true;
        return;
    }
    frame_params->picture = frame.planes;
    frame_params->time = frame.time > frame.own ? frame.time : frame.own;
    frame_params->own = frame.own;
    frame_params->name = frame.number;
}

udm_sdedit *udm_sdedit_new(const udm_sdedit_settings *settings, udm_error *error)
{
    udm_sdedit *sdedit = calloc(1, sizeof *sdedit);
    if (!sdedit) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for SDEdit");
        return NULL;
    }
    sdedit->settings = *settings;
    udm_rolling_settings rolling = settings->rolling;
    rolling.classless = true;
    rolling.frame_params = frame_params;
    rolling.context = sdedit;
    sdedit->rolling = udm_rolling_new(&rolling, error);
    if (sdedit->rolling)
        return sdedit;
    free(sdedit);
    return NULL;
}

void udm_sdedit_free(udm_sdedit *sdedit)
{
    if (!sdedit)
        return;
    udm_rolling_free(sdedit->rolling);
    free(sdedit);
}

int udm_sdedit_ahead(const udm_sdedit *sdedit)
{
    return udm_rolling_ahead(sdedit->rolling);
}

size_t udm_sdedit_memory(const udm_sdedit *sdedit)
{
    return udm_rolling_memory(sdedit->rolling);
}

void udm_sdedit_clear(udm_sdedit *sdedit)
{
    sdedit->made = 0;
    udm_rolling_restart(sdedit->rolling);
}

const float *udm_sdedit_make(udm_sdedit *sdedit, const atomic_bool *cancel, udm_error *error)
{
    const float *frame = udm_rolling_make(sdedit->rolling, sdedit->made, cancel, error);
    sdedit->made += frame != NULL;
    return frame;
}
