// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/settings.h, and what all objects are opened and counted with.
#include "api/settings.h"

#include <string.h>
#include <time.h>

#include "sampler/sampler.h"

bool udm_check_image(const udm_image *image, const char *what, int width, int height, int channels, udm_error *error)
{
    if (!udm_check_argument(image, what, error))
        return false;
    if (image->width != width || image->height != height || image->channels != channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s must be %dx%d with %d channels, not %dx%d with %d", what, width,
                        height, channels, image->width, image->height, image->channels);
    return udm_image_check(image, error);
}

void udm_copy_sized(void *to, size_t room, const void *from, size_t size)
{
    memset(to, 0, room);
    memcpy(to, from, room < size ? room : size);
}

bool udm_check_argument(const void *argument, const char *what, udm_error *error)
{
    return argument || udm_fail(error, UDM_ERROR_SETTINGS, "%s is NULL", what);
}

void udm_settings_init(udm_settings *settings, size_t size)
{
    const udm_settings all = {
        .size = size,
        .channels = 3,
        .device = "auto",
        .precision = "f32",
        .steps = 1,
        .ensemble = 1,
        .sampler = "model",
        .schedule = "model",
        .spacing = "model",
        .class_label = -1,
        .lookahead = UDM_LOOKAHEAD_AUTO,
    };
    udm_copy_sized(settings, size, &all, sizeof all);
}

bool udm_settings_read(udm_settings *own, const udm_settings *settings, udm_error *error)
{
    if (!udm_check_argument(settings, "the settings", error))
        return false;
    if (settings->size < UDM_SETTINGS_LEAST)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the settings have %zu bytes: start with udm_settings_init()",
                        settings->size);
    udm_settings_init(own, sizeof *own);
    memcpy(own, settings, settings->size < sizeof *own ? settings->size : sizeof *own);
    own->size = sizeof *own;
    return udm_check_argument(own->device, "settings.device", error) &&
           udm_check_argument(own->precision, "settings.precision", error) &&
           udm_check_argument(own->sampler, "settings.sampler", error) &&
           udm_check_argument(own->schedule, "settings.schedule", error) &&
           udm_check_argument(own->spacing, "settings.spacing", error);
}

void udm_settings_keep(udm_settings *own)
{
    const udm_sampler *sampler = udm_sampler_find(own->sampler);
    const udm_schedule *schedule = udm_schedule_find(own->schedule);
    const udm_spacing *spacing = udm_spacing_find(own->spacing);
    own->sampler = sampler ? sampler->name : "model";
    own->schedule = schedule ? schedule->name : "model";
    own->spacing = spacing ? spacing->name : "model";
    own->device = own->precision = NULL; // those of the device that is open
}

bool udm_settings_check(const udm_settings *s, udm_error *error)
{
    if (s->width < 1 || s->width > 65536 || s->height < 1 || s->height > 65536)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a frame of %dx%d: width and height must be 1 to 65536", s->width,
                        s->height);
    if (s->channels != 1 && s->channels != 3)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%d channels: a frame has 1 or 3", s->channels);
    if (s->threads < 0 || s->threads > 256)
        return udm_fail(error, UDM_ERROR_SETTINGS, "threads is %d: it must be 0 (all) to 256", s->threads);
    return true;
}

