// SPDX-License-Identifier: LGPL-2.1-or-later
// The embedding of a frame's prompt, or what lies between two, and a picture of it if it is another than before.
#include "api/stills.h"

#include <stdlib.h>
#include <string.h>

#include "text/travel.h"

struct udm_stills {
    udm_painter *painter;
    float *memory; // all of the following
    float *embedding, *other, *drawn, *picture;
    bool has_picture;
    uint64_t scene;           // what the picture is of, beside `drawn`
    double guidance, rescale; // ...
};

udm_stills *udm_stills_new(const udm_model *model, const udm_settings *settings, udm_error *error)
{
    udm_settings own = *settings;
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
    float *at = stills->memory = stills->painter ? malloc((3 * size + 3 * pixels) * sizeof *at) : NULL;
    if (stills->painter && !at)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a picture");
    if (!at) {
        udm_stills_free(stills);
        return NULL;
    }
    stills->embedding = at, stills->other = at + size, stills->drawn = at + 2 * size, stills->picture = at + 3 * size;
    return stills;
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
        for (int i = 0; good && i < udm_painter_size(stills->painter); i++)
            stills->embedding[i] += (float)travel.share * (stills->other[i] - stills->embedding[i]);
    }
    udm_travel_clear(&travel);
    return good;
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
    if (!read_prompt(stills, number, params, error))
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
