// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/generate.h: a model, its rolling window, and frames of the requested size.
#include <stdlib.h>
#include <string.h>

#include "api/pipelines/film.h"
#include "api/settings.h"
#include "api/stills.h"
#include "base/maths.h"
#include "diffusion/cascade.h"
#include "diffusion/reel.h"
#include "diffusion/rolling_window.h"
#include "tensor/planes.h"

static const double REEL_GUIDANCE = 7.5, CASCADE_GUIDANCE = 3; // where nothing is said

struct udm_generator {
    udm_settings settings;
    udm_generation params;
    udm_pool *pool; // of what is not the device's work
    udm_device *device;
    udm_network *network;
    udm_noise own_noise; // where settings.schedule is not the model's
    udm_rolling *rolling;
    udm_reel *reel;              // of a model that makes films of what a text says, of latents
    udm_cascade *cascade;        // ... of embeddings
    udm_stills *stills;          // of a model that knows text, which has no window
    int width, height, channels; // of what is made, before it is enlarged
    float *planes;               // [channels, height, width]
    uint64_t scene;              // of the last still
    bool warned;                 // that another device took over was logged
    atomic_bool cancelled;
    udm_stats stats;
};

static bool check_size(const udm_generator *g, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &g->settings;
    if (s->width % g->width || s->height % g->height || s->width / g->width != s->height / g->height)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "%s makes frames of %dx%d, which can only be enlarged by whole factors, not to %dx%d",
                        udm_model_directory(model), g->width, g->height, s->width, s->height);
    if (s->channels < g->channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s makes colour frames, not grey ones", udm_model_directory(model));
    return true;
}

static bool check_params(const udm_generation *params, udm_error *error)
{
    if (!(params->rate >= 0.1 && params->rate <= 1000))
        return udm_fail(error, UDM_ERROR_SETTINGS, "a rate of %g frames a second: it must be 0.1 to 1000",
                        params->rate);
    if (params->window < 0)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "a window of %d frames: it must be at least 1, or 0 for the usual one", params->window);
    if (params->known_count < 0 || (params->known_count > 0 && !params->known))
        return udm_fail(error, UDM_ERROR_SETTINGS, "known_count is %d: known and known_count must be set together",
                        params->known_count);
    return true;
}

// udm_rolling_settings.frame_params
static void ask(void *context, uint64_t number, udm_rolling_frame *frame)
{
    const udm_generation *params = &((const udm_generator *)context)->params;
    udm_frame_params asked = { .class_label = frame->class, .guidance = frame->guidance, .rescale = frame->rescale };
    if (params->frame_params)
        params->frame_params(params->context, number, &asked);
    frame->class = asked.class_label;
    frame->guidance = asked.guidance;
    frame->rescale = asked.rescale;
}

// [known_count, channels, height, width] of the known frames, to be freed; NULL with *error if one is not like that.
static float *read_known(const udm_generator *generator, int width, int height, int channels, udm_error *error)
{
    const udm_generation *params = &generator->params;
    const size_t elements = (size_t)width * height * channels;
    for (int i = 0; i < params->known_count; i++)
        if (!udm_check_image(&params->known[i], "a known frame", width, height, channels, error))
            return NULL;
    float *known = malloc(params->known_count * elements * sizeof(float));
    if (!known) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for %d known frames", params->known_count);
        return NULL;
    }
    for (int i = 0; i < params->known_count; i++)
        udm_planes_of_image(known + i * elements, &params->known[i], generator->pool);
    return known;
}

