// SPDX-License-Identifier: LGPL-2.1-or-later
// Preview, motion, prediction, variance. Motion leads to the preview of the frame before; where that was at rest, to a
// mean of the previews since it has been: it has less noise, and slow motion leaves it behind until it is seen. The
// frames ahead are averaged as those before are, from the last of them back to the frame at hand, anew for each frame;
// then both predictions are joined.
#include "temporal/temporal_filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/optical_flow.h"
#include "process/process.h"
#include "temporal/halving.h"
#include "temporal/kernels/kernels.h"
#include "temporal/variance.h"
#include "base/maths.h"
#include "tensor/planes.h"

enum { PART = UDM_TEMPORAL_PART }; // pixels of a job

#define MOST_NOISE 0.35f // of variance: sigma 75
#define NEWS 0.125f      // the weight of a preview in that mean

struct udm_temporal_filter {
    const udm_network *preview, *trust;
    udm_pool *pool;
    udm_tiling *tiles, *trust_tiles; // the second: NULL if no network predicts the variance
    udm_flow *motion;
    udm_predictor *predictor, *ahead; // the second: NULL if nothing looks ahead
    int width, height;
    size_t pixels, seen;             // of a frame, and of its preview
    bool halved;                     // previews are of half the size, and so is the motion until it is expanded
    bool began;                      // there is a frame before
    udm_predicted shown;             // of the frame looked at last
    const udm_temporal_input *small; // the frame whose half `scaled` and `small_level` hold; NULL: none
    float *memory;                   // all of the following
    float *scaled;                   // [C, height, width]
    float *estimate;                 // and a plane of log-variance
    float *flow;                     // [2, height, width]
    float *before;                   // [height, width]: a preview
    float *small_level;              // of the halved frame,
    float *small_flow;               // ... its motion,
    float *expanded;                 // ... and its preview, [height, width]; NULL if frames are not halved
};

static size_t own_floats(const udm_temporal_filter *temporal)
{
    const size_t planes = 2 * (size_t)temporal->preview->channels + 4 + temporal->halved;
    return temporal->pixels * planes + (temporal->halved ? 3 * temporal->seen : 0);
}

static bool allocate(udm_temporal_filter *temporal, udm_error *error)
{
    const size_t picture = temporal->pixels * temporal->preview->channels;
    temporal->memory = malloc(own_floats(temporal) * sizeof(float));
    if (!temporal->memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a preview");
    temporal->scaled = temporal->memory;
    temporal->estimate = temporal->scaled + picture;
    temporal->flow = temporal->estimate + picture + temporal->pixels;
    temporal->before = temporal->flow + 2 * temporal->pixels;
    if (temporal->halved) {
        temporal->expanded = temporal->before + temporal->pixels;
        temporal->small_level = temporal->expanded + temporal->pixels;
        temporal->small_flow = temporal->small_level + temporal->seen;
    }
    return true;
}

static bool open_parts(udm_temporal_filter *temporal, udm_workspace *workspace, int ahead, size_t limit,
                       udm_error *error)
{
    if (temporal->trust && temporal->trust->halved && !temporal->halved)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "a \"halved\" trust network needs a \"halved\" preview");
    const int channels = temporal->preview->channels, width = temporal->width, height = temporal->height;
    const int seen_width = temporal->halved ? udm_divide_up(width, 2) : width;
    const int seen_height = temporal->halved ? udm_divide_up(height, 2) : height;
    const bool half = temporal->trust && temporal->trust->halved;
    const int trust_width = half ? seen_width : width, trust_height = half ? seen_height : height;
    udm_device *device = temporal->preview->device;
    temporal->seen = (size_t)seen_width * (size_t)seen_height;
    return (temporal->tiles = udm_tiling_new(temporal->preview, workspace, seen_width, seen_height, 1, limit, error)) &&
           (!temporal->trust || (temporal->trust_tiles = udm_tiling_new(temporal->trust, workspace, trust_width,
                                                                        trust_height, 1, limit, error))) &&
           (temporal->motion = udm_flow_new_on(device, seen_width, seen_height, temporal->pool, error)) &&
           (temporal->predictor = udm_predictor_new(width, height, channels, device, temporal->pool, error)) &&
           (ahead == 0 ||
            (temporal->ahead = udm_predictor_new(width, height, channels, device, temporal->pool, error)));
}

