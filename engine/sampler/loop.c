// SPDX-License-Identifier: LGPL-2.1-or-later
// Estimate, step, repeat.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/state.h"

static int stages(const udm_loop_settings *s, int step)
{
    return s->sampler->stages ? s->sampler->stages(step, s->timesteps.steps) : 1;
}

int udm_loop_repeats(const udm_loop_settings *s)
{
    return s->repeats > 0 ? s->repeats : 5;
}

int udm_loop_estimates(const udm_loop_settings *settings)
{
    const udm_sampler *sampler = settings->sampler;
    int count = 0;
    if (sampler->asks)
        return sampler->asks(settings->timesteps.steps, udm_loop_repeats(settings));
    for (int step = 0; step < settings->timesteps.steps; step++)
        count += stages(settings, step);
    return count;
}

static bool draws(const udm_loop_settings *s)
{
    return s->sampler->stochastic || s->process->posterior || (s->sampler->fresh && s->eta > 0);
}

static int looks(const udm_loop_settings *s)
{
    return s->sampler->looks > 1 ? s->sampler->looks : 1;
}

static bool returns(const udm_loop_settings *s) // to where a step began
{
    return s->sampler->stages || s->sampler->correct || s->sampler->run;
}

static bool allocate(udm_loop *loop)
{
    const udm_loop_settings *s = &loop->settings;
    const size_t n = s->pixels, all = loop->elements;
    const int planes = looks(s) + 2 * returns(s) + draws(s) + s->sampler->learned + 1;
    const size_t work = s->process->blends ? n + 5 * ((size_t)s->width + s->height) : 0;
    float *at = loop->memory = malloc((6 * n + planes * all + work) * sizeof(float));
    if (!at)
        return false;
    loop->from = (udm_planes){ at, at + n, at + 2 * n, &loop->filled[0] };
    loop->to = (udm_planes){ at + 3 * n, at + 4 * n, at + 5 * n, &loop->filled[1] };
    loop->work = at + 6 * n;
    loop->scratch = at += 6 * n + work;
    for (int i = 0; i < looks(s); i++)
        loop->estimates[i].values = at += all;
    loop->start = returns(s) ? at += all : NULL;
    loop->before = returns(s) ? at += all : NULL;
    loop->e = draws(s) ? at += all : NULL;
    loop->variance = s->sampler->learned ? at + all : NULL;
    return true;
}

static bool check(const udm_loop_settings *s, udm_error *error)
{
    const udm_sampler *sampler = s->sampler;
    if ((sampler->mix || sampler->gaussian) && !s->process->factors)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "sampler \"%s\" is for Gaussian noise, not for process \"%s\": use \"ddim\"", sampler->name,
                        s->process->name);
    if (sampler->stochastic && s->process->shape)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "sampler \"%s\" draws Gaussian noise, which process \"%s\" does not have: use \"heun\"",
                        sampler->name, s->process->name);
    if (sampler == &udm_sampler_repaint && !s->process->advance)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "sampler \"repaint\" cannot go back in process \"%s\"",
                        s->process->name);
    if (s->process->anchored && !s->anchor)
        return udm_fail(error, UDM_ERROR_SETTINGS, "process \"%s\" needs the picture at its other end",
                        s->process->name);
    if (s->process->blends && (size_t)s->width * s->height == 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "process \"%s\" needs the size of a frame", s->process->name);
    if (s->process->sized && !s->process->sized(s->extent))
        return udm_fail(error, UDM_ERROR_SETTINGS, "process \"%s\" cannot reach %g pixels", s->process->name,
                        s->extent);
    if (sampler->needs_power && s->power_count < 1)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "sampler \"%s\" needs the power of the estimated noise, which this model lacks: "
                        "use \"ddpm\"",
                        sampler->name);
    return true;
}

udm_loop *udm_loop_new(const udm_loop_settings *settings, udm_error *error)
{
    if (!check(settings, error))
        return NULL;
    udm_loop *loop = calloc(1, sizeof *loop);
    if (loop) {
        loop->settings = *settings;
        loop->elements = settings->channels * settings->pixels;
    }
    if (!loop || !allocate(loop)) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a loop over %zu pixels", settings->pixels);
        udm_loop_free(loop);
        return NULL;
    }
    return loop;
}

void udm_loop_free(udm_loop *loop)
{
    if (!loop)
        return;
    free(loop->memory);
    free(loop);
}

