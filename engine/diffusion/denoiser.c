// SPDX-License-Identifier: LGPL-2.1-or-later
// Gives a network a degraded frame in the form that it was trained on, and computes x0 from its output.
#include "diffusion/denoiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diffusion/hole_filling.h"

struct udm_denoiser {
    udm_denoiser_settings settings;
    udm_ensemble *ensemble;
    udm_hole_filler *filler; // NULL: nothing is lost, or the network takes no prediction
    size_t pixels, elements; // height * width, and times channels
    uint64_t frame;          // counted from 0 since the last clear
    float *output;           // of the network: [C or more, height, width], and all of the following
    float *shown,
        *shown_level;         // x_t and its level for a network that knows Gaussian noise only; [C + 1, height, width]
    float *fill, *fill_level; // ... and a prediction of what is lost, by what surrounds it and by what came before
    float *chroma_level;      // [height, width], for a network that is shown it
};

static bool allocate(udm_denoiser *denoiser, udm_error *error)
{
    const udm_denoiser_settings *s = &denoiser->settings;
    const size_t n = denoiser->pixels, c = denoiser->elements, output = n * udm_network_outputs(s->network);
    const size_t other = s->process == &udm_process_gaussian ? 0 : 2 * (c + n),
                 chroma = s->network->chroma_level ? n : 0;
    denoiser->output = calloc(output + chroma + other, sizeof(float));
    if (!denoiser->output)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", s->width, s->height);
    denoiser->chroma_level = denoiser->output + output;
    denoiser->shown = denoiser->chroma_level + chroma;
    denoiser->shown_level = denoiser->shown + c;
    denoiser->fill = denoiser->shown_level + n;
    denoiser->fill_level = denoiser->fill + c;
    return true;
}

udm_denoiser *udm_denoiser_new(const udm_denoiser_settings *settings, int stages, udm_error *error)
{
    const udm_denoiser_settings *s = settings;
    udm_denoiser *denoiser = calloc(1, sizeof *denoiser);
    if (!denoiser) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a denoiser");
        return NULL;
    }
    denoiser->settings = *s;
    denoiser->pixels = (size_t)s->width * s->height;
    denoiser->elements = denoiser->pixels * s->network->channels;
    denoiser->ensemble =
        udm_ensemble_new(s->network, s->workspace, s->width, s->height, stages, s->views, s->memory_limit, error);
    const bool fills = s->process->lost && s->network->uses_prediction;
    if (fills && denoiser->ensemble)
        denoiser->filler = udm_hole_filler_new(s->network->channels, s->width, s->height, error);
    if (!denoiser->ensemble || (fills && !denoiser->filler) || !allocate(denoiser, error)) {
        udm_denoiser_free(denoiser);
        return NULL;
    }
    return denoiser;
}

void udm_denoiser_free(udm_denoiser *denoiser)
{
    if (!denoiser)
        return;
    udm_ensemble_free(denoiser->ensemble);
    udm_hole_filler_free(denoiser->filler);
    free(denoiser->output);
    free(denoiser);
}

const udm_ensemble *udm_denoiser_ensemble(const udm_denoiser *denoiser)
{
    return denoiser->ensemble;
}

void udm_denoiser_clear(udm_denoiser *denoiser)
{
    udm_ensemble_clear(denoiser->ensemble);
    denoiser->frame = 0;
}

void udm_denoiser_advance(udm_denoiser *denoiser)
{
    denoiser->frame++;
}

// The latest time of any pixel.
static double latest(const udm_levels *at)
{
    float most = 0;
    for (size_t i = 0; i < at->pixels; i += udm_run_length(at->time, i, at->pixels))
        most = at->time[i] > most ? at->time[i] : most;
    return most;
}

// The share of pixel i: all of it or nothing, where the process has lost some pixels and left others alone.
static double share_of(const udm_process *process, const udm_levels *at, size_t i)
{
    return process->lost ? process->lost(at, i) : udm_levels_share(at, i);
}

// The time on the network's own scale. Where only some pixels are lost, that at which as many would be.
static double timestep(const udm_denoiser *denoiser, const udm_levels *at)
{
    const udm_denoiser_settings *s = &denoiser->settings;
    if (!s->process->lost && s->noise == s->model_noise)
        return udm_noise_timestep(s->model_noise, latest(at));
    double sum = 0, most = 0;
    for (size_t i = 0; i < at->pixels; i++) {
        const double share = share_of(s->process, at, i);
        sum += share, most = fmax(most, share);
    }
    const double share = s->process->lost ? sum / (double)at->pixels : most;
    return udm_noise_timestep(s->model_noise, udm_noise_time(s->model_noise, sqrt(share)));
}

