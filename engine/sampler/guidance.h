// SPDX-License-Identifier: LGPL-2.1-or-later
// Guidance without a classifier.
#ifndef UDM_SAMPLER_GUIDANCE_H
#define UDM_SAMPLER_GUIDANCE_H

#include <stddef.h>

// with, without: [count], the conditional and the unconditional output of a network; `with` becomes
//     g = without + guidance (with - without)
// (Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022, eq. 6, with guidance = 1 + w), and of that the share
// `rescale` is brought back to the deviation that `with` had (Lin et al., "Common Diffusion Noise Schedules and Sample
// Steps are Flawed", 2023, eq. 15 and 16): rescale g std(with) / std(g) + (1 - rescale) g.
void udm_guide(double guidance, double rescale, size_t count, const float *without, float *with);

#endif
