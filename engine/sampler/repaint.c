// SPDX-License-Identifier: LGPL-2.1-or-later
// RePaint: inpainting with a network that knows one time for the whole frame. What is known, the pixels at time 0, is
// given the noise of the others before each estimate; steps are DDPM's, and each is made several times, going back in
// between, so that the two parts come to fit. Lugmayr et al., "RePaint", 2022, algorithm 1, with a jump of one step.
#include <string.h>

#include "sampler/state.h"

static double fresh(double alpha_bar_t, double alpha_bar_s, double eta)
{
    (void)eta;
    return udm_posterior(alpha_bar_t, alpha_bar_s);
}

static int asks(int steps, int repeats)
{
    return (steps - 1) * repeats + 1;
}

// All pixels enter at the latest time of any; `even` holds it. False if none is known.
static bool even_times(const udm_loop *loop, const float *times, float *even)
{
    float latest = 0;
    bool known = false;
    for (size_t i = 0; i < loop->settings.pixels; i++) {
        latest = times[i] > latest ? times[i] : latest;
        known = known || times[i] <= 0;
    }
    for (size_t i = 0; i < loop->settings.pixels; i++)
        even[i] = latest;
    return known;
}

// Puts what is known (NULL: nothing), with the noise of a timestep, in its place. times: as they were given.
static bool put_known(udm_loop *loop, udm_walk *w, const float *times, const float *known, double timestep,
                      udm_error *error)
{
    const udm_loop_settings *s = &loop->settings;
    if (!known)
        return true;
    if (!udm_walk_draw(loop, w, error))
        return false;
    const udm_levels at = udm_walk_levels(loop, w, timestep, loop->to);
    s->process->forward(&at, s->channels, known, loop->e, loop->scratch);
    for (size_t i = 0; i < loop->elements; i++)
        w->x[i] = times[i % s->pixels] <= 0 ? loop->scratch[i] : w->x[i];
    return true;
}

static bool step_down(udm_loop *loop, udm_walk *w, udm_error *error)
{
    if (!udm_walk_estimate(loop, w, w->step, loop->estimates[0].values, error))
        return false;
    w->drawn = w->step + 1 < w->timesteps.steps || w->timesteps.short_of_zero || loop->settings.process->posterior;
    if (w->drawn && !udm_walk_draw(loop, w, error))
        return false;
    udm_walk_general_step(loop, w, w->step, w->step + 1);
    return true;
}

static bool step_up(udm_loop *loop, udm_walk *w, udm_error *error)
{
    const udm_loop_settings *s = &loop->settings;
    if (!udm_walk_draw(loop, w, error))
        return false;
    const udm_levels from = udm_walk_levels(loop, w, w->step + 1, loop->from),
                     to = udm_walk_levels(loop, w, w->step, loop->to);
    s->process->advance(&from, &to, s->channels, w->x, loop->e, w->x);
    return true;
}

static bool run(udm_loop *loop, udm_walk *w, udm_error *error)
{
    const float *times = w->times;
    float *even = loop->before, *known = even_times(loop, times, even) ? loop->start : NULL;
    memcpy(loop->start, w->x, loop->elements * sizeof *loop->start);
    if (even[0] <= 0)
        return true;
    w->times = even;
    if (!put_known(loop, w, times, known, 0, error))
        return false;
    for (; w->step < w->timesteps.steps; w->step++) {
        const int repeats = w->step + 1 < w->timesteps.steps ? udm_loop_repeats(&loop->settings) : 1;
        for (int n = 0; n < repeats; n++)
            if (!step_down(loop, w, error) || !put_known(loop, w, times, known, w->step + 1, error) ||
                (n + 1 < repeats && !step_up(loop, w, error)))
                return false;
    }
    return true;
}

const udm_sampler udm_sampler_repaint = {
    .name = "repaint",
    .about = "inpainting with networks that take one time for the whole frame",
    .stochastic = true,
    .order = 1,
    .fresh = fresh,
    .run = run,
    .asks = asks,
};
