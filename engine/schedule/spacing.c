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

int udm_ladder_total(const udm_ladder *ladder)
{
    return ladder->noise->steps > 0 ? ladder->noise->steps : 1000;
}

static udm_rung at_time(const udm_ladder *ladder, double time)
{
    return (udm_rung){ time, udm_noise_alpha_bar(ladder->noise, time) };
}

udm_rung udm_ladder_at_step(const udm_ladder *ladder, double step)
{
    if (ladder->noise->steps > 0 && !ladder->noise->interpolated)
        step = rint(step);
    return at_time(ladder, fmax(step + 1, 0) / udm_ladder_total(ladder));
}

static int line_parts(const udm_ladder *ladder)
{
    return ladder->wide ? ladder->steps : ladder->steps - 1;
}

udm_rung udm_ladder_on_line(const udm_ladder *ladder, double start, double last, double k)
{
    const double from = start * udm_ladder_total(ladder) - 1, to = fmin(last, from);
    const int parts = line_parts(ladder);
    if (k <= parts)
        return udm_ladder_at_step(ladder, parts > 0 ? from + (to - from) * k / parts : from);
    return udm_ladder_at_step(ladder, to - (to + 1) * (k - parts)); // between the last step and 0
}

double udm_rung_ratio(udm_rung rung)
{
    return sqrt((1 - rung.alpha_bar) / rung.alpha_bar);
}

// The time of a ratio between two steps of a discrete schedule, by its logarithm, as k-diffusion has it.
static double time_between(const udm_noise *noise, double sigma)
{
    int low = 1, high = noise->steps;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        *(1 / (1 + sigma * sigma) < noise->alpha_bars[middle - 1] ? &low : &high) = middle;
    }
    double below = log(udm_rung_ratio((udm_rung){ 0, noise->alpha_bars[low - 1] })),
           above = log(udm_rung_ratio((udm_rung){ 0, noise->alpha_bars[high - 1] }));
    double share = above > below ? (log(sigma) - below) / (above - below) : 0;
    return (low + fmin(fmax(share, 0), 1)) / noise->steps;
}

udm_rung udm_ladder_at_ratio(const udm_ladder *ladder, double sigma)
{
    const udm_noise *noise = ladder->noise;
    const double level = sigma / sqrt(1 + sigma * sigma);
    double time = noise->steps > 0 ? time_between(noise, sigma) : udm_noise_time(noise, level);
    if (ladder->whole && noise->steps > 0)
        time = (rint(time * noise->steps - 1) + 1) / noise->steps;
    return (udm_rung){ time, 1 / (1 + sigma * sigma) };
}

double udm_ladder_share(const udm_ladder *ladder, double k)
{
    const int parts = line_parts(ladder);
    return parts > 0 ? fmin(k / parts, 1) : 0;
}

double udm_ladder_least_ratio(const udm_ladder *ladder, double start)
{
    return udm_rung_ratio(at_time(ladder, fmin(start, 1.0 / udm_ladder_total(ladder))));
}

double udm_ladder_time_one(const udm_ladder *ladder)
{
    (void)ladder;
    return 1;
}

udm_rung udm_ladder_rung(const udm_ladder *ladder, double start, double k)
{
    if (start <= 0)
        return (udm_rung){ 0, 1 };
    if (k < ladder->steps)
        return ladder->spacing->rung(ladder, start, k);
    return ladder->short_of_zero ? udm_ladder_at_step(ladder, 0) : (udm_rung){ 0, 1 };
}

double udm_ladder_first(const udm_ladder *ladder)
{
    return ladder->spacing->first(ladder);
}
