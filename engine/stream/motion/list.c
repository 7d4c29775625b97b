// SPDX-License-Identifier: LGPL-2.1-or-later
// Which operations there are, and which this machine can run.
#include "base/isa.h"
#include "stream/motion/level.h"

extern const udm_motion_ops udm_motion_ops_reference;
UDM_ISA_DECLARE(udm_motion_ops, udm_motion_ops);

static const udm_motion_ops *const all[] = { UDM_ISA_LIST(udm_motion_ops), &udm_motion_ops_reference, NULL };

const udm_motion_ops *const *udm_motion_ops_list(void)
{
    return all + udm_isa_skip();
}
