// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens a stream: joins the parts that its model asks for.
#include <math.h>
#include <stdlib.h>

#include "held.h"

#define REDRAW_RATE 25 // frames a second that a model is told that makes video

static bool open_stream_network(udm_stream *stream, const udm_settings *settings, udm_error *error)
{
    if (!udm_open_network(stream->model, settings, &stream->device, &stream->network, error))
        return false;
    if (stream->network->channels != 1 && stream->network->channels != 3)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s has %d channels, and frames have 1 or 3",
                        udm_model_directory(stream->model), stream->network->channels);
    if (stream->network->context > 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s makes frames between others: udminterp runs it",
                        udm_model_directory(stream->model));
    if (stream->network->channels < settings->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s restores grey frames only, not colour",
                        udm_model_directory(stream->model));
    stream->room = udm_room_new(stream->device, error);
    return stream->room != NULL;
}

// As udm_redraw_settings.frame.
static bool frame_ahead(void *context, int ahead, udm_redrawn *out)
{
    udm_stream *stream = context;
    held *frame = stream->first;
    for (int n = 0; n < ahead && frame; n++) {
        frame = frame->next;
        if (frame)
            udm_stream_look_at(stream, frame);
        if (frame && frame->begins)
            return false;
    }
    if (!frame)
        return false;
    *out = (udm_redrawn){ frame->planes, frame->strength, frame->times[0], frame->number };
    return true;
}

static bool check_redraw(const udm_stream *stream, const udm_settings *s, udm_error *error)
{
    const udm_window_shape *shape = &stream->network->window;
    if (s->width != shape->width || s->height != shape->height || s->channels != stream->network->channels)
        return udm_fail(
            error, UDM_ERROR_SETTINGS,
            "%s draws frames of %dx%d with %d channels only, not %dx%d with %d: scale and convert them first",
            udm_model_directory(stream->model), shape->width, shape->height, stream->network->channels, s->width,
            s->height, s->channels);
    if (s->lookahead > 0)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "lookahead is %d, but %s has a window of its own, and holds frames back for it: it must be 0",
                        s->lookahead, udm_model_directory(stream->model));
    if (s->ensemble > 1)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "ensemble is %d, but %s sees a window of frames, and once: it must be 1", s->ensemble,
                        udm_model_directory(stream->model));
    return true;
}

static bool open_redraw(udm_stream *stream, const udm_settings *settings, udm_error *error)
{
    const udm_scheduler *scheduler = udm_model_scheduler(stream->model);
    udm_method method;
    if (!check_redraw(stream, settings, error) || !udm_settings_method(settings, stream->model, &method, error))
        return false;
    const udm_redraw_settings redraw = {
        .rolling = { .network = stream->network,
                     .sampler = method.sampler,
                     .spacing = method.ladder.spacing,
                     .noise = stream->noise,
                     .prediction = scheduler->prediction,
                     .bounds = scheduler->bounds,
                     .steps = settings->steps,
                     .seed = settings->seed,
                     .rate = REDRAW_RATE },
        .label = settings->label,
        .frame = frame_ahead,
        .context = stream,
    };
    stream->redraw = udm_redraw_new(&redraw, error);
    stream->blind = udm_blind_new(settings->channels, settings->width, settings->height, error);
    stream->work = malloc(stream->pixels * stream->network->channels * sizeof(float));
    if (!stream->work)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
    return stream->redraw && stream->blind && stream->work;
}

