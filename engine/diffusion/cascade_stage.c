// SPDX-License-Identifier: LGPL-2.1-or-later
// A window of one network: noise and what is known, through the loop, to frames.
#include "diffusion/cascade_stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "sampler/guidance.h"

static bool allocate(udm_stage *stage, udm_error *error)
{
    const udm_network *network = stage->network;
    const size_t all = stage->elements * stage->frames, context = network->context * stage->pixels * stage->frames;
    const size_t times = stage->pixels * stage->frames, told = stage->told * (stage->frames + 1);
    float *at = stage->memory = calloc(5 * all + context + times + told, sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film");
    stage->x = at, stage->made = at += all, stage->in = at += all, stage->out = at += all, stage->untold = at += all;
    stage->times = at += all, stage->beside = at += times, stage->conditions = at += context;
    stage->nothing = at + stage->told * stage->frames;
    return true;
}

static bool check_network(const udm_network *network, udm_error *error)
{
    return (network->class->pace && network->width > 0 && network->height > 0) ||
           udm_fail(error, UDM_ERROR_CORRUPT,
                    "%s: a network of films must be a UdmPseudo3DConditionModel with a \"sample_size\"",
                    udm_config_path(network->config));
}

bool udm_stage_open(udm_stage *stage, const udm_cascade_settings *settings, const udm_text_part *part, int frames,
                    int steps, udm_error *error)
{
    udm_network *network = udm_network_open(part->config, part->weights, settings->device, error);
    *stage = (udm_stage){ .network = network, .settings = settings, .guidance = 1, .rate = settings->rate };
    if (!network || !check_network(network, error)) {
        udm_stage_close(stage);
        return false;
    }
    stage->frames = frames > 0 ? frames : network->frames;
    stage->pixels = (size_t)network->width * network->height, stage->elements = network->channels * stage->pixels;
    stage->told = network->labels + (size_t)network->tokens * network->token_width;
    const udm_film_shape shape = { stage->frames, stage->frames, network->tokens, network->width, network->height };
    udm_loop_settings loop = settings->loop;
    loop.timesteps.steps = steps;
    loop.channels = network->channels, loop.pixels = stage->pixels * stage->frames;
    loop.width = network->width, loop.height = network->height * stage->frames;
    stage->start = udm_timesteps_first(&loop.timesteps);
    if ((stage->film = udm_film_new(network, &shape, error)) && allocate(stage, error) &&
        (stage->loop = udm_loop_new(&loop, error)))
        return true;
    udm_stage_close(stage);
    return false;
}

void udm_stage_close(udm_stage *stage)
{
    udm_loop_free(stage->loop);
    udm_film_free(stage->film);
    udm_network_free(stage->network);
    free(stage->memory);
    *stage = (udm_stage){ 0 };
}

static void tell(const udm_stage *stage, const float *embedding, float *condition)
{
    stage->network->class->embed(stage->network, embedding, condition);
    stage->network->class->pace(stage->network, stage->rate, condition);
}

void udm_stage_tell(udm_stage *stage, int frame, const float *embedding)
{
    tell(stage, embedding, stage->conditions + frame * stage->told);
}

void udm_stage_tell_nothing(udm_stage *stage, const float *embedding)
{
    tell(stage, embedding, stage->nothing);
}

// A frame of [channels, frames, pixels] as [channels, pixels], or back.
static void copy_frame(const udm_stage *stage, float *film, int frame, float *planes, bool back)
{
    for (int c = 0; c < stage->network->channels; c++) {
        float *in = film + ((size_t)c * stage->frames + frame) * stage->pixels, *out = planes + c * stage->pixels;
        memcpy(back ? in : out, back ? out : in, stage->pixels * sizeof *in);
    }
}

static void place(udm_stage *stage, int frame, const float *planes, double time)
{
    copy_frame(stage, stage->x, frame, (float *)planes, true);
    for (size_t i = 0; i < stage->pixels; i++)
        stage->times[frame * stage->pixels + i] = (float)time;
}

void udm_stage_know(udm_stage *stage, int frame, const float *planes)
{
    place(stage, frame, planes, 0);
}

void udm_stage_begin(udm_stage *stage, int frame, const float *noise)
{
    place(stage, frame, noise, stage->start);
}

// The timestep of a frame, where the pixels of known ones stand at time 0.
static double timestep_of(const udm_stage *stage, const udm_levels *at, int frame)
{
    const udm_cascade_settings *s = stage->settings;
    const size_t pixel = frame * stage->pixels;
    const double time =
        s->noise == s->trained ? at->time[pixel] : udm_noise_time(s->trained, sqrt(udm_levels_share(at, pixel)));
    return time > 0 ? udm_noise_timestep(s->trained, time) : 0;
}

static bool look(udm_stage *stage, const udm_levels *at, bool told, float *out, udm_error *error)
{
    const udm_network *network = stage->network;
    const float *frames[UDM_MAX_FRAMES], *texts[UDM_MAX_FRAMES], *labels[UDM_MAX_FRAMES], *contexts[UDM_MAX_FRAMES];
    float *made[UDM_MAX_FRAMES];
    double times[UDM_MAX_FRAMES];
    for (int f = 0; f < stage->frames; f++) {
        frames[f] = stage->in + f * stage->elements, made[f] = out + f * stage->elements;
        labels[f] = told ? stage->conditions + f * stage->told : stage->nothing;
        texts[f] = labels[f] + network->labels;
        contexts[f] = stage->beside + f * network->context * stage->pixels;
        times[f] = timestep_of(stage, at, f);
    }
    const udm_film_input input = { frames, times, texts, labels, contexts };
    return udm_film_run(stage->film, &input, made, stage->cancel, error);
}

static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    udm_stage *stage = context;
    const udm_cascade_settings *s = stage->settings;
    const size_t all = stage->elements * stage->frames;
    (void)number;
    for (int f = 0; f < stage->frames; f++)
        copy_frame(stage, (float *)xt, f, stage->in + f * stage->elements, false);
    if (!look(stage, at, true, stage->out, error) ||
        (stage->guidance != 1 && !look(stage, at, false, stage->untold, error)))
        return false;
    if (stage->guidance != 1)
        udm_guide(stage->guidance, stage->rescale, all, stage->untold, stage->out);
    for (int f = 0; f < stage->frames; f++)
        copy_frame(stage, x0, f, stage->out + f * stage->elements, true);
    udm_predict_x0(s->prediction, at, stage->network->channels, x0, xt, x0);
    return udm_bound_x0(&s->bounds, all, x0, error);
}

static bool draw(void *context, int number, float *e, udm_error *error)
{
    const udm_stage *stage = context;
    (void)error;
    udm_normal(stage->settings->seed, stage->number, (uint32_t)number + 1, 0, stage->elements * stage->frames, e);
    return true;
}

bool udm_stage_draw(udm_stage *stage, udm_error *error)
{
    const udm_loop_calls calls = { .context = stage, .estimate = estimate, .draw = draw };
    if (!udm_loop_run(stage->loop, &calls, stage->times, stage->x, error))
        return false;
    for (int f = 0; f < stage->frames; f++)
        copy_frame(stage, stage->x, f, stage->made + f * stage->elements, false);
    return true;
}
