// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations as compiled for one instruction set.
#include "flow/simd.h"

extern const udm_flow_ops NAME(udm_flow_ops);

const udm_flow_ops NAME(udm_flow_ops) = {
    .name = TEXT(UDM_ISA),
    .gradient = NAME(udm_flow_gradient),
    .expand = NAME(udm_flow_expand),
    .search = NAME(udm_flow_search),
    .propagate = NAME(udm_flow_propagate),
    .densify = NAME(udm_flow_densify),
    .prepare = NAME(udm_flow_prepare),
    .assemble = NAME(udm_flow_assemble),
    .relax_red = NAME(udm_flow_relax_red),
    .relax_black = NAME(udm_flow_relax_black),
    .join = NAME(udm_flow_join),
};
