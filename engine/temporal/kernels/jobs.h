// SPDX-License-Identifier: LGPL-2.1-or-later
// The jobs as compiled for one instruction set.
#ifndef UDM_TEMPORAL_KERNELS_JOBS_H
#define UDM_TEMPORAL_KERNELS_JOBS_H

#include "base/macros.h"
#include "temporal/kernels/kernels.h"

void NAME(udm_temporal_scale)(void *job, int index, int worker);
void NAME(udm_temporal_fade)(void *job, int index, int worker);
void NAME(udm_temporal_add_variance)(void *job, int index, int worker);
void NAME(udm_temporal_learn)(void *job, int index, int worker);
void NAME(udm_temporal_join)(void *job, int index, int worker);
void NAME(udm_temporal_show)(void *job, int index, int worker);
void NAME(udm_temporal_correlate)(void *job, int index, int worker);
void NAME(udm_temporal_measure_light)(void *job, int index, int worker);
void NAME(udm_temporal_shift_light)(void *job, int index, int worker);
void NAME(udm_temporal_halve)(void *job, int index, int worker);
void NAME(udm_temporal_expand)(void *job, int index, int worker);
void NAME(udm_temporal_add_tone)(void *job, int index, int worker);

#endif
