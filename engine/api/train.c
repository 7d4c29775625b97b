// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/train.h: a model's network alone, with no sampler around it, and the motion that a restorer finds, so that
// training sees the predictions that inference will.
#include <stdlib.h>
#include <string.h>

#include "api/settings.h"
#include "process/process.h"
#include "runner/tiling.h"
#include "runner/window.h"
#include "temporal/temporal_filter.h"

// One frame of a clip through the network; the frames of a clip are [channels, frames, pixels].
typedef struct forward_run {
    udm_tiling *tiles;
    size_t pixels;
    int channels, frames, label;
    const udm_noise *noise;
    float *frame, *level, *out; // [channels, pixels], [pixels], and the output
    float *chroma;              // [pixels], the level that chroma has of white noise, of a network that is shown it
} forward_run;

static bool forward_frame(const forward_run *run, const float *clip, int frame, double time, float *out,
                          udm_error *error)
{
    const float level = (float)udm_noise_level(run->noise, time);
    const size_t n = run->pixels;
    for (int c = 0; c < run->channels; c++)
        memcpy(run->frame + c * n, clip + ((size_t)c * run->frames + frame) * n, n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        run->level[i] = level;
    const float chroma = (float)udm_level_of_share(UDM_WHITE_CHROMA, level);
    for (size_t i = 0; i < n && run->chroma; i++)
        run->chroma[i] = chroma;
    const udm_network_input seen = { .frame = run->frame,
                                     .level = run->level,
                                     .context = run->chroma,
                                     .timestep = udm_noise_timestep(run->noise, time),
                                     .label = run->label };
    if (!udm_tiling_run(run->tiles, 0, frame, &seen, run->out, NULL, error))
        return false;
    for (int c = 0; c < run->channels; c++)
        memcpy(out + ((size_t)c * run->frames + frame) * n, run->out + c * n, n * sizeof(float));
    return true;
}

static bool forward_clips(forward_run *run, int clips, const float *x, const double *times, float *out,
                          udm_error *error)
{
    const size_t clip = run->pixels * run->channels * run->frames;
    for (int k = 0; k < clips; k++) {
        udm_tiling_clear(run->tiles);
        for (int f = 0; f < run->frames; f++)
            if (!forward_frame(run, x + k * clip, f, times[f], out + k * clip, error))
                return false;
    }
    return true;
}

static bool forward_stream(const udm_model *model, const udm_network *network, const udm_settings *settings, int clips,
                           int frames, const float *x, const double *times, float *out, udm_error *error)
{
    forward_run run = { .frames = frames,
                        .channels = network->channels,
                        .label = settings->class_label,
                        .noise = &udm_model_scheduler(model)->noise,
                        .pixels = (size_t)settings->width * settings->height };
    run.tiles = udm_tiling_new(network, NULL, settings->width, settings->height, 1, settings->memory_limit, error);
    run.frame = malloc(run.pixels * (run.channels + 2 + udm_network_outputs(network)) * sizeof(float));
    bool good = run.tiles && run.frame;
    if (!run.frame)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
    if (good) {
        run.level = run.frame + run.pixels * run.channels;
        run.out = run.level + run.pixels;
        run.chroma = network->chroma_level ? run.out + run.pixels * udm_network_outputs(network) : NULL;
        good = forward_clips(&run, clips, x, times, out, error);
    }
    free(run.frame);
    udm_tiling_free(run.tiles);
    return good;
}

// A clip as frames one after the other, [frames, channels, pixels], or back.
static void regroup(const float *from, int outer, int inner, size_t pixels, float *to)
{
    for (int i = 0; i < inner; i++)
        for (int o = 0; o < outer; o++, to += pixels)
            memcpy(to, from + ((size_t)o * inner + i) * pixels, pixels * sizeof *to);
}

static bool check_window(const udm_window_shape *shape, const udm_settings *s, int frames, udm_error *error)
{
    if (s->width == shape->width && s->height == shape->height && frames == shape->frames)
        return true;
    return udm_fail(error, UDM_ERROR_SETTINGS, "the network takes %d frames of %dx%d, not %d of %dx%d", shape->frames,
                    shape->width, shape->height, frames, s->width, s->height);
}

// A network that makes video, at 25 frames a second: each clip is a window, all of whose frames have the label as
// class.
static bool forward_windows(const udm_model *model, const udm_network *network, const udm_settings *settings, int clips,
                            const float *x, const double *times, float *out, udm_error *error)
{
    const int frames = network->window.frames, channels = network->channels;
    const size_t pixels = (size_t)settings->width * settings->height, clip = pixels * channels * frames;
    udm_window_state state = { .rate = 25 };
    const float *places[UDM_MAX_FRAMES];
    udm_window *window = udm_window_new(network, 0, error);
    float *in = malloc(2 * clip * sizeof *in);
    bool good = window && in;
    if (!in)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a window of frames");
    for (int f = 0; f < frames && good; f++) {
        places[f] = in + f * pixels * channels;
        state.levels[f] = (float)udm_noise_level(&udm_model_scheduler(model)->noise, times[f]);
        state.classes[f] = settings->class_label < network->window.classes ? settings->class_label : -1;
    }
    for (int k = 0; k < clips && good; k++) {
        regroup(x + k * clip, channels, frames, pixels, in);
        good = udm_window_run(window, places, &state, in + clip, NULL, error);
        regroup(in + clip, frames, channels, pixels, out + k * clip);
    }
    free(in);
    udm_window_free(window);
    return good;
}

bool udm_model_forward(const udm_model *model, const udm_settings *settings, int clips, int frames, const float *x,
                       const double *times, float *out, udm_error *error)
{
    udm_settings own;
    udm_device *device;
    udm_network *network;
    if (!udm_check_argument(model, "the model", error) || !udm_settings_read(&own, settings, error) ||
        !udm_settings_unlimited(&own, error) || !udm_check_argument(x, "the input", error) ||
        !udm_check_argument(times, "the list of times", error) || !udm_check_argument(out, "the output", error) ||
        !udm_settings_check(&own, error))
        return false;
    if (clips < 1 || frames < 1)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%d clips of %d frames: there must be at least one of each", clips,
                        frames);
    bool good = udm_open_network(model, &own, &device, &network, error);
    if (good && network->window.frames > 0)
        good = check_window(&network->window, &own, frames, error) &&
               forward_windows(model, network, &own, clips, x, times, out, error);
    else if (good)
        good = forward_stream(model, network, &own, clips, frames, x, times, out, error);
    udm_network_free(network);
    udm_device_close(device);
    return good;
}

