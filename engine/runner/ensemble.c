// SPDX-License-Identifier: LGPL-2.1-or-later
// Turns the network's inputs, and its outputs back.
#include "runner/ensemble.h"

#include <stdlib.h>

typedef struct view {
    bool right_to_left, upside_down, lying; // mirrored along one axis or both, and then rows become columns
} view;

// The first ones differ most: two are worth two thirds of eight.
static const view all_views[] = {
    { 0 },
    { .right_to_left = true, .lying = true },
    { .upside_down = true },
    { .right_to_left = true, .upside_down = true, .lying = true },
    { .right_to_left = true },
    { .lying = true },
    { .right_to_left = true, .upside_down = true },
    { .upside_down = true, .lying = true },
};

struct udm_ensemble {
    udm_tiling *upright, *lying; // the second: NULL for one view
    int width, height, views;
    int context, outputs, channels; // planes
    float *turned, *output;         // what a view sees, and what comes of it; NULL for one view
};

static size_t count_seen(const udm_ensemble *ensemble)
{
    return 2 * ((size_t)ensemble->channels + 1) + ensemble->context;
}

static size_t count_values(const udm_ensemble *ensemble)
{
    return ensemble->views == 1 ? 0 : (count_seen(ensemble) + ensemble->outputs) * ensemble->width * ensemble->height;
}

// Every second view lies.
static bool open_views(udm_ensemble *ensemble, const udm_network *network, udm_workspace *workspace, int stages,
                       size_t limit, udm_error *error)
{
    const int width = ensemble->width, height = ensemble->height, lying = ensemble->views / 2;
    ensemble->upright =
        udm_tiling_new(network, workspace, width, height, stages * (ensemble->views - lying), limit, error);
    if (!ensemble->upright || lying == 0)
        return ensemble->upright != NULL;
    ensemble->lying = udm_tiling_new(network, workspace, height, width, stages * lying, limit, error);
    if (!ensemble->lying)
        return false;
    ensemble->turned = calloc(count_values(ensemble), sizeof(float));
    if (!ensemble->turned)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for views of a frame of %dx%d", width, height);
    ensemble->output = ensemble->turned + count_seen(ensemble) * width * height;
    return true;
}

udm_ensemble *udm_ensemble_new(const udm_network *network, udm_workspace *workspace, int width, int height, int stages,
                               int views, size_t limit, udm_error *error)
{
    udm_ensemble *ensemble = calloc(1, sizeof *ensemble);
    if (!ensemble) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
        return NULL;
    }
    *ensemble = (udm_ensemble){ .width = width,
                                .height = height,
                                .views = views,
                                .context = network->context,
                                .outputs = udm_network_outputs(network),
                                .channels = network->channels };
    if (!open_views(ensemble, network, workspace, stages, limit, error)) {
        udm_ensemble_free(ensemble);
        return NULL;
    }
    return ensemble;
}

void udm_ensemble_free(udm_ensemble *ensemble)
{
    if (!ensemble)
        return;
    udm_tiling_free(ensemble->upright);
    udm_tiling_free(ensemble->lying);
    free(ensemble->turned);
    free(ensemble);
}

int udm_ensemble_tiles(const udm_ensemble *ensemble)
{
    return udm_tiling_count(ensemble->upright);
}

size_t udm_ensemble_memory(const udm_ensemble *ensemble)
{
    return udm_tiling_memory(ensemble->upright) + (ensemble->lying ? udm_tiling_memory(ensemble->lying) : 0) +
           count_values(ensemble) * sizeof(float);
}

void udm_ensemble_clear(udm_ensemble *ensemble)
{
    udm_tiling_clear(ensemble->upright);
    if (ensemble->lying)
        udm_tiling_clear(ensemble->lying);
}

// How the pixels of a view, row by row, lie in the frame.
typedef struct path {
    int width, height; // of the view
    ptrdiff_t start, across, down;
} path;

static path find_path(const udm_ensemble *ensemble, const view *view)
{
    const int width = ensemble->width, height = ensemble->height;
    const ptrdiff_t x = view->right_to_left ? -1 : 1, y = view->upside_down ? -width : width;
    return (path){
        .width = view->lying ? height : width,
        .height = view->lying ? width : height,
        .start = (view->right_to_left ? width - 1 : 0) + (view->upside_down ? (ptrdiff_t)(height - 1) * width : 0),
        .across = view->lying ? y : x,
        .down = view->lying ? x : y,
    };
}

// The planes in the view, put at *room, which moves on behind them. NULL stays NULL.
static const float *turn(const path *path, const float *planes, int count, float **workspace)
{
    if (!planes || count == 0)
        return NULL;
    float *turned = *workspace;
    for (int c = 0; c < count; c++, planes += (size_t)path->width * path->height)
        for (int y = 0; y < path->height; y++, *workspace += path->width)
            for (int x = 0; x < path->width; x++)
                (*workspace)[x] = planes[path->start + y * path->down + x * path->across];
    return turned;
}

static void add_back(const path *path, const float *output, int count, float share, float *out)
{
    for (int c = 0; c < count; c++, out += (size_t)path->width * path->height)
        for (int y = 0; y < path->height; y++, output += path->width)
            for (int x = 0; x < path->width; x++)
                out[path->start + y * path->down + x * path->across] += share * output[x];
}

static udm_network_input turn_all(const udm_ensemble *ensemble, const path *path, const udm_network_input *seen)
{
    float *workspace = ensemble->turned;
    udm_network_input turned = *seen;
    turned.frame = turn(path, seen->frame, ensemble->channels, &workspace);
    turned.level = turn(path, seen->level, 1, &workspace);
    turned.predicted = turn(path, seen->predicted, ensemble->channels, &workspace);
    turned.predicted_level = turn(path, seen->predicted_level, 1, &workspace);
    turned.context = turn(path, seen->context, ensemble->context, &workspace);
    return turned;
}

bool udm_ensemble_run(udm_ensemble *ensemble, int stage, uint64_t number, const udm_network_input *seen, float *out,
                      const atomic_bool *cancel, udm_error *error)
{
    const int count = ensemble->views, lying = count / 2, upright = count - lying;
    if (!udm_tiling_run(ensemble->upright, stage * upright, number, seen, out, cancel, error))
        return false;
    const size_t values = (size_t)ensemble->outputs * ensemble->width * ensemble->height;
    for (size_t i = 0; count > 1 && i < values; i++)
        out[i] /= (float)count;
    for (int k = 1; k < count; k++) {
        const path path = find_path(ensemble, &all_views[k]);
        const udm_network_input turned = turn_all(ensemble, &path, seen);
        udm_tiling *tiles = all_views[k].lying ? ensemble->lying : ensemble->upright;
        const int state = stage * (all_views[k].lying ? lying : upright) + k / 2;
        if (!udm_tiling_run(tiles, state, number, &turned, ensemble->output, cancel, error))
            return false;
        add_back(&path, ensemble->output, ensemble->outputs, 1.0f / count, out);
    }
    return true;
}
