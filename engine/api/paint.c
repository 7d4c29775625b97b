// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/paint.h: the reader of prompts, the decoder, and the loop that draws.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/settings.h"
#include "base/random.h"
#include "diffusion/prompt.h"
#include "runner/tiling.h"
#include "sampler/guidance.h"

enum { KEPT_PROMPTS = 16 };

// The embedding of a prompt.
typedef struct kept_prompt {
    char *text, *negative; // NULL: there is none
    double guidance;
    int steps;
    uint64_t used; // when
    float *embedding;
} kept_prompt;

struct udm_painter {
    udm_settings settings;
    const udm_scheduler *scheduler;
    udm_noise own_noise; // where settings.schedule is not the model's
    const udm_noise *noise;
    udm_device *device;
    udm_network *network;
    udm_tiling *tiles;
    udm_reader *reader;
    udm_loop *loop;
    double start; // the time where pictures begin
    size_t pixels, elements;
    float *memory;                  // all of the following
    float *output, *untold, *times; // the network's output, with and without; [pixels]
    float *x;                       // what is being drawn, [elements]
    float *told, *nothing;          // what the embedding, and that of nothing, become
    float *empty;                   // that of nothing: no picture, and the empty text
    kept_prompt kept[KEPT_PROMPTS];
    uint64_t clock;
    const udm_painting *painting; // the one that is being drawn
    bool warned;                  // that another device took over was logged
    atomic_bool cancelled;
    udm_stats stats;
};

// ---- opening

static bool check_model(const udm_model *model, udm_error *error)
{
    return udm_model_text(model) ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s knows no text: for a prompt use a model with a text_encoder, a prior and a decoder, such as "
                    "world",
                    udm_model_directory(model));
}

static bool read_settings(udm_painter *painter, const udm_settings *settings, udm_error *error)
{
    udm_settings *own = &painter->settings;
    if (!udm_settings_read(own, settings, error))
        return false;
    own->channels = 3, own->lookahead = 0, own->ensemble = 1;
    return udm_settings_check_method(own, error);
}

static bool open_decoder(udm_painter *painter, const udm_model *model, udm_error *error)
{
    udm_settings *own = &painter->settings;
    if (!udm_open_network(model, own, &painter->device, &painter->network, error))
        return false;
    const udm_network *network = painter->network;
    if (network->embedding == 0 || network->channels != 3)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: its decoder must make pictures of three channels of an embedding",
                        udm_model_directory(model));
    if (own->width == 0 && own->height == 0)
        own->width = network->width, own->height = network->height;
    if (!udm_settings_check(own, error))
        return false;
    painter->tiles = udm_tiling_new(network, NULL, own->width, own->height, 1, udm_settings_memory(own), error);
    return painter->tiles != NULL;
}

static bool open_loop(udm_painter *painter, const udm_model *model, udm_error *error)
{
    const udm_settings *own = &painter->settings;
    udm_method method;
    painter->noise = udm_settings_noise(own, model, &painter->own_noise, error);
    if (!painter->noise || !udm_settings_method(own, model, &method, error))
        return false;
    method.timesteps.noise = painter->noise, method.timesteps.steps = own->steps;
    painter->start = udm_timesteps_first(&method.timesteps);
    const udm_loop_settings loop = {
        .process = painter->scheduler->process,
        .sampler = method.sampler,
        .timesteps = method.timesteps,
        .powers = painter->scheduler->powers,
        .power_count = painter->scheduler->power_count,
        .order = method.order,
        .ease_below = method.ease_below,
        .channels = 3,
        .pixels = painter->pixels,
        .width = own->width,
        .height = own->height,
        .extent = painter->scheduler->extent,
    };
    painter->loop = udm_loop_new(&loop, error);
    return painter->loop != NULL;
}

