// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames, times and texts onto the device, through the graph, and back.
#include "runner/film.h"

#include <stdlib.h>

#include "backend/fallback.h"
#include "runner/pass.h"

struct udm_film {
    const udm_network *network; // where it runs
    udm_network *moved;         // the same, where the first one's device failed
    udm_film_shape shape;
    udm_pass pass;
    float *times; // [times, 1, frames]
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

udm_film *udm_film_new(const udm_network *network, const udm_film_shape *shape, udm_error *error)
{
    udm_film *film = calloc(1, sizeof *film);
    if (film) {
        film->network = network;
        film->shape = *shape;
        film->times = malloc((size_t)network->times * (shape->frames > 0 ? shape->frames : 1) * sizeof *film->times);
    }
    if (!film || !film->times)
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
    free(film);
}

size_t udm_film_memory(const udm_film *film)
{
    return film->pass.graph ? udm_graph_arena_bytes(film->pass.graph) : 0;
}

// One evaluation.
typedef struct turn {
    udm_film *film;
    const float *const *frames;
    const double *timesteps;
    const float *const *texts;
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
        good = network->class->condition(network, t->timesteps[f], -1, one, NULL, &gain, error);
        for (int i = 0; i < network->times; i++)
            film->times[(size_t)i * frames + f] = one[i];
    }
    if (good)
        udm_pass_put(&film->pass, frames, film->times);
    free(one);
    return good;
}

static bool run_turn(void *context, udm_error *error)
{
    const turn *t = context;
    udm_film *film = t->film;
    const udm_film_shape *shape = &film->shape;
    if (!settle(film, error) || !put_times(t, error))
        return false;
    for (int f = 0; f < shape->frames; f++)
        udm_pass_put(&film->pass, f, t->frames[f]);
    for (int k = 0; k < shape->texts; k++)
        udm_pass_put(&film->pass, shape->frames + 1 + k, t->texts[k]);
    return udm_pass_run(&film->pass, t->out, shape->frames, t->cancel, error);
}

static bool move_turn(void *context, udm_device *to, udm_error *error)
{
    return move(((const turn *)context)->film, to, error);
}

bool udm_film_run(udm_film *film, const float *const *frames, const double *timesteps, const float *const *texts,
                  float *const *out, const atomic_bool *cancel, udm_error *error)
{
    turn t = { film, frames, timesteps, texts, out, cancel };
    return udm_fallback_run(film->network->device, &(udm_fallback){ &t, run_turn, move_turn }, error);
}
