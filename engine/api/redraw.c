// SPDX-License-Identifier: LGPL-2.1-or-later
// SDEdit (Meng et al. 2022) of each frame in latents, by a painter. What changes from frame to frame by itself, its
// noise and what a network makes of little, is what flickers: the noise moves with the picture
// (temporal/moving_noise.h), and the rest is a mean along the motion (temporal/still.h).
#include "api/redraw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/painter.h"
#include "base/maths.h"
#include "flow/optical_flow.h"
#include "network/unet2d.h"
#include "temporal/moving_noise.h"
#include "temporal/still.h"
#include "tensor/planes.h"

#define NOISE (1 / 127.5f * 1 / 127.5f) // variance that frames have at least, for the flow to be 0 at rest

struct udm_redraw {
    const char *directory;
    int width, height; // of frames; the painter's are whole latents
    size_t pixels;
    int steps; // of each frame
    bool fills, guided;
    udm_painter *painter;
    udm_flow *motion;
    udm_moving_noise *noise;
    udm_still *still;
    char *text, *negative;
    double guidance;
    bool told;        // `embedding` is that of the text
    bool began;       // there is a frame before
    float *memory;    // all of the following
    float *embedding; // of the painter
    float *picture;   // the frame, and what is drawn of it, as the painter has them: [3, its height, its width]
    float *mask;      // ...: [its height, its width]
    float *luma, *luma_before; // [height, width]
    float *flow;               // to the frame before, [2, height, width]
};

// ---- opening

bool udm_redraws(const udm_model *model)
{
    return udm_model_text(model) && udm_model_has_latents(model);
}

static bool read_unet(const udm_model *model, udm_unet2d_config *unet, udm_error *error)
{
    return udm_unet2d_condition_config_read(unet, udm_model_network_config(model), NULL, error);
}

bool udm_redraw_fills(const udm_model *model)
{
    udm_unet2d_config unet;
    return udm_redraws(model) && read_unet(model, &unet, NULL) && unet.context > 0;
}

static bool check(const udm_redraw *redraw, const udm_settings *s, udm_error *error)
{
    if (s->lookahead > 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "lookahead is %d, but %s draws each frame alone: it must be 0",
                        s->lookahead, redraw->directory);
    return s->ensemble == 1 ||
           udm_fail(error, UDM_ERROR_SETTINGS, "ensemble is %d, but %s draws each frame once: it must be 1",
                    s->ensemble, redraw->directory);
}

static bool open_painter(udm_redraw *redraw, const udm_model *model, const udm_settings *settings, udm_error *error)
{
    udm_info info;
    udm_settings s = *settings;
    if (!udm_model_info(model, &info, sizeof info, error))
        return false;
    s.width = udm_round_up(s.width, info.size_step), s.height = udm_round_up(s.height, info.size_step);
    s.ensemble = 1, s.lookahead = 0;
    redraw->painter = udm_painter_open(model, &s, error);
    return redraw->painter;
}

static bool allocate(udm_redraw *redraw, udm_error *error)
{
    const udm_painter *painter = redraw->painter;
    const size_t whole = (size_t)painter->settings.width * painter->settings.height;
    float *at = redraw->memory = calloc(painter->size + 4 * whole + 4 * redraw->pixels, sizeof *at);
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for frames of %dx%d", redraw->width, redraw->height);
    redraw->embedding = at, redraw->picture = at += painter->size, redraw->mask = at += 3 * whole;
    redraw->luma = at += whole, redraw->luma_before = at += redraw->pixels, redraw->flow = at + redraw->pixels;
    return true;
}

static bool open_motion(udm_redraw *redraw, udm_pool *pool, udm_error *error)
{
    const udm_painter *painter = redraw->painter;
    redraw->motion = udm_flow_new(redraw->width, redraw->height, pool, error);
    redraw->noise = redraw->motion
                        ? udm_moving_noise_new(painter->channels, painter->width, painter->height,
                                               painter->settings.width / painter->width, painter->settings.seed, error)
                        : NULL;
    redraw->still = redraw->noise ? udm_still_new(redraw->width, redraw->height, painter->device, error) : NULL;
    return redraw->still;
}

