// SPDX-License-Identifier: LGPL-2.1-or-later
// DALL-E 2 (Ramesh et al. 2022): a prompt becomes the embedding of a picture, by CLIP and a prior, and a decoder draws
// pictures of an embedding; that of no picture is what guidance leads away from.
#include <stdlib.h>
#include <string.h>

#include "api/painter.h"
#include "diffusion/prompt.h"

typedef struct unclip {
    udm_reader *reader;
    float *told, *nothing; // what the embedding, and that of nothing, become
    float *empty;          // that of nothing: no picture, and the empty text
} unclip;

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
    painter->channels = 3, painter->width = own->width, painter->height = own->height;
    painter->size = network->embedding;
    painter->tiles = udm_tiling_new(network, NULL, own->width, own->height, 1, udm_settings_memory(own), error);
    return painter->tiles != NULL;
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
    if (good)
        network->class->embed(network, own->empty, own->nothing);
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
    free(own->told);
    free(own);
}

static bool read_prompt(udm_painter *painter, const udm_prompting *p, float *embedding, udm_error *error)
{
    const unclip *own = painter->own;
    const udm_embedding_shape *told = &painter->network->told;
    const udm_prompt prompt = { p->text, p->negative, p->guidance, p->steps, painter->settings.seed, NULL };
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
    const unclip *own = painter->own;
    if (p->image || p->mask)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "this model draws of embeddings and does not change pictures: let it look at the picture");
    painter->network->class->embed(painter->network, p->embedding, own->told);
    painter->told = own->told, painter->untaught = own->nothing;
    udm_painter_noise(painter, p, painter->x);
    if (!udm_painter_draw(painter, p, error))
        return false;
    for (size_t i = 0; i < painter->elements; i++)
        planes[i] = painter->x[i];
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
