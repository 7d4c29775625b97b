// SPDX-License-Identifier: LGPL-2.1-or-later
// Which operations there are, and which this machine can run.
#include "base/isa.h"
#include "fields/kernels/kernels.h"

UDM_ISA_DECLARE(udm_field_ops, udm_field_ops);

static const udm_field_ops *const all[] = { UDM_ISA_LIST(udm_field_ops), NULL };

const udm_field_ops *const *udm_field_ops_list(void)
{
    return all + udm_isa_skip(udm_isa_best());
}

const udm_field_ops *udm_field_ops_for(const udm_pool *pool)
{
    return all[udm_isa_skip(udm_pool_isa(pool))];
}