udm_redraw *udm_redraw_new(const udm_model *model, const udm_settings *settings, udm_pool *pool, udm_error *error)
{
    udm_redraw *redraw = calloc(1, sizeof *redraw);
    udm_unet2d_config unet = { 0 };
    if (!redraw) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a restorer");
        return NULL;
    }
    redraw->directory = udm_model_directory(model);
    redraw->width = settings->width, redraw->height = settings->height;
    redraw->pixels = (size_t)settings->width * settings->height;
    redraw->steps = settings->steps, redraw->guidance = UDM_GUIDANCE_USUAL;
    if (check(redraw, settings, error) && read_unet(model, &unet, error) &&
        open_painter(redraw, model, settings, error) && allocate(redraw, error) && open_motion(redraw, pool, error)) {
        redraw->fills = unet.context > 0, redraw->guided = unet.guidance > 0;
        return redraw;
    }
    udm_redraw_free(redraw);
    return NULL;
}

void udm_redraw_free(udm_redraw *redraw)
{
    if (!redraw)
        return;
    udm_still_free(redraw->still); // before the device, which is the painter's
    udm_moving_noise_free(redraw->noise);
    udm_flow_free(redraw->motion);
    udm_painter_free(redraw->painter);
    free(redraw->memory);
    free(redraw->text), free(redraw->negative);
    free(redraw);
}

// ---- what it is told

