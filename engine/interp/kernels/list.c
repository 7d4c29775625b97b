// SPDX-License-Identifier: LGPL-2.1-or-later
// Which operations there are, and which this machine can run.
#include "base/isa.h"
#include "interp/kernels/kernels.h"

extern const udm_synthesis_ops udm_synthesis_ops_reference;
UDM_ISA_DECLARE(udm_synthesis_ops, udm_synthesis_ops);

static const udm_synthesis_ops *const all[] = { UDM_ISA_LIST(udm_synthesis_ops), &udm_synthesis_ops_reference, NULL };

const udm_synthesis_ops *const *udm_synthesis_ops_list(void)
{
    return all + udm_isa_skip(udm_isa_best());
}

const udm_synthesis_ops *udm_synthesis_ops_for(const udm_pool *pool)
{
    return all[udm_isa_skip(udm_pool_isa(pool))];
}
