// SPDX-License-Identifier: LGPL-2.1-or-later
// DALL-E 2 (Ramesh et al. 2022): a prompt becomes the embedding of a picture, by CLIP and a prior, and a decoder draws
// pictures of an embedding; that of no picture is what guidance leads away from. Karlo's pictures are enlarged then.
// Where there is an autoencoder, what is drawn are its latents.
#include <stdlib.h>
#include <string.h>

#include "api/pipelines/super_res.h"
#include "api/pipelines/unclip.h"
#include "base/maths.h"
#include "diffusion/prompt.h"
#include "runner/developer.h"

static const double karlo_guidance = 8; // as its authors and diffusers have it
static const double usual_prior_guidance = 2, karlo_prior_guidance = 4;

typedef struct unclip {
    udm_reader *reader;
    float *told, *nothing;    // what the embedding, and that of nothing, become
    float *empty;             // that of nothing: no picture, and the empty text
    udm_super_res *super_res; // NULL: pictures stay as the decoder draws them
    udm_developer developer;  // of latents; of zeros where pixels are drawn
} unclip;

bool udm_unclip_size(udm_settings *settings, const udm_network *decoder, int factor, int *width, int *height,
                     udm_error *error)
{
    if (settings->width == 0 && settings->height == 0)
        settings->width = factor * decoder->width, settings->height = factor * decoder->height;
    if (!udm_settings_check(settings, error))
        return false;
    if (settings->width % factor || settings->height % factor)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "a picture of %dx%d: width and height must be multiples of %d with this model", settings->width,
                        settings->height, factor);
    *width = settings->width / factor, *height = settings->height / factor;
    return true;
}

// Two, where texts are of different lengths for the decoder.
static bool open_tiles(udm_painter *painter, udm_error *error)
{
    const size_t limit = udm_settings_memory(&painter->settings);
    const bool two = painter->network->told.counted;
    udm_tiling **const tiles[2] = { &painter->tiles, &painter->untold_tiles };
    if (two && !(painter->workspace = udm_workspace_new(painter->device, error)))
        return false;
    for (int i = 0; i < 1 + two; i++)
        if (!(*tiles[i] = udm_tiling_new(painter->network, painter->workspace, painter->width, painter->height, 1,
                                         limit, error)))
            return false;
    return true;
}

// The networks, together, are more than the limit; or all is limited.
static bool is_large(const udm_painter *painter, const udm_model *model)
{
    if (painter->settings.total_memory > 0)
        return true;
    const udm_text_parts *parts = udm_model_text(model);
    const int64_t weights = udm_weights_total(udm_model_network_weights(model)) +
                            udm_weights_total(parts->super_res[0].weights) +
                            udm_weights_total(parts->super_res[1].weights);
    return (uint64_t)weights * sizeof(float) > udm_settings_memory(&painter->settings);
}

// How many times larger pictures are than what the decoder draws; 0 with *error if parts do not fit together.
static int find_factor(udm_painter *painter, const udm_model *model, udm_error *error)
{
    unclip *own = painter->own;
    const udm_network *network = painter->network;
    const udm_text_parts *parts = udm_model_text(model);
    if (network->embedding == 0 || (network->channels != 3 && !parts->vae.config)) {
        udm_fail(error, UDM_ERROR_UNSUPPORTED,
                 "%s: its decoder must make pictures of three channels of an embedding, or latents of an autoencoder",
                 udm_model_directory(model));
        return 0;
    }
    if (parts->super_res[0].config)
        return udm_super_res_factor(model, network->width, network->height, error);
    if (!parts->vae.config)
        return 1;
    const bool good = udm_developer_open(&own->developer, parts->vae.config, parts->vae.weights, painter->device,
                                         network->channels, error);
    return good ? own->developer.about.scale : 0;
}

// Before anything is opened, where there is a limit to all memory.
static bool limit_all(udm_painter *painter, const udm_model *model, udm_error *error)
{
    udm_needs needs;
    udm_settings *own = &painter->settings;
    size_t passing;
    double work;
    return own->total_memory == 0 ||
           (udm_needs_device(painter->device, error) && udm_unclip_plan(model, own, &needs, &work, error) &&
            udm_needs_limit(&needs, painter->device, own->total_memory, "a picture", own->width, own->height, &passing,
                            error));
}

static bool open_decoder(udm_painter *painter, const udm_model *model, udm_error *error)
{
    painter->device = udm_settings_device(&painter->settings, error);
    if (!painter->device || !limit_all(painter, model, error) ||
        !(painter->network = udm_open_network_on(model, painter->device, error)))
        return false;
    const udm_network *network = painter->network;
    const bool enlarges = udm_model_text(model)->super_res[0].config;
    const int factor = find_factor(painter, model, error);
    painter->channels = network->channels;
    painter->size = network->embedding;
    if (factor == 0 ||
        !udm_unclip_size(&painter->settings, network, factor, &painter->width, &painter->height, error) ||
        !open_tiles(painter, error))
        return false;
    unclip *own = painter->own;
    if (enlarges)
        own->super_res = udm_super_res_new(painter, model, factor, is_large(painter, model), error);
    return !enlarges || own->super_res;
}