udm_temporal_filter *udm_temporal_filter_new(const udm_network *preview, const udm_network *trust,
                                             udm_workspace *workspace, int width, int height, int ahead, udm_pool *pool,
                                             size_t memory_limit, udm_error *error)
{
    udm_temporal_filter *temporal = calloc(1, sizeof *temporal);
    if (!temporal) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
        return NULL;
    }
    temporal->preview = preview;
    temporal->trust = trust;
    temporal->pool = pool;
    temporal->width = width, temporal->height = height;
    temporal->pixels = (size_t)width * height;
    temporal->halved = preview->halved;
    if (!open_parts(temporal, workspace, ahead, memory_limit, error) || !allocate(temporal, error)) {
        udm_temporal_filter_free(temporal);
        return NULL;
    }
    return temporal;
}

void udm_temporal_filter_free(udm_temporal_filter *temporal)
{
    if (!temporal)
        return;
    udm_predictor_free(temporal->ahead);
    udm_predictor_free(temporal->predictor);
    udm_flow_free(temporal->motion);
    udm_tiling_free(temporal->trust_tiles);
    udm_tiling_free(temporal->tiles);
    free(temporal->memory);
    free(temporal);
}

void udm_temporal_filter_clear(udm_temporal_filter *temporal)
{
    udm_predictor_reset(temporal->predictor);
    temporal->began = false;
    temporal->small = NULL;
}

size_t udm_temporal_filter_memory(const udm_temporal_filter *temporal)
{
    size_t networks =
        udm_tiling_memory(temporal->tiles) + (temporal->trust ? udm_tiling_memory(temporal->trust_tiles) : 0);
    size_t predictions =
        udm_predictor_memory(temporal->predictor) + (temporal->ahead ? udm_predictor_memory(temporal->ahead) : 0);
    return networks + predictions + udm_flow_memory(temporal->motion) + own_floats(temporal) * sizeof(float);
}

// The frame as networks are shown it.
static void scale(udm_temporal_filter *temporal, const udm_temporal_input *input)
{
    temporal->small = NULL;
    udm_prediction_job job = { .pixels = temporal->pixels,
                               .channels = temporal->preview->channels,
                               .frame = input->planes,
                               .level = input->level,
                               .shown = temporal->scaled };
    udm_pool_run(temporal->pool, udm_temporal_parts(temporal->pixels), udm_temporal_ops_for(temporal->pool)->scale,
                 &job);
}

// Half the frame, as networks are shown it.
static void halve(udm_temporal_filter *temporal, const udm_temporal_input *input)
{
    udm_halve_frame(input->planes, input->level, temporal->preview->channels, temporal->width, temporal->height,
                    temporal->scaled, temporal->small_level, temporal->pool);
    temporal->small = input;
}

static bool make_preview(udm_temporal_filter *temporal, udm_temporal_input *input, const atomic_bool *cancel,
                         udm_error *error)
{
    if (input->previewed)
        return true;
    const udm_network_input seen = { .frame = temporal->scaled,
                                     .level = temporal->halved ? temporal->small_level : input->level };
    if (temporal->halved)
        halve(temporal, input);
    else
        scale(temporal, input);
    if (!udm_tiling_run(temporal->tiles, 0, 0, &seen, temporal->estimate, cancel, error))
        return false;
    udm_planes_to_luma(temporal->estimate, temporal->preview->channels, temporal->seen, input->preview);
    input->previewed = true;
    return true;
}

// The mean variance of the noise of a frame that a preview is made of, as of the largest sigma that networks know at
// most.
static float noise_of(const udm_temporal_filter *temporal, const udm_temporal_input *input)
{
    double sum = 0;
    for (size_t i = 0, count; i < temporal->pixels; i += count) {
        count = udm_run_length(input->level, i, temporal->pixels);
        sum += (double)count * variance_of(input->level[i], MOST_NOISE);
    }
    return (float)(sum / (double)temporal->pixels) / (temporal->halved ? 4 : 1);
}