// A network that is shown levels knows Gaussian noise that preserves the variance: whatever else was done to x0, its
// factor is sqrt(1 - share).
static void show_levels(const udm_denoiser *denoiser, const udm_levels *at, const float *xt, udm_network_input *seen)
{
    const udm_process *process = denoiser->settings.process;
    for (size_t i = 0; i < at->pixels; i++) {
        const double share = share_of(process, at, i), signal = udm_process_fades(process) ? at->signal[i] : 1;
        const float scale = signal > 0 ? (float)(sqrt(1 - share) / signal) : 0;
        for (size_t k = i; k < denoiser->elements; k += at->pixels)
            denoiser->shown[k] = xt[k] * scale;
        denoiser->shown_level[i] = (float)sqrt(share);
    }
    seen->frame = denoiser->shown, seen->level = denoiser->shown_level;
}

// Lost pixels are predicted from their surroundings, unless the temporal filter knows more. Known ones need no
// prediction.
static void predict_lost(const udm_denoiser *denoiser, const udm_levels *at, const float *xt, udm_network_input *seen)
{
    const size_t n = at->pixels;
    const float signal = sqrtf(1 - UDM_FILLED_LEVEL * UDM_FILLED_LEVEL);
    for (size_t i = 0; i < n; i++) // in their place, for a moment
        denoiser->fill_level[i] = !denoiser->settings.process->lost(at, i);
    const float *filled = udm_hole_filler_fill(denoiser->filler, xt, denoiser->fill_level);
    for (size_t i = 0; i < n; i++) {
        const bool known = denoiser->fill_level[i] > 0;
        const bool before = !known && seen->predicted && seen->predicted_level[i] < UDM_FILLED_LEVEL;
        denoiser->fill_level[i] = known ? 1 : before ? seen->predicted_level[i] : UDM_FILLED_LEVEL;
        for (size_t k = i; k < denoiser->elements; k += n)
            denoiser->fill[k] = known ? 0 : before ? seen->predicted[k] : signal * filled[k];
    }
    seen->predicted = denoiser->fill, seen->predicted_level = denoiser->fill_level;
}

// level: NULL: 1
static void show_chroma_level(const udm_denoiser *denoiser, const float *level, double share, udm_network_input *seen)
{
    for (size_t i = 0, count = denoiser->pixels; i < denoiser->pixels; i += count) {
        count = level ? udm_run_length(level, i, denoiser->pixels) : count;
        const float shown = level ? (float)udm_level_of_share(share, level[i]) : 1;
        for (size_t k = i; k < i + count; k++)
            denoiser->chroma_level[k] = shown;
    }
    seen->context = denoiser->chroma_level;
}

bool udm_denoiser_run(udm_denoiser *denoiser, int stage, const udm_levels *at, const float *xt,
                      const udm_side_information *beside, float *x0, const atomic_bool *cancel, udm_error *error)
{
    const udm_denoiser_settings *s = &denoiser->settings;
    udm_network_input seen = { .frame = xt,
                               .level = xt ? at->noise : NULL,
                               .predicted = beside->predicted,
                               .predicted_level = beside->predicted_level,
                               .context = beside->context,
                               .timestep = xt ? timestep(denoiser, at) : udm_noise_timestep(s->model_noise, 1),
                               .label = s->label };
    if (xt && s->process != &udm_process_gaussian && !s->network->class->condition)
        show_levels(denoiser, at, xt, &seen);
    if (xt && denoiser->filler)
        predict_lost(denoiser, at, xt, &seen);
    if (s->network->chroma_level)
        show_chroma_level(denoiser, seen.level, beside->chroma_share, &seen);
    const bool is_x0 = xt && s->prediction == UDM_PREDICT_X0 && !beside->refine &&
                       udm_network_outputs(s->network) == s->network->channels;
    float *output = is_x0 ? x0 : denoiser->output;
    if (!udm_ensemble_run(denoiser->ensemble, stage, denoiser->frame, &seen, output, cancel, error))
        return false;
    if (xt && !is_x0)
        udm_predict_x0(s->prediction, at, s->network->channels, denoiser->output, xt, x0);
    else if (!xt)
        memcpy(x0, denoiser->output, denoiser->elements * sizeof *x0);
    if (beside->refine)
        beside->refine(beside->refiner, seen.level, denoiser->output, x0);
    return udm_bound_x0(&s->bounds, denoiser->elements, x0, error);
}