static bool same(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

bool udm_redraw_tell(udm_redraw *redraw, const char *text, const char *negative, double guidance, bool *changed,
                     udm_error *error)
{
    *changed |= redraw->guidance != guidance;
    redraw->guidance = guidance;
    if (same(redraw->text, text) && same(redraw->negative, negative))
        return true;
    char *own = strdup(text), *own_negative = strdup(negative);
    if (!own || !own_negative) {
        free(own), free(own_negative);
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a prompt");
    }
    *changed = true;
    free(redraw->text), free(redraw->negative);
    redraw->text = own, redraw->negative = own_negative, redraw->told = false;
    return true;
}

static bool read_prompt(udm_redraw *redraw, udm_error *error)
{
    udm_prompting p;
    udm_prompting_init(&p, sizeof p);
    p.text = redraw->text ? redraw->text : "", p.negative = redraw->negative;
    redraw->told = redraw->told || udm_painter_read(redraw->painter, &p, redraw->embedding, error);
    return redraw->told;
}

void udm_redraw_clear(udm_redraw *redraw)
{
    redraw->began = false;
}

// ---- a frame

static int mirror(int i, int size)
{
    return i < size ? i : udm_max(2 * size - 1 - i, 0);
}

// Beyond the frame it is mirrored.
static void extend(const udm_redraw *redraw, const float *planes, int channels, float *to)
{
    const udm_settings *whole = &redraw->painter->settings;
    for (int c = 0; c < channels; c++, planes += redraw->pixels)
        for (int y = 0; y < whole->height; y++)
            for (int x = 0; x < whole->width; x++)
                *to++ = planes[(size_t)mirror(y, redraw->height) * redraw->width + mirror(x, redraw->width)];
}

static void cut(const udm_redraw *redraw, const float *whole, float *out)
{
    const udm_settings *s = &redraw->painter->settings;
    for (int y = 0; y < 3 * redraw->height; y++) {
        const size_t row = (size_t)(y / redraw->height) * s->height + y % redraw->height;
        memcpy(out + (size_t)y * redraw->width, whole + row * s->width, redraw->width * sizeof *out);
    }
}

// The steps of a whole way of which the last ones, as many as are set, are as near as can be to that strength.
static int steps_of(double strength, int taken)
{
    const double exact = taken / strength;
    const int fewer = udm_max((int)exact, taken);
    const bool more = taken / (double)fewer - strength > strength - taken / (double)(fewer + 1);
    return udm_min(more ? fewer + 1 : fewer, UDM_MAX_STEPS);
}

static bool paint(udm_redraw *redraw, const udm_redraw_frame *frame, const float *noise, float *out, udm_error *error)
{
    udm_painting p;
    udm_painting_init(&p, sizeof p);
    const double strength = frame->strength > 0 ? frame->strength : 1;
    const int taken = redraw->steps, steps = steps_of(strength, taken);
    udm_painter_set_steps(redraw->painter, steps);
    extend(redraw, frame->planes, 3, redraw->picture);
    if (redraw->fills) {
        extend(redraw, frame->known, 1, redraw->mask);
        for (size_t i = 0; i < (size_t)redraw->painter->settings.width * redraw->painter->settings.height; i++)
            redraw->mask[i] = 1 - redraw->mask[i];
        p.mask = redraw->mask;
    }
    p.embedding = redraw->embedding, p.image = redraw->picture, p.latents = noise, p.number = frame->number;
    p.strength = udm_min(taken, steps) / (double)steps;
    p.guidance = redraw->guidance != UDM_GUIDANCE_USUAL || redraw->guided ? redraw->guidance : 1;
    if (!read_prompt(redraw, error) || !udm_painter_paint(redraw->painter, &p, redraw->picture, error))
        return false;
    cut(redraw, redraw->picture, out);
    return true;
}

static void keep(udm_redraw *redraw)
{
    float *luma = redraw->luma;
    redraw->luma = redraw->luma_before, redraw->luma_before = luma;
    udm_moving_noise_keep(redraw->noise);
    udm_still_keep(redraw->still);
    redraw->began = true;
}

// Whether there is nothing to draw.
static bool is_done(const udm_redraw *redraw, const udm_redraw_frame *frame)
{
    size_t i = 0;
    while (redraw->fills && i < redraw->pixels && frame->known[i] >= 1)
        i++;
    return redraw->fills ? i == redraw->pixels : frame->strength == 0;
}

bool udm_redraw_make(udm_redraw *redraw, const udm_redraw_frame *frame, float *out, udm_error *error)
{
    const udm_pixel_flow flow = { redraw->flow, redraw->width, redraw->height };
    if (redraw->fills && !frame->known)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s fills holes: say which pixels of a frame are known",
                        redraw->directory);
    if (is_done(redraw, frame)) {
        memcpy(out, frame->planes, 3 * redraw->pixels * sizeof *out);
        udm_redraw_clear(redraw);
        return true;
    }
    udm_planes_to_luma(frame->planes, 3, redraw->pixels, redraw->luma);
    if (redraw->began)
        udm_flow_estimate(redraw->motion, redraw->luma, redraw->luma_before, NOISE, redraw->flow);
    const float *noise = udm_moving_noise_of(redraw->noise, redraw->began ? &flow : NULL, frame->number);
    if (!paint(redraw, frame, noise, out, error) ||
        !udm_still_hold(redraw->still, redraw->began ? redraw->flow : NULL, frame->planes, out, error))
        return false;
    keep(redraw);
    return true;
}

void udm_redraw_cancel(udm_redraw *redraw, bool cancel)
{
    udm_painter_cancel(redraw->painter, cancel);
}

size_t udm_redraw_memory(const udm_redraw *redraw)
{
    udm_stats stats;
    udm_painter_stats(redraw->painter, &stats, sizeof stats);
    return stats.memory + udm_flow_memory(redraw->motion) + udm_still_memory(redraw->width, redraw->height);
}

int udm_redraw_tiles(const udm_redraw *redraw)
{
    return redraw->painter->stats.tiles;
}

udm_device *udm_redraw_device(const udm_redraw *redraw)
{
    return redraw->painter->device;
}
