// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations as compiled for one instruction set.
#include "temporal/kernels/jobs.h"

extern const udm_temporal_ops NAME(udm_temporal_ops);

const udm_temporal_ops NAME(udm_temporal_ops) = {
    .name = TEXT(UDM_ISA),
    .scale = NAME(udm_temporal_scale),
    .fade = NAME(udm_temporal_fade),
    .add_variance = NAME(udm_temporal_add_variance),
    .learn = NAME(udm_temporal_learn),
    .join = NAME(udm_temporal_join),
    .show = NAME(udm_temporal_show),
    .correlate = NAME(udm_temporal_correlate),
    .measure_light = NAME(udm_temporal_measure_light),
    .shift_light = NAME(udm_temporal_shift_light),
    .halve = NAME(udm_temporal_halve),
    .expand = NAME(udm_temporal_expand),
    .add_tone = NAME(udm_temporal_add_tone),
};
