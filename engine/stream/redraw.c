// SPDX-License-Identifier: LGPL-2.1-or-later
// Video drawn anew by a network that makes video.
#include "stream/redraw.h"

#include <stdlib.h>

struct udm_redraw {
    udm_redraw_settings settings;
    udm_rolling *rolling;
    uint64_t made; // frames of the scene
};

// The rolling counts the frames of the scene from its beginning.
static void wish(void *context, uint64_t number, udm_rolling_wish *wish)
{
    const udm_redraw *redraw = context;
    udm_redrawn frame = { 0 };
    wish->class = redraw->settings.label;
    if (!redraw->settings.frame(redraw->settings.context, (int)(number - redraw->made), &frame)) {
        wish->over = true;
        return;
    }
    wish->picture = frame.planes;
    wish->time = frame.time > frame.own ? frame.time : frame.own;
    wish->own = frame.own;
    wish->name = frame.number;
}

udm_redraw *udm_redraw_new(const udm_redraw_settings *settings, udm_error *error)
{
    udm_redraw *redraw = calloc(1, sizeof *redraw);
    if (!redraw) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to draw frames anew");
        return NULL;
    }
    redraw->settings = *settings;
    udm_rolling_settings rolling = settings->rolling;
    rolling.classless = true;
    rolling.wish = wish;
    rolling.context = redraw;
    redraw->rolling = udm_rolling_new(&rolling, error);
    if (redraw->rolling)
        return redraw;
    free(redraw);
    return NULL;
}

void udm_redraw_free(udm_redraw *redraw)
{
    if (!redraw)
        return;
    udm_rolling_free(redraw->rolling);
    free(redraw);
}

int udm_redraw_ahead(const udm_redraw *redraw)
{
    return udm_rolling_ahead(redraw->rolling);
}

size_t udm_redraw_memory(const udm_redraw *redraw)
{
    return udm_rolling_memory(redraw->rolling);
}

void udm_redraw_clear(udm_redraw *redraw)
{
    redraw->made = 0;
    udm_rolling_restart(redraw->rolling);
}

const float *udm_redraw_make(udm_redraw *redraw, const atomic_bool *cancel, udm_error *error)
{
    const float *frame = udm_rolling_make(redraw->rolling, redraw->made, cancel, error);
    redraw->made += frame != NULL;
    return frame;
}
