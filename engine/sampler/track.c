// SPDX-License-Identifier: LGPL-2.1-or-later
// A sampler's step as weights of the state, of the estimates and of new noise.
#include "sampler/track.h"

#include <math.h>
#include <string.h>

bool udm_track_takes(const udm_sampler *sampler)
{
    return !sampler->run && !sampler->stages && !sampler->correct && !sampler->needs_power && !sampler->learned;
}

int udm_track_looks(const udm_sampler *sampler)
{
    return sampler->looks > 1 ? sampler->looks : 1;
}

udm_point udm_track_point(const udm_track *track, const udm_sampler *sampler, const udm_timesteps *timesteps, int k)
{
    const udm_timestep at = udm_timesteps_at(timesteps, track->start, k);
    const double alpha_bar = sampler->mix ? fmax(at.alpha_bar, UDM_LEAST_ALPHA_BAR) : at.alpha_bar;
    return (udm_point){ at.time, sqrt(alpha_bar), sqrt(1 - alpha_bar) };
}

// x_s = signal' x0 + noise' (sqrt(1 - v^2) e + v e') with e = (x_t - signal x0) / noise.
static udm_mix general_mix(const udm_sampler *sampler, const udm_step *step)
{
    const udm_point from = step->from, to = step->to;
    const double v = sampler->fresh(from.signal * from.signal, to.signal * to.signal, 0);
    const double keep = to.noise * sqrt(1 - v * v) / from.noise;
    return (udm_mix){ .start = keep, .estimates = { to.signal - keep * from.signal }, .fresh = to.noise * v };
}

static udm_mix find_mix(const udm_track *track, const udm_sampler *sampler, const udm_timesteps *timesteps, int k)
{
    udm_step step = { .from = udm_track_point(track, sampler, timesteps, k),
                      .to = udm_track_point(track, sampler, timesteps, k + 1),
                      .count = track->count,
                      .order = sampler->uses,
                      .index = k,
                      .steps = timesteps->steps,
                      .least = udm_timesteps_least_ratio(timesteps, track->start) };
    memcpy(step.seen, track->seen, sizeof step.seen);
    if (!sampler->mix)
        return general_mix(sampler, &step);
    udm_mix mix = { 0 };
    sampler->mix(&step, &mix);
    mix.start += mix.now; // there is one stage
    return mix;
}

// In front of the others, in the place of the oldest.
static void keep(udm_track *track, const udm_sampler *sampler, udm_point at, const float *estimate, size_t elements)
{
    const int last = udm_track_looks(sampler) - 1;
    float *place = track->kept[last];
    memmove(track->kept + 1, track->kept, last * sizeof *track->kept);
    memmove(track->seen + 1, track->seen, last * sizeof *track->seen);
    memcpy(place, estimate, elements * sizeof *place);
    track->kept[0] = place;
    track->seen[0] = at;
    track->count += track->count <= last;
}

void udm_track_step(udm_track *track, const udm_sampler *sampler, const udm_timesteps *timesteps, int k, float *x0,
                    const float *e, size_t elements, float *x)
{
    const udm_point from = udm_track_point(track, sampler, timesteps, k);
    for (size_t i = 0; sampler->of_noise && i < elements; i++)
        x0[i] = (x[i] - (float)from.signal * x0[i]) / (float)from.noise;
    keep(track, sampler, from, x0, elements);
    const udm_mix mix = find_mix(track, sampler, timesteps, k);
    for (size_t i = 0; i < elements; i++)
        x[i] *= (float)mix.start;
    for (int n = 0; n < track->count; n++)
        for (size_t i = 0; mix.estimates[n] != 0 && i < elements; i++)
            x[i] += (float)mix.estimates[n] * track->kept[n][i];
    for (size_t i = 0; e && mix.fresh != 0 && i < elements; i++)
        x[i] += (float)mix.fresh * e[i];
}