// Some signal must be left, but for the steps of the first kind on variance that is preserved.
udm_point udm_walk_point(const udm_loop *loop, const udm_walk *w, double start, double timestep)
{
    const udm_loop_settings *s = &loop->settings;
    const udm_timestep at = udm_timesteps_at(&w->timesteps, start, timestep);
    const bool whole = s->process == &udm_process_gaussian && !s->sampler->mix && !s->sampler->gaussian;
    const double alpha_bar = !whole ? fmax(at.alpha_bar, UDM_LEAST_ALPHA_BAR) : at.alpha_bar;
    udm_point point = { .time = at.time };
    (s->process->factors ? s->process : &udm_process_gaussian)->factors(alpha_bar, &point.signal, &point.noise);
    return point;
}

// E|e|^2 at a time, on the line between those that are known.
static double power_at(const udm_loop_settings *s, double time)
{
    const double at = fmin(fmax(time * s->power_count - 1, 0), s->power_count - 1);
    const int below = (int)at, above = below + 1 < s->power_count ? below + 1 : below;
    return s->powers[below] + (at - below) * (s->powers[above] - s->powers[below]);
}

static void fill(float *values, size_t count, double value)
{
    const float rounded = (float)value;
    for (size_t i = 0; i < count; i++)
        values[i] = rounded;
}

udm_levels udm_walk_levels(const udm_loop *loop, const udm_walk *w, double timestep, udm_planes out)
{
    const size_t pixels = loop->settings.pixels;
    const udm_filled wanted = { udm_run_length(w->times, 0, pixels) == pixels, w->times[0], timestep };
    const udm_filled *has = out.filled;
    const bool there = wanted.even && has->even && has->start == wanted.start && has->timestep == timestep;
    *out.filled = wanted;
    for (size_t i = there ? pixels : 0, count; i < pixels; i += count) {
        count = udm_run_length(w->times, i, pixels);
        const udm_point point = udm_walk_point(loop, w, w->times[i], timestep);
        fill(out.signal + i, count, point.signal);
        fill(out.noise + i, count, point.noise);
        fill(out.time + i, count, point.time);
    }
    return (udm_levels){
        .pixels = pixels,
        .signal = out.signal,
        .noise = out.noise,
        .time = out.time,
        .width = loop->settings.width,
        .height = loop->settings.height,
        .extent = loop->settings.extent,
        .anchor = loop->settings.anchor,
        .scratch = loop->work,
    };
}

// How many estimates a multi-step method may use in a step.
static int used(const udm_loop *loop, const udm_walk *w, int index)
{
    const udm_loop_settings *s = &loop->settings;
    const int order = s->order > 0 ? s->order : s->sampler->uses, left = w->timesteps.steps - index;
    return w->timesteps.steps < s->ease_below && left < order ? left : order;
}

// The step as one pixel sees it, from timestep `from` to timestep `to`.
static udm_step see(const udm_loop *loop, const udm_walk *w, double start, double from, double to)
{
    const udm_loop_settings *s = &loop->settings;
    udm_step step = {
        .from = udm_walk_point(loop, w, start, from),
        .to = udm_walk_point(loop, w, start, to),
        .count = loop->count,
        .stage = w->stage,
        .index = w->step,
        .steps = w->timesteps.steps,
        .order = used(loop, w, (int)from),
        .least = udm_timesteps_least_ratio(&w->timesteps, start),
    };
    for (int k = 0; k < loop->count; k++)
        step.seen[k] = udm_walk_point(loop, w, start, loop->estimates[k].timestep);
    if (s->sampler->needs_power)
        step.power = power_at(s, step.from.time);
    return step;
}

enum { BLOCK = 256 }; // values that are summed at once, in double precision: weights may nearly cancel

static void add(double *sum, const float *in, double weight, size_t count)
{
    for (size_t i = 0; weight != 0 && i < count; i++)
        sum[i] += weight * in[i];
}

// Noise whose deviation the network chose between two, by their logarithms.
static void add_learned(double *sum, const float *e, const float *share, const udm_mix *mix, size_t count)
{
    const double least = log(mix->fresh), range = log(mix->fresh_most / mix->fresh);
    for (size_t i = 0; i < count; i++)
        sum[i] += exp(least + share[i] * range) * e[i];
}

// scratch = the mix, for a block of values.
static void combine_block(udm_loop *loop, const udm_walk *w, const udm_mix *mix, const float *start, size_t at,
                          size_t count)
{
    double sum[BLOCK] = { 0 };
    add(sum, start + at, mix->start, count);
    add(sum, w->x + at, mix->now, count);
    for (int k = 0; k < loop->count; k++)
        add(sum, loop->estimates[k].values + at, mix->estimates[k], count);
    if (w->drawn && loop->variance && mix->fresh > 0)
        add_learned(sum, loop->e + at, loop->variance + at, mix, count);
    else if (w->drawn)
        add(sum, loop->e + at, mix->fresh, count);
    for (size_t i = 0; i < count; i++)
        loop->scratch[at + i] = (float)sum[i];
}

