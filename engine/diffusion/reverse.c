// SPDX-License-Identifier: LGPL-2.1-or-later
// Estimate x0, correct, repeat.
#include "diffusion/reverse.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

// Signal and noise of every pixel; both point into one allocation.
typedef struct levels {
    float *signal, *noise;
    bool even; // those of one time for all pixels,
    float time;
} levels;

struct udm_reverse {
    udm_reverse_settings settings;
    udm_denoiser *denoiser;
    udm_loop *loop;
    size_t pixels, elements; // height * width, and times channels
    float *memory;           // all of the following
    levels from, to;
    float *e;       // [C, height, width]
    float *scratch; // udm_levels
};

static bool allocate(udm_reverse *reverse, udm_error *error)
{
    const udm_denoiser_settings *s = &reverse->settings.denoiser;
    const size_t n = reverse->pixels, c = reverse->elements;
    const size_t work = s->process->blends ? n + 5 * ((size_t)s->width + s->height) : 0;
    float *at = reverse->memory = calloc(4 * n + c + work, sizeof(float));
    if (!at)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", s->width, s->height);
    reverse->from = (levels){ .signal = at, .noise = at + n };
    reverse->to = (levels){ .signal = at + 2 * n, .noise = at + 3 * n };
    reverse->e = at + 4 * n;
    reverse->scratch = reverse->e + c;
    return true;
}

static udm_loop_settings loop_settings(const udm_reverse *reverse)
{
    const udm_reverse_settings *s = &reverse->settings;
    const udm_denoiser_settings *d = &s->denoiser;
    udm_timesteps timesteps = s->timesteps;
    timesteps.noise = d->noise, timesteps.steps = s->steps;
    return (udm_loop_settings){
        .process = d->process,
        .sampler = s->sampler,
        .timesteps = timesteps,
        .order = s->order,
        .ease_below = s->ease_below,
        .powers = s->powers,
        .power_count = s->power_count,
        .channels = d->network->channels,
        .pixels = reverse->pixels,
        .width = d->width,
        .height = d->height,
        .extent = s->extent,
        .pool = d->network->device->pool,
    };
}

static bool check_sampler(const udm_reverse_settings *settings, udm_error *error)
{
    if (settings->sampler->learned)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "sampler \"%s\" is for networks with a learned variance, of which none restores or "
                        "interpolates frames: use \"ddpm\"",
                        settings->sampler->name);
    if (settings->sampler == &udm_sampler_ode && settings->denoiser.network->memory_frames > 0)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "sampler \"ode\" chooses its steps per frame, and this network has a memory "
                        "for each step: use \"heun\"");
    return true;
}

udm_reverse *udm_reverse_new(const udm_reverse_settings *settings, udm_error *error)
{
    const udm_denoiser_settings *d = &settings->denoiser;
    udm_shape shape = { d->network->channels, d->height, d->width };
    udm_reverse *reverse = calloc(1, sizeof *reverse);
    if (!reverse || udm_shape_elements(shape) == 0) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", d->width, d->height);
        free(reverse);
        return NULL;
    }
    reverse->settings = *settings;
    reverse->pixels = (size_t)d->width * d->height;
    reverse->elements = udm_shape_elements(shape);
    const udm_loop_settings loop = loop_settings(reverse);
    reverse->loop = check_sampler(settings, error) ? udm_loop_new(&loop, error) : NULL;
    reverse->denoiser = reverse->loop ? udm_denoiser_new(d, udm_loop_estimates(&loop), error) : NULL;
    if (!reverse->denoiser || !allocate(reverse, error)) {
        udm_reverse_free(reverse);
        return NULL;
    }
    return reverse;
}

void udm_reverse_free(udm_reverse *reverse)
{
    if (!reverse)
        return;
    udm_denoiser_free(reverse->denoiser);
    udm_loop_free(reverse->loop);
    free(reverse->memory);
    free(reverse);
}

const udm_ensemble *udm_reverse_ensemble(const udm_reverse *reverse)
{
    return udm_denoiser_ensemble(reverse->denoiser);
}

void udm_reverse_clear(udm_reverse *reverse)
{
    udm_denoiser_clear(reverse->denoiser);
}

static udm_levels view(const udm_reverse *reverse, levels at)
{
    return (udm_levels){
        .pixels = reverse->pixels,
        .signal = at.signal,
        .noise = at.noise,
        .width = reverse->settings.denoiser.width,
        .height = reverse->settings.denoiser.height,
        .extent = reverse->settings.extent,
        .scratch = reverse->scratch,
    };
}

