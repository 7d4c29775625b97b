// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of schedules, and what follows from any of them: alpha_bar, the level of the noise, and the time of a level.
#include "schedule/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const udm_schedule *const udm_schedules[] = {
    &udm_schedule_linear,  &udm_schedule_cosine, &udm_schedule_scaled_linear,
    &udm_schedule_sigmoid, &udm_schedule_flow,   NULL,
};

const udm_schedule *udm_schedule_find(const char *name)
{
    for (const udm_schedule *const *schedule = udm_schedules; *schedule; schedule++)
        if (strcmp((*schedule)->name, name) == 0 || strcmp((*schedule)->diffusers_name, name) == 0)
            return *schedule;
    return NULL;
}

static double clamp01(double x)
{
    return fmin(fmax(x, 0), 1);
}

bool udm_noise_init(udm_noise *noise, const udm_schedule *schedule, udm_betas betas, int steps, udm_error *error)
{
    if (!(betas.start > 0 && betas.start <= betas.end && betas.end < 1))
        return udm_fail(error, UDM_ERROR_SETTINGS, "beta_start %g and beta_end %g must be rising and within (0, 1)",
                        betas.start, betas.end);
    if (steps < 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "a schedule cannot have %d steps", steps);

    double *alpha_bars = NULL;
    if (steps > 0 && !(alpha_bars = malloc(sizeof *alpha_bars * (size_t)steps)))
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a schedule of %d steps", steps);

    double product = 1;
    for (int i = 0; i < steps; i++)
        alpha_bars[i] = product *= 1 - schedule->beta(betas, i, steps);
    *noise = (udm_noise){ schedule, betas, steps, alpha_bars, .interpolated = false };
    return true;
}

void udm_noise_end_without_signal(udm_noise *noise)
{
    const double first = sqrt(noise->alpha_bars[0]), last = sqrt(noise->alpha_bars[noise->steps - 1]);
    for (int i = 0; i < noise->steps && first > last; i++) {
        const double signal = (sqrt(noise->alpha_bars[i]) - last) * first / (first - last);
        noise->alpha_bars[i] = signal * signal;
    }
}

void udm_noise_clear(udm_noise *noise)
{
    free(noise->alpha_bars);
    *noise = (udm_noise){ 0 };
}

static double alpha_bar_after(const udm_noise *noise, long steps)
{
    return steps > 0 ? noise->alpha_bars[steps - 1] : 1;
}

static double interpolated(const udm_noise *noise, double t)
{
    const double at = t * noise->steps;
    const long below = (long)floor(at), above = (long)ceil(at);
    const double low = alpha_bar_after(noise, below), high = alpha_bar_after(noise, above);
    if (below == above)
        return low;
    const double sigma = (above - at) * sqrt((1 - low) / low) + (at - below) * sqrt((1 - high) / high);
    return 1 / (1 + sigma * sigma);
}

double udm_noise_alpha_bar(const udm_noise *noise, double t)
{
    t = clamp01(t);
    if (noise->steps == 0)
        return noise->schedule->alpha_bar(noise->betas, t);
    return noise->interpolated ? interpolated(noise, t) : alpha_bar_after(noise, lround(t * noise->steps));
}

double udm_noise_timestep(const udm_noise *noise, double t)
{
    return noise->steps > 0 ? fmax(0, t * noise->steps - 1) : t;
}

double udm_noise_level(const udm_noise *noise, double t)
{
    return sqrt(clamp01(1 - udm_noise_alpha_bar(noise, t)));
}

// The step whose level is the nearest, as a time.
static double discrete_time(const udm_noise *noise, double level)
{
    int low = 0, high = noise->steps;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        *(udm_noise_level(noise, (double)middle / noise->steps) < level ? &low : &high) = middle;
    }
    double below = (double)low / noise->steps, above = (double)high / noise->steps;
    bool nearer_below = level - udm_noise_level(noise, below) <= udm_noise_level(noise, above) - level;
    return nearer_below ? below : above;
}

double udm_noise_time(const udm_noise *noise, double level)
{
    level = clamp01(level);
    if (noise->steps > 0)
        return discrete_time(noise, level);

    double low = 0, high = 1;
    if (udm_noise_level(noise, high) <= level)
        return 1;
    // Sixty halvings of [0, 1] leave nothing that a double could tell.
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        *(udm_noise_level(noise, middle) < level ? &low : &high) = middle;
    }
    return low;
}

double udm_level_of_sigma(double sigma)
{
    double ratio = 2 * sigma / 255;
    return ratio / sqrt(1 + ratio * ratio);
}

double udm_level_of_share(double share, double level)
{
    const double noise = share * share * level * level, all = 1 - level * level + noise;
    return all > 0 ? sqrt(noise / all) : 1;
}

double udm_sigma_of_level(double level)
{
    return level < 1 ? level / sqrt(1 - level * level) * 255 / 2 : INFINITY;
}