static bool allocate(udm_painter *painter, udm_error *error)
{
    const udm_network *network = painter->network;
    const size_t output = painter->pixels * udm_network_outputs(network), size = network->embedding;
    const size_t condition = network->labels + (size_t)network->tokens * network->token_width;
    float *at = painter->memory = calloc(
        2 * output + painter->pixels + painter->elements + 2 * condition + size * (KEPT_PROMPTS + 1), sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", painter->settings.width,
                        painter->settings.height);
    painter->output = at, painter->untold = at += output, painter->times = at += output;
    painter->x = at += painter->pixels, painter->told = at += painter->elements;
    painter->nothing = at += condition, painter->empty = at += condition;
    for (int i = 0; i < KEPT_PROMPTS; i++)
        painter->kept[i].embedding = at += size;
    return true;
}

// What guidance leads away from: zeros stand for no picture.
static bool tell_nothing(udm_painter *painter, udm_error *error)
{
    const udm_network *network = painter->network;
    const bool good =
        network->told.text == 0 || udm_reader_tell(painter->reader, "", &network->told,
                                                   painter->empty + network->told.picture, &painter->cancelled, error);
    if (good)
        network->class->embed(network, painter->empty, painter->nothing);
    return good;
}

udm_painter *udm_painter_open(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    if (!udm_check_argument(model, "the model", error) || !udm_check_argument(settings, "the settings", error) ||
        !check_model(model, error))
        return NULL;
    udm_painter *painter = calloc(1, sizeof *painter);
    if (!painter) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a painter");
        return NULL;
    }
    painter->scheduler = udm_model_scheduler(model);
    bool good = read_settings(painter, settings, error) && open_decoder(painter, model, error);
    painter->pixels = (size_t)painter->settings.width * painter->settings.height;
    painter->elements = 3 * painter->pixels;
    good = good && open_loop(painter, model, error) && allocate(painter, error);
    if (good)
        painter->reader = udm_reader_new(udm_model_text(model), painter->device, error);
    if (!painter->reader || !tell_nothing(painter, error)) {
        udm_painter_free(painter);
        return NULL;
    }
    painter->stats.tiles = udm_tiling_count(painter->tiles);
    udm_log_device(&painter->settings, painter->device, painter->stats.tiles);
    udm_log_fallback(&painter->settings, painter->device, &painter->warned);
    return painter;
}

void udm_painter_free(udm_painter *painter)
{
    if (!painter)
        return;
    for (int i = 0; i < KEPT_PROMPTS; i++)
        free(painter->kept[i].text), free(painter->kept[i].negative);
    udm_reader_free(painter->reader);
    udm_loop_free(painter->loop);
    udm_tiling_free(painter->tiles);
    udm_network_free(painter->network);
    udm_device_close(painter->device);
    udm_noise_clear(&painter->own_noise);
    free(painter->memory);
    free(painter);
}

int udm_painter_width(const udm_painter *painter)
{
    return painter->settings.width;
}

int udm_painter_height(const udm_painter *painter)
{
    return painter->settings.height;
}

int udm_painter_size(const udm_painter *painter)
{
    return painter->network->embedding;
}

// ---- embeddings

void udm_prompting_init(udm_prompting *prompting, size_t size)
{
    const udm_prompting all = { .size = size, .guidance = 2, .steps = 25 };
    udm_copy_sized(prompting, size, &all, sizeof all);
}

static bool check_scale(double guidance, udm_error *error)
{
    return (guidance >= 0 && guidance <= 100) ||
           udm_fail(error, UDM_ERROR_SETTINGS, "a guidance scale of %g: it must be 0 to 100", guidance);
}

