// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames, times and texts onto the device, through the graph, and back.
#include "runner/film.h"

#include <stdlib.h>

#include "backend/fallback.h"
#include "runner/pass.h"
#include "runner/patches.h"

struct udm_film {
    const udm_network *network; // where it runs
    udm_network *moved;         // the same, where the first one's device failed
    udm_film_shape shape;
    udm_pass pass;
    float *times;   // [times, 1, frames]
    float *labels;  // [labels, 1, frames]; NULL where there are none
    float *patches; // of all frames, and of their contexts; NULL where a patch is a pixel
};

// Planes of ones at the pixels of their frames, which do not change.
static bool put_places(udm_film *film, udm_error *error)
{
    const udm_network *network = film->network;
    const udm_film_shape *shape = &film->shape;
    for (int l = 0; l < network->place_inputs; l++) {
        const size_t pixels = (size_t)(shape->height >> l) * (shape->width >> l), row = shape->frames * pixels;
        float *values = calloc(network->places * row, sizeof *values);
        if (!values)
            return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film of %d frames", shape->frames);
        for (int f = 0; f < shape->frames; f++)
            for (size_t p = 0; p < pixels; p++)
                values[f * row + f * pixels + p] = 1;
        udm_pass_put(&film->pass, shape->frames + 1 + shape->texts + l, values);
        const bool good = film->pass.device->ops->finish(film->pass.device, error); // what it was put from goes
        free(values);
        if (!good)
            return false;
    }
    return true;
}

// udm_fallback.run: sets up, if that was not done yet.
static bool settle(void *context, udm_error *error)
{
    udm_film *film = context;
    if (film->pass.arena)
        return true;
    if (udm_pass_begin(&film->pass, film->network->device, error) &&
        film->network->class->build_frames(film->network, film->pass.graph, &film->shape, error) &&
        udm_pass_settle(&film->pass, error) && put_places(film, error))
        return true;
    udm_pass_end(&film->pass);
    return false;
}

// udm_fallback.move
static bool move(void *context, udm_device *to, udm_error *error)
{
    udm_film *film = context;
    udm_network *moved = udm_network_reopen(film->network, to, error);
    if (!moved)
        return false;
    udm_pass_end(&film->pass);
    film->network = film->moved = moved;
    return true;
}

static size_t frame_elements(const udm_film *film)
{
    return (size_t)(film->network->channels + film->network->context) * film->shape.width * film->shape.height;
}

static bool allocate(udm_film *film)
{
    const udm_network *network = film->network;
    const size_t frames = film->shape.frames > 0 ? film->shape.frames : 1;
    film->times = malloc(network->times * frames * sizeof *film->times);
    film->labels = network->labels > 0 ? malloc(network->labels * frames * sizeof *film->labels) : NULL;
    film->patches = network->patch > 1 ? malloc(frame_elements(film) * frames * sizeof *film->patches) : NULL;
    return film->times && (film->labels || network->labels == 0) && (film->patches || network->patch <= 1);
}

udm_film *udm_film_new(const udm_network *network, const udm_film_shape *shape, udm_error *error)
{
    udm_film *film = calloc(1, sizeof *film);
    if (film) {
        film->network = network;
        film->shape = *shape;
    }
    if (!film || !allocate(film))
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film of %d frames", shape->frames);
    else if (udm_fallback_run(network->device, &(udm_fallback){ film, settle, move }, error))
        return film;
    udm_film_free(film);
    return NULL;
}

void udm_film_free(udm_film *film)
{
    if (!film)
        return;
    udm_pass_end(&film->pass);
    udm_network_free(film->moved);
    free(film->times);
    free(film->labels);
    free(film->patches);
    free(film);
}

size_t udm_film_memory(const udm_film *film)
{
    return film->pass.graph ? udm_graph_arena_bytes(film->pass.graph) : 0;
}

