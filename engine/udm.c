// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames go into a stream, are brought back, and come out.
#include "udm.h"

#include <stdlib.h>
#include <string.h>

#include "held.h"
#include "process/process.h"
#include "schedule/schedule.h"

float udm_stream_own_time(const udm_stream *stream, double time)
{
    const udm_noise *model = &udm_model_scheduler(stream->model)->noise;
    return (float)(stream->noise == model ? time : udm_noise_time(stream->noise, udm_noise_level(model, time)));
}

static bool check_known(const udm_stream *stream, const udm_frame *frame, udm_error *error)
{
    const udm_image *known = frame->known;
    if (!known)
        return true;
    if (!udm_model_damage(stream->model).holes)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s fills no holes: process \"%s\" does not lose pixels",
                        udm_model_directory(stream->model), udm_model_damage(stream->model).process);
    if (known->width != stream->settings.width || known->height != stream->settings.height || known->channels != 1 ||
        known->bits < 8 || known->bits > 16)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "which pixels are known must be an image of %dx%d with 1 channel of 8 to 16 bits",
                        stream->settings.width, stream->settings.height);
    return true;
}

static bool check_frame(const udm_stream *stream, const udm_frame *frame, udm_error *error)
{
    const udm_image *image = frame->image;
    const udm_settings *s = &stream->settings;
    if (!image || image->width != s->width || image->height != s->height || image->channels != s->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame must be %dx%d with %d channels, as the stream is", s->width,
                        s->height, s->channels);
    if (image->bits < 8 || image->bits > 16)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame of %d bits: it must have 8 to 16", image->bits);
    if (!check_known(stream, frame, error))
        return false;
    const bool estimated = frame->time == UDM_TIME_ESTIMATE && !frame->time_map && !frame->known;
    if (estimated && !udm_model_scheduler(stream->model)->process->factors)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "what process \"%s\" did to a frame cannot be estimated: say its time",
                        udm_model_scheduler(stream->model)->process->name);
    if (!frame->time_map && !frame->known && !estimated && !(frame->time >= 0 && frame->time <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "the time of a frame is %g: it must be 0 to 1", frame->time);
    if (!(frame->strength >= 0 && frame->strength <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "strength is %g: it must be 0 to 1", frame->strength);
    for (size_t i = 0; frame->time_map && i < stream->pixels; i++)
        if (!(frame->time_map[i] >= 0 && frame->time_map[i] <= 1))
            return udm_fail(error, UDM_ERROR_SETTINGS, "a time of %g in a map: it must be 0 to 1", frame->time_map[i]);
    return true;
}

// A place for a frame, used before or new.
static held *take_place(udm_stream *stream, udm_error *error)
{
    held *place = stream->spare;
    if (place) {
        stream->spare = place->next;
        return place;
    }
    const size_t n = stream->pixels, own = stream->network->channels + 2; // planes, and those of the sight:
    const size_t seen = !stream->carry ? 0 : stream->settings.lookahead > 0 ? 4 : 2;
    place = calloc(1, sizeof *place);
    if (place)
        place->planes = malloc((own + seen) * n * sizeof(float));
    if (!place || !place->planes) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory to hold a frame");
        free(place);
        return NULL;
    }
    place->times = place->planes + (own - 2) * n;
    place->known = place->times + n;
    if (stream->carry) {
        place->level = place->known + n;
        place->sight = (udm_sight){
            .planes = place->planes, .level = place->level, .preview = place->level + n, .flow = place->level + 2 * n
        };
    }
    return place;
}

// What is not known for certain is lost, and comes back as the mean of both cases. Holes are filled for now, as those
// who look for scenes and motion are not told of them.
static void take_known(const udm_stream *stream, const udm_image *image, held *place)
{
    const size_t n = stream->pixels;
    udm_image_to_planes(image, place->known);
    for (size_t i = 0; i < n; i++)
        place->times[i] = place->known[i] > -1;
    const float *filled = udm_surround_fill(stream->surround, place->planes, place->times);
    memcpy(place->planes, filled, n * stream->settings.channels * sizeof *filled);
    for (size_t i = 0; i < n; i++) {
        place->known[i] = (place->known[i] + 1) / 2;
        place->times[i] = place->known[i] < 1;
        place->mixed |= place->known[i] > 0 && place->known[i] < 1;
    }
}