bool udm_settings_check_method(const udm_settings *s, udm_error *error)
{
    if (s->lookahead < UDM_LOOKAHEAD_AUTO || s->lookahead > UDM_MAX_LOOKAHEAD)
        return udm_fail(error, UDM_ERROR_SETTINGS, "lookahead is %d: it must be 0 to %d, or %d for automatic",
                        s->lookahead, UDM_MAX_LOOKAHEAD, UDM_LOOKAHEAD_AUTO);
    if (s->ensemble < 1 || s->ensemble > UDM_MAX_ENSEMBLE)
        return udm_fail(error, UDM_ERROR_SETTINGS, "ensemble is %d: it must be 1 to %d", s->ensemble, UDM_MAX_ENSEMBLE);
    if (s->steps < 1 || s->steps > 1000)
        return udm_fail(error, UDM_ERROR_SETTINGS, "steps is %d: it must be 1 to 1000", s->steps);
    if (strcmp(s->sampler, "model") != 0 && !udm_sampler_find(s->sampler))
        return udm_fail(error, UDM_ERROR_SETTINGS, "there is no sampler \"%s\": see \"udm samplers\"", s->sampler);
    if (strcmp(s->schedule, "model") != 0 && !udm_schedule_find(s->schedule))
        return udm_fail(error, UDM_ERROR_SETTINGS, "there is no schedule \"%s\": see \"udm schedules\"", s->schedule);
    if (strcmp(s->spacing, "model") != 0 && !udm_spacing_find(s->spacing))
        return udm_fail(error, UDM_ERROR_SETTINGS, "there is no spacing \"%s\": see \"udm spacings\"", s->spacing);
    return true;
}

bool udm_settings_method(const udm_settings *s, const udm_model *model, udm_method *method, udm_error *error)
{
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    *method = (udm_method){ .sampler = udm_sampler_find(s->sampler), .timesteps = scheduler->timesteps };
    if (strcmp(s->sampler, "model") == 0 && !scheduler->sampler)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: its scheduler requires %s, which is not implemented: set a sampler",
                        udm_model_directory(model), scheduler->missing);
    if (strcmp(s->sampler, "model") == 0)
        method->sampler = scheduler->sampler, method->order = scheduler->order,
        method->ease_below = scheduler->ease_below;
    if (strcmp(s->spacing, "model") != 0)
        method->timesteps = (udm_timesteps){ .spacing = udm_spacing_find(s->spacing) };
    return true;
}

const udm_noise *udm_settings_noise(const udm_settings *s, const udm_model *model, udm_noise *own, udm_error *error)
{
    if (strcmp(s->schedule, "model") == 0)
        return &udm_model_scheduler(model)->noise;
    const udm_schedule *other = udm_schedule_find(s->schedule);
    return udm_noise_init(own, other, other->defaults, 0, error) ? own : NULL;
}

bool udm_settings_reverse(const udm_settings *s, const udm_model *model, const udm_network *network,
                          const udm_noise *noise, udm_reverse_settings *reverse, udm_error *error)
{
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    udm_method method;
    if (!udm_settings_method(s, model, &method, error))
        return false;
    method.timesteps.short_of_zero = false; // no noise is left in what is made
    *reverse = (udm_reverse_settings){
        .denoiser = {
            .network = network,
            .noise = noise,
            .model_noise = &scheduler->noise,
            .prediction = scheduler->prediction,
            .bounds = scheduler->bounds,
            .width = s->width,
            .height = s->height,
            .views = s->ensemble,
            .label = s->class_label,
            .memory_limit = udm_settings_memory(s),
        },
        .sampler = method.sampler,
        .order = method.order,
        .ease_below = method.ease_below,
        .powers = scheduler->powers,
        .power_count = scheduler->power_count,
        .timesteps = method.timesteps,
        .steps = s->steps,
        .seed = s->seed,
        .grey = s->channels == 1,
    };
    return true;
}

bool udm_memory_parse(const char *text, size_t *bytes, udm_error *error)
{
    static const char digits[] = "0123456789";
    const char *at = text ? text : "";
    double number = 0, place = 1;
    const size_t whole = strspn(at, digits), part = at[whole] == '.' ? strspn(at + whole + 1, digits) : 0;
    for (size_t i = 0; i < whole; i++)
        number = 10 * number + (*at++ - '0');
    at += *at == '.';
    for (size_t i = 0; i < part; i++)
        number += (*at++ - '0') * (place /= 10);
    const bool giga = *at == 'G';
    at += giga || *at == 'M' ? (strncmp(at + 1, "iB", 2) == 0 ? 3 : 1) : 0;
    number *= giga ? 1 << 30 : 1 << 20;
    if (whole + part == 0 || *at || !(number >= 1 && number < 1e15))
        return udm_fail(
            error, UDM_ERROR_SETTINGS,
            "\"%s\" is no amount of memory: write a number of MiB, or one with a unit, such as 400M or 1.5G",
            text ? text : "");
    *bytes = (size_t)number;
    return true;
}

