// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of spacings, and what they share.
#include "schedule/spacing.h"

#include <math.h>
#include <string.h>

const udm_spacing *const udm_spacings[] = {
    &udm_spacing_trailing, &udm_spacing_leading, &udm_spacing_linspace, &udm_spacing_karras, &udm_spacing_log_snr, NULL,
};

const udm_spacing *udm_spacing_find(const char *name)
{
    for (const udm_spacing *const *spacing = udm_spacings; *spacing; spacing++)
        if (strcmp((*spacing)->name, name) == 0)
            return *spacing;
    return NULL;
}

int udm_timesteps_total(const udm_timesteps *timesteps)
{
    return timesteps->noise->steps > 0 ? timesteps->noise->steps : 1000;
}

static udm_timestep at_time(const udm_timesteps *timesteps, double time)
{
    return (udm_timestep){ time, udm_noise_alpha_bar(timesteps->noise, time) };
}

udm_timestep udm_timesteps_at_step(const udm_timesteps *timesteps, double step)
{
    if (timesteps->noise->steps > 0 && !timesteps->noise->interpolated)
        step = rint(step);
    return at_time(timesteps, fmax(step + 1, 0) / udm_timesteps_total(timesteps));
}

static int line_parts(const udm_timesteps *timesteps)
{
    return timesteps->wide ? timesteps->steps : timesteps->steps - 1;
}

udm_timestep udm_timesteps_on_line(const udm_timesteps *timesteps, double start, double last, double k)
{
    const double from = start * udm_timesteps_total(timesteps) - 1, to = fmin(last, from);
    const int parts = line_parts(timesteps);
    if (k <= parts)
        return udm_timesteps_at_step(timesteps, parts > 0 ? from + (to - from) * k / parts : from);
    return udm_timesteps_at_step(timesteps, to - (to + 1) * (k - parts)); // between the last step and 0
}

double udm_timestep_ratio(udm_timestep timestep)
{
    return sqrt((1 - timestep.alpha_bar) / timestep.alpha_bar);
}

// The time of a ratio between two steps of a discrete schedule, by its logarithm, as k-diffusion has it.
static double time_between(const udm_noise *noise, double sigma)
{
    int low = 1, high = noise->steps;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        *(1 / (1 + sigma * sigma) < noise->alpha_bars[middle - 1] ? &low : &high) = middle;
    }
    double below = log(udm_timestep_ratio((udm_timestep){ 0, noise->alpha_bars[low - 1] })),
           above = log(udm_timestep_ratio((udm_timestep){ 0, noise->alpha_bars[high - 1] }));
    double share = above > below ? (log(sigma) - below) / (above - below) : 0;
    return (low + fmin(fmax(share, 0), 1)) / noise->steps;
}

udm_timestep udm_timesteps_at_ratio(const udm_timesteps *timesteps, double sigma)
{
    const udm_noise *noise = timesteps->noise;
    const double level = sigma / sqrt(1 + sigma * sigma);
    double time = noise->steps > 0 ? time_between(noise, sigma) : udm_noise_time(noise, level);
    if (timesteps->whole && noise->steps > 0)
        time = (rint(time * noise->steps - 1) + 1) / noise->steps;
    return (udm_timestep){ time, 1 / (1 + sigma * sigma) };
}

double udm_timesteps_share(const udm_timesteps *timesteps, double k)
{
    const int parts = line_parts(timesteps);
    return parts > 0 ? fmin(k / parts, 1) : 0;
}

double udm_timesteps_least_ratio(const udm_timesteps *timesteps, double start)
{
    return udm_timestep_ratio(at_time(timesteps, fmin(start, 1.0 / udm_timesteps_total(timesteps))));
}

double udm_timesteps_time_one(const udm_timesteps *timesteps)
{
    (void)timesteps;
    return 1;
}

// With those that are skipped.
static udm_timesteps whole_way(const udm_timesteps *timesteps)
{
    udm_timesteps all = *timesteps;
    all.steps += all.skipped;
    all.skipped = 0;
    return all;
}

udm_timestep udm_timesteps_at(const udm_timesteps *timesteps, double start, double k)
{
    if (start > 0 && timesteps->skipped > 0) {
        const udm_timesteps all = whole_way(timesteps);
        return udm_timesteps_at(&all, udm_timesteps_first(&all), k + timesteps->skipped);
    }
    if (start <= 0)
        return (udm_timestep){ 0, 1 };
    if (k < timesteps->steps)
        return timesteps->spacing->timestep(timesteps, start, k);
    return timesteps->short_of_zero ? udm_timesteps_at_step(timesteps, 0) : (udm_timestep){ 0, 1 };
}

double udm_timesteps_first(const udm_timesteps *timesteps)
{
    return timesteps->skipped > 0 ? udm_timesteps_at(timesteps, 1, 0).time : timesteps->spacing->first(timesteps);
}
