// SPDX-License-Identifier: LGPL-2.1-or-later
// The loop of super-resolution.
#include "api/pipelines/super_res.h"

#include <stdlib.h>
#include <string.h>

#include "base/maths.h"
#include "base/random.h"
#include "network/unet2d.h"
#include "tensor/bicubic.h"

enum { USUAL_STEPS = 7 };
static const uint32_t first_draw = 1u << 31; // its noise is none of the decoder's

struct udm_super_res {
    udm_painter *painter;
    const udm_text_parts *parts;
    bool frugal;
    int width, height;
    size_t elements;
    udm_network *networks[2]; // NULL: not open
    udm_tiling *tiles[2];
    float *memory, *context, *output, *times; // all of the following; [elements], [elements], [pixels]
    const udm_painting *painting;             // what is being drawn,
    int steps;                                // and in how many
};

// ---- opening

int udm_super_res_factor(const udm_model *model, int small_width, int small_height, udm_error *error)
{
    const udm_text_parts *parts = udm_model_text(model);
    udm_unet2d_config of[2];
    for (int i = 0; i < 2; i++) {
        if (!udm_unet2d_config_read(&of[i], parts->super_res[i].config, error))
            return 0;
        if (of[i].channels != 3 || of[i].context != 3 || of[i].spreads) {
            udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: it must draw three planes beside three others",
                     udm_config_path(parts->super_res[i].config));
            return 0;
        }
    }
    const int factor = small_width > 0 ? of[0].sample_width / small_width : 0;
    const int sides[4] = { of[0].sample_width, of[0].sample_height, of[1].sample_width, of[1].sample_height };
    bool good = factor > 0;
    for (int i = 0; i < 4; i++)
        good = good && sides[i] == factor * (i % 2 ? small_height : small_width);
    if (!good)
        udm_fail(error, UDM_ERROR_UNSUPPORTED,
                 "%s: the \"sample_size\" of both must be the same multiple of the decoder's, %dx%d",
                 udm_config_path(parts->super_res[0].config), small_width, small_height);
    return good ? factor : 0;
}

udm_super_res *udm_super_res_new(udm_painter *painter, const udm_model *model, int factor, bool frugal,
                                 udm_error *error)
{
    udm_super_res *s = calloc(1, sizeof *s);
    const int width = factor * painter->width, height = factor * painter->height;
    const size_t pixels = (size_t)width * height;
    float *at = s ? malloc(7 * pixels * sizeof *at) : NULL;
    if (!at) {
        free(s);
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", width, height);
        return NULL;
    }
    *s = (udm_super_res){ .painter = painter,
                          .parts = udm_model_text(model),
                          .frugal = frugal,
                          .width = width,
                          .height = height,
                          .elements = 3 * pixels,
                          .memory = at,
                          .context = at,
                          .output = at + 3 * pixels,
                          .times = at + 6 * pixels };
    if (s->parts->super_res_scheduler.sampler)
        return s;
    udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: its super_res_scheduler requires %s, which is not implemented",
             udm_model_directory(model), s->parts->super_res_scheduler.missing);
    udm_super_res_free(s);
    return NULL;
}

static void close_network(udm_super_res *s, int which)
{
    udm_tiling_free(s->tiles[which]);
    udm_network_free(s->networks[which]);
    s->tiles[which] = NULL, s->networks[which] = NULL;
}

void udm_super_res_free(udm_super_res *s)
{
    if (!s)
        return;
    for (int i = 0; i < 2; i++)
        close_network(s, i);
    free(s->memory);
    free(s);
}

static bool open_network(udm_super_res *s, int which, udm_error *error)
{
    const udm_text_part *part = &s->parts->super_res[which];
    if (s->networks[which])
        return true;
    if (s->frugal)
        close_network(s, !which);
    s->networks[which] = udm_network_open(part->config, part->weights, s->painter->device, error);
    if (s->networks[which])
        s->tiles[which] = udm_tiling_new(s->networks[which], NULL, s->width, s->height, 1,
                                         udm_settings_memory(&s->painter->settings), error);
    if (!s->tiles[which])
        close_network(s, which);
    return s->tiles[which] != NULL;
}

// ---- drawing

static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    udm_super_res *s = context;
    const udm_painter *painter = s->painter;
    const udm_scheduler *scheduler = &s->parts->super_res_scheduler;
    const udm_painting *p = s->painting;
    const int which = number >= s->steps - 1;
    const udm_network_input seen = { .frame = xt,
                                     .level = at->noise,
                                     .context = s->context,
                                     .timestep = udm_noise_timestep(&scheduler->noise, at->time[0]),
                                     .label = -1 };
    if (p->progress)
        p->progress(p->context, painter->steps + udm_min(number, s->steps - 1), painter->steps + s->steps);
    if (!open_network(s, which, error) ||
        !udm_tiling_run(s->tiles[which], 0, 0, &seen, s->output, &painter->cancelled, error))
        return false;
    udm_predict_x0(scheduler->prediction, at, 3, s->output, xt, x0);
    return udm_bound_x0(&scheduler->bounds, s->elements, x0, error);
}

static void noise(const udm_super_res *s, uint32_t number, float *e)
{
    udm_normal(s->painter->settings.seed, s->painting->number, first_draw + number, 0, s->elements, e);
}

static bool draw(void *context, int number, float *e, udm_error *error)
{
    (void)error;
    noise(context, (uint32_t)number + 1, e);
    return true;
}

static bool run_loop(udm_super_res *s, float *x, udm_error *error)
{
    const udm_scheduler *scheduler = &s->parts->super_res_scheduler;
    udm_loop_settings settings = { .process = scheduler->process,
                                   .sampler = scheduler->sampler,
                                   .timesteps = scheduler->timesteps,
                                   .order = scheduler->order,
                                   .ease_below = scheduler->ease_below,
                                   .channels = 3,
                                   .pixels = s->elements / 3,
                                   .width = s->width,
                                   .height = s->height };
    settings.timesteps.noise = &scheduler->noise;
    settings.timesteps.steps = s->steps;
    const udm_loop_calls calls = { .context = s, .estimate = estimate, .draw = draw };
    udm_loop *loop = udm_loop_new(&settings, error);
    const float start = (float)udm_timesteps_first(&settings.timesteps);
    for (size_t i = 0; i < settings.pixels; i++)
        s->times[i] = start;
    noise(s, 0, x);
    const bool good = loop && udm_loop_run(loop, &calls, s->times, x, error);
    udm_loop_free(loop);
    return good;
}

bool udm_super_res_run(udm_super_res *s, const udm_painting *painting, const float *small, float *out, udm_error *error)
{
    s->painting = painting;
    s->steps = udm_super_res_steps(painting);
    if (!udm_bicubic_resize(small, 3, s->painter->width, s->painter->height, s->width, s->height, s->context))
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", s->width, s->height);
    const bool good = run_loop(s, out, error);
    for (int i = 0; s->frugal && i < 2; i++)
        close_network(s, i);
    if (!good)
        return false;
    for (size_t i = 0; i < s->elements; i++)
        out[i] = udm_clamp(out[i], -1, 1);
    return true;
}

int udm_super_res_steps(const udm_painting *painting)
{
    return painting->super_res_steps > 0 ? painting->super_res_steps : USUAL_STEPS;
}
