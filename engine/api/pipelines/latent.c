// SPDX-License-Identifier: LGPL-2.1-or-later
// Latent diffusion (Rombach et al. 2022): a U-Net that attends to the tokens of a prompt draws latents, of which an
// autoencoder makes a picture. Guidance leads away from the tokens of the negative prompt, so an embedding is those of
// both. A picture that is given is made latents first (SDEdit, Meng et al. 2022), and U-Nets for holes are shown what
// is around those. Each part is opened when its turn comes; where they are large together, it goes when that is over.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/pipelines/latent.h"
#include "base/maths.h"
#include "backend/fallback.h"
#include "diffusion/texts.h"
#include "network/unet2d.h"
#include "runner/coder.h"

static const double USUAL_STRENGTH = 0.8;

typedef struct latent {
    const udm_model *model;
    const udm_text_parts *parts;
    udm_tokenizer *tokenizer;
    udm_unet2d_config unet;
    udm_autoencoder vae; // its description
    udm_autoencoder *decoder;
    bool frugal;            // parts go when their turn is over
    udm_latent_needs needs; // where there is a limit to all memory
    int tokens;             // of a chunk of a text
    float *told;            // [2, unet.token_width, UDM_TEXT_CHUNKS tokens]: what it is told and what not
    float *context;         // [unet.context, height, width]: where there are holes, and latents of the rest
    float *picture;         // [3, height scale, width scale], of which latents are made
    float *first;           // those latents, [channels, height, width]
} latent;

// ---- opening

static bool fit_together(const udm_painter *painter, udm_error *error)
{
    const latent *own = painter->own;
    const char *directory = udm_model_directory(own->model);
    if (own->unet.told.picture > 0 || own->unet.patch != 1)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: its U-Net must read the tokens of a text", directory);
    if (own->unet.channels != own->vae.latents || own->unet.spreads || own->vae.channels != 3)
        return udm_fail(error, UDM_ERROR_CORRUPT,
                        "%s: the parts do not fit together: the U-Net draws %d planes, the VAE makes pictures of %d "
                        "planes of %d",
                        directory, own->unet.channels * (1 + own->unet.spreads), own->vae.channels, own->vae.latents);
    if (own->unet.context != 0 && own->unet.context != 1 + own->vae.latents)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: its U-Net is shown %d planes beside the latents; it must be none, or %d for holes",
                        directory, own->unet.context, 1 + own->vae.latents);
    return true;
}

static bool describe(udm_painter *painter, udm_error *error)
{
    latent *own = painter->own;
    const udm_config *unet = udm_model_network_config(own->model);
    const char *class = "";
    if (!udm_config_string(unet, "_class_name", &class, error))
        return false;
    if (strcmp(class, udm_network_unet2d_condition.name) != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this U-Net is not implemented here: \"%s\"",
                        udm_config_path(unet), class);
    return udm_unet2d_condition_config_read(&own->unet, unet, NULL, error) &&
           udm_autoencoder_describe(&own->vae, own->parts->vae.config, error) && fit_together(painter, error);
}

// The multiple of step that is nearest to a size.
static int nearest(int size, int step)
{
    return udm_max((size + step / 2) / step, 1) * step;
}

// Any whole number of latents: what the U-Net wants more is a margin, mirrored and cut off (runner/tiling.c).
static bool choose_size(udm_painter *painter, udm_error *error)
{
    const latent *own = painter->own;
    udm_settings *s = &painter->settings;
    const int step = own->vae.scale;
    if (s->width == 0 && s->height == 0)
        s->width = own->unet.sample_width * step, s->height = own->unet.sample_height * step;
    if (!udm_settings_check(s, error))
        return false;
    if (s->width % step || s->height % step)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "a picture of %dx%d: width and height must be multiples of %d with this model, the nearest are "
                        "%dx%d",
                        s->width, s->height, step, nearest(s->width, step), nearest(s->height, step));
    painter->width = s->width / step, painter->height = s->height / step;
    painter->channels = own->unet.channels;
    return true;
}