static bool open_rolling(udm_generator *generator, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &generator->settings;
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_noise *noise = udm_settings_noise(s, model, &generator->own_noise, error);
    udm_method method;
    if (!noise || !udm_settings_method(s, model, &method, error))
        return false;
    const udm_network *network = generator->network;
    float *known = NULL;
    if (generator->params.known_count > 0 &&
        !(known = read_known(generator, network->window.width, network->window.height, network->channels, error)))
        return false;
    const udm_rolling_settings rolling = {
        .network = generator->network,
        .sampler = method.sampler,
        .spacing = method.timesteps.spacing,
        .noise = noise,
        .prediction = scheduler->prediction,
        .bounds = scheduler->bounds,
        .steps = s->steps,
        .seed = s->seed,
        .rate = generator->params.rate,
        .scene = generator->params.scene,
        .known = known,
        .known_count = generator->params.known_count,
        .residual = generator->params.residual_guidance,
        .recalls = generator->params.keep_state,
        .keeps_path = generator->params.preview,
        .frame_params = ask,
        .context = generator,
    };
    generator->rolling = udm_rolling_new(&rolling, error);
    free(known);
    return generator->rolling != NULL;
}

static bool open_video(udm_generator *generator, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &generator->settings;
    if (!udm_open_network(model, s, &generator->device, &generator->network, error))
        return false;
    const udm_window_shape *shape = &generator->network->window;
    if (shape->frames == 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s restores frames and generates none: use a model that generates video, such as digits",
                        udm_model_directory(model));
    if (generator->params.image)
        return udm_fail(
            error, UDM_ERROR_UNSUPPORTED,
            "%s looks at no picture to resemble: use a model that knows text, such as world, or let it go on "
            "from the picture",
            udm_model_directory(model));
    generator->width = shape->width, generator->height = shape->height;
    generator->channels = generator->network->channels;
    if (!check_size(generator, model, error) || !open_rolling(generator, model, error))
        return false;
    generator->stats.tiles = 1;
    udm_log_device(s, generator->device, 1);
    udm_log_fallback(s, generator->device, &generator->warned);
    return true;
}

// udm_reel_settings.frame
static void ask_reel(void *context, uint64_t number, udm_reel_frame *frame)
{
    const udm_generation *params = &((const udm_generator *)context)->params;
    udm_frame_params asked = { .class_label = -1, .guidance = frame->guidance };
    if (params->frame_params)
        params->frame_params(params->context, number, &asked);
    const double guidance = asked.guidance == UDM_GUIDANCE_USUAL ? REEL_GUIDANCE : asked.guidance;
    *frame = (udm_reel_frame){ asked.prompt, asked.negative_prompt, guidance, asked.rescale };
}

static udm_loop_settings loop_of(const udm_scheduler *scheduler, const udm_method *method)
{
    return (udm_loop_settings){ .process = scheduler->process,
                                .sampler = method->sampler,
                                .timesteps = method->timesteps,
                                .powers = scheduler->powers,
                                .power_count = scheduler->power_count,
                                .order = method->order,
                                .ease_below = method->ease_below };
}

// Before anything is opened, where there is a limit to all memory.
static bool limit_film(const udm_model *model, const udm_settings *s, udm_reel_settings *reel, udm_error *error)
{
    udm_needs needs;
    size_t decoding, passing;
    double work;
    if (s->total_memory == 0)
        return true;
    if (!udm_needs_device(reel->device, error) || !udm_film_plan(model, reel, &needs, &decoding, &work, error) ||
        !udm_needs_limit(&needs, reel->device, s->total_memory, "films", s->width, s->height, &passing, error))
        return false;
    reel->limit = udm_min_size(reel->limit, passing);
    return true;
}

