// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens a restorer: joins the parts that its model asks for.
#include <math.h>
#include <stdlib.h>

#include "api/restorer.h"

#define SDEDIT_RATE 25 // frames a second that a model is told that makes video

// The workspace is that of all networks, whose channels and device are the same.
static bool open_first(udm_restorer *restorer, udm_error *error)
{
    restorer->device = udm_settings_device(&restorer->settings, error);
    if (!restorer->device)
        return false;
    restorer->workspace = udm_workspace_new(restorer->device, error);
    return restorer->workspace && udm_restorer_open_network(restorer, error);
}

static bool allocate_before(udm_restorer *restorer, udm_error *error)
{
    restorer->before = malloc(restorer->pixels * restorer->channels * sizeof(float));
    return restorer->before || udm_fail(error, UDM_ERROR_MEMORY, "no memory to hold a frame");
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
        .rolling = { .network = restorer->expert->network,
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
    restorer->work = malloc(restorer->pixels * restorer->channels * sizeof(float));
    if (!restorer->work)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
    return restorer->sdedit && restorer->tracker && restorer->work;
}

static bool open_loop(udm_restorer *restorer, const udm_settings *settings, udm_error *error)
{
    const udm_scheduler *scheduler = restorer->scheduler;
    if (!udm_restorer_open_loop(restorer, error))
        return false;
    restorer->tracker = udm_noise_tracker_new(settings->channels, settings->width, settings->height, error);
    restorer->tone = udm_tone_new(error);
    restorer->work = malloc(restorer->pixels * (restorer->channels + 1) * sizeof(float));
    if (!restorer->work)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
    restorer->times = restorer->work ? restorer->work + restorer->pixels * restorer->channels : NULL;
    if (scheduler->process->factors &&
        !(restorer->impulses =
              udm_impulses_new(settings->channels, settings->width, settings->height, restorer->pool, error)))
        return false;
    if (scheduler->process->lost)
        restorer->filler = udm_hole_filler_new(settings->channels, settings->width, settings->height, error);
    restorer->holes = restorer->filler;
    return restorer->tracker && restorer->tone && restorer->work && (restorer->filler || !scheduler->process->lost);
}

// The device is the painter's.
static bool open_redraw(udm_restorer *restorer, const udm_settings *settings, udm_error *error)
{
    restorer->redraw = udm_redraw_new(restorer->model, settings, restorer->pool, error);
    if (!restorer->redraw)
        return false;
    restorer->device = udm_redraw_device(restorer->redraw);
    restorer->channels = 3, restorer->holes = udm_redraw_fills(restorer->model);
    restorer->tracker = udm_noise_tracker_new(settings->channels, settings->width, settings->height, error);
    restorer->work = restorer->tracker ? malloc(restorer->pixels * restorer->channels * sizeof(float)) : NULL;
    return restorer->work ||
           udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
}

static bool open_restoration(udm_restorer *restorer, const udm_settings *settings, udm_error *error)
{
    if (udm_redraws(restorer->model))
        return open_redraw(restorer, settings, error) && allocate_before(restorer, error);
    return open_first(restorer, error) && allocate_before(restorer, error) &&
           (restorer->expert->network->window.frames > 0 ? open_sdedit : open_loop)(restorer, settings, error);
}

int udm_restorer_tiles(const udm_restorer *restorer)
{
    if (restorer->redraw)
        return udm_redraw_tiles(restorer->redraw);
    return restorer->sdedit ? 1 : udm_ensemble_tiles(udm_reverse_ensemble(restorer->expert->reverse));
}

udm_restorer *udm_restorer_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    udm_settings own;
    if (!udm_check_argument(model, "the model", error) || !udm_settings_read(&own, settings, error) ||
        !(udm_redraws(model) || udm_settings_unlimited(&own, error)) || !udm_settings_check(&own, error) ||
        !udm_settings_check_method(&own, error))
        return NULL;
    settings = &own;
    udm_restorer *restorer = calloc(1, sizeof *restorer);
    if (!restorer) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a restorer");
        return NULL;
    }
    restorer->model = model;
    restorer->scheduler = udm_model_scheduler(model);
    restorer->expert = restorer->experts;
    if (own.lookahead == UDM_LOOKAHEAD_AUTO)
        own.lookahead = udm_model_helper_config(model, UDM_HELPER_PREVIEW) ? UDM_LOOKAHEAD_USUAL : 0;
    restorer->settings = own;
    restorer->pixels = (size_t)settings->width * settings->height;
    restorer->noise = udm_settings_noise(settings, model, &restorer->own_noise, error);
    restorer->pool = udm_settings_pool(settings, error);
    if (!restorer->pool || !restorer->noise || !open_restoration(restorer, settings, error) ||
        !udm_restorer_open_repair(restorer, error)) {
        udm_restorer_free(restorer);
        return NULL;
    }
    udm_settings_keep(&restorer->settings);
    udm_noise_tracker_use(restorer->tracker, restorer->pool);
    if (settings->scenes_given)
        udm_noise_tracker_give_scenes(restorer->tracker);
    udm_log_device(settings, restorer->device, udm_restorer_tiles(restorer));
    udm_log_fallback(settings, restorer->device, &restorer->warned);
    return restorer;
}

void udm_restorer_free_frames(queued *frame)
{
    while (frame) {
        queued *next = frame->next;
        free(frame->planes);
        free(frame->times);
        free(frame);
        frame = next;
    }
}

void udm_restorer_free(udm_restorer *restorer)
{
    if (!restorer)
        return;
    udm_restorer_free_frames(restorer->first);
    udm_restorer_free_frames(restorer->spare);
    free(restorer->before);
    free(restorer->work);
    udm_noise_tracker_free(restorer->tracker);
    udm_tone_free(restorer->tone);
    udm_sdedit_free(restorer->sdedit);
    udm_redraw_free(restorer->redraw);
    udm_hole_filler_free(restorer->filler);
    udm_restorer_free_experts(restorer);
    udm_impulses_free(restorer->impulses);
    udm_repair_free(restorer->repair);
    udm_workspace_free(restorer->workspace);
    if (!restorer->redraw) // whose it was
        udm_device_close(restorer->device);
    udm_pool_free(restorer->pool);
    udm_noise_clear(&restorer->own_noise);
    free(restorer);
}