static uint64_t bytes_of(const udm_weights *weights)
{
    return (uint64_t)udm_weights_total(weights) * sizeof(float);
}

static bool allocate(udm_painter *painter, udm_error *error)
{
    latent *own = painter->own;
    const size_t picture = 3 * (size_t)painter->settings.width * painter->settings.height;
    const size_t context = own->unet.context * painter->pixels;
    own->picture = malloc((picture + painter->elements + context + painter->size) * sizeof *own->picture);
    if (!own->picture)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture of %dx%d", painter->settings.width,
                        painter->settings.height);
    own->first = own->picture + picture;
    own->context = own->first + painter->elements;
    own->told = own->context + context;
    return true;
}

// ---- a limit to all memory

static size_t available(const udm_painter *painter)
{
    const latent *own = painter->own;
    return painter->settings.total_memory - (size_t)own->needs.rest;
}

// Bytes of the weights of a part that can stay; what is left is for its values.
static size_t resident(const udm_painter *painter, int part)
{
    const latent *own = painter->own;
    const udm_need *need = &own->needs.of[part];
    const size_t room = available(painter) - need->least_values;
    return need->weights <= room ? need->weights : room - udm_min_size(room, 2 * need->largest);
}

// Before a part is opened.
static void keep_within(const udm_painter *painter, int part)
{
    const latent *own = painter->own;
    if (painter->settings.total_memory == 0)
        return;
    const bool all = !own->frugal || resident(painter, part) == own->needs.of[part].weights;
    const size_t limit = all ? 0 : udm_max_size(resident(painter, part), 1);
    painter->device->weights_limit = limit;
    if (painter->device->stand_in)
        painter->device->stand_in->weights_limit = limit;
}

// Of the values of half of the autoencoder.
static size_t coding_limit(const udm_painter *painter, int half)
{
    const latent *own = painter->own;
    const udm_need *need = &own->needs.of[half], *unet = &own->needs.of[UDM_LATENT_UNET];
    const size_t usual = udm_settings_memory(&painter->settings);
    if (painter->settings.total_memory == 0)
        return usual;
    const size_t kept = resident(painter, half), paged = kept < need->weights ? 2 * need->largest : 0;
    const size_t decoder = half == UDM_LATENT_ENCODER ? own->needs.of[UDM_LATENT_DECODER].weights : 0;
    const size_t others = own->frugal ? 0 : unet->weights + unet->values + decoder;
    return udm_min_size(usual, available(painter) - kept - paged - others);
}

// Whether they have to take turns: the U-Net and the decoder stay open, the others are opened beside them.
static bool takes_turns(const udm_painter *painter)
{
    const latent *own = painter->own;
    const udm_need *need = own->needs.of, *unet = &need[UDM_LATENT_UNET];
    const size_t text = need[UDM_LATENT_TEXT].weights + need[UDM_LATENT_TEXT].values;
    const size_t encoder = need[UDM_LATENT_ENCODER].weights + need[UDM_LATENT_ENCODER].least_values;
    const size_t most = udm_max_size(udm_max_size(text, encoder), need[UDM_LATENT_DECODER].least_values);
    return unet->weights + unet->values + need[UDM_LATENT_DECODER].weights + most > available(painter);
}

static bool plan_memory(udm_painter *painter, udm_error *error)
{
    latent *own = painter->own;
    const size_t total = painter->settings.total_memory;
    udm_info info;
    if (total == 0)
        return true;
    if (!udm_needs_device(painter->device, error) ||
        !udm_latent_plan(own->model, painter->width, painter->height, &info, &own->needs, error))
        return false;
    if (total < own->needs.least)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "%zu MiB are too little for a picture of %dx%d: this model needs at least %llu MiB",
                        total >> 20, painter->settings.width, painter->settings.height,
                        (unsigned long long)(own->needs.least + (1 << 20) - 1) >> 20);
    own->frugal = takes_turns(painter);
    return true;
}