static bool open_reel(udm_generator *generator, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &generator->settings;
    const udm_generation *params = &generator->params;
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_noise *noise = udm_settings_noise(s, model, &generator->own_noise, error);
    udm_method method;
    if (params->known_count > 0 || params->preview || params->residual_guidance || params->keep_state || params->image)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s makes films of what a text says: it takes no clip and no picture, and has no previews and "
                        "no shortcuts",
                        udm_model_directory(model));
    if (!noise || !udm_settings_method(s, model, &method, error) ||
        !(generator->device = udm_settings_device(s, error)))
        return false;
    method.timesteps.noise = noise, method.timesteps.steps = s->steps;
    udm_reel_settings reel = {
        .parts = udm_model_film(model),
        .device = generator->device,
        .width = s->width,
        .height = s->height,
        .window = params->window,
        .scene = params->scene,
        .seed = s->seed,
        .limit = udm_settings_memory(s),
        .limited = s->total_memory > 0,
        .loop = loop_of(scheduler, &method),
        .noise = noise,
        .trained = &scheduler->noise,
        .begins_noisy = scheduler->begins_noisy,
        .prediction = scheduler->prediction,
        .bounds = scheduler->bounds,
        .latents = params->latents,
        .frame = ask_reel,
        .context = generator,
    };
    if (!limit_film(model, s, &reel, error) ||
        !(reel.network = generator->network = udm_open_network_on(model, generator->device, error)))
        return false;
    generator->reel = udm_reel_new(&reel, error);
    generator->width = s->width, generator->height = s->height, generator->channels = 3;
    if (!generator->reel || !check_size(generator, model, error))
        return false;
    udm_log_device(s, generator->device, 1);
    udm_log_fallback(s, generator->device, &generator->warned);
    return true;
}

// udm_cascade_settings.frame
static void ask_cascade(void *context, uint64_t number, udm_cascade_frame *frame)
{
    const udm_generation *params = &((const udm_generator *)context)->params;
    udm_frame_params asked = { .class_label = -1, .guidance = frame->guidance };
    if (params->frame_params)
        params->frame_params(params->context, number, &asked);
    const double guidance = asked.guidance == UDM_GUIDANCE_USUAL ? CASCADE_GUIDANCE : asked.guidance;
    *frame = (udm_cascade_frame){ asked.prompt, asked.negative_prompt, guidance, asked.rescale };
}

// [3, height, width] of the picture that is to be resembled, to be freed; NULL with *error.
static float *read_image(const udm_generator *generator, udm_error *error)
{
    const udm_image *image = generator->params.image;
    if (!udm_check_image(image, "the picture", image->width, image->height, 3, error))
        return NULL;
    float *planes = malloc(3 * (size_t)image->width * image->height * sizeof *planes);
    if (planes)
        udm_planes_of_image(planes, image, generator->pool);
    else
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the picture");
    return planes;
}

static bool open_cascade(udm_generator *generator, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &generator->settings;
    const udm_generation *params = &generator->params;
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_noise *noise = udm_settings_noise(s, model, &generator->own_noise, error);
    udm_method method;
    if (params->preview || params->residual_guidance || params->keep_state)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s makes films of what a text says: it has no previews and no shortcuts",
                        udm_model_directory(model));
    if (!noise || !udm_settings_method(s, model, &method, error) ||
        !(generator->device = udm_settings_device(s, error)))
        return false;
    const udm_image *first = params->known_count > 0 ? params->known : NULL;
    float *known = first ? read_known(generator, first->width, first->height, 3, error) : NULL;
    float *image = params->image ? read_image(generator, error) : NULL;
    if ((first && !known) || (params->image && !image)) {
        free(known), free(image);
        return false;
    }
    method.timesteps.noise = noise, method.timesteps.steps = s->steps;
    const udm_cascade_settings cascade = {
        .parts = udm_model_text(model),
        .device = generator->device,
        .width = s->width,
        .height = s->height,
        .rate = params->rate,
        .scene = params->scene,
        .seed = s->seed,
        .loop = loop_of(scheduler, &method),
        .noise = noise,
        .trained = &scheduler->noise,
        .prediction = scheduler->prediction,
        .bounds = scheduler->bounds,
        .latents = params->latents,
        .window = params->window,
        .known = known,
        .known_count = params->known_count,
        .known_width = first ? first->width : 0,
        .known_height = first ? first->height : 0,
        .image = image,
        .image_width = image ? params->image->width : 0,
        .image_height = image ? params->image->height : 0,
        .frame = ask_cascade,
        .context = generator,
    };
    generator->cascade = udm_cascade_new(&cascade, error);
    free(known), free(image);
    if (!generator->cascade)
        return false;
    generator->width = udm_cascade_width(generator->cascade);
    generator->height = udm_cascade_height(generator->cascade);
    generator->channels = 3, generator->stats.tiles = 1;
    udm_log_device(s, generator->device, 1);
    udm_log_fallback(s, generator->device, &generator->warned);
    return check_size(generator, model, error);
}

