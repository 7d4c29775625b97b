// SPDX-License-Identifier: LGPL-2.1-or-later
// The probability-flow equation dy / du = y - x0, y = x / signal, u = log(noise / signal), by the embedded Runge-Kutta
// method of orders 3 and 2 of Bogacki and Shampine, "A 3(2) Pair of Runge-Kutta Formulas", 1989, with a step that
// follows the error. Song et al., "Score-Based Generative Modeling through Stochastic Differential Equations", 2021,
// section 4.3. `steps` is the most it tries; where they do not suffice, it ends at the estimate of x0 from where it has
// come to. All pixels go the same share of their ways at once.
#include <math.h>
#include <string.h>

#include "sampler/state.h"

enum { STAGES = 4 };

static int asks(int steps, int repeats)
{
    (void)repeats;
    return 1 + (STAGES - 1) * (steps - 1);
}

// scratch = y + h u' sum of weights[k] slope k, u' being how far a pixel goes in u.
static void go(udm_loop *loop, const udm_walk *w, double h, int count, const double *weights)
{
    const udm_loop_settings *s = &loop->settings;
    memcpy(loop->scratch, loop->start, loop->elements * sizeof *loop->scratch);
    for (size_t i = 0, n; i < s->pixels; i += n) {
        n = udm_run_length(w->times, i, s->pixels);
        if (w->times[i] <= 0)
            continue;
        const udm_point begin = udm_walk_point(loop, w, w->times[i], 0), end = udm_walk_point(loop, w, w->times[i], 1);
        const double way = h * log(udm_point_ratio(end) / udm_point_ratio(begin));
        for (int c = 0; c < s->channels; c++)
            for (int k = 0; k < count; k++) {
                const float by = (float)(way * weights[k]), *slope = loop->estimates[k].values;
                for (size_t at = c * s->pixels + i; at < c * s->pixels + i + n; at++)
                    loop->scratch[at] += by * slope[at];
            }
    }
}

// Slope number k, at y = scratch: y - x0.
static bool find_slope(udm_loop *loop, udm_walk *w, double timestep, int k, udm_error *error)
{
    const udm_loop_settings *s = &loop->settings;
    const udm_levels at = udm_walk_levels(loop, w, timestep, loop->to);
    float *slope = loop->estimates[k].values;
    for (size_t i = 0; i < loop->elements; i++)
        w->x[i] = at.signal[i % s->pixels] * loop->scratch[i];
    if (!udm_walk_estimate(loop, w, timestep, slope, error))
        return false;
    for (size_t i = 0; i < loop->elements; i++)
        slope[i] = loop->scratch[i] - slope[i];
    return true;
}

// The root of the mean square of what the two orders differ by, in units of the x whose variance is preserved.
static double error_of_step(udm_loop *loop, const udm_walk *w, double timestep, double h)
{
    static const double difference[STAGES] = { -5 / 72., 1 / 12., 1 / 9., -1 / 8. };
    const udm_levels at = udm_walk_levels(loop, w, timestep, loop->to);
    double squares = 0;
    go(loop, w, h, STAGES, difference);
    for (size_t i = 0; i < loop->elements; i++) {
        const size_t pixel = i % loop->settings.pixels;
        const double signal = at.signal[pixel] / hypot(at.signal[pixel], at.noise[pixel]);
        const double off = signal * (loop->scratch[i] - loop->start[i]);
        squares += off * off;
    }
    return sqrt(squares / loop->elements);
}

// From `timestep`, over h of the way: the new y into `before`, its slope the last. off: error_of_step().
static bool attempt(udm_loop *loop, udm_walk *w, double timestep, double h, double *off, udm_error *error)
{
    static const double along[STAGES] = { 0, 1 / 2., 3 / 4., 1 };
    static const double weights[STAGES][3] = { { 0 }, { 1 / 2. }, { 0, 3 / 4. }, { 2 / 9., 1 / 3., 4 / 9. } };
    for (int k = 1; k < STAGES; k++) {
        go(loop, w, h, k, weights[k]);
        if (k == STAGES - 1)
            memcpy(loop->before, loop->scratch, loop->elements * sizeof *loop->before);
        if (!find_slope(loop, w, timestep + along[k] * h, k, error))
            return false;
    }
    *off = error_of_step(loop, w, timestep + h, h);
    return true;
}

static void swap_floats(float **a, float **b)
{
    float *other = *a;
    *a = *b, *b = other;
}

static bool begin(udm_loop *loop, udm_walk *w, udm_error *error)
{
    w->timesteps.spacing = &udm_spacing_log_snr;
    w->timesteps.steps = 2; // timestep 1 is the schedule's first step, and all between count
    w->timesteps.wide = w->timesteps.short_of_zero = false;
    const udm_levels at = udm_walk_levels(loop, w, 0, loop->to);
    for (size_t i = 0; i < loop->elements; i++)
        loop->start[i] = loop->scratch[i] = w->x[i] / at.signal[i % loop->settings.pixels];
    return find_slope(loop, w, 0, 0, error);
}

static bool run(udm_loop *loop, udm_walk *w, udm_error *error)
{
    const double tolerance = loop->settings.tolerance > 0 ? loop->settings.tolerance : 1e-3;
    double timestep = 0, h = 0.1, off;
    if (!begin(loop, w, error))
        return false;
    for (int left = loop->settings.timesteps.steps - 1; left > 0 && timestep < 1; left--) {
        const bool last = timestep + h > 1 - 1e-9;
        h = last ? 1 - timestep : h;
        if (!attempt(loop, w, timestep, h, &off, error))
            return false;
        if (off <= tolerance) {
            timestep = last ? 1 : timestep + h;
            swap_floats(&loop->start, &loop->before);
            swap_floats(&loop->estimates[0].values, &loop->estimates[STAGES - 1].values);
        }
        h *= fmin(fmax(0.9 * cbrt(tolerance / fmax(off, 1e-30)), 0.2), 5);
    }
    for (size_t i = 0; i < loop->elements; i++) // x0, at the last point
        w->x[i] = loop->start[i] - loop->estimates[0].values[i];
    return true;
}

const udm_sampler udm_sampler_ode = {
    .name = "ode",
    .about = "the probability-flow equation with steps that follow the error",
    .run = run,
    .asks = asks,
    .looks = STAGES,
    .gaussian = true,
};
