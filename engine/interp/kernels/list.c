// SPDX-License-Identifier: LGPL-2.1-or-later
// Which kernels there are, and which this machine can run.
#include "base/isa.h"
#include "interp/kernels/kernels.h"

UDM_ISA_DECLARE(udm_synthesis_ops, udm_synthesis_ops);

static const udm_synthesis_ops *const all[] = { UDM_ISA_LIST(udm_synthesis_ops), NULL };

const udm_synthesis_ops *const *udm_synthesis_ops_list(void)
{
    return all + udm_isa_skip();
}