// scratch = the mix of the pixels [first, first + count) of all channels.
static void combine(udm_loop *loop, const udm_walk *w, const udm_mix *mix, const float *start, size_t first,
                    size_t count)
{
    for (int c = 0; c < loop->settings.channels; c++)
        for (size_t done = 0; done < count; done += BLOCK)
            combine_block(loop, w, mix, start, c * loop->settings.pixels + first + done,
                          count - done < BLOCK ? count - done : BLOCK);
}

// x = the mix that `weigh` finds, for a step between two timesteps that began with the state `start`.
static void blend(udm_loop *loop, const udm_walk *w, void (*weigh)(const udm_step *, udm_mix *), const float *start,
                  double from, double to)
{
    const udm_mix stay = { .now = 1 };
    for (size_t i = 0, count; i < loop->settings.pixels; i += count) {
        count = udm_run_length(w->times, i, loop->settings.pixels);
        udm_mix mix = stay;
        if (w->times[i] > 0) { // else it is known
            const udm_step step = see(loop, w, w->times[i], from, to);
            mix = (udm_mix){ 0 };
            weigh(&step, &mix);
        }
        combine(loop, w, &mix, start, i, count);
    }
    memcpy(w->x, loop->scratch, loop->elements * sizeof *w->x);
}

// What is known of the pixels at time 0 is what they are.
static void keep_known(const udm_loop *loop, const float *times, const float *x, float *x0)
{
    const size_t pixels = loop->settings.pixels;
    for (size_t i = 0, count; i < pixels; i += count) {
        count = udm_run_length(times, i, pixels);
        for (int c = 0; c < loop->settings.channels && times[i] <= 0; c++)
            memcpy(x0 + c * pixels + i, x + c * pixels + i, count * sizeof *x);
    }
}

bool udm_walk_estimate(udm_loop *loop, udm_walk *w, double timestep, float *x0, udm_error *error)
{
    const udm_levels at = udm_walk_levels(loop, w, timestep, loop->from);
    if (!w->calls->estimate(w->calls->context, w->asked++, &at, w->x, x0, error))
        return false;
    keep_known(loop, w->times, w->x, x0);
    if (loop->settings.sampler->of_noise)
        udm_process_gaussian.inverse(&at, loop->settings.channels, x0, w->x, x0);
    return !loop->variance || w->calls->variance(w->calls->context, loop->variance, error);
}

bool udm_walk_draw(udm_loop *loop, udm_walk *w, udm_error *error)
{
    if (loop->settings.process->cold) {
        memset(loop->e, 0, loop->elements * sizeof *loop->e);
        return true;
    }
    return w->calls->draw(w->calls->context, w->draws++, loop->e, error);
}

// One more estimate, in front of the others, in the place of the oldest.
static bool estimate_at(udm_loop *loop, udm_walk *w, double timestep, udm_error *error)
{
    const int last = looks(&loop->settings) - 1;
    const udm_estimate fresh = { loop->estimates[last].values, timestep };
    if (!udm_walk_estimate(loop, w, timestep, fresh.values, error))
        return false;
    memmove(loop->estimates + 1, loop->estimates, last * sizeof *loop->estimates);
    loop->estimates[0] = fresh;
    loop->count += loop->count <= last;
    return true;
}

// Of the estimates of a step with `made` stages, only the first is kept for the steps after it.
static void forget_stages(udm_loop *loop, int made)
{
    const int last = looks(&loop->settings) - 1;
    for (int extra = made - 1; extra > 0; extra--) {
        const udm_estimate newest = loop->estimates[0];
        memmove(loop->estimates, loop->estimates + 1, last * sizeof *loop->estimates);
        loop->estimates[last] = newest;
        loop->count--;
    }
}

// Whether a step ends where no noise is left: at the estimate.
static bool arrives(const udm_loop *loop, const udm_walk *w, double to)
{
    return loop->settings.process == &udm_process_gaussian && !w->drawn && to >= w->timesteps.steps &&
           !w->timesteps.short_of_zero;
}

void udm_walk_general_step(udm_loop *loop, const udm_walk *w, double from, double to)
{
    const udm_loop_settings *s = &loop->settings;
    if (arrives(loop, w, to)) {
        udm_pool_copy(s->pool, w->x, loop->estimates[0].values, loop->elements * sizeof *w->x);
        return;
    }
    const udm_levels here = udm_walk_levels(loop, w, from, loop->from), there = udm_walk_levels(loop, w, to, loop->to);
    if (s->process->posterior) {
        s->process->posterior(&here, &there, s->channels, loop->estimates[0].values, w->x, loop->e, w->x);
        return;
    }
    udm_reverse_step(s->process, s->sampler, s->eta, &here, &there, s->channels, loop->estimates[0].values, w->x,
                     w->drawn ? loop->e : NULL, loop->scratch, w->x);
}

