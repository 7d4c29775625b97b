// SPDX-License-Identifier: LGPL-2.1-or-later
// What a stream finds of motion, without the rest of it: training is shown the predictions that use will show.
#include <stdlib.h>
#include <string.h>

#include "api/settings.h"
#include "process/process.h"
#include "temporal/temporal_filter.h"

typedef struct motions {
    udm_device *device;
    udm_network *preview;
    udm_temporal_filter *temporal;
    float *frame, *level, *luma; // [channels, pixels], [pixels], [pixels]
} motions;

static bool open_motions(motions *m, const udm_model *model, const udm_settings *s, udm_error *error)
{
    const udm_config *config = udm_model_helper_config(model, UDM_HELPER_PREVIEW);
    if (!config)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s has no preview, between which motion is found",
                        udm_model_directory(model));
    if (!udm_settings_check(s, error) || !(m->device = udm_settings_device(s, error)) ||
        !(m->preview = udm_network_open(config, udm_model_helper_weights(model, UDM_HELPER_PREVIEW), m->device, error)))
        return false;
    if (m->preview->channels != s->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s: the preview is for %d channels, not %d",
                        udm_config_path(config), m->preview->channels, s->channels);
    const size_t pixels = (size_t)s->width * s->height;
    m->temporal = udm_temporal_filter_new(m->preview, NULL, NULL, s->width, s->height, 0, s->threads,
                                          udm_settings_memory(s), error);
    if (!m->temporal)
        return false;
    m->frame = calloc(pixels * (s->channels + 2), sizeof(float));
    if (!m->frame)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", s->width, s->height);
    m->level = m->frame + pixels * s->channels;
    m->luma = m->level + pixels;
    return true;
}

static bool find_motions(motions *m, const udm_settings *s, int frames, const float *x, double sigma, float *flow,
                         udm_error *error)
{
    const size_t pixels = (size_t)s->width * s->height;
    for (size_t i = 0; i < pixels; i++)
        m->level[i] = (float)udm_level_of_sigma(sigma);
    for (int f = 0; f < frames; f++) {
        for (int c = 0; c < s->channels; c++)
            memcpy(m->frame + c * pixels, x + ((size_t)c * frames + f) * pixels, pixels * sizeof *x);
        udm_temporal_input input = { .planes = m->frame, .level = m->level, .preview = m->luma };
        udm_predicted predicted;
        if (!udm_temporal_filter_run(m->temporal, &(udm_temporal_input *){ &input }, 1, &predicted, NULL, error))
            return false;
        for (int axis = 0; f > 0 && axis < 2; axis++)
            memcpy(flow + ((size_t)axis * (frames - 1) + f - 1) * pixels,
                   udm_temporal_filter_flow(m->temporal) + axis * pixels, pixels * sizeof *flow);
    }
    return true;
}

bool udm_model_flow(const udm_model *model, const udm_settings *settings, int frames, const float *x, double sigma,
                    float *flow, udm_error *error)
{
    motions m = { 0 };
    const bool good =
        open_motions(&m, model, settings, error) && find_motions(&m, settings, frames, x, sigma, flow, error);
    free(m.frame);
    udm_temporal_filter_free(m.temporal);
    udm_network_free(m.preview);
    udm_device_close(m.device);
    return good;
}
