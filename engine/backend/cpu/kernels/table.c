// SPDX-License-Identifier: LGPL-2.1-or-later
// The kernels of the instruction set that this file is compiled for.
#include "backend/cpu/kernels/kernels.h"

#if defined(__AVX512BF16__)
extern const udm_cpu_products NAME(udm_cpu_products);

const udm_cpu_products NAME(udm_cpu_products) = {
    .direct = NAME(udm_cpu_direct),
    .winograd = NAME(udm_cpu_winograd),
    .pack = NAME(udm_cpu_pack),
    .attend = NAME(udm_cpu_attend),
    .peak = NAME(udm_cpu_peak),
    .pairs = true,
};
#else
extern const udm_cpu_isa NAME(udm_cpu_isa);

const udm_cpu_isa NAME(udm_cpu_isa) = {
    .name = TEXT(UDM_ISA),
    .lanes = LANES,
    .products = { .direct = NAME(udm_cpu_direct),
                  .winograd = NAME(udm_cpu_winograd),
                  .pack = NAME(udm_cpu_pack),
                  .attend = NAME(udm_cpu_attend),
                  .peak = NAME(udm_cpu_peak) },
    .moments = NAME(udm_cpu_moments),
    .normalise = NAME(udm_cpu_normalise),
    .layer_norm = NAME(udm_cpu_layer_norm),
    .warp = NAME(udm_cpu_warp),
    .observe = NAME(udm_cpu_observe),
    .restore = NAME(udm_cpu_restore),
    .shuffle_add = NAME(udm_cpu_shuffle_add),
    .resample = NAME(udm_cpu_resample),
};
#endif