static bool check_prompting(const udm_painter *painter, const udm_prompting *p, udm_error *error)
{
    if (!udm_check_argument(p, "the prompt", error))
        return false;
    if (p->size < sizeof *p)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the prompt has %zu bytes: start with udm_prompting_init()",
                        p->size);
    if (p->steps < 0 || p->steps > UDM_MAX_STEPS)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a prior of %d steps: it must be 0 to %d", p->steps, UDM_MAX_STEPS);
    if (p->steps == 0 && painter->network->told.text == 0)
        return udm_fail(
            error, UDM_ERROR_SETTINGS,
            "a prior of 0 steps: the decoder of this model is told no text, and needs what the prior finds");
    return udm_check_argument(p->text, "the text of the prompt", error) && check_scale(p->guidance, error);
}

// The prompt among those that are kept, or the place for a new one: the one that was used least recently.
static kept_prompt *find_kept(udm_painter *painter, const udm_prompting *p, const char *negative)
{
    kept_prompt *oldest = painter->kept;
    for (int i = 0; i < KEPT_PROMPTS; i++) {
        kept_prompt *kept = &painter->kept[i];
        if (kept->text && strcmp(kept->text, p->text) == 0 && strcmp(kept->negative, negative) == 0 &&
            kept->guidance == p->guidance && kept->steps == p->steps)
            return kept;
        oldest = kept->used < oldest->used ? kept : oldest;
    }
    free(oldest->text), free(oldest->negative);
    oldest->text = oldest->negative = NULL;
    return oldest;
}

static bool read_both(udm_painter *painter, const udm_prompt *prompt, float *embedding, udm_error *error)
{
    const udm_embedding_shape *told = &painter->network->told;
    memset(embedding, 0, told->picture * sizeof *embedding);
    return (prompt->steps == 0 ||
            udm_reader_read(painter->reader, prompt, told->picture, embedding, &painter->cancelled, error)) &&
           (told->text == 0 || udm_reader_tell(painter->reader, prompt->text, told, embedding + told->picture,
                                               &painter->cancelled, error));
}

bool udm_painter_read(udm_painter *painter, const udm_prompting *p, float *embedding, udm_error *error)
{
    if (!check_prompting(painter, p, error) || !udm_check_argument(embedding, "the embedding", error))
        return false;
    const char *negative = p->negative ? p->negative : "";
    const int size = painter->network->embedding;
    kept_prompt *kept = find_kept(painter, p, negative);
    if (!kept->text) {
        const udm_prompt prompt = { p->text, negative, p->guidance, p->steps, painter->settings.seed, NULL };
        if (!read_both(painter, &prompt, kept->embedding, error))
            return false;
        udm_log_fallback(&painter->settings, painter->device, &painter->warned);
        kept->text = strdup(p->text), kept->negative = strdup(negative);
        kept->guidance = p->guidance, kept->steps = p->steps;
        if (!kept->text || !kept->negative)
            return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a prompt");
    }
    kept->used = ++painter->clock;
    memcpy(embedding, kept->embedding, size * sizeof *embedding);
    return true;
}

bool udm_painter_look(udm_painter *painter, const udm_image *image, float *embedding, udm_error *error)
{
    if (!udm_check_argument(image, "the picture", error) || !udm_check_argument(embedding, "the embedding", error) ||
        !udm_check_image(image, "the picture", image->width, image->height, 3, error))
        return false;
    float *planes = malloc((size_t)image->width * image->height * 3 * sizeof *planes);
    if (!planes)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", image->width, image->height);
    udm_image_to_planes(image, planes);
    memcpy(embedding, painter->empty, painter->network->embedding * sizeof *embedding);
    const bool good = udm_reader_look(painter->reader, planes, image->width, image->height,
                                      painter->network->told.picture, embedding, &painter->cancelled, error);
    free(planes);
    return good;
}

// ---- drawing

void udm_painting_init(udm_painting *painting, size_t size)
{
    const udm_painting all = { .size = size, .guidance = 3 };
    udm_copy_sized(painting, size, &all, sizeof all);
}