// flow: from the preview of the input to another one, in pixels of frames, [2, height, width].
static bool find_motion(udm_temporal_filter *temporal, const udm_temporal_input *input, const float *other, float *flow,
                        udm_error *error)
{
    float *found = temporal->halved ? temporal->small_flow : flow;
    if (!udm_flow_find(temporal->motion, input->preview, other, noise_of(temporal, input), found, error))
        return false;
    for (int axis = 0; axis < 2 && temporal->halved; axis++)
        udm_expand_plane(found + axis * temporal->seen, 2, temporal->width, temporal->height,
                         flow + axis * temporal->pixels, temporal->pool);
    return true;
}

static bool link_to(udm_temporal_filter *temporal, udm_temporal_input *input, const udm_temporal_input *after,
                    udm_error *error)
{
    if (!input->linked && !find_motion(temporal, input, after->preview, input->flow, error))
        return false;
    input->linked = true;
    return true;
}

// Of how many rows one is looked at to measure what holds for blocks: where time is short, of two.
static int step_of(const udm_temporal_filter *temporal)
{
    return temporal->halved ? 2 : 1;
}

// beside: the frame that the predictor was updated with last; flow leads to it. repeat: one repeats the other.
static void decorrelate(udm_temporal_filter *temporal, udm_predictor *predictor, const udm_temporal_input *input,
                        const float *beside, const float *flow, bool repeat)
{
    if (!beside)
        return;
    if (temporal->halved)
        udm_expand_plane(input->preview, 1, temporal->width, temporal->height, temporal->expanded, temporal->pool);
    const udm_correlation_input both = { .frame = input->planes,
                                         .beside = beside,
                                         .level = input->level,
                                         .clean = temporal->halved ? temporal->expanded : input->preview,
                                         .flow = flow,
                                         .repeat = repeat,
                                         .step = step_of(temporal) };
    udm_predictor_decorrelate(predictor, &both);
}

// As log_variance(), by a network that sees both at half the size.
static bool half_log_variance(udm_temporal_filter *temporal, const udm_temporal_input *input, udm_predictor *predicted,
                              const atomic_bool *cancel, udm_error *error)
{
    const int channels = temporal->trust->channels;
    float *planes = temporal->estimate + ((size_t)channels + 1) * temporal->seen; // behind what the network makes
    float *level = planes + (size_t)channels * temporal->seen;
    if (temporal->small != input)
        halve(temporal, input);
    udm_predictor_halve(predicted, planes, level);
    const udm_network_input seen = {
        .frame = temporal->scaled, .level = temporal->small_level, .predicted = planes, .predicted_level = level
    };
    if (!udm_tiling_run(temporal->trust_tiles, 0, 0, &seen, temporal->estimate, cancel, error))
        return false;
    udm_expand_plane(temporal->estimate + (size_t)channels * temporal->seen, 1, temporal->width, temporal->height,
                     temporal->expanded, temporal->pool);
    udm_predictor_add_variance(predicted, temporal->expanded);
    return true;
}

// The variance of the prediction, by a network that sees the frame beside it.
static bool log_variance(udm_temporal_filter *temporal, const udm_temporal_input *input, udm_predictor *predicted,
                         const atomic_bool *cancel, udm_error *error)
{
    if (!temporal->trust)
        return true;
    if (temporal->trust->halved)
        return half_log_variance(temporal, input, predicted, cancel, error);
    scale(temporal, input);
    const udm_predicted shown = udm_predictor_get(predicted);
    const udm_network_input seen = {
        .frame = temporal->scaled, .level = input->level, .predicted = shown.planes, .predicted_level = shown.level
    };
    if (!udm_tiling_run(temporal->trust_tiles, 0, 0, &seen, temporal->estimate, cancel, error))
        return false;
    udm_predictor_add_variance(predicted, temporal->estimate + temporal->pixels * temporal->trust->channels);
    return true;
}

