// SPDX-License-Identifier: LGPL-2.1-or-later
// The loop that draws, for painters of all kinds.
#include "api/painter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sampler/guidance.h"

bool udm_painter_open_network(udm_painter *painter, const udm_model *model, udm_error *error)
{
    if (painter->network)
        return true;
    painter->network =
        udm_network_open(udm_model_network_config(model), udm_model_network_weights(model), painter->device, error);
    if (painter->network)
        painter->tiles = udm_tiling_new(painter->network, NULL, painter->width, painter->height, 1,
                                        udm_settings_memory(&painter->settings), error);
    if (painter->tiles)
        painter->stats.tiles = udm_tiling_count(painter->tiles);
    else
        udm_painter_close_network(painter);
    return painter->tiles != NULL;
}

void udm_painter_close_network(udm_painter *painter)
{
    udm_tiling_free(painter->tiles);
    udm_tiling_free(painter->untold_tiles);
    udm_workspace_free(painter->workspace);
    udm_network_free(painter->network);
    painter->tiles = painter->untold_tiles = NULL, painter->workspace = NULL, painter->network = NULL;
}

static bool make_loop(udm_painter *painter, const udm_model *model, int skipped, udm_error *error)
{
    const udm_settings *own = &painter->settings;
    udm_method method;
    if (!udm_settings_method(own, model, &method, error))
        return false;
    method.timesteps.noise = painter->noise;
    method.timesteps.steps = painter->steps = own->steps - skipped, method.timesteps.skipped = skipped;
    painter->start = udm_timesteps_first(&method.timesteps);
    const udm_loop_settings loop = {
        .process = painter->scheduler->process,
        .sampler = method.sampler,
        .timesteps = method.timesteps,
        .powers = painter->scheduler->powers,
        .power_count = painter->scheduler->power_count,
        .order = method.order,
        .ease_below = method.ease_below,
        .channels = painter->channels,
        .pixels = painter->pixels,
        .width = painter->width,
        .height = painter->height,
        .extent = painter->scheduler->extent,
    };
    udm_loop_free(painter->loop);
    painter->loop = udm_loop_new(&loop, error);
    return painter->loop != NULL;
}

bool udm_painter_skip(udm_painter *painter, const udm_model *model, int skipped, udm_error *error)
{
    return painter->steps + skipped == painter->settings.steps || make_loop(painter, model, skipped, error);
}

void udm_painter_set_steps(udm_painter *painter, int steps)
{
    if (steps != painter->settings.steps)
        painter->settings.steps = steps, painter->steps = 0; // so that no loop is taken for one of these
}

bool udm_painter_open_loop(udm_painter *painter, const udm_model *model, int outputs, udm_error *error)
{
    painter->pixels = (size_t)painter->width * painter->height;
    painter->elements = painter->channels * painter->pixels;
    painter->noise = udm_settings_noise(&painter->settings, model, &painter->own_noise, error);
    if (!painter->noise || !make_loop(painter, model, 0, error))
        return false;
    const size_t output = painter->elements * outputs;
    const size_t all = 2 * output + painter->pixels + painter->elements + (size_t)painter->size * UDM_KEPT_PROMPTS;
    float *at = painter->memory = calloc(all, sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", painter->settings.width,
                        painter->settings.height);
    painter->output = at, painter->untold = at += output, painter->times = at += output;
    painter->x = at += painter->pixels, at += painter->elements;
    for (int i = 0; i < UDM_KEPT_PROMPTS; i++, at += painter->size)
        painter->kept[i].embedding = at;
    return true;
}

static bool look(udm_painter *painter, const udm_levels *at, const float *xt, const float *condition, float *output,
                 udm_error *error)
{
    const udm_noise *trained = &painter->scheduler->noise;
    const double time =
        painter->noise == trained ? at->time[0] : udm_noise_time(trained, sqrt(udm_levels_share(at, 0)));
    const bool apart = painter->untold_tiles && condition == painter->untaught;
    const udm_network_input seen = { .frame = xt,
                                     .level = at->noise,
                                     .context = painter->context,
                                     .timestep = udm_noise_timestep(trained, time),
                                     .label = -1,
                                     .guidance = painter->guidance,
                                     .condition = condition,
                                     .tokens = painter->seen[apart] };
    return udm_tiling_run(apart ? painter->untold_tiles : painter->tiles, 0, 0, &seen, output, &painter->cancelled,
                          error);
}

static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    udm_painter *painter = context;
    const udm_painting *p = painter->painting;
    const bool guides = painter->guidance != 1 && !painter->network->guided;
    if (p->progress)
        p->progress(p->context, number < painter->steps ? number : painter->steps - 1,
                    painter->steps + painter->more_steps);
    if (!look(painter, at, xt, painter->told, painter->output, error) ||
        (guides && !look(painter, at, xt, painter->untaught, painter->untold, error)))
        return false;
    if (guides)
        udm_guide(painter->guidance, p->rescale, painter->elements, painter->untold, painter->output);
    udm_predict_x0(painter->scheduler->prediction, at, painter->channels, painter->output, xt, painter->output);
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

void udm_painter_noise(const udm_painter *painter, const udm_painting *painting, float *out)
{
    if (painting->latents)
        memcpy(out, painting->latents, painter->elements * sizeof *out);
    else
        udm_normal(painter->settings.seed, painting->number, 0, 0, painter->elements, out);
}

double udm_painter_first_noise(const udm_painter *painter)
{
    return painter->scheduler->begins_noisy ? sqrt(1 - udm_noise_alpha_bar(painter->noise, painter->start)) : 1;
}

bool udm_painter_draw(udm_painter *painter, const udm_painting *painting, udm_error *error)
{
    const udm_loop_calls calls = {
        .context = painter, .estimate = estimate, .draw = draw, .variance = painter->network->spreads ? variance : NULL
    };
    painter->painting = painting;
    for (size_t i = 0; i < painter->pixels; i++)
        painter->times[i] = (float)painter->start;
    return udm_loop_run(painter->loop, &calls, painter->times, painter->x, error);
}