static bool open_reverse(udm_stream *stream, const udm_settings *settings, udm_error *error)
{
    const udm_scheduler *scheduler = udm_model_scheduler(stream->model);
    if (scheduler->process->symbols)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s makes symbols (process \"%s\"), and restores no frames",
                        udm_model_directory(stream->model), scheduler->process->name);
    udm_reverse_settings reverse;
    if (!udm_settings_reverse(settings, stream->model, stream->network, stream->noise, &reverse, error))
        return false;
    reverse.room = stream->room;
    reverse.process = scheduler->process;
    reverse.extent = scheduler->extent;
    reverse.most = scheduler->process->factors ? udm_noise_time(stream->noise, stream->network->max_level)
                                               : udm_stream_own_time(stream, udm_model_time(stream->model, INFINITY));
    stream->reverse = udm_reverse_new(&reverse, error);
    stream->blind = udm_blind_new(settings->channels, settings->width, settings->height, error);
    stream->work = malloc(stream->pixels * (stream->network->channels + 1) * sizeof(float));
    if (!stream->work)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
    stream->times = stream->work ? stream->work + stream->pixels * stream->network->channels : NULL;
    if (scheduler->process->lost)
        stream->surround = udm_surround_new(settings->channels, settings->width, settings->height, error);
    return stream->reverse && stream->blind && stream->work && (stream->surround || !scheduler->process->lost);
}

// *network stays NULL where the model has no such helper.
static bool open_helper(udm_stream *stream, udm_helper helper, udm_network **network, udm_error *error)
{
    const udm_config *config = udm_model_helper_config(stream->model, helper);
    if (!config)
        return true;
    *network = udm_network_open(config, udm_model_helper_weights(stream->model, helper), stream->device, error);
    if (!*network)
        return false;
    if (!stream->network->guessed || (*network)->channels != stream->network->channels)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: this is for a network that is shown a guess, with as many channels",
                        udm_config_path(config));
    if (helper == UDM_HELPER_TRUST && !(*network)->doubts)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"doubt\" must be true", udm_config_path(config));
    return true;
}

// A model with a preview is shown a guess of each frame.
static bool open_carry(udm_stream *stream, const udm_settings *settings, udm_error *error)
{
    if (!open_helper(stream, UDM_HELPER_PREVIEW, &stream->preview, error) ||
        !open_helper(stream, UDM_HELPER_TRUST, &stream->trust, error))
        return false;
    if (!stream->preview)
        return settings->lookahead == 0 ||
               udm_fail(error, UDM_ERROR_SETTINGS,
                        "lookahead is %d, but %s has no preview, and sees each frame alone: it must be 0",
                        settings->lookahead, udm_model_directory(stream->model));
    stream->carry = udm_carry_new(stream->preview, stream->trust, stream->room, settings->width, settings->height,
                                  settings->lookahead, settings->threads, udm_settings_memory(settings), error);
    return stream->carry != NULL;
}

udm_stream *udm_stream_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    if (!udm_settings_check(settings, error) || !udm_settings_check_method(settings, error))
        return NULL;
    udm_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
        return NULL;
    }
    stream->model = model;
    stream->settings = *settings;
    stream->pixels = (size_t)settings->width * settings->height;
    stream->noise = udm_settings_noise(settings, model, &stream->own_noise, error);
    if (!stream->noise || !open_stream_network(stream, settings, error) ||
        !(stream->network->window.frames > 0
              ? open_redraw(stream, settings, error)
              : open_reverse(stream, settings, error) && open_carry(stream, settings, error))) {
        udm_stream_free(stream);
        return NULL;
    }
    return stream;
}

static void free_frames(held *frame)
{
    while (frame) {
        held *next = frame->next;
        free(frame->planes);
        free(frame);
        frame = next;
    }
}

void udm_stream_free(udm_stream *stream)
{
    if (!stream)
        return;
    free_frames(stream->first);
    free_frames(stream->spare);
    free(stream->work);
    udm_blind_free(stream->blind);
    udm_reverse_free(stream->reverse);
    udm_redraw_free(stream->redraw);
    udm_carry_free(stream->carry);
    udm_surround_free(stream->surround);
    udm_room_free(stream->room);
    udm_network_free(stream->trust);
    udm_network_free(stream->preview);
    udm_network_free(stream->network);
    udm_device_close(stream->device);
    udm_noise_clear(&stream->own_noise);
    free(stream);
}