// Leaves the prediction of the first frame, made of the others.
static bool look_ahead(udm_temporal_filter *temporal, udm_temporal_input *const *inputs, int count,
                       const atomic_bool *cancel, udm_error *error)
{
    if (count > 1)
        udm_predictor_reset(temporal->ahead);
    for (int k = count - 1; k > 0; k--) {
        udm_predictor_update(temporal->ahead, inputs[k]->planes, inputs[k]->level);
        if (!udm_predictor_predict(temporal->ahead, inputs[k - 1]->flow, error))
            return false;
        udm_predictor_match_illumination(temporal->ahead, inputs[k - 1]->planes, inputs[k - 1]->level,
                                         step_of(temporal));
        decorrelate(temporal, temporal->ahead, inputs[k - 1], inputs[k]->planes, inputs[k - 1]->flow,
                    inputs[k]->repeat);
        if (!log_variance(temporal, inputs[k - 1], temporal->ahead, cancel, error))
            return false;
    }
    return true;
}

typedef struct input_job {
    udm_temporal_filter *temporal;
    const udm_temporal_input *input;
} input_job;

// What the next frame's motion will lead to.
static void keep_part(void *context, int index, int worker)
{
    const input_job *job = context;
    const udm_temporal_filter *temporal = job->temporal;
    const size_t first = (size_t)index * PART, left = temporal->seen - first, count = left < PART ? left : PART;
    const float *preview = job->input->preview + first;
    const float *u = (temporal->halved ? temporal->small_flow : temporal->flow) + first, *v = u + temporal->seen;
    float *restrict before = temporal->before + first;
    for (size_t i = 0; i < count; i++) {
        const bool rest = temporal->began && u[i] == 0 && v[i] == 0;
        before[i] = rest ? before[i] + NEWS * (preview[i] - before[i]) : preview[i];
    }
}

// Predicts the frame, then updates with it. False if it failed; *made: whether there was something to make it of.
static bool look_back(udm_temporal_filter *temporal, const udm_temporal_input *input, bool *made,
                      const atomic_bool *cancel, udm_error *error)
{
    if (temporal->began && !find_motion(temporal, input, temporal->before, temporal->flow, error))
        return false;
    if (!udm_predictor_predict(temporal->predictor, temporal->flow, error))
        return false;
    udm_predictor_match_illumination(temporal->predictor, input->planes, input->level, step_of(temporal));
    decorrelate(temporal, temporal->predictor, input, input->before, temporal->flow, input->repeat);
    *made = udm_predictor_has_prediction(temporal->predictor);
    if (*made && !log_variance(temporal, input, temporal->predictor, cancel, error))
        return false;
    udm_predictor_update(temporal->predictor, input->planes, input->level);
    udm_pool_run(temporal->pool, (int)((temporal->seen + PART - 1) / PART), keep_part, &(input_job){ temporal, input });
    temporal->began = true;
    return true;
}

static bool look(udm_temporal_filter *temporal, udm_temporal_input *const *inputs, int count, const atomic_bool *cancel,
                 udm_error *error)
{
    bool made;
    for (int k = 0; k < count; k++) {
        if (!make_preview(temporal, inputs[k], cancel, error))
            return false;
        if (k > 0 && !link_to(temporal, inputs[k - 1], inputs[k], error))
            return false;
    }
    if (!look_ahead(temporal, inputs, count, cancel, error) || !look_back(temporal, inputs[0], &made, cancel, error))
        return false;
    if (made && count > 1)
        udm_predictor_fuse(temporal->predictor, temporal->ahead);
    temporal->shown = made        ? udm_predictor_get(temporal->predictor)
                      : count > 1 ? udm_predictor_get(temporal->ahead)
                                  : (udm_predicted){ NULL, NULL };
    return true;
}

bool udm_temporal_filter_run(udm_temporal_filter *temporal, udm_temporal_input *const *inputs, int count,
                             udm_predicted *predicted, const atomic_bool *cancel, udm_error *error)
{
    if (!inputs[0]->filtered && !look(temporal, inputs, count, cancel, error))
        return false;
    inputs[0]->filtered = true;
    *predicted = temporal->shown;
    return true;
}

const float *udm_temporal_filter_flow(const udm_temporal_filter *temporal)
{
    return temporal->flow;
}
