// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations as compiled for one instruction set.
#include "tensor/convert/rows.h"

void NAME(udm_convert_to_planes)(const udm_conversion *job, int first, int end);
void NAME(udm_convert_from_planes)(const udm_conversion *job, int first, int end);

extern const udm_convert_ops NAME(udm_convert_ops);

const udm_convert_ops NAME(udm_convert_ops) = {
    .name = TEXT(UDM_ISA),
    .to_planes = NAME(udm_convert_to_planes),
    .from_planes = NAME(udm_convert_from_planes),
};
