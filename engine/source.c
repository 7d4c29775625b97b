// SPDX-License-Identifier: LGPL-2.1-or-later
// Video from nothing: a model, the window that rolls, and frames of the size that is asked for.
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "stream/rolling.h"

struct udm_source {
    udm_settings settings;
    udm_film film;
    udm_device *device;
    udm_network *network;
    udm_noise own_noise; // where settings.schedule is not the model's
    udm_rolling *rolling;
    float *planes; // [channels, height, width]
    atomic_bool cancelled;
    udm_stats stats;
};

static bool check_size(const udm_network *network, const udm_model *model, const udm_settings *s, udm_error *error)
{
    const udm_window_shape *shape = &network->window;
    if (shape->frames == 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s restores frames and makes none: take a model that makes video, such as digits",
                        udm_model_directory(model));
    if (s->width % shape->width || s->height % shape->height || s->width / shape->width != s->height / shape->height)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "%s makes frames of %dx%d, which can be enlarged by whole factors only, not to %dx%d",
                        udm_model_directory(model), shape->width, shape->height, s->width, s->height);
    if (s->channels < network->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s makes frames in colour, not grey ones",
                        udm_model_directory(model));
    return true;
}

static bool check_film(const udm_film *film, udm_error *error)
{
    if (!(film->rate >= 0.1 && film->rate <= 1000))
        return udm_fail(error, UDM_ERROR_SETTINGS, "a rate of %g frames a second: it must be 0.1 to 1000", film->rate);
    if (film->known_count < 0 || (film->known_count > 0 && !film->known))
        return udm_fail(error, UDM_ERROR_SETTINGS, "%d known frames, and where they are must be set together",
                        film->known_count);
    return true;
}

static void ask(void *context, uint64_t number, udm_rolling_wish *wish)
{
    const udm_film *film = &((const udm_source *)context)->film;
    udm_wish asked = { wish->class, wish->guidance, wish->rescale };
    if (film->wish)
        film->wish(film->context, number, &asked);
    wish->class = asked.class;
    wish->guidance = asked.guidance;
    wish->rescale = asked.rescale;
}

// [known_count, C, H, W] of the film's images, to be freed; NULL with *error if one is not as the model's frames are.
static float *read_known(const udm_source *source, udm_error *error)
{
    const udm_film *film = &source->film;
    const udm_network *network = source->network;
    const int width = network->window.width, height = network->window.height;
    const size_t elements = (size_t)width * height * network->channels;
    for (int i = 0; i < film->known_count; i++) {
        const udm_image *image = &film->known[i];
        if (image->width != width || image->height != height || image->channels != network->channels) {
            udm_fail(error, UDM_ERROR_SETTINGS, "a known frame must be %dx%d with %d channels, as the model's are",
                     width, height, network->channels);
            return NULL;
        }
    }
    float *known = malloc(film->known_count * elements * sizeof(float));
    if (!known) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for %d known frames", film->known_count);
        return NULL;
    }
    for (int i = 0; i < film->known_count; i++)
        udm_image_to_planes(&film->known[i], known + i * elements);
    return known;
}

static bool open_rolling(udm_source *source, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &source->settings;
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_noise *noise = udm_settings_noise(s, model, &source->own_noise, error);
    udm_method method;
    if (!noise || !udm_settings_method(s, model, &method, error))
        return false;
    float *known = source->film.known_count > 0 ? read_known(source, error) : NULL;
    if (source->film.known_count > 0 && !known)
        return false;
    const udm_rolling_settings rolling = {
        .network = source->network,
        .sampler = method.sampler,
        .spacing = method.ladder.spacing,
        .noise = noise,
        .prediction = scheduler->prediction,
        .bounds = scheduler->bounds,
        .steps = s->steps,
        .seed = s->seed,
        .rate = source->film.rate,
        .scene = source->film.scene,
        .known = known,
        .known_count = source->film.known_count,
        .residual = source->film.residual_guidance,
        .recalls = source->film.keep_state,
        .keeps_path = source->film.preview,
        .wish = ask,
        .context = source,
    };
    source->rolling = udm_rolling_new(&rolling, error);
    free(known);
    source->planes = malloc((size_t)s->width * s->height * s->channels * sizeof(float));
    if (!source->planes)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", s->width, s->height);
    return source->rolling != NULL;
}

udm_source *udm_source_open(const udm_model *model, const udm_settings *settings, const udm_film *film,
                            udm_error *error)
{
    if (!udm_settings_check(settings, error) || !udm_settings_check_method(settings, error) || !check_film(film, error))
        return NULL;
    udm_source *source = calloc(1, sizeof *source);
    if (!source) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a source");
        return NULL;
    }
    source->settings = *settings;
    source->film = *film;
    if (!udm_open_network(model, settings, &source->device, &source->network, error) ||
        !check_size(source->network, model, settings, error) || !open_rolling(source, model, error)) {
        udm_source_free(source);
        return NULL;
    }
    source->stats.tiles = 1;
    return source;
}

void udm_source_free(udm_source *source)
{
    if (!source)
        return;
    udm_rolling_free(source->rolling);
    free(source->planes);
    udm_network_free(source->network);
    udm_device_close(source->device);
    udm_noise_clear(&source->own_noise);
    free(source);
}

// Each pixel becomes a square; grey becomes every colour's plane.
static void enlarge(const udm_source *source, const float *frame)
{
    const udm_settings *s = &source->settings;
    const udm_network *network = source->network;
    const int width = network->window.width, factor = s->width / width;
    const size_t plane = (size_t)width * network->window.height;
    float *out = source->planes;
    for (int c = 0; c < s->channels; c++) {
        const float *from = frame + (network->channels == 1 ? 0 : c * plane);
        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < s->width; x++)
                *out++ = from[y / factor * width + x / factor];
    }
}

static bool check_image(const udm_source *source, const udm_image *image, udm_error *error)
{
    const udm_settings *s = &source->settings;
    if (image->width != s->width || image->height != s->height || image->channels != s->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame must be %dx%d with %d channels, as the source is", s->width,
                        s->height, s->channels);
    return true;
}

int udm_source_steps(const udm_source *source)
{
    return udm_rolling_steps(source->rolling);
}

static const float *make(udm_source *source, uint64_t number, udm_error *error)
{
    const uint64_t steps = source->film.preview ? (uint64_t)udm_source_steps(source) : 1;
    const float *frame = udm_rolling_make(source->rolling, number / steps, &source->cancelled, error);
    return frame && source->film.preview ? udm_rolling_path(source->rolling, (int)(number % steps)) : frame;
}

bool udm_source_make(udm_source *source, uint64_t number, const udm_image *out, udm_error *error)
{
    const double start = udm_now_ms();
    if (!check_image(source, out, error))
        return false;
    const float *frame = make(source, number, error);
    if (!frame)
        return false;
    enlarge(source, frame);
    udm_image_from_planes(out, source->planes);
    udm_stats_count(&source->stats, start);
    source->stats.scenes = udm_rolling_scenes(source->rolling);
    return true;
}

void udm_source_cancel(udm_source *source, bool cancel)
{
    atomic_store(&source->cancelled, cancel);
}

void udm_source_stats(const udm_source *source, udm_stats *stats)
{
    *stats = source->stats;
    stats->memory = udm_rolling_memory(source->rolling);
    udm_stats_device(stats, source->device);
}
