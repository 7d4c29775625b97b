// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations as compiled for one instruction set.
#include "stream/motion/simd.h"

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

extern const udm_motion_ops NAME(udm_motion_ops);

const udm_motion_ops NAME(udm_motion_ops) = {
    .name = TEXT(UDM_ISA),
    .gradient = NAME(udm_motion_gradient),
    .expand = NAME(udm_motion_expand),
    .search = NAME(udm_motion_search),
    .propagate = NAME(udm_motion_propagate),
    .densify = NAME(udm_motion_densify),
    .prepare = NAME(udm_motion_prepare),
    .assemble = NAME(udm_motion_assemble),
    .relax_red = NAME(udm_motion_relax_red),
    .relax_black = NAME(udm_motion_relax_black),
    .join = NAME(udm_motion_join),
};
