// SPDX-License-Identifier: LGPL-2.1-or-later
// Which kernels there are, and which this machine can run.
#include "base/isa.h"
#include "stream/midway/kernels.h"

UDM_ISA_DECLARE(udm_midway_ops, udm_midway_ops);

static const udm_midway_ops *const all[] = { UDM_ISA_LIST(udm_midway_ops), NULL };

const udm_midway_ops *const *udm_midway_ops_list(void)
{
    return all + udm_isa_skip();
}
