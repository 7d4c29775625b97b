// SPDX-License-Identifier: LGPL-2.1-or-later
// Estimate x0, correct, repeat.
#include "diffusion/reverse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "diffusion/hole_filling.h"

// Signal and noise of every pixel; both point into one allocation.
typedef struct levels {
    float *signal, *noise;
} levels;

struct udm_reverse {
    udm_reverse_settings settings;
    udm_ensemble *ensemble;
    udm_loop *loop;
    size_t pixels, elements; // height * width, and times channels
    float *memory;           // all of the following
    levels from, to;
    float *output;       // all that the network says: [C or more, height, width]
    float *e;            // [C, height, width]
    float *shown, *told; // x_t and its level as a network sees them that knows Gaussian noise only; as e and one plane
    float *fill, *fill_level; // ... and its prediction of what is lost, by what surrounds it and by what came before
    float *scratch;           // udm_levels
    udm_hole_filler *filler;  // NULL: nothing is lost, or the network takes no prediction
    const float *predicted, *predicted_level;
    const udm_blending *blending; // or NULL
    uint64_t frame;               // counted from 0 since the last clear
};

static bool allocate(udm_reverse *reverse, udm_error *error)
{
    const udm_reverse_settings *s = &reverse->settings;
    const size_t n = reverse->pixels, c = reverse->elements, output = n * udm_network_outputs(s->network);
    const size_t other = s->process == &udm_process_gaussian ? 0 : 2 * (c + n);
    const size_t work = s->process->blends ? n + 5 * ((size_t)s->width + s->height) : 0;
    reverse->memory = calloc(4 * n + c + output + other + work, sizeof(float));
    if (!reverse->memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", s->width, s->height);
    float *at = reverse->memory;
    reverse->from = (levels){ at, at + n };
    reverse->to = (levels){ at + 2 * n, at + 3 * n };
    reverse->output = at + 4 * n;
    reverse->e = reverse->output + output;
    reverse->shown = reverse->e + c;
    reverse->told = reverse->shown + c;
    reverse->fill = reverse->told + n;
    reverse->fill_level = reverse->fill + c;
    reverse->scratch = reverse->e + c + other;
    return true;
}

static udm_loop_settings loop_settings(const udm_reverse *reverse)
{
    const udm_reverse_settings *s = &reverse->settings;
    udm_timesteps timesteps = s->timesteps;
    timesteps.noise = s->noise, timesteps.steps = s->steps;
    return (udm_loop_settings){
        .process = s->process,
        .sampler = s->sampler,
        .timesteps = timesteps,
        .order = s->order,
        .ease_below = s->ease_below,
        .powers = s->powers,
        .power_count = s->power_count,
        .channels = s->network->channels,
        .pixels = reverse->pixels,
        .width = s->width,
        .height = s->height,
        .extent = s->extent,
    };
}

udm_reverse *udm_reverse_new(const udm_reverse_settings *settings, udm_error *error)
{
    udm_shape shape = { settings->network->channels, settings->height, settings->width };
    udm_reverse *reverse = calloc(1, sizeof *reverse);
    if (!reverse || udm_shape_elements(shape) == 0) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", settings->width, settings->height);
        free(reverse);
        return NULL;
    }
    reverse->settings = *settings;
    reverse->pixels = (size_t)settings->width * settings->height;
    reverse->elements = udm_shape_elements(shape);
    const udm_loop_settings loop = loop_settings(reverse);
    if (settings->sampler == &udm_sampler_ode && settings->network->memory_frames > 0) {
        udm_fail(error, UDM_ERROR_SETTINGS,
                 "sampler \"ode\" chooses its steps per frame, and this network has a memory "
                 "for each step: use \"heun\"");
        udm_reverse_free(reverse);
        return NULL;
    }
    reverse->loop = udm_loop_new(&loop, error);
    reverse->ensemble =
        !reverse->loop ? NULL
                       : udm_ensemble_new(settings->network, settings->workspace, settings->width, settings->height,
                                          udm_loop_estimates(&loop), settings->views, settings->memory_limit, error);
    const bool fills = settings->process->lost && settings->network->uses_prediction;
    if (fills && reverse->ensemble)
        reverse->filler = udm_hole_filler_new(settings->network->channels, settings->width, settings->height, error);
    if (!reverse->ensemble || (fills && !reverse->filler) || !allocate(reverse, error)) {
        udm_reverse_free(reverse);
        return NULL;
    }
    return reverse;
}

void udm_reverse_free(udm_reverse *reverse)
{
    if (!reverse)
        return;
    udm_ensemble_free(reverse->ensemble);
    udm_loop_free(reverse->loop);
    udm_hole_filler_free(reverse->filler);
    free(reverse->memory);
    free(reverse);
}

const udm_ensemble *udm_reverse_ensemble(const udm_reverse *reverse)
{
    return reverse->ensemble;
}

void udm_reverse_clear(udm_reverse *reverse)
{
    udm_ensemble_clear(reverse->ensemble);
    reverse->frame = 0;
}

