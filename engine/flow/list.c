// SPDX-License-Identifier: LGPL-2.1-or-later
// Which operations there are, and which this machine can run.
#include "base/isa.h"
#include "flow/level.h"

extern const udm_flow_ops udm_flow_ops_reference;
UDM_ISA_DECLARE(udm_flow_ops, udm_flow_ops);

static const udm_flow_ops *const all[] = { UDM_ISA_LIST(udm_flow_ops), &udm_flow_ops_reference, NULL };

const udm_flow_ops *const *udm_flow_ops_list(void)
{
    return all + udm_isa_skip(udm_isa_best());
}

const udm_flow_ops *udm_flow_ops_for(const udm_pool *pool)
{
    return all[udm_isa_skip(udm_pool_isa(pool))];
}