static bool look(udm_painter *painter, const udm_levels *at, const float *xt, const float *condition, float *output,
                 udm_error *error)
{
    const udm_noise *trained = &painter->scheduler->noise;
    const double time =
        painter->noise == trained ? at->time[0] : udm_noise_time(trained, sqrt(udm_levels_share(at, 0)));
    const udm_network_input seen = { .frame = xt,
                                     .level = at->noise,
                                     .timestep = udm_noise_timestep(trained, time),
                                     .label = -1,
                                     .condition = condition };
    return udm_tiling_run(painter->tiles, 0, 0, &seen, output, &painter->cancelled, error);
}

static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    udm_painter *painter = context;
    const udm_painting *p = painter->painting;
    if (p->progress)
        p->progress(p->context, number, painter->settings.steps);
    if (!look(painter, at, xt, painter->told, painter->output, error) ||
        (p->guidance != 1 && !look(painter, at, xt, painter->nothing, painter->untold, error)))
        return false;
    if (p->guidance != 1)
        udm_guide(p->guidance, p->rescale, painter->elements, painter->untold, painter->output);
    udm_predict_x0(painter->scheduler->prediction, at, 3, painter->output, xt, painter->output);
    memcpy(x0, painter->output, painter->elements * sizeof *x0);
    return udm_bound_x0(&painter->scheduler->bounds, painter->elements, x0, error);
}

static bool draw(void *context, int number, float *e, udm_error *error)
{
    const udm_painter *painter = context;
    (void)error;
    udm_normal(painter->settings.seed, painter->painting->number, (uint32_t)number + 1, 0, painter->elements, e);
    return true;
}

// "ddpm_learned": the output is -1 for the smaller of the two variances and 1 for the larger, and is not bounded.
static bool variance(void *context, float *share, udm_error *error)
{
    const udm_painter *painter = context;
    (void)error;
    for (size_t i = 0; i < painter->elements; i++)
        share[i] = (painter->output[painter->elements + i] + 1) / 2;
    return true;
}

static bool check_painting(const udm_painting *p, udm_error *error)
{
    if (!udm_check_argument(p, "the painting", error))
        return false;
    if (p->size < sizeof *p)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the painting has %zu bytes: start with udm_painting_init()",
                        p->size);
    if (!(p->rescale >= 0 && p->rescale <= 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "a rescale of %g: it must be 0 to 1", p->rescale);
    return udm_check_argument(p->embedding, "the embedding", error) && check_scale(p->guidance, error);
}

bool udm_painter_paint(udm_painter *painter, const udm_painting *p, float *planes, udm_error *error)
{
    if (!check_painting(p, error) || !udm_check_argument(planes, "the planes", error))
        return false;
    const udm_loop_calls calls = {
        .context = painter, .estimate = estimate, .draw = draw, .variance = painter->network->spreads ? variance : NULL
    };
    const double begun = udm_now_ms();
    painter->painting = p;
    painter->network->class->embed(painter->network, p->embedding, painter->told);
    for (size_t i = 0; i < painter->pixels; i++)
        painter->times[i] = (float)painter->start;
    if (p->latents)
        memcpy(painter->x, p->latents, painter->elements * sizeof *painter->x);
    else
        draw(painter, -1, painter->x, NULL);
    const bool good = udm_loop_run(painter->loop, &calls, painter->times, painter->x, error);
    udm_log_fallback(&painter->settings, painter->device, &painter->warned);
    if (!good)
        return false;
    memcpy(planes, painter->x, painter->elements * sizeof *planes);
    udm_stats_count(&painter->stats, begun);
    return true;
}

void udm_painter_cancel(udm_painter *painter, bool cancel)
{
    atomic_store(&painter->cancelled, cancel);
}

void udm_painter_stats(const udm_painter *painter, udm_stats *stats, size_t size)
{
    udm_stats all = painter->stats;
    all.memory = udm_tiling_memory(painter->tiles);
    udm_stats_device(&all, painter->device);
    udm_copy_sized(stats, size, &all, sizeof all);
}