void udm_reverse_predicted(udm_reverse *reverse, const float *predicted, const float *level)
{
    reverse->predicted = predicted;
    reverse->predicted_level = level;
}

void udm_reverse_evidence(udm_reverse *reverse, const udm_blending *blending)
{
    udm_reverse_predicted(reverse, udm_blending_mean(blending), udm_blending_level(blending));
    reverse->blending = blending;
}

static udm_levels view(const udm_reverse *reverse, levels at)
{
    return (udm_levels){
        .pixels = reverse->pixels,
        .signal = at.signal,
        .noise = at.noise,
        .width = reverse->settings.width,
        .height = reverse->settings.height,
        .extent = reverse->settings.extent,
        .scratch = reverse->scratch,
    };
}

static bool fades(const udm_process *process)
{
    return process->fades || process->factors;
}

// Neighbours mostly share their time, so the last one is remembered.
static void levels_at(const udm_reverse *reverse, const float *times, levels out)
{
    const udm_process *process = reverse->settings.process;
    float last = -1;
    double signal = 1, noise = 0;
    for (size_t i = 0; i < reverse->pixels; i++) {
        if (times[i] != last) {
            last = times[i];
            const double alpha_bar = udm_noise_alpha_bar(reverse->settings.noise, last);
            (process->factors ? process : &udm_process_gaussian)->factors(alpha_bar, &signal, &noise);
        }
        out.signal[i] = (float)signal;
        out.noise[i] = (float)noise;
    }
}

static bool cancelled(const atomic_bool *cancel, udm_error *error)
{
    if (!cancel || !atomic_load_explicit(cancel, memory_order_relaxed))
        return false;
    udm_fail(error, UDM_ERROR_CANCELLED, "cancelled");
    return true;
}

// New noise into e, a part at a time, as a large frame takes a while. False if cancelled.
static bool draw(const udm_reverse *reverse, uint64_t number, uint32_t step, float *e, const atomic_bool *cancel,
                 udm_error *error)
{
    enum { PART = 1 << 20 };
    const udm_reverse_settings *s = &reverse->settings;
    const size_t count = s->grey ? reverse->pixels : reverse->elements;
    for (size_t done = 0; done < count; done += PART) {
        if (cancelled(cancel, error))
            return false;
        udm_normal(s->seed, number, step, done, count - done < PART ? count - done : PART, e + done);
    }
    if (s->process->shape)
        s->process->shape(s->seed, number, step, count, e);
    for (size_t done = count; done < reverse->elements; done += count)
        memcpy(e + done, e, count * sizeof *e);
    return true;
}

static bool any_time(const udm_reverse *reverse, const float *times)
{
    for (size_t i = 0; i < reverse->pixels; i++)
        if (times[i] > 0)
            return true;
    return false;
}

// Goes on with the process where the time is below `share` of the highest one, and puts the clock forward.
static bool strengthen(udm_reverse *reverse, uint64_t number, float *frame, float *times, double share,
                       const atomic_bool *cancel, udm_error *error)
{
    const udm_reverse_settings *s = &reverse->settings;
    const float least = (float)(share * s->most);
    const bool begins = !any_time(reverse, times);
    if (!s->process->advance && !begins)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "process \"%s\" cannot go on with what a frame has of it: set strength to 0", s->process->name);
    if (s->process->cold)
        memset(reverse->e, 0, reverse->elements * sizeof *reverse->e);
    else if (!draw(reverse, number, 0, reverse->e, cancel, error))
        return false;
    for (size_t i = 0; i < reverse->pixels; i++)
        times[i] = times[i] < least ? least : times[i];
    levels_at(reverse, times, reverse->to);
    udm_levels from = view(reverse, reverse->from), to = view(reverse, reverse->to);
    if (begins)
        s->process->forward(&to, s->network->channels, frame, reverse->e, frame);
    else
        s->process->advance(&from, &to, s->network->channels, frame, reverse->e, frame);
    return true;
}

// The frame that the loop runs on.
typedef struct run {
    udm_reverse *reverse;
    uint64_t number;
    const atomic_bool *cancel;
} run;

// The latest time of any pixel.
static double latest(const udm_levels *at)
{
    float most = 0;
    for (size_t i = 0; i < at->pixels; i++)
        most = at->time[i] > most ? at->time[i] : most;
    return most;
}

// The share of pixel i: all of it or nothing, where the process has lost some pixels and left others alone.
static double share_of(const udm_process *process, const udm_levels *at, size_t i)
{
    return process->lost ? process->lost(at, i) : udm_levels_share(at, i);
}

// The time on the network's own scale. Where only some pixels are lost, that at which as many would be.
static double timestep(const udm_reverse *reverse, const udm_levels *at)
{
    const udm_reverse_settings *s = &reverse->settings;
    if (!s->process->lost && s->noise == s->told)
        return udm_noise_timestep(s->told, latest(at));
    double sum = 0, most = 0;
    for (size_t i = 0; i < at->pixels; i++) {
        const double share = share_of(s->process, at, i);
        sum += share, most = fmax(most, share);
    }
    const double share = s->process->lost ? sum / (double)at->pixels : most;
    return udm_noise_timestep(s->told, udm_noise_time(s->told, sqrt(share)));
}