static bool open_latent(udm_painter *painter, const udm_model *model, udm_error *error)
{
    latent *own = painter->own = calloc(1, sizeof *own);
    if (!own)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a painter");
    own->model = model, own->parts = udm_model_text(model);
    if (!describe(painter, error) || !choose_size(painter, error))
        return false;
    own->tokens = udm_unet2d_tokens(&own->unet);
    painter->size = 2 * UDM_TEXT_CHUNKS * own->tokens * own->unet.token_width;
    own->frugal = bytes_of(udm_model_network_weights(model)) + bytes_of(own->parts->vae.weights) >
                  udm_settings_memory(&painter->settings);
    painter->device = udm_settings_device(&painter->settings, error);
    own->tokenizer = painter->device ? udm_tokenizer_open(own->parts->tokenizer, error) : NULL;
    return own->tokenizer && plan_memory(painter, error) && udm_painter_open_loop(painter, model, 1, error) &&
           allocate(painter, error);
}

static void close_latent(udm_painter *painter)
{
    latent *own = painter->own;
    if (!own)
        return;
    udm_autoencoder_free(own->decoder);
    udm_tokenizer_free(own->tokenizer);
    free(own->picture);
    free(own);
}

// ---- a text

static bool read_prompt(udm_painter *painter, const udm_prompting *p, float *embedding, udm_error *error)
{
    const latent *own = painter->own;
    const udm_texts texts = { .parts = own->parts,
                              .tokenizer = own->tokenizer,
                              .list = (const char *const[]){ p->text, p->negative },
                              .count = 2,
                              .tokens = own->tokens,
                              .width = own->unet.token_width };
    keep_within(painter, UDM_LATENT_TEXT);
    return udm_texts_read(&texts, painter->device, embedding, &painter->cancelled, error);
}

// ---- pictures to latents, and back

typedef struct coding {
    udm_painter *painter;
    bool encodes;
    udm_device *device;
    const float *in;
    float *out;
} coding;

// udm_fallback.run
static bool code(void *context, udm_error *error)
{
    const coding *c = context;
    udm_painter *painter = c->painter;
    latent *own = painter->own;
    const udm_text_part *vae = &own->parts->vae;
    const int part = c->encodes ? UDM_LATENT_ENCODER : UDM_LATENT_DECODER;
    const udm_coding size = { painter->width, painter->height, coding_limit(painter, part), &painter->cancelled };
    keep_within(painter, part);
    udm_autoencoder *half = !c->encodes && own->decoder
                                ? own->decoder
                                : udm_autoencoder_open(vae->config, vae->weights, c->encodes, c->device, error);
    const bool good = half && udm_coder_run(half, &size, c->in, c->out, error);
    const bool keeps = good && !c->encodes && !own->frugal;
    if (!keeps)
        udm_autoencoder_free(half);
    if (!c->encodes)
        own->decoder = keeps ? half : NULL;
    return good;
}

static bool move(void *context, udm_device *to, udm_error *error)
{
    (void)error;
    ((coding *)context)->device = to;
    return true;
}

static bool run_half(udm_painter *painter, bool encodes, const float *in, float *out, udm_error *error)
{
    coding c = { painter, encodes, painter->device, in, out };
    return udm_fallback_run(painter->device, &(udm_fallback){ &c, code, move }, error);
}

// ---- drawing

// [1, height, width] of where there is a hole, by the first pixel of each square, and the latents of a picture that is
// grey there.
static bool find_context(udm_painter *painter, const udm_painting *p, udm_error *error)
{
    latent *own = painter->own;
    const int scale = own->vae.scale, width = painter->settings.width;
    const size_t plane = (size_t)width * painter->settings.height;
    for (size_t i = 0; i < painter->pixels; i++) {
        const size_t x = i % painter->width * scale, y = i / painter->width * scale;
        own->context[i] = p->mask[y * width + x] >= 0.5f;
    }
    for (size_t i = 0; i < 3 * plane; i++)
        own->picture[i] = p->mask[i % plane] >= 0.5f ? 0 : p->image[i];
    painter->context = own->context;
    return run_half(painter, true, own->picture, own->context + painter->pixels, error);
}

