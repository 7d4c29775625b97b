// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of samplers, and the general reverse step that all of them are cases of.
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

const udm_sampler *const udm_samplers[] = { &udm_sampler_ddim, &udm_sampler_ddpm, &udm_sampler_trivial, NULL };

const udm_sampler *udm_sampler_find(const char *name)
{
    for (const udm_sampler *const *sampler = udm_samplers; *sampler; sampler++)
        if (strcmp((*sampler)->name, name) == 0)
            return *sampler;
    return NULL;
}

// noise = sqrt(1 - v^2) noise + v e. A pixel that stands at its target already keeps its noise: its v is 0.
static void renew(const udm_sampler *sampler, const udm_levels *from, const udm_levels *to, int channels,
                  const float *e, float *noise)
{
    for (size_t i = 0; i < from->pixels; i++) {
        double alpha_bar_t = (double)from->signal[i] * from->signal[i],
               alpha_bar_s = (double)to->signal[i] * to->signal[i];
        double v = alpha_bar_s > alpha_bar_t ? sampler->fresh(alpha_bar_t, alpha_bar_s) : 0;
        float keep = (float)sqrt(1 - v * v), draw = (float)v;
        for (int c = 0; c < channels; c++) {
            size_t at = c * from->pixels + i;
            noise[at] = keep * noise[at] + draw * e[at];
        }
    }
}

void udm_reverse_step(const udm_process *process, const udm_sampler *sampler, const udm_levels *from,
                      const udm_levels *to, int channels, const float *x0, const float *xt, const float *e,
                      float *scratch, float *out)
{
    process->inverse(from, channels, x0, xt, scratch);
    if (sampler->stochastic)
        renew(sampler, from, to, channels, e, scratch);
    process->forward(to, channels, x0, scratch, out);
}
