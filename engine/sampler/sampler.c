// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of samplers, and the steps that they are cases of.
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

const udm_sampler *const udm_samplers[] = {
    &udm_sampler_ddim,         &udm_sampler_ddpm,          &udm_sampler_ddpm_large,
    &udm_sampler_ddpm_learned, &udm_sampler_ddpm_analytic, &udm_sampler_trivial,
    &udm_sampler_euler,        &udm_sampler_heun,          &udm_sampler_euler_ancestral,
    &udm_sampler_deis,         &udm_sampler_dpmpp_2m,      &udm_sampler_dpmpp_3m,
    &udm_sampler_dpmpp_2m_sde, &udm_sampler_unipc,         &udm_sampler_s_pndm,
    &udm_sampler_f_pndm,       &udm_sampler_plms,          &udm_sampler_ode,
    &udm_sampler_sde,          &udm_sampler_sde_pc,        &udm_sampler_lcm,
    &udm_sampler_consistency,  &udm_sampler_repaint,       NULL,
};

const udm_sampler *udm_sampler_find(const char *name)
{
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++)
        if (strcmp((*sampler)->name, name) == 0)
            return *sampler;
    return NULL;
}

double udm_point_ratio(udm_point point)
{
    return point.noise / point.signal;
}

double udm_point_lambda(udm_point point)
{
    return log(point.signal / point.noise);
}

double udm_posterior(double alpha_bar_t, double alpha_bar_s)
{
    return sqrt((1 - alpha_bar_t / alpha_bar_s) / (1 - alpha_bar_t));
}

static double alpha_bar(udm_point point)
{
    const double ratio = udm_point_ratio(point);
    return 1 / (1 + ratio * ratio);
}

udm_mix udm_mix_posterior(const udm_step *step, double *small, double *large)
{
    const double v = udm_posterior(alpha_bar(step->from), alpha_bar(step->to));
    const double shrunk = step->from.signal / step->to.signal * step->to.noise;
    const double keep = sqrt(1 - v * v) * step->to.noise / step->from.noise;
    *small = v * step->to.noise;
    *large = sqrt(step->from.noise * step->from.noise - shrunk * shrunk);
    return (udm_mix){ .start = keep, .estimates = { step->to.signal - keep * step->from.signal } };
}

udm_mix udm_mix_towards_x0(const udm_step *step)
{
    const double keep = step->to.noise / step->from.noise;
    return (udm_mix){ .start = keep, .estimates = { step->to.signal - keep * step->from.signal } };
}

udm_mix udm_mix_along_noise(const udm_step *step)
{
    const double keep = step->to.signal / step->from.signal;
    return (udm_mix){ .start = keep, .estimates = { step->to.noise - keep * step->from.noise } };
}

// noise = sqrt(1 - v^2) noise + v e. A pixel that stands at its target already keeps its noise: its v is 0.
static void renew(const udm_sampler *sampler, double eta, const udm_levels *from, const udm_levels *to, int channels,
                  const float *e, float *noise)
{
    for (size_t i = 0; i < from->pixels; i++) {
        double signal_t = (double)from->signal[i] * from->signal[i], noise_t = (double)from->noise[i] * from->noise[i],
               signal_s = (double)to->signal[i] * to->signal[i], noise_s = (double)to->noise[i] * to->noise[i];
        double alpha_bar_t = signal_t / (signal_t + noise_t), alpha_bar_s = signal_s / (signal_s + noise_s);
        double v = alpha_bar_s > alpha_bar_t ? sampler->fresh(alpha_bar_t, alpha_bar_s, eta) : 0;
        float keep = (float)sqrt(1 - v * v), draw = (float)v;
        for (int c = 0; c < channels; c++) {
            size_t at = c * from->pixels + i;
            noise[at] = keep * noise[at] + draw * e[at];
        }
    }
}

// Whether nothing is left of the noise, so that forward() leaves x0 as it is.
static bool ends(const udm_process *process, const udm_levels *at)
{
    for (size_t i = 0; process == &udm_process_gaussian && i < at->pixels;
         i += udm_run_length(at->noise, i, at->pixels))
        if (at->noise[i] != 0)
            return false;
    return process == &udm_process_gaussian;
}

void udm_reverse_step(const udm_process *process, const udm_sampler *sampler, double eta, const udm_levels *from,
                      const udm_levels *to, int channels, const float *x0, const float *xt, const float *e,
                      float *scratch, float *out)
{
    if (!e && ends(process, to)) {
        memcpy(out, x0, to->pixels * (size_t)channels * sizeof *out);
        return;
    }
    process->inverse(from, channels, x0, xt, scratch);
    if (e)
        renew(sampler, eta, from, to, channels, e, scratch);
    process->forward(to, channels, x0, scratch, out);
}