typedef struct motions {
    udm_pool *pool;
    udm_device *device;
    udm_network *preview;
    udm_temporal_filter *temporal;
    float *frame, *level, *luma; // [channels, pixels], [pixels], [pixels]
} motions;

static bool open_motions(motions *m, const udm_model *model, const udm_settings *s, udm_error *error)
{
    const udm_config *config = udm_model_helper_config(model, UDM_HELPER_PREVIEW);
    if (!config)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s has no preview/, whose estimates the optical flow is computed from",
                        udm_model_directory(model));
    if (!udm_settings_check(s, error) || !(m->pool = udm_settings_pool(s, error)) ||
        !(m->device = udm_settings_device(s, error)) ||
        !(m->preview = udm_network_open(config, udm_model_helper_weights(model, UDM_HELPER_PREVIEW), m->device, error)))
        return false;
    if (m->preview->channels != s->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s: the preview is for %d channels, not %d",
                        udm_config_path(config), m->preview->channels, s->channels);
    const size_t pixels = (size_t)s->width * s->height;
    m->temporal =
        udm_temporal_filter_new(m->preview, NULL, NULL, s->width, s->height, 0, m->pool, udm_settings_memory(s), error);
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
    udm_settings own;
    motions m = { 0 };
    if (!udm_check_argument(model, "the model", error) || !udm_settings_read(&own, settings, error) ||
        !udm_settings_unlimited(&own, error) || !udm_check_argument(x, "the input", error) ||
        (frames > 1 && !udm_check_argument(flow, "the flow", error)))
        return false;
    if (frames < 1 || !(sigma >= 0))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "%d frames with noise of sigma %g: there must be at least one, and sigma must be 0 or more",
                        frames, sigma);
    const bool good = open_motions(&m, model, &own, error) && find_motions(&m, &own, frames, x, sigma, flow, error);
    free(m.frame);
    udm_temporal_filter_free(m.temporal);
    udm_network_free(m.preview);
    udm_device_close(m.device);
    udm_pool_free(m.pool);
    return good;
}