static void take_times(const udm_stream *stream, const udm_frame *frame, held *place)
{
    const float all = frame->time_map || frame->time < 0 ? 0 : udm_stream_own_time(stream, frame->time);
    for (size_t i = 0; i < stream->pixels; i++)
        place->times[i] = frame->time_map ? udm_stream_own_time(stream, frame->time_map[i]) : all;
}

bool udm_stream_push(udm_stream *stream, const udm_frame *frame, udm_error *error)
{
    if (stream->ended)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame was pushed after the end: reset the stream first");
    if (!check_frame(stream, frame, error))
        return false;
    held *place = take_place(stream, error);
    if (!place)
        return false;
    place->next = NULL;
    place->time = frame->time_map || frame->known ? 0 : frame->time;
    place->mixed = false;
    place->strength = frame->strength;
    place->number = frame->number;
    place->discontinuity = frame->discontinuity;
    place->looked_at = false;
    place->sight.previewed = place->sight.linked = place->sight.carried = false;
    udm_image_to_planes(frame->image, place->planes);
    if (frame->known)
        take_known(stream, frame->known, place);
    else
        take_times(stream, frame, place);
    for (int c = stream->settings.channels; c < stream->network->channels; c++) // grey, for a network of colour
        memcpy(place->planes + c * stream->pixels, place->planes, stream->pixels * sizeof(float));
    *(stream->first ? &stream->last->next : &stream->first) = place;
    stream->last = place;
    stream->waiting++;
    return true;
}

void udm_stream_look_at(udm_stream *stream, held *frame)
{
    if (frame->looked_at)
        return;
    frame->looked_at = true;
    if (frame->discontinuity)
        udm_blind_reset(stream->blind);
    const bool estimate = frame->time < 0;
    const bool noisy = udm_model_scheduler(stream->model)->process->factors != NULL;
    const double own = noisy && !estimate ? udm_noise_level(stream->noise, frame->times[0]) : 0;
    const double given = estimate ? -1 : udm_sigma_of_level(own);
    frame->begins = udm_blind_look(stream->blind, frame->planes, given);
    frame->sigma = estimate ? udm_blind_sigma(stream->blind) : given;
    const float all = estimate ? udm_stream_own_time(stream, udm_model_time(stream->model, frame->sigma)) : 0;
    for (size_t i = 0; estimate && i < stream->pixels; i++)
        frame->times[i] = all;
    float last = -1, level = 0;
    for (size_t i = 0; stream->carry && i < stream->pixels; i++) { // neighbours mostly share their time
        if (frame->times[i] != last) {
            last = frame->times[i];
            level = (float)udm_noise_level(stream->noise, last);
        }
        frame->level[i] = level;
    }
}

// Grey frames come back from a colour network as three channels: their mean is the frame.
static void narrow(udm_stream *stream)
{
    if (stream->network->channels == stream->settings.channels)
        return;
    float *red = stream->work, *green = red + stream->pixels, *blue = green + stream->pixels;
    for (size_t i = 0; i < stream->pixels; i++)
        red[i] = (red[i] + green[i] + blue[i]) / 3;
}

static void mix_known(udm_stream *stream, const held *frame)
{
    const size_t n = stream->pixels;
    for (int c = 0; frame->mixed && c < stream->settings.channels; c++)
        for (size_t i = 0; i < n; i++) {
            const float in = frame->planes[c * n + i];
            stream->work[c * n + i] += frame->known[i] * (in - stream->work[c * n + i]);
        }
}

static void begin_scene(udm_stream *stream, held *frame)
{
    if (!frame->begins)
        return;
    frame->begins = false;
    stream->stats.scenes++;
    if (stream->redraw)
        udm_redraw_clear(stream->redraw);
    else
        udm_reverse_clear(stream->reverse);
    if (stream->carry)
        udm_carry_clear(stream->carry);
}

// What is known of the frame from its neighbours: those before it, and those that follow it in its scene.
static bool look_around(udm_stream *stream, held *frame, udm_error *error)
{
    udm_sight *sights[UDM_MAX_LOOKAHEAD + 1] = { &frame->sight };
    int count = 1;
    for (held *next = frame->next; next && count <= stream->settings.lookahead; next = next->next) {
        udm_stream_look_at(stream, next);
        if (next->begins)
            break;
        sights[count++] = &next->sight;
    }
    udm_shown guess;
    if (!udm_carry_look(stream->carry, sights, count, &guess, &stream->cancelled, error))
        return false;
    udm_reverse_guess(stream->reverse, guess.planes, guess.level);
    return true;
}

