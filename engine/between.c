// SPDX-License-Identifier: LGPL-2.1-or-later
// The public interface to the frames between frames: both neighbours are moved to the instant, and the restoration
// network takes one for the frame and the other for its guess.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "stream/midway.h"
#include "stream/repeat.h"
#include "stream/scene.h"
#include "stream/tiles.h"

struct udm_between {
    udm_settings settings;
    size_t pixels;
    udm_pool *pool;
    udm_midway *midway;
    udm_scene *scene;
    udm_device *device; // these three are NULL without a model
    udm_network *network;
    udm_tiles *tiles;
    float *memory;
    float *pictures[2]; // [channels, height, width]
    float *levels[2];   // [height, width]
    float *seen[2];     // [channels of the network, height, width], scaled by the signal that their levels leave
    float *out;         // what the network says
    bool paired, moved; // there are pictures, and their motion is known
    atomic_bool cancelled;
    udm_stats stats;
};

static bool check_settings(const udm_settings *s, udm_error *error)
{
    if (!udm_settings_check(s, error))
        return false;
    if (s->steps != 1)
        return udm_fail(error, UDM_ERROR_SETTINGS, "steps is %d: frames between frames take 1", s->steps);
    return true;
}

// Motion is found by the processor; only a network can be elsewhere.
static bool check_device(const char *name, udm_error *error)
{
    if (strcmp(name, "auto") != 0 && strcmp(name, "cpu") != 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "device is \"%s\": without a model it must be auto or cpu", name);
    return true;
}

static bool open_network(udm_between *b, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &b->settings;
    if (!udm_open_network(model, s, &b->device, &b->network, error))
        return false;
    if (udm_model_scheduler(model)->prediction != UDM_PREDICT_X0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s does not predict x0, as a model for frames between must",
                        udm_model_directory(model));
    if (b->network->channels < s->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s makes grey frames only, not colour", udm_model_directory(model));
    b->tiles = udm_tiles_new(b->network, NULL, s->width, s->height, 1, udm_settings_memory(s), error);
    return b->tiles != NULL;
}

static bool allocate(udm_between *b, udm_error *error)
{
    const size_t n = b->pixels, channels = (size_t)b->settings.channels;
    const size_t wide = b->network ? (size_t)b->network->channels : 0;
    const size_t outputs = b->network ? (size_t)udm_network_outputs(b->network) : 0;
    b->memory = calloc(n * (2 * channels + 2 + 2 * wide + outputs), sizeof(float));
    if (!b->memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for frames of %dx%d", b->settings.width,
                        b->settings.height);
    for (size_t k = 0; k < 2; k++) {
        b->pictures[k] = b->memory + k * channels * n;
        b->levels[k] = b->memory + (2 * channels + k) * n;
        b->seen[k] = b->memory + (2 * channels + 2 + k * wide) * n;
    }
    b->out = b->seen[0] + 2 * wide * n;
    return true;
}

static bool open_motion(udm_between *b, udm_error *error)
{
    const udm_settings *s = &b->settings;
    snprintf(b->stats.device, sizeof b->stats.device, "cpu");
    if (!(b->pool = udm_pool_new(s->threads, error)))
        return false;
    udm_pool_watch(b->pool, &b->cancelled);
    return (b->scene = udm_scene_new(s->channels, s->width, s->height, error)) &&
           (b->midway = udm_midway_new(s->width, s->height, s->channels, b->pool, error));
}

udm_between *udm_between_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    if (!check_settings(settings, error))
        return NULL;
    udm_between *b = calloc(1, sizeof *b);
    if (!b) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for frames between frames");
        return NULL;
    }
    b->settings = *settings;
    b->pixels = (size_t)settings->width * settings->height;
    if (!open_motion(b, error) || !(model ? open_network(b, model, error) : check_device(settings->device, error)) ||
        !allocate(b, error)) {
        udm_between_free(b);
        return NULL;
    }
    return b;
}

void udm_between_free(udm_between *between)
{
    if (!between)
        return;
    free(between->memory);
    udm_tiles_free(between->tiles);
    udm_network_free(between->network);
    udm_device_close(between->device);
    udm_midway_free(between->midway);
    udm_scene_free(between->scene);
    udm_pool_free(between->pool);
    free(between);
}

