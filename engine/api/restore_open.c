// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens a restorer: joins the parts that its model asks for.
#include <math.h>
#include <stdlib.h>

#include "api/restorer.h"

#define SDEDIT_RATE 25 // frames a second that a model is told that makes video

static bool open_restorer_network(udm_restorer *restorer, const udm_settings *settings, udm_error *error)
{
    if (!udm_open_network(restorer->model, settings, &restorer->device, &restorer->network, error))
        return false;
    if (restorer->network->channels != 1 && restorer->network->channels != 3)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s has %d channels, and frames have 1 or 3",
                        udm_model_directory(restorer->model), restorer->network->channels);
    if (restorer->network->context > 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s makes frames between others: udminterp runs it",
                        udm_model_directory(restorer->model));
    if (restorer->network->channels < settings->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s restores grey frames only, not colour",
                        udm_model_directory(restorer->model));
    restorer->workspace = udm_workspace_new(restorer->device, error);
    return restorer->workspace != NULL;
}

// As udm_sdedit_settings.frame.
static bool frame_ahead(void *context, int ahead, udm_sdedit_frame *out)
{
    udm_restorer *restorer = context;
    queued *frame = restorer->first;
    for (int n = 0; n < ahead && frame; n++) {
        frame = frame->next;
        if (frame)
            udm_restorer_analyse(restorer, frame);
        if (frame && frame->begins)
            return false;
    }
    if (!frame)
        return false;
    *out = (udm_sdedit_frame){ frame->planes, frame->strength, frame->times[0], frame->number };
    return true;
}

static bool check_sdedit(const udm_restorer *restorer, const udm_settings *s, udm_error *error)
{
    const udm_window_shape *shape = &restorer->network->window;
    if (s->width != shape->width || s->height != shape->height || s->channels != restorer->network->channels)
        return udm_fail(
            error, UDM_ERROR_SETTINGS,
            "%s draws frames of %dx%d with %d channels only, not %dx%d with %d: scale and convert them first",
            udm_model_directory(restorer->model), shape->width, shape->height, restorer->network->channels, s->width,
            s->height, s->channels);
    if (s->lookahead > 0)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "lookahead is %d, but %s has a window of its own, and holds frames back for it: it must be 0",
                        s->lookahead, udm_model_directory(restorer->model));
    if (s->ensemble > 1)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "ensemble is %d, but %s sees a window of frames, and once: it must be 1", s->ensemble,
                        udm_model_directory(restorer->model));
    return true;
}

static bool open_sdedit(udm_restorer *restorer, const udm_settings *settings, udm_error *error)
{
    const udm_scheduler *scheduler = restorer->scheduler;
    udm_method method;
    if (!check_sdedit(restorer, settings, error) || !udm_settings_method(settings, restorer->model, &method, error))
        return false;
    const udm_sdedit_settings sdedit = {
        .rolling = { .network = restorer->network,
                     .sampler = method.sampler,
                     .spacing = method.timesteps.spacing,
                     .noise = restorer->noise,
                     .prediction = scheduler->prediction,
                     .bounds = scheduler->bounds,
                     .steps = settings->steps,
                     .seed = settings->seed,
                     .rate = SDEDIT_RATE },
        .label = settings->class_label,
        .frame = frame_ahead,
        .context = restorer,
    };
    restorer->sdedit = udm_sdedit_new(&sdedit, error);
    restorer->tracker = udm_noise_tracker_new(settings->channels, settings->width, settings->height, error);
    restorer->work = malloc(restorer->pixels * restorer->network->channels * sizeof(float));
    if (!restorer->work)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
    return restorer->sdedit && restorer->tracker && restorer->work;
}

static bool open_reverse(udm_restorer *restorer, const udm_settings *settings, udm_error *error)
{
    const udm_scheduler *scheduler = restorer->scheduler;
    if (scheduler->process->symbols)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s makes symbols (process \"%s\"), and restores no frames",
                        udm_model_directory(restorer->model), scheduler->process->name);
    udm_reverse_settings reverse;
    if (!udm_settings_reverse(settings, restorer->model, restorer->network, restorer->noise, &reverse, error))
        return false;
    reverse.denoiser.workspace = restorer->workspace;
    reverse.denoiser.process = scheduler->process;
    reverse.extent = scheduler->extent;
    reverse.most = scheduler->process->factors
                       ? udm_noise_time(restorer->noise, restorer->network->max_level)
                       : udm_restorer_own_time(restorer, udm_model_time(restorer->model, INFINITY));
    restorer->reverse = udm_reverse_new(&reverse, error);
    restorer->tracker = udm_noise_tracker_new(settings->channels, settings->width, settings->height, error);
    restorer->work = malloc(restorer->pixels * (restorer->network->channels + 1) * sizeof(float));
    if (!restorer->work)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
    restorer->times = restorer->work ? restorer->work + restorer->pixels * restorer->network->channels : NULL;
    if (scheduler->process->lost)
        restorer->filler = udm_hole_filler_new(settings->channels, settings->width, settings->height, error);
    return restorer->reverse && restorer->tracker && restorer->work && (restorer->filler || !scheduler->process->lost);
}