// Where the step begins: as the new estimate corrects it, and noted if it is asked for again.
static void begin(udm_loop *loop, const udm_walk *w)
{
    if (w->step > 0 && loop->settings.sampler->correct)
        blend(loop, w, loop->settings.sampler->correct, loop->before, w->step - 1, w->step);
    if (!returns(&loop->settings))
        return;
    memcpy(loop->start, w->x, loop->elements * sizeof *w->x);
}

// What was the beginning of this step is that of the one before, for the next.
static void end(udm_loop *loop)
{
    float *other = loop->before;
    loop->before = loop->start;
    loop->start = other;
}

// New noise for a stage, unless it goes to where there is none. Cold processes keep what an estimate leaves unexplained
// to their end.
static bool draw_for(udm_loop *loop, udm_walk *w, udm_error *error)
{
    const udm_loop_settings *s = &loop->settings;
    w->drawn = draws(s) && (w->step + 1 < w->timesteps.steps || w->timesteps.short_of_zero || s->process->posterior ||
                            s->process->cold);
    return !w->drawn || udm_walk_draw(loop, w, error);
}

static bool step(udm_loop *loop, udm_walk *w, udm_error *error)
{
    const udm_loop_settings *s = &loop->settings;
    const int count = stages(s, w->step);
    double timestep = w->step;
    for (w->stage = 0; w->stage < count; w->stage++) {
        if (!draw_for(loop, w, error) || !estimate_at(loop, w, timestep, error))
            return false;
        if (w->stage == 0)
            begin(loop, w);
        const double from = timestep;
        timestep = w->step + (s->sampler->reach ? s->sampler->reach(w->step, w->timesteps.steps, w->stage) : 1);
        if (s->sampler->mix)
            blend(loop, w, s->sampler->mix, returns(s) ? loop->start : w->x, w->step, timestep);
        else
            udm_walk_general_step(loop, w, from, timestep);
    }
    forget_stages(loop, count);
    end(loop);
    return true;
}

bool udm_loop_run(udm_loop *loop, const udm_loop_calls *calls, const float *times, float *x, udm_error *error)
{
    const udm_loop_settings *s = &loop->settings;
    udm_walk w = { .calls = calls, .timesteps = s->timesteps, .times = times, .x = x };
    if (s->sampler->learned && !calls->variance)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "sampler \"%s\" is for networks with a learned variance, which this one lacks: use \"ddpm\"",
                        s->sampler->name);
    if (s->process->blends && udm_run_length(times, 0, s->pixels) != s->pixels)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "process \"%s\" has one time for all pixels", s->process->name);
    loop->count = 0;
    if (s->sampler->run)
        return s->sampler->run(loop, &w, error);
    for (; w.step < s->timesteps.steps; w.step++)
        if (!step(loop, &w, error))
            return false;
    return true;
}

// The noise is asked for at the point that is gone to, with the state that is come from: Song et al. 2021 turn their
// equation 14 round so.
static void rise(udm_loop *loop, const udm_levels *from, const udm_levels *to, const float *x0, float *x)
{
    const size_t pixels = loop->settings.pixels;
    for (int c = 0; c < loop->settings.channels; c++)
        for (size_t i = 0; i < pixels; i++) {
            const size_t k = c * pixels + i;
            if (to->noise[i] <= 0)
                continue;
            const float e = (x[k] - to->signal[i] * x0[k]) / to->noise[i];
            x[k] = to->signal[i] * (x[k] - from->noise[i] * e) / from->signal[i] + to->noise[i] * e;
        }
}

bool udm_loop_invert(udm_loop *loop, const udm_loop_calls *calls, const float *times, float *x, udm_error *error)
{
    udm_walk w = { .calls = calls, .timesteps = loop->settings.timesteps, .times = times, .x = x };
    float *x0 = loop->estimates[0].values;
    if (loop->settings.sampler != &udm_sampler_ddim || !loop->settings.process->factors)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "only \"ddim\" on Gaussian noise can be inverted");
    for (int timestep = w.timesteps.steps - 1; timestep >= 0; timestep--) {
        if (!udm_walk_estimate(loop, &w, timestep, x0, error))
            return false;
        const udm_levels from = udm_walk_levels(loop, &w, timestep + 1, loop->from),
                         to = udm_walk_levels(loop, &w, timestep, loop->to);
        rise(loop, &from, &to, x0, x);
    }
    return true;
}