// What guidance leads away from: zeros stand for no picture.
static bool tell_nothing(udm_painter *painter, udm_error *error)
{
    unclip *own = painter->own;
    const udm_network *network = painter->network;
    const size_t condition = network->labels + (size_t)network->tokens * network->token_width;
    own->told = calloc(2 * condition + network->embedding, sizeof *own->told);
    if (!own->told)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a painter");
    own->nothing = own->told + condition;
    own->empty = own->nothing + condition;
    const bool good =
        network->told.text == 0 || udm_reader_tell(own->reader, "", &network->told, own->empty + network->told.picture,
                                                   &painter->cancelled, error);
    if (network->nothing)
        memcpy(own->empty, network->nothing, network->told.picture * sizeof *own->empty);
    if (good)
        network->class->embed(network, own->empty, own->nothing);
    painter->seen[1] = network->told.counted ? udm_network_seen_tokens(network, own->empty) : 0;
    return good;
}

static bool open_unclip(udm_painter *painter, const udm_model *model, udm_error *error)
{
    unclip *own = painter->own = calloc(1, sizeof *own);
    if (!own)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a painter");
    if (!open_decoder(painter, model, error) ||
        !udm_painter_open_loop(painter, model, 1 + painter->network->spreads, error))
        return false;
    painter->stats.tiles = udm_tiling_count(painter->tiles);
    own->reader = udm_reader_new(udm_model_text(model), painter->device, error);
    return own->reader && tell_nothing(painter, error);
}

static void close_unclip(udm_painter *painter)
{
    unclip *own = painter->own;
    if (!own)
        return;
    udm_reader_free(own->reader);
    udm_super_res_free(own->super_res);
    udm_developer_close(&own->developer);
    free(own->told);
    free(own);
}

static bool read_prompt(udm_painter *painter, const udm_prompting *p, float *embedding, udm_error *error)
{
    const unclip *own = painter->own;
    const udm_embedding_shape *told = &painter->network->told;
    const double usual = own->super_res ? karlo_prior_guidance : usual_prior_guidance;
    const double guidance = p->guidance == UDM_GUIDANCE_USUAL ? usual : p->guidance;
    const udm_prompt prompt = { p->text, p->negative, guidance, p->steps, painter->settings.seed, NULL };
    if (p->steps == 0 && told->text == 0)
        return udm_fail(
            error, UDM_ERROR_SETTINGS,
            "a prior of 0 steps: the decoder of this model is told no text, and needs what the prior finds");
    memset(embedding, 0, told->picture * sizeof *embedding);
    return (p->steps == 0 ||
            udm_reader_read(own->reader, &prompt, told->picture, embedding, &painter->cancelled, error)) &&
           (told->text == 0 ||
            udm_reader_tell(own->reader, p->text, told, embedding + told->picture, &painter->cancelled, error));
}

static bool look(udm_painter *painter, const float *planes, int width, int height, float *embedding, udm_error *error)
{
    const unclip *own = painter->own;
    memcpy(embedding, own->empty, painter->size * sizeof *embedding);
    return udm_reader_look(own->reader, planes, width, height, painter->network->told.picture, embedding,
                           &painter->cancelled, error);
}

static bool paint(udm_painter *painter, const udm_painting *p, float *planes, udm_error *error)
{
    unclip *own = painter->own;
    const udm_coding coding = { painter->width, painter->height, udm_settings_memory(&painter->settings),
                                &painter->cancelled };
    if (p->image || p->mask)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "this model draws of embeddings and does not change pictures: let it look at the picture");
    const udm_network *network = painter->network;
    network->class->embed(network, p->embedding, own->told);
    painter->told = own->told, painter->untaught = own->nothing;
    painter->seen[0] = network->told.counted ? udm_network_seen_tokens(network, p->embedding) : 0;
    if (own->super_res && p->guidance == UDM_GUIDANCE_USUAL)
        painter->guidance = karlo_guidance;
    painter->more_steps = own->super_res ? udm_super_res_steps(p) : 0;
    udm_painter_noise(painter, p, painter->x);
    if (!udm_painter_draw(painter, p, error))
        return false;
    if (own->super_res) {
        for (size_t i = 0; i < painter->elements; i++)
            painter->x[i] = udm_clamp(painter->x[i], -1, 1);
        return udm_super_res_run(own->super_res, p, painter->x, planes, error);
    }
    if (own->developer.config)
        return udm_developer_run(&own->developer, &coding, painter->x, planes, error);
    memcpy(planes, painter->x, painter->elements * sizeof *planes);
    return true;
}

const udm_painter_kind udm_painter_unclip = {
    .name = "unclip",
    .guidance = 3,
    .open = open_unclip,
    .close = close_unclip,
    .read = read_prompt,
    .look = look,
    .paint = paint,
};