bool udm_settings_unlimited(const udm_settings *settings, udm_error *error)
{
    return settings->total_memory == 0 ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "a limit to all memory is kept by pictures and films of what a text says, but for films of "
                    "embeddings: leave it out here");
}

size_t udm_settings_memory(const udm_settings *settings)
{
    return settings->memory_limit ? settings->memory_limit : (size_t)1 << 30;
}

udm_pool *udm_settings_pool(const udm_settings *settings, udm_error *error)
{
    udm_isa most;
    udm_pool *pool = udm_device_isa(settings->device, &most, error) ? udm_pool_new(settings->threads, error) : NULL;
    if (pool)
        udm_pool_limit(pool, most);
    return pool;
}

udm_device *udm_settings_device(const udm_settings *settings, udm_error *error)
{
    udm_precision precision;
    if (!udm_precision_find(settings->precision, &precision)) {
        udm_fail(error, UDM_ERROR_SETTINGS, "there is no precision \"%s\": it is f32, bf16 or auto",
                 settings->precision);
        return NULL;
    }
    udm_device *device = udm_device_open(settings->device, settings->threads, error);
    if (device && !udm_device_set_precision(device, precision, error)) {
        udm_device_close(device);
        return NULL;
    }
    return device;
}

udm_network *udm_open_network_on(const udm_model *model, udm_device *device, udm_error *error)
{
    const udm_film_parts *film = udm_model_film(model);
    const udm_text_parts *text = udm_model_text(model);
    udm_adapter adapter = { 0 };
    if (film)
        adapter.config = film->motion.config, adapter.weights = film->motion.weights;
    if (text)
        adapter.told_config = text->text_proj.config, adapter.told_weights = text->text_proj.weights;
    return udm_network_open_adapted(&adapter, udm_model_network_config(model), udm_model_network_weights(model), device,
                                    error);
}

bool udm_open_network(const udm_model *model, const udm_settings *settings, udm_device **device, udm_network **network,
                      udm_error *error)
{
    *device = udm_settings_device(settings, error);
    *network = *device ? udm_open_network_on(model, *device, error) : NULL;
    return *network != NULL;
}

double udm_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

void udm_stats_device(udm_stats *stats, const udm_device *device)
{
    memcpy(stats->device, udm_device_in_use(device)->name, sizeof stats->device);
    if (device->warning[0])
        memcpy(stats->warning, device->warning, sizeof stats->warning);
}

void udm_log_device(const udm_settings *settings, const udm_device *device, int tiles)
{
    const udm_log log = { settings->log, settings->log_context };
    udm_log_write(&log, UDM_LOG_INFO, "frames of %dx%d on %s, in %d tile%s", settings->width, settings->height,
                  device ? udm_device_in_use(device)->name : "cpu", tiles, tiles == 1 ? "" : "s");
}

void udm_log_fallback(const udm_settings *settings, const udm_device *device, bool *logged)
{
    const udm_log log = { settings->log, settings->log_context };
    if (!*logged && device && device->warning[0]) {
        udm_log_write(&log, UDM_LOG_WARNING, "%s", device->warning);
        *logged = true;
    }
}

void udm_stats_count(udm_stats *stats, double start_ms)
{
    stats->last_ms = udm_now_ms() - start_ms;
    stats->mean_ms += (stats->last_ms - stats->mean_ms) / (double)++stats->frames;
}
