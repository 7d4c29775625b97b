// SPDX-License-Identifier: LGPL-2.1-or-later
// Which operations there are, and which this machine can run.
#include "base/isa.h"
#include "temporal/kernels/kernels.h"

UDM_ISA_DECLARE(udm_temporal_ops, udm_temporal_ops);

static const udm_temporal_ops *const all[] = { UDM_ISA_LIST(udm_temporal_ops), NULL };

const udm_temporal_ops *const *udm_temporal_ops_list(void)
{
    return all + udm_isa_skip(udm_isa_best());
}

const udm_temporal_ops *udm_temporal_ops_for(const udm_pool *pool)
{
    return all[udm_isa_skip(udm_pool_isa(pool))];
}
