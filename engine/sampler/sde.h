// SPDX-License-Identifier: LGPL-2.1-or-later
// The step that the two samplers of the reverse stochastic equation share.
#ifndef UDM_SAMPLER_SDE_H
#define UDM_SAMPLER_SDE_H

#include "sampler/sampler.h"

udm_mix udm_mix_reverse_diffusion(const udm_step *step);

#endif
