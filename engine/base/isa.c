// SPDX-License-Identifier: LGPL-2.1-or-later
// What the processor has, and what the environment allows of it.
#include "base/isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define BASELINE_NAME "sse2"
#else
#define BASELINE_NAME "generic"
#endif

static const char *const names[UDM_ISA_COUNT] = { BASELINE_NAME, "avx2", "avx512", "avx512bf16" };

const char *udm_isa_name(udm_isa isa)
{
    return names[isa];
}

static udm_isa isa_of_processor(void)
{
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return UDM_ISA_BASELINE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl"))
        return UDM_ISA_AVX2;
    return __builtin_cpu_supports("avx512bf16") ? UDM_ISA_AVX512BF16 : UDM_ISA_AVX512;
#else
    return UDM_ISA_BASELINE;
#endif
}

// The index of UDM_ISA's value, UDM_ISA_COUNT if it has no name's, -1 if it is not set.
static int isa_of_environment(void)
{
    const char *asked = getenv("UDM_ISA");
    if (!asked || !*asked)
        return -1;
    int isa = 0;
    while (isa < UDM_ISA_COUNT && strcmp(names[isa], asked) != 0)
        isa++;
    return isa;
}

udm_isa udm_isa_best(void)
{
    static atomic_int known = -1; // the environment is read once: what runs must not change under way
    int best = atomic_load_explicit(&known, memory_order_relaxed);
    if (best < 0) {
        const int asked = isa_of_environment();
        best = isa_of_processor();
        if (asked >= 0 && asked < best)
            best = asked;
        atomic_store_explicit(&known, best, memory_order_relaxed);
    }
    return (udm_isa)best;
}

bool udm_isa_check(udm_error *error)
{
    const int asked = isa_of_environment();
    if (asked < 0 || asked <= (int)isa_of_processor())
        return true;
    return udm_fail(error, UDM_ERROR_SETTINGS,
                    asked == UDM_ISA_COUNT ? "UDM_ISA is '%s': it must be one of %s, avx2, avx512, avx512bf16"
                                           : "UDM_ISA is '%s', which this processor lacks; the least is %s",
                    getenv("UDM_ISA"), names[UDM_ISA_BASELINE]);
}

int udm_isa_skip(void)
{
    const int best = (int)udm_isa_best(), last = UDM_ISA_LISTED - 1;
    return best < last ? last - best : 0;
}