// One evaluation.
typedef struct turn {
    udm_film *film;
    const udm_film_input *in;
    float *const *out;
    const atomic_bool *cancel;
} turn;

static bool put_times(const turn *t, udm_error *error)
{
    udm_film *film = t->film;
    const udm_network *network = film->network;
    const int frames = film->shape.frames;
    float gain, *one = malloc((size_t)network->times * sizeof *one);
    bool good = one || udm_fail(error, UDM_ERROR_MEMORY, "no memory for a film of %d frames", frames);
    for (int f = 0; good && f < frames; f++) {
        good = network->class->condition(network, t->in->timesteps[f], -1, one, NULL, &gain, error);
        for (int i = 0; i < network->times; i++)
            film->times[(size_t)i * frames + f] = one[i];
    }
    if (good)
        udm_pass_put(&film->pass, frames, film->times);
    free(one);
    return good;
}

// [labels, 1, frames] of those of each frame.
static void put_labels(const turn *t)
{
    udm_film *film = t->film;
    const int frames = film->shape.frames, labels = film->network->labels;
    for (int f = 0; f < frames; f++)
        for (int i = 0; i < labels; i++)
            film->labels[(size_t)i * frames + f] = t->in->labels[f][i];
    if (labels > 0)
        udm_pass_put(&film->pass, frames + 1 + film->shape.texts + film->network->place_inputs, film->labels);
}

// Where the patches of a frame lie, and those of its context.
static float *patches_of(const udm_film *film, int frame, bool context)
{
    const udm_network *network = film->network;
    const size_t own = (size_t)network->channels * film->shape.width * film->shape.height;
    return film->patches + frame * frame_elements(film) + (context ? own : 0);
}

// Planes of a frame, or of its context, into an input.
static void put_planes(const turn *t, int input, int frame, bool context)
{
    udm_film *film = t->film;
    const udm_network *network = film->network;
    const float *planes = context ? t->in->contexts[frame] : t->in->frames[frame];
    if (network->patch > 1) {
        float *patches = patches_of(film, frame, context);
        udm_patches_copy(context ? network->context : network->channels, film->shape.width, film->shape.height,
                         network->patch, patches, (float *)planes, false);
        planes = patches;
    }
    udm_pass_put(&film->pass, input, planes);
}

static bool run_turn(void *context, udm_error *error)
{
    const turn *t = context;
    udm_film *film = t->film;
    const udm_film_shape *shape = &film->shape;
    const udm_network *network = film->network;
    float *made[UDM_MAX_FRAMES];
    if (!settle(film, error) || !put_times(t, error))
        return false;
    for (int f = 0; f < shape->frames; f++)
        put_planes(t, f, f, false);
    for (int k = 0; k < shape->texts; k++)
        udm_pass_put(&film->pass, shape->frames + 1 + k, t->in->texts[k]);
    put_labels(t);
    const int beside = shape->frames + 1 + shape->texts + network->place_inputs + (network->labels > 0);
    for (int f = 0; f < shape->frames && network->context > 0; f++)
        put_planes(t, beside + f, f, true);
    for (int f = 0; f < shape->frames; f++)
        made[f] = network->patch > 1 ? patches_of(film, f, false) : t->out[f];
    if (!udm_pass_run(&film->pass, made, shape->frames, t->cancel, error))
        return false;
    for (int f = 0; f < shape->frames && network->patch > 1; f++)
        udm_patches_copy(network->channels, shape->width, shape->height, network->patch, made[f], t->out[f], true);
    return true;
}

static bool move_turn(void *context, udm_device *to, udm_error *error)
{
    return move(((const turn *)context)->film, to, error);
}

bool udm_film_run(udm_film *film, const udm_film_input *input, float *const *out, const atomic_bool *cancel,
                  udm_error *error)
{
    turn t = { film, input, out, cancel };
    return udm_fallback_run(film->network->device, &(udm_fallback){ &t, run_turn, move_turn }, error);
}
