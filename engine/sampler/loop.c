// SPDX-License-Identifier: LGPL-2.1-or-later
// Estimate, step, repeat.
#include "sampler/loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Signal, noise and time of every pixel.
typedef struct levels {
    float *signal, *noise, *time;
} levels;

// An estimate, and on which rung of the ladder it was made.
typedef struct estimate {
    float *values; // [channels, pixels]
    double rung;
} estimate;

struct udm_loop {
    udm_loop_settings settings;
    size_t elements; // channels * pixels
    float *memory;   // all of the following
    levels from, to;
    estimate estimates[UDM_ESTIMATES]; // those the sampler looks at, the newest first
    int count;                         // that were made
    float *start, *before;             // x where this step began, and where the one before it did; NULL if no one asks
    float *e, *scratch;                // e: NULL if nothing is drawn
};

// What a step needs to know.
typedef struct walk {
    const udm_loop_calls *calls;
    const float *times; // where the pixels entered
    float *x;
    int step, stage, asked; // asked: estimates so far
    bool drawn;             // e is new
} walk;

static int stages(const udm_loop_settings *s, int step)
{
    return s->sampler->stages ? s->sampler->stages(step, s->ladder.steps) : 1;
}

int udm_loop_estimates(const udm_loop_settings *settings)
{
    int count = 0;
    for (int step = 0; step < settings->ladder.steps; step++)
        count += stages(settings, step);
    return count;
}

static bool draws(const udm_loop_settings *s)
{
    return s->sampler->stochastic || s->eta > 0;
}

static int looks(const udm_loop_settings *s)
{
    return s->sampler->looks > 1 ? s->sampler->looks : 1;
}

static bool returns(const udm_loop_settings *s) // to where a step began
{
    return s->sampler->stages || s->sampler->correct;
}

static bool allocate(udm_loop *loop)
{
    const udm_loop_settings *s = &loop->settings;
    const size_t n = s->pixels, all = loop->elements;
    const int planes = looks(s) + 2 * returns(s) + draws(s) + 1;
    float *at = loop->memory = malloc((6 * n + planes * all) * sizeof(float));
    if (!at)
        return false;
    loop->from = (levels){ at, at + n, at + 2 * n };
    loop->to = (levels){ at + 3 * n, at + 4 * n, at + 5 * n };
    loop->scratch = at += 6 * n;
    for (int i = 0; i < looks(s); i++)
        loop->estimates[i].values = at += all;
    loop->start = returns(s) ? at += all : NULL;
    loop->before = returns(s) ? at += all : NULL;
    loop->e = draws(s) ? at + all : NULL;
    return true;
}

udm_loop *udm_loop_new(const udm_loop_settings *settings, udm_error *error)
{
    if (settings->sampler->mix && !settings->process->factors) {
        udm_fail(error, UDM_ERROR_UNSUPPORTED, "sampler \"%s\" is for Gaussian noise, not for \"%s\": use \"ddim\"",
                 settings->sampler->name, settings->process->name);
        return NULL;
    }
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

// A pixel that entered at `start`, on a rung. Where the steps are in log(signal / noise) some signal must be left.
static udm_point point_at(const udm_loop *loop, double start, double rung)
{
    const udm_loop_settings *s = &loop->settings;
    const udm_rung at = udm_ladder_rung(&s->ladder, start, rung);
    const double alpha_bar = s->sampler->mix ? fmax(at.alpha_bar, UDM_LEAST_ALPHA_BAR) : at.alpha_bar;
    udm_point point = { .time = at.time };
    (s->process->factors ? s->process : &udm_process_gaussian)->factors(alpha_bar, &point.signal, &point.noise);
    return point;
}

// Pixels from i on that entered at the same time.
static size_t run_length(const float *times, size_t i, size_t pixels)
{
    size_t end = i + 1;
    while (end < pixels && times[end] == times[i])
        end++;
    return end - i;
}

static void fill(float *values, size_t count, double value)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)value;
}

static void levels_at(const udm_loop *loop, const float *times, double rung, levels out)
{
    const size_t pixels = loop->settings.pixels;
    for (size_t i = 0, count; i < pixels; i += count) {
        count = run_length(times, i, pixels);
        const udm_point point = point_at(loop, times[i], rung);
        fill(out.signal + i, count, point.signal);
        fill(out.noise + i, count, point.noise);
        fill(out.time + i, count, point.time);
    }
}

static udm_levels view(const udm_loop *loop, levels at)
{
    return (udm_levels){ loop->settings.pixels, at.signal, at.noise, at.time };
}