static bool check_pictures(const udm_painter *painter, const udm_painting *p, udm_error *error)
{
    const latent *own = painter->own;
    if (own->unet.context > 0 && (!p->image || !p->mask))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "this model fills holes: give it a picture, and a mask or alpha that says where they are");
    if (own->unet.context == 0 && p->mask)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "this model changes whole pictures: for a mask or alpha use one whose U-Net has %d channels",
                        2 * own->vae.latents + 1);
    return true;
}

// Where it begins: with noise alone, or with latents of a picture with some of it.
static bool begin(udm_painter *painter, const udm_painting *p, udm_error *error)
{
    latent *own = painter->own;
    const double usual = p->mask ? 1 : USUAL_STRENGTH, strength = !p->image ? 1 : p->strength > 0 ? p->strength : usual;
    const int steps = painter->settings.steps, taken = udm_min((int)(steps * strength + 1e-9), steps);
    if (taken < 1)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "a strength of %g of %d steps is not one step: raise one of them, to %d steps for instance",
                        strength, steps, (int)ceil(1 / strength));
    if (!udm_painter_skip(painter, own->model, steps - taken, error))
        return false;
    udm_painter_noise(painter, p, painter->x);
    if (strength >= 1) {
        const float first = (float)udm_painter_first_noise(painter);
        for (size_t i = 0; i < painter->elements; i++)
            painter->x[i] *= first;
        return true;
    }
    const double alpha_bar = udm_noise_alpha_bar(painter->noise, painter->start);
    const float signal = (float)sqrt(alpha_bar), noise = (float)sqrt(1 - alpha_bar);
    if (!run_half(painter, true, p->image, own->first, error))
        return false;
    for (size_t i = 0; i < painter->elements; i++)
        painter->x[i] = signal * own->first[i] + noise * painter->x[i];
    return true;
}

// Tokens lie in rows, one for each of their values: those of the chunks side by side.
static void join_chunks(const latent *own, int chunks, const float *text, float *to)
{
    const size_t row = own->tokens, chunk = row * own->unet.token_width;
    for (int c = 0; c < own->unet.token_width; c++)
        for (int i = 0; i < chunks; i++, to += row)
            memcpy(to, text + i * chunk + c * row, row * sizeof *to);
}

// As few chunks as say all.
static void tell(udm_painter *painter, const float *embedding)
{
    latent *own = painter->own;
    const size_t chunk = (size_t)own->tokens * own->unet.token_width, half = chunk * UDM_TEXT_CHUNKS;
    const int chunks = udm_texts_period(embedding, embedding + half, chunk);
    painter->told = own->told, painter->untaught = own->told + half;
    join_chunks(own, chunks, embedding, own->told);
    join_chunks(own, chunks, embedding + half, own->told + half);
    painter->seen[0] = chunks > 1 ? chunks * own->tokens : 0;
}

static bool paint(udm_painter *painter, const udm_painting *p, float *planes, udm_error *error)
{
    const latent *own = painter->own;
    tell(painter, p->embedding);
    painter->context = NULL;
    if (painter->guidance < 1 && own->unet.guidance == 0)
        painter->guidance = 1; // as diffusers has it, and models of one step want it
    if (!check_pictures(painter, p, error) || (p->mask && !find_context(painter, p, error)) ||
        !begin(painter, p, error))
        return false;
    keep_within(painter, UDM_LATENT_UNET);
    const bool drawn = udm_painter_open_network(painter, own->model, error) && udm_painter_draw(painter, p, error);
    if (own->frugal) // whatever came of it: what is next to open has its memory
        udm_painter_close_network(painter);
    if (!drawn || !run_half(painter, false, painter->x, planes, error))
        return false;
    for (size_t i = 0; i < 3 * (size_t)painter->settings.width * painter->settings.height; i++)
        planes[i] = udm_clamp(planes[i], -1, 1);
    return true;
}

const udm_painter_kind udm_painter_latent = {
    .name = "latent",
    .guidance = 7.5,
    .open = open_latent,
    .close = close_latent,
    .read = read_prompt,
    .paint = paint,
};