static bool check_image(const udm_between *b, const udm_image *image, udm_error *error)
{
    const udm_settings *s = &b->settings;
    if (!image || image->width != s->width || image->height != s->height || image->channels != s->channels ||
        image->bits < 8 || image->bits > 16)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame must be %dx%d with %d channels of 8 to 16 bits", s->width,
                        s->height, s->channels);
    return true;
}

static bool check_cancelled(const udm_between *b, udm_error *error)
{
    return !atomic_load(&b->cancelled) || udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
}

bool udm_between_pair(udm_between *between, const udm_image *first, const udm_image *second, udm_error *error)
{
    if (!check_image(between, first, error) || !check_image(between, second, error))
        return false;
    udm_image_to_planes(first, between->pictures[0]);
    udm_image_to_planes(second, between->pictures[1]);
    between->paired = true, between->moved = false;
    return true;
}

double udm_between_change(const udm_between *between)
{
    return udm_scene_change(between->scene, between->pictures[0], between->pictures[1]);
}

bool udm_between_repeats(const udm_between *between)
{
    const udm_settings *s = &between->settings;
    return udm_repeats(s->width, s->height, s->channels, between->pictures[0], between->pictures[1]);
}

// A picture as it stands on its way through the process: as much of it is left as its level says.
static void show(udm_between *b, int k)
{
    const size_t n = b->pixels;
    const float *moved = udm_midway_planes(b->midway, k);
    for (int c = 0; b->network && c < b->network->channels; c++) {
        const float *from = moved + (c < b->settings.channels ? c * n : 0);
        for (size_t i = 0; i < n; i++)
            b->seen[k][c * n + i] = sqrtf(1 - b->levels[k][i] * b->levels[k][i]) * from[i];
    }
}

static void find_levels(udm_between *b)
{
    enum { UNKNOWN = 10 }; // a variance from which on nothing is known
    for (int k = 0; k < 2; k++) {
        const float *variance = udm_midway_variance(b->midway, k);
        for (size_t i = 0; i < b->pixels; i++)
            b->levels[k][i] = variance[i] < UNKNOWN ? sqrtf(variance[i] / (1 + variance[i])) : 1;
    }
}

// Both pictures at an instant, and their levels there.
static bool move(udm_between *b, double position, udm_error *error)
{
    if (!b->moved)
        udm_midway_pair(b->midway, b->pictures[0], b->pictures[1]);
    if (!check_cancelled(b, error))
        return false;
    b->moved = true;
    udm_midway_at(b->midway, position);
    find_levels(b);
    return check_cancelled(b, error);
}

static bool correct(udm_between *b, udm_error *error)
{
    for (int k = 0; k < 2; k++)
        show(b, k);
    udm_tiles_clear(b->tiles);
    const udm_seen seen = {
        .frame = b->seen[0], .level = b->levels[0], .guess = b->seen[1], .guess_level = b->levels[1]
    };
    if (!udm_tiles_run(b->tiles, 0, 0, &seen, b->out, &b->cancelled, error))
        return false;
    const size_t n = b->pixels;
    for (size_t i = 0; b->network->channels > b->settings.channels && i < n; i++)
        b->out[i] = (b->out[i] + b->out[n + i] + b->out[2 * n + i]) / 3;
    return true;
}

bool udm_between_make(udm_between *between, double position, const udm_image *out, udm_error *error)
{
    const double start = udm_now_ms();
    if (!check_image(between, out, error))
        return false;
    if (!between->paired)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame between was asked for before there was a pair");
    if (!(position >= -8 && position <= 9))
        return udm_fail(error, UDM_ERROR_SETTINGS, "a position of %g: it must be -8 to 9", position);
    if (!move(between, position, error))
        return false;
    if (between->network && !correct(between, error))
        return false;
    udm_image_from_planes(out, between->network ? between->out : udm_midway_mean(between->midway));
    udm_stats_count(&between->stats, start);
    return true;
}

void udm_between_cancel(udm_between *between, bool cancel)
{
    atomic_store(&between->cancelled, cancel);
}

void udm_between_stats(const udm_between *between, udm_stats *stats)
{
    *stats = between->stats;
    if (!between->network)
        return;
    stats->memory = udm_tiles_memory(between->tiles);
    stats->tiles = udm_tiles_count(between->tiles);
    udm_stats_device(stats, between->device);
}

const float *udm_between_moved(const udm_between *between, int which)
{
    return udm_midway_planes(between->midway, which);
}

const float *udm_between_level(const udm_between *between, int which)
{
    return between->levels[which];
}