// A network that is shown levels knows Gaussian noise that preserves the variance: whatever else was done to x0, its
// factor is sqrt(1 - share).
static void show_levels(const udm_reverse *reverse, const udm_levels *at, const float *xt, udm_network_input *seen)
{
    const udm_process *process = reverse->settings.process;
    for (size_t i = 0; i < at->pixels; i++) {
        const double share = share_of(process, at, i), signal = fades(process) ? at->signal[i] : 1;
        const float scale = signal > 0 ? (float)(sqrt(1 - share) / signal) : 0;
        for (size_t k = i; k < reverse->elements; k += at->pixels)
            reverse->shown[k] = xt[k] * scale;
        reverse->told[i] = (float)sqrt(share);
    }
    seen->frame = reverse->shown, seen->level = reverse->told;
}

// What is lost is predicted from what surrounds it, unless what came before says more. What is known needs no
// prediction.
static void predict_lost(const udm_reverse *reverse, const udm_levels *at, const float *xt, udm_network_input *seen)
{
    const size_t n = at->pixels;
    const float signal = sqrtf(1 - UDM_FILLED_LEVEL * UDM_FILLED_LEVEL);
    for (size_t i = 0; i < n; i++) // in their place, for a moment
        reverse->fill_level[i] = !reverse->settings.process->lost(at, i);
    const float *filled = udm_hole_filler_fill(reverse->filler, xt, reverse->fill_level);
    for (size_t i = 0; i < n; i++) {
        const bool known = reverse->fill_level[i] > 0;
        const bool before = !known && seen->predicted && seen->predicted_level[i] < UDM_FILLED_LEVEL;
        reverse->fill_level[i] = known ? 1 : before ? seen->predicted_level[i] : UDM_FILLED_LEVEL;
        for (size_t k = i; k < reverse->elements; k += n)
            reverse->fill[k] = known ? 0 : before ? seen->predicted[k] : signal * filled[k];
    }
    seen->predicted = reverse->fill, seen->predicted_level = reverse->fill_level;
}

// x0 as the network sees it. xt: NULL, where nothing is known of the frame.
static bool look(udm_reverse *reverse, int step, const udm_levels *at, const float *xt, float *x0,
                 const atomic_bool *cancel, udm_error *error)
{
    const udm_reverse_settings *s = &reverse->settings;
    udm_network_input seen = { .frame = xt,
                               .level = xt ? at->noise : NULL,
                               .predicted = reverse->predicted,
                               .predicted_level = reverse->predicted_level,
                               .context = reverse->blending ? udm_blending_context(reverse->blending) : NULL,
                               .timestep = xt ? timestep(reverse, at) : udm_noise_timestep(s->told, 1),
                               .label = s->label };
    if (xt && s->process != &udm_process_gaussian && !s->network->class->condition)
        show_levels(reverse, at, xt, &seen);
    if (xt && reverse->filler)
        predict_lost(reverse, at, xt, &seen);
    if (!udm_ensemble_run(reverse->ensemble, step, reverse->frame, &seen, reverse->output, cancel, error))
        return false;
    if (xt)
        udm_predict_x0(s->prediction, at, s->network->channels, reverse->output, xt, x0);
    else
        memcpy(x0, reverse->output, reverse->elements * sizeof *x0);
    if (reverse->blending)
        udm_blending_refine(reverse->blending, seen.level, reverse->output, x0);
    return udm_bound_x0(&s->bounds, reverse->elements, x0, error);
}

static bool estimate(void *context, int step, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    const run *r = context;
    return look(r->reverse, step, at, xt, x0, r->cancel, error);
}

bool udm_reverse_mean(udm_reverse *reverse, float *x0, const atomic_bool *cancel, udm_error *error)
{
    return look(reverse, 0, NULL, NULL, x0, cancel, error);
}

static bool draw_step(void *context, int step, float *e, udm_error *error)
{
    const run *r = context;
    return draw(r->reverse, r->number, (uint32_t)step + 1, e, r->cancel, error);
}

bool udm_reverse_run(udm_reverse *reverse, uint64_t number, float *frame, float *times, double strength,
                     const atomic_bool *cancel, udm_error *error)
{
    if (strength <= 0 && !any_time(reverse, times))
        return true;
    levels_at(reverse, times, reverse->from);
    for (float *x = frame; fades(reverse->settings.process) && x < frame + reverse->elements; x += reverse->pixels)
        for (size_t i = 0; i < reverse->pixels; i++)
            x[i] *= reverse->from.signal[i];
    if (strength > 0 && !strengthen(reverse, number, frame, times, strength, cancel, error))
        return false;
    run r = { reverse, number, cancel };
    const udm_loop_calls calls = { .context = &r, .estimate = estimate, .draw = draw_step };
    if (!udm_loop_run(reverse->loop, &calls, times, frame, error))
        return false;
    reverse->frame++;
    return true;
}
