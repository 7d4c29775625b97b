// SPDX-License-Identifier: LGPL-2.1-or-later
// Sets a warp up.
#include "backend/cpu/cpu.h"
#include "backend/lanczos.h"

void udm_cpu_warp_run(udm_device *device, const udm_warp *warp)
{
    udm_cpu_device *cpu = udm_cpu_of(device);
    for (int i = 0; i <= UDM_CPU_PHASES && !cpu->has_weights; i++)
        udm_lanczos_weights((double)i / UDM_CPU_PHASES, cpu->weights[i]);
    cpu->has_weights = true;
    udm_cpu_warp run = { warp, cpu->weights };
    udm_pool_run(cpu->pool, warp->dst.shape.h, cpu->isa->warp, &run);
}