// What is there from the frame before, mostly, is not written again.
static void levels_at(const udm_reverse *reverse, const float *times, levels *out)
{
    const udm_process *process = reverse->settings.denoiser.process;
    const bool even = udm_run_length(times, 0, reverse->pixels) == reverse->pixels;
    if (even && out->even && out->time == times[0])
        return;
    out->even = even, out->time = times[0];
    for (size_t i = 0, count; i < reverse->pixels; i += count) {
        double signal, noise;
        count = udm_run_length(times, i, reverse->pixels);
        const double alpha_bar = udm_noise_alpha_bar(reverse->settings.denoiser.noise, times[i]);
        (process->factors ? process : &udm_process_gaussian)->factors(alpha_bar, &signal, &noise);
        for (size_t k = i; k < i + count; k++)
            out->signal[k] = (float)signal, out->noise[k] = (float)noise;
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
    const udm_process *process = s->denoiser.process;
    const size_t count = s->grey ? reverse->pixels : reverse->elements;
    for (size_t done = 0; done < count; done += PART) {
        if (cancelled(cancel, error))
            return false;
        udm_normal(s->seed, number, step, done, count - done < PART ? count - done : PART, e + done);
    }
    if (process->shape)
        process->shape(s->seed, number, step, count, e);
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

// Continues the forward process where the time is below `share` of the highest one, and raises the time.
static bool strengthen(udm_reverse *reverse, uint64_t number, float *frame, float *times, double share,
                       const atomic_bool *cancel, udm_error *error)
{
    const udm_process *process = reverse->settings.denoiser.process;
    const int channels = reverse->settings.denoiser.network->channels;
    const float least = (float)(share * reverse->settings.most);
    const bool begins = !any_time(reverse, times);
    if (!process->advance && !begins)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "process \"%s\" cannot be continued from a degraded frame: set strength to 0", process->name);
    if (process->cold)
        memset(reverse->e, 0, reverse->elements * sizeof *reverse->e);
    else if (!draw(reverse, number, 0, reverse->e, cancel, error))
        return false;
    for (size_t i = 0; i < reverse->pixels; i++)
        times[i] = times[i] < least ? least : times[i];
    levels_at(reverse, times, &reverse->to);
    udm_levels from = view(reverse, reverse->from), to = view(reverse, reverse->to);
    if (begins)
        process->forward(&to, channels, frame, reverse->e, frame);
    else
        process->advance(&from, &to, channels, frame, reverse->e, frame);
    return true;
}

// The frame that the loop runs on.
typedef struct run {
    udm_reverse *reverse;
    uint64_t number;
    const udm_side_information *beside;
    const atomic_bool *cancel;
} run;

static bool estimate(void *context, int step, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    const run *r = context;
    return udm_denoiser_run(r->reverse->denoiser, step, at, xt, r->beside, x0, r->cancel, error);
}

bool udm_reverse_mean(udm_reverse *reverse, const udm_side_information *beside, float *x0, const atomic_bool *cancel,
                      udm_error *error)
{
    return udm_denoiser_run(reverse->denoiser, 0, NULL, NULL, beside, x0, cancel, error);
}

static bool draw_step(void *context, int step, float *e, udm_error *error)
{
    const run *r = context;
    return draw(r->reverse, r->number, (uint32_t)step + 1, e, r->cancel, error);
}

enum { PART = 1 << 14 }; // pixels of a job

typedef struct fading {
    const udm_reverse *reverse;
    const float *frame;
    float *out;
} fading;

static int parts_of(const udm_reverse *reverse)
{
    return (int)((reverse->pixels + PART - 1) / PART);
}

static void fade_part(void *context, int index, int worker)
{
    const fading *job = context;
    const size_t pixels = job->reverse->pixels, first = (size_t)index * PART;
    const size_t end = first + PART < pixels ? first + PART : pixels;
    for (size_t plane = 0; plane < job->reverse->elements; plane += pixels)
        for (size_t i = first; i < end; i++)
            job->out[plane + i] = job->frame[plane + i] * job->reverse->from.signal[i];
}

bool udm_reverse_run(udm_reverse *reverse, uint64_t number, const udm_side_information *beside, const float *frame,
                     float *out, float *times, double strength, const atomic_bool *cancel, udm_error *error)
{
    udm_pool *pool = reverse->settings.denoiser.network->device->pool;
    const bool begins = strength > 0 || any_time(reverse, times);
    const bool fades = begins && udm_process_fades(reverse->settings.denoiser.process);
    if (begins)
        levels_at(reverse, times, &reverse->from);
    if (fades)
        udm_pool_run(pool, parts_of(reverse), fade_part, &(fading){ reverse, frame, out });
    else if (out != frame)
        udm_pool_copy(pool, out, frame, reverse->elements * sizeof *out);
    if (!begins)
        return true;
    if (strength > 0 && !strengthen(reverse, number, out, times, strength, cancel, error))
        return false;
    run r = { reverse, number, beside, cancel };
    const udm_loop_calls calls = { .context = &r, .estimate = estimate, .draw = draw_step };
    if (!udm_loop_run(reverse->loop, &calls, times, out, error))
        return false;
    udm_denoiser_advance(reverse->denoiser);
    return true;
}
