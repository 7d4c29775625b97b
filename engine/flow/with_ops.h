// SPDX-License-Identifier: LGPL-2.1-or-later
// For tests: motion by operations of one's choice.
#ifndef UDM_FLOW_WITH_OPS_H
#define UDM_FLOW_WITH_OPS_H

#include "flow/optical_flow.h"
#include "flow/level.h"

udm_flow *udm_flow_new_with(const udm_flow_ops *ops, int width, int height, udm_pool *pool, udm_error *error);

#endif
