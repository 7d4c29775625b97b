// SPDX-License-Identifier: LGPL-2.1-or-later
// The embedding of a frame's prompt, or what lies between two, and a picture of it if it is another than before.
#include "api/stills.h"

#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "text/travel.h"

struct udm_stills {
    udm_painter *painter;
    float *memory; // all of the following
    float *embedding, *other, *drawn, *seen, *picture;
    bool has_seen; // there is a picture to be resembled, of which this is the embedding
    bool has_picture;
    uint64_t scene;           // what the picture is of, beside `drawn`
    double guidance, rescale; // ...
};

udm_stills *udm_stills_new(const udm_model *model, const udm_settings *settings, const udm_image *image,
                           udm_error *error)
{
    udm_settings own = *settings;
    if (!udm_model_has_latents(model)) // its own size, enlarged
        own.width = own.height = 0;
    udm_stills *stills = calloc(1, sizeof *stills);
    if (!stills) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a generator");
        return NULL;
    }
    stills->painter = udm_painter_open(model, &own, error);
    const size_t size = stills->painter ? udm_painter_size(stills->painter) : 0;
    const size_t pixels =
        stills->painter ? (size_t)udm_painter_width(stills->painter) * udm_painter_height(stills->painter) : 0;
    float *at = stills->memory = stills->painter ? malloc((4 * size + 3 * pixels) * sizeof *at) : NULL;
    if (stills->painter && !at)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture");
    if (at) {
        stills->embedding = at, stills->other = at += size, stills->drawn = at += size, stills->seen = at += size;
        stills->picture = at + size;
        stills->has_seen = image != NULL;
        if (!image || udm_painter_look(stills->painter, image, stills->seen, error))
            return stills;
    }
    udm_stills_free(stills);
    return NULL;
}

void udm_stills_free(udm_stills *stills)
{
    if (!stills)
        return;
    udm_painter_free(stills->painter);
    free(stills->memory);
    free(stills);
}

udm_painter *udm_stills_painter(const udm_stills *stills)
{
    return stills->painter;
}

// The embedding goes a share of the way to another.
static void move(udm_stills *stills, const float *to, double share)
{
    for (int i = 0; i < udm_painter_size(stills->painter); i++)
        stills->embedding[i] += (float)share * (to[i] - stills->embedding[i]);
}

static bool read_prompt(udm_stills *stills, uint64_t number, const udm_frame_params *params, udm_error *error)
{
    udm_prompting prompting;
    udm_travel travel;
    udm_prompting_init(&prompting, sizeof prompting);
    prompting.negative = params->negative_prompt;
    if (!udm_travel_at(params->prompt ? params->prompt : "", number, &travel, error)) {
        udm_travel_clear(&travel);
        return false;
    }
    prompting.text = travel.from;
    bool good = udm_painter_read(stills->painter, &prompting, stills->embedding, error);
    if (good && travel.to) {
        prompting.text = travel.to;
        good = udm_painter_read(stills->painter, &prompting, stills->other, error);
        if (good)
            move(stills, stills->other, travel.share);
    }
    udm_travel_clear(&travel);
    return good;
}

// What is to be drawn: of the prompt, of the picture that is to be resembled, or half of each.
static bool find_embedding(udm_stills *stills, uint64_t number, const udm_frame_params *params, udm_error *error)
{
    if (!stills->has_seen)
        return read_prompt(stills, number, params, error);
    if (!params->prompt || !*params->prompt) {
        memcpy(stills->embedding, stills->seen, udm_painter_size(stills->painter) * sizeof *stills->embedding);
        return true;
    }
    if (!read_prompt(stills, number, params, error))
        return false;
    move(stills, stills->seen, 0.5);
    return true;
}

const float *udm_stills_make(udm_stills *stills, uint64_t scene, uint64_t number, const udm_frame_params *params,
                             udm_error *error)
{
    const size_t bytes = udm_painter_size(stills->painter) * sizeof(float);
    if (params->class_label >= 0) {
        udm_fail(error, UDM_ERROR_SETTINGS, "class %d: this model has no classes, give it a prompt",
                 params->class_label);
        return NULL;
    }
    if (!find_embedding(stills, number, params, error))
        return NULL;
    if (stills->has_picture && stills->scene == scene && stills->guidance == params->guidance &&
        stills->rescale == params->rescale && memcmp(stills->drawn, stills->embedding, bytes) == 0)
        return stills->picture;
    udm_painting painting;
    udm_painting_init(&painting, sizeof painting);
    painting.embedding = stills->embedding, painting.number = scene;
    painting.guidance = params->guidance, painting.rescale = params->rescale;
    stills->has_picture = udm_painter_paint(stills->painter, &painting, stills->picture, error);
    memcpy(stills->drawn, stills->embedding, bytes);
    stills->scene = scene, stills->guidance = params->guidance, stills->rescale = params->rescale;
    return stills->has_picture ? stills->picture : NULL;
}