static bool redraw(udm_stream *stream, const held *frame, double start, udm_error *error)
{
    const float *made = udm_redraw_make(stream->redraw, &stream->cancelled, error);
    if (!made)
        return false;
    memcpy(stream->work, made, stream->pixels * stream->network->channels * sizeof(float));
    stream->stats.sigma = frame->sigma;
    udm_stats_count(&stream->stats, start);
    return true;
}

static bool compute(udm_stream *stream, held *frame, udm_error *error)
{
    const double start = udm_now_ms();
    udm_stream_look_at(stream, frame);
    begin_scene(stream, frame);
    if (stream->redraw)
        return redraw(stream, frame, start, error);
    if (stream->carry && !look_around(stream, frame, error))
        return false;
    memcpy(stream->work, frame->planes, stream->pixels * stream->network->channels * sizeof(float));
    memcpy(stream->times, frame->times, stream->pixels * sizeof(float));
    if (!udm_reverse_run(stream->reverse, frame->number, stream->work, stream->times, frame->strength,
                         &stream->cancelled, error))
        return false;
    narrow(stream);
    mix_known(stream, frame);
    stream->stats.sigma = frame->sigma;
    udm_stats_count(&stream->stats, start);
    return true;
}

static void drop_first(udm_stream *stream)
{
    held *frame = stream->first;
    stream->first = frame->next;
    frame->next = stream->spare;
    stream->spare = frame;
    stream->waiting--;
}

udm_pulled udm_stream_pull(udm_stream *stream, const udm_image *out, udm_error *error)
{
    held *frame = stream->first;
    if (!frame && stream->ended)
        return UDM_PULLED_END;
    if (!stream->ended && stream->waiting <= udm_stream_delay(stream))
        return UDM_PULLED_NOTHING;
    const udm_settings *s = &stream->settings;
    if (out->width != s->width || out->height != s->height || out->channels != s->channels || out->bits < 8 ||
        out->bits > 16) {
        udm_fail(error, UDM_ERROR_SETTINGS, "frames are pulled as %dx%d with %d channels of 8 to 16 bits", s->width,
                 s->height, s->channels);
        return UDM_PULLED_FAILED;
    }
    if (atomic_load(&stream->cancelled)) {
        udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
        return UDM_PULLED_FAILED;
    }
    if (!compute(stream, frame, error))
        return UDM_PULLED_FAILED;
    udm_image_from_planes(out, stream->work);
    drop_first(stream);
    return UDM_PULLED_FRAME;
}

void udm_stream_end(udm_stream *stream)
{
    stream->ended = true;
}

void udm_stream_reset(udm_stream *stream)
{
    while (stream->first)
        drop_first(stream);
    stream->ended = false;
    udm_blind_reset(stream->blind);
    if (stream->redraw)
        udm_redraw_clear(stream->redraw);
}

int udm_stream_delay(const udm_stream *stream)
{
    return stream->redraw ? udm_redraw_ahead(stream->redraw) : stream->settings.lookahead;
}

void udm_stream_cancel(udm_stream *stream, bool cancel)
{
    atomic_store(&stream->cancelled, cancel);
}

void udm_stream_stats(const udm_stream *stream, udm_stats *stats)
{
    *stats = stream->stats;
    if (stream->redraw) {
        stats->memory = udm_redraw_memory(stream->redraw);
        stats->tiles = 1;
    } else {
        const udm_ensemble *ensemble = udm_reverse_ensemble(stream->reverse);
        stats->memory = udm_ensemble_memory(ensemble) + (stream->carry ? udm_carry_memory(stream->carry) : 0);
        stats->tiles = udm_ensemble_tiles(ensemble);
    }
    stats->memory += udm_room_memory(stream->room);
    udm_stats_device(stats, stream->device);
}

void udm_stream_profile(const udm_stream *stream, udm_timed found, void *context)
{
    stream->device->ops->profile(stream->device, found, context);
}