static bool open_stills(udm_generator *generator, const udm_model *model, udm_error *error)
{
    const udm_generation *params = &generator->params;
    if (params->known_count > 0 || params->preview || params->residual_guidance || params->keep_state)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s draws pictures of what a text says: it goes on from no clip, and has no previews and no "
                        "shortcuts",
                        udm_model_directory(model));
    generator->stills = udm_stills_new(model, &generator->settings, params->image, error);
    if (!generator->stills)
        return false;
    const udm_painter *painter = udm_stills_painter(generator->stills);
    generator->width = udm_painter_width(painter), generator->height = udm_painter_height(painter);
    generator->channels = 3;
    return check_size(generator, model, error);
}

static bool open_parts(udm_generator *generator, const udm_model *model, udm_error *error)
{
    const udm_settings *s = &generator->settings;
    generator->planes = malloc((size_t)s->width * s->height * s->channels * sizeof(float));
    if (!generator->planes)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", s->width, s->height);
    generator->pool = udm_settings_pool(s, error);
    if (!generator->pool)
        return false;
    const udm_text_parts *text = udm_model_text(model);
    const bool stills = text && !udm_model_film(model) && !text->films[UDM_FILM_DRAWS].config;
    if (!stills && !udm_model_film(model) && !udm_settings_unlimited(s, error))
        return false;
    return stills                  ? open_stills(generator, model, error)
           : udm_model_film(model) ? open_reel(generator, model, error)
           : text                  ? open_cascade(generator, model, error)
                                   : open_video(generator, model, error);
}

void udm_generation_init(udm_generation *generation, size_t size)
{
    const udm_generation all = { .size = size, .rate = 25 };
    udm_copy_sized(generation, size, &all, sizeof all);
}

// The caller's parameters as this version has them.
static bool read_generation(udm_generation *own, const udm_generation *generation, udm_error *error)
{
    const size_t least = offsetof(udm_generation, context) + sizeof(void *); // of the first that was released
    if (!udm_check_argument(generation, "the generation's parameters", error))
        return false;
    if (generation->size < least)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the parameters have %zu bytes: start with udm_generation_init()",
                        generation->size);
    udm_generation_init(own, sizeof *own);
    memcpy(own, generation, generation->size < sizeof *own ? generation->size : sizeof *own);
    return check_params(own, error);
}

udm_generator *udm_generator_open(const udm_model *model, const udm_settings *settings,
                                  const udm_generation *generation, udm_error *error)
{
    udm_settings own;
    udm_generation params;
    if (!udm_check_argument(model, "the model", error) || !udm_settings_read(&own, settings, error) ||
        !udm_settings_check(&own, error) || !udm_settings_check_method(&own, error) ||
        !read_generation(&params, generation, error))
        return NULL;
    udm_generator *generator = calloc(1, sizeof *generator);
    if (!generator) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a generator");
        return NULL;
    }
    generator->settings = own;
    generator->params = params;
    if (open_parts(generator, model, error))
        return generator;
    udm_generator_free(generator);
    return NULL;
}

void udm_generator_free(udm_generator *generator)
{
    if (!generator)
        return;
    udm_rolling_free(generator->rolling);
    udm_reel_free(generator->reel);
    udm_cascade_free(generator->cascade);
    udm_stills_free(generator->stills);
    free(generator->planes);
    udm_network_free(generator->network);
    udm_device_close(generator->device);
    udm_pool_free(generator->pool);
    udm_noise_clear(&generator->own_noise);
    free(generator);
}