// The step as one pixel sees it, from rung `from` to rung `to`.
static udm_step see(const udm_loop *loop, const walk *w, double start, double from, double to)
{
    udm_step step = {
        .from = point_at(loop, start, from),
        .to = point_at(loop, start, to),
        .count = loop->count,
        .stage = w->stage,
        .index = w->step,
        .steps = loop->settings.ladder.steps,
    };
    for (int k = 0; k < loop->count; k++)
        step.seen[k] = point_at(loop, start, loop->estimates[k].rung);
    return step;
}

static void add(float *out, const float *in, double weight, size_t count)
{
    const float by = (float)weight;
    for (size_t i = 0; by != 0 && i < count; i++)
        out[i] += by * in[i];
}

// scratch = the mix of the pixels [first, first + count) of all channels.
static void combine(udm_loop *loop, const walk *w, const udm_mix *mix, const float *start, size_t first, size_t count)
{
    for (int c = 0; c < loop->settings.channels; c++) {
        const size_t at = c * loop->settings.pixels + first;
        float *out = loop->scratch + at;
        memset(out, 0, count * sizeof *out);
        add(out, start + at, mix->start, count);
        add(out, w->x + at, mix->now, count);
        for (int k = 0; k < loop->count; k++)
            add(out, loop->estimates[k].values + at, mix->estimates[k], count);
        if (w->drawn)
            add(out, loop->e + at, mix->fresh, count);
    }
}

// x = the mix that `weigh` finds, for a step between two rungs that began with the state `start`.
static void blend(udm_loop *loop, const walk *w, void (*weigh)(const udm_step *, udm_mix *), const float *start,
                  double from, double to)
{
    const udm_mix stay = { .now = 1 };
    for (size_t i = 0, count; i < loop->settings.pixels; i += count) {
        count = run_length(w->times, i, loop->settings.pixels);
        udm_mix mix = stay;
        if (w->times[i] > 0) {
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
    for (int c = 0; c < loop->settings.channels; c++)
        for (size_t i = 0; i < loop->settings.pixels; i++)
            if (times[i] <= 0)
                x0[c * loop->settings.pixels + i] = x[c * loop->settings.pixels + i];
}

// One more estimate, in front of the others, in the place of the oldest.
static bool estimate_at(udm_loop *loop, walk *w, double rung, udm_error *error)
{
    const udm_loop_settings *s = &loop->settings;
    const int last = looks(s) - 1;
    const estimate fresh = { loop->estimates[last].values, rung };
    levels_at(loop, w->times, rung, loop->from);
    const udm_levels at = view(loop, loop->from);
    if (!w->calls->estimate(w->calls->context, w->asked++, &at, w->x, fresh.values, error))
        return false;
    keep_known(loop, w->times, w->x, fresh.values);
    if (s->sampler->of_noise)
        udm_process_gaussian.inverse(&at, s->channels, fresh.values, w->x, fresh.values);
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
        const estimate newest = loop->estimates[0];
        memmove(loop->estimates, loop->estimates + 1, last * sizeof *loop->estimates);
        loop->estimates[last] = newest;
        loop->count--;
    }
}

static void general_step(udm_loop *loop, walk *w, double to)
{
    const udm_loop_settings *s = &loop->settings;
    levels_at(loop, w->times, to, loop->to);
    const udm_levels here = view(loop, loop->from), there = view(loop, loop->to);
    udm_reverse_step(s->process, s->sampler, s->eta, &here, &there, s->channels, loop->estimates[0].values, w->x,
                     w->drawn ? loop->e : NULL, loop->scratch, w->x);
}

// Where the step begins: as the new estimate corrects it, and noted if it is asked for again.
static void begin(udm_loop *loop, const walk *w)
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

static bool step(udm_loop *loop, walk *w, udm_error *error)
{
    const udm_loop_settings *s = &loop->settings;
    const int count = stages(s, w->step);
    double rung = w->step;
    w->drawn = draws(s) && (w->step + 1 < s->ladder.steps || s->ladder.short_of_zero);
    if (w->drawn && !w->calls->draw(w->calls->context, w->step, loop->e, error))
        return false;
    for (w->stage = 0; w->stage < count; w->stage++) {
        if (!estimate_at(loop, w, rung, error))
            return false;
        if (w->stage == 0)
            begin(loop, w);
        rung = w->step + (s->sampler->reach ? s->sampler->reach(w->step, s->ladder.steps, w->stage) : 1);
        if (s->sampler->mix)
            blend(loop, w, s->sampler->mix, returns(s) ? loop->start : w->x, w->step, rung);
        else
            general_step(loop, w, rung);
    }
    forget_stages(loop, count);
    end(loop);
    return true;
}

bool udm_loop_run(udm_loop *loop, const udm_loop_calls *calls, const float *times, float *x, udm_error *error)
{
    walk w = { .calls = calls, .times = times, .x = x };
    loop->count = 0;
    for (w.step = 0; w.step < loop->settings.ladder.steps; w.step++)
        if (!step(loop, &w, error))
            return false;
    return true;
}