// *network stays NULL where the model has no such helper.
static bool open_helper(udm_restorer *restorer, udm_helper helper, udm_network **network, udm_error *error)
{
    const udm_config *config = udm_model_helper_config(restorer->model, helper);
    if (!config)
        return true;
    *network = udm_network_open(config, udm_model_helper_weights(restorer->model, helper), restorer->device, error);
    if (!*network)
        return false;
    if (!restorer->network->uses_prediction || (*network)->channels != restorer->network->channels)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: this is for a network that takes a prediction, with as many channels",
                        udm_config_path(config));
    if (helper == UDM_HELPER_TRUST && !(*network)->predicts_log_variance)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"predict_log_variance\" must be true",
                        udm_config_path(config));
    return true;
}

// A model with a preview is shown a prediction of each frame.
static bool open_temporal(udm_restorer *restorer, const udm_settings *settings, udm_error *error)
{
    if (!open_helper(restorer, UDM_HELPER_PREVIEW, &restorer->preview, error) ||
        !open_helper(restorer, UDM_HELPER_TRUST, &restorer->trust, error))
        return false;
    if (!restorer->preview)
        return settings->lookahead == 0 ||
               udm_fail(error, UDM_ERROR_SETTINGS,
                        "lookahead is %d, but %s has no temporal filter, and sees each frame alone: it must be 0",
                        settings->lookahead, udm_model_directory(restorer->model));
    restorer->temporal = udm_temporal_filter_new(restorer->preview, restorer->trust, restorer->workspace,
                                                 settings->width, settings->height, settings->lookahead, restorer->pool,
                                                 udm_settings_memory(settings), error);
    return restorer->temporal != NULL;
}

udm_restorer *udm_restorer_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    udm_settings own;
    if (!udm_check_argument(model, "the model", error) || !udm_settings_read(&own, settings, error) ||
        !udm_settings_check(&own, error) || !udm_settings_check_method(&own, error))
        return NULL;
    settings = &own;
    udm_restorer *restorer = calloc(1, sizeof *restorer);
    if (!restorer) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a restorer");
        return NULL;
    }
    restorer->model = model;
    restorer->scheduler = udm_model_scheduler(model);
    restorer->settings = own;
    restorer->pixels = (size_t)settings->width * settings->height;
    restorer->noise = udm_settings_noise(settings, model, &restorer->own_noise, error);
    restorer->pool = udm_pool_new(settings->threads, error);
    if (!restorer->pool || !restorer->noise || !open_restorer_network(restorer, settings, error) ||
        !(restorer->network->window.frames > 0
              ? open_sdedit(restorer, settings, error)
              : open_reverse(restorer, settings, error) && open_temporal(restorer, settings, error))) {
        udm_restorer_free(restorer);
        return NULL;
    }
    if (settings->scenes_given)
        udm_noise_tracker_give_scenes(restorer->tracker);
    udm_log_device(settings, restorer->device,
                   restorer->reverse ? udm_ensemble_tiles(udm_reverse_ensemble(restorer->reverse)) : 1);
    udm_log_fallback(settings, restorer->device, &restorer->warned);
    return restorer;
}

static void free_frames(queued *frame)
{
    while (frame) {
        queued *next = frame->next;
        free(frame->planes);
        free(frame);
        frame = next;
    }
}

void udm_restorer_free(udm_restorer *restorer)
{
    if (!restorer)
        return;
    free_frames(restorer->first);
    free_frames(restorer->spare);
    free(restorer->work);
    udm_noise_tracker_free(restorer->tracker);
    udm_reverse_free(restorer->reverse);
    udm_sdedit_free(restorer->sdedit);
    udm_temporal_filter_free(restorer->temporal);
    udm_hole_filler_free(restorer->filler);
    udm_workspace_free(restorer->workspace);
    udm_network_free(restorer->trust);
    udm_network_free(restorer->preview);
    udm_network_free(restorer->network);
    udm_device_close(restorer->device);
    udm_pool_free(restorer->pool);
    udm_noise_clear(&restorer->own_noise);
    free(restorer);
}