// Each pixel becomes a square; grey becomes every colour's plane.
static void enlarge(const udm_generator *generator, const float *frame)
{
    const udm_settings *s = &generator->settings;
    const int width = generator->width, factor = s->width / width;
    const size_t plane = (size_t)width * generator->height;
    float *out = generator->planes;
    for (int c = 0; c < s->channels; c++) {
        const float *from = frame + (generator->channels == 1 ? 0 : c * plane);
        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < s->width; x++)
                *out++ = from[y / factor * width + x / factor];
    }
}

static bool check_image(const udm_generator *generator, const udm_image *image, udm_error *error)
{
    const udm_settings *s = &generator->settings;
    return udm_check_image(image, "the image", s->width, s->height, s->channels, error);
}

int udm_generator_steps(const udm_generator *generator)
{
    return !generator ? 0 : generator->rolling ? udm_rolling_steps(generator->rolling) : generator->settings.steps;
}

static const float *make_still(udm_generator *generator, uint64_t number, udm_error *error)
{
    const udm_generation *params = &generator->params;
    const uint64_t scene = params->scene > 0 ? number / params->scene : 0;
    udm_frame_params asked = { .class_label = -1, .guidance = 1 };
    if (params->frame_params)
        params->frame_params(params->context, number, &asked);
    const float *frame = udm_stills_make(generator->stills, scene, number, &asked, error);
    generator->stats.scenes += frame && (generator->stats.frames == 0 || scene != generator->scene);
    generator->scene = scene;
    return frame;
}

static const float *make(udm_generator *generator, uint64_t number, udm_error *error)
{
    if (generator->stills)
        return make_still(generator, number, error);
    if (generator->cascade)
        return udm_cascade_make(generator->cascade, number, &generator->cancelled, error);
    if (generator->reel)
        return udm_reel_make(generator->reel, number, &generator->cancelled, error);
    const uint64_t steps = generator->params.preview ? (uint64_t)udm_generator_steps(generator) : 1;
    const float *frame = udm_rolling_make(generator->rolling, number / steps, &generator->cancelled, error);
    return frame && generator->params.preview ? udm_rolling_path(generator->rolling, (int)(number % steps)) : frame;
}

bool udm_generator_make(udm_generator *generator, uint64_t number, const udm_image *out, udm_error *error)
{
    const double start = udm_now_ms();
    if (!udm_check_argument(generator, "the generator", error) || !check_image(generator, out, error))
        return false;
    const float *frame = make(generator, number, error);
    if (!frame)
        return false;
    enlarge(generator, frame);
    udm_planes_into_image(generator->planes, out, generator->pool);
    udm_stats_count(&generator->stats, start);
    if (!generator->stills) {
        generator->stats.scenes = generator->cascade ? udm_cascade_scenes(generator->cascade)
                                  : generator->reel  ? udm_reel_scenes(generator->reel)
                                                     : udm_rolling_scenes(generator->rolling);
        udm_log_fallback(&generator->settings, generator->device, &generator->warned);
    }
    return true;
}

void udm_generator_cancel(udm_generator *generator, bool cancel)
{
    if (generator)
        atomic_store(&generator->cancelled, cancel);
    if (generator && generator->stills)
        udm_painter_cancel(udm_stills_painter(generator->stills), cancel);
}

void udm_generator_stats(const udm_generator *generator, udm_stats *stats, size_t size)
{
    if (!generator || !stats)
        return;
    udm_stats all = generator->stats;
    if (generator->stills) {
        udm_stats painted;
        udm_painter_stats(udm_stills_painter(generator->stills), &painted, sizeof painted);
        all.memory = painted.memory, all.tiles = painted.tiles;
        memcpy(all.device, painted.device, sizeof all.device);
        memcpy(all.warning, painted.warning, sizeof all.warning);
    } else {
        all.memory = generator->cascade ? udm_cascade_memory(generator->cascade)
                     : generator->reel  ? udm_reel_memory(generator->reel)
                                        : udm_rolling_memory(generator->rolling);
        udm_stats_device(&all, generator->device);
    }
    udm_copy_sized(stats, size, &all, sizeof all);
}
