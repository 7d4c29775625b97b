// SPDX-License-Identifier: LGPL-2.1-or-later
// What the processor has, and what the environment allows of it.
#include "base/isa.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define BASELINE_NAME "sse2"
#define BASELINE_TITLE "SSE2"
#else
#define BASELINE_NAME "generic"
#define BASELINE_TITLE "generic vectors"
#endif

static const char *const names[UDM_ISA_COUNT] = { BASELINE_NAME, "avx2", "avx512", "avx512bf16" };
static const char *const titles[UDM_ISA_COUNT] = { BASELINE_TITLE, "AVX2", "AVX-512", "AVX-512" };

const char *udm_isa_name(udm_isa isa)
{
    return names[isa];
}

const char *udm_isa_title(udm_isa isa)
{
    return titles[isa];
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

// The index of a name, UDM_ISA_COUNT if it is none.
static int isa_named(const char *name)
{
    int isa = 0;
    while (isa < UDM_ISA_COUNT && strcmp(names[isa], name) != 0)
        isa++;
    return isa;
}

// As above for the value of UDM_ISA, -1 if it is not set.
static int isa_of_environment(void)
{
    const char *asked = getenv("UDM_ISA");
    return asked && *asked ? isa_named(asked) : -1;
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

static bool check_environment(udm_error *error)
{
    const int asked = isa_of_environment();
    if (asked < 0 || asked <= (int)isa_of_processor())
        return true;
    return udm_fail(error, UDM_ERROR_SETTINGS,
                    asked == UDM_ISA_COUNT ? "UDM_ISA is '%s': it must be one of %s, avx2, avx512, avx512bf16"
                                           : "UDM_ISA is '%s', which this processor lacks; the least is %s",
                    getenv("UDM_ISA"), names[UDM_ISA_BASELINE]);
}

bool udm_isa_find(const char *name, udm_isa *isa, udm_error *error)
{
    *isa = udm_isa_best();
    if (!check_environment(error))
        return false;
    const int asked = *name ? isa_named(name) : (int)*isa;
    if (asked <= (int)*isa) {
        *isa = (udm_isa)asked;
        return true;
    }
    char have[64] = "";
    for (int i = 0; i <= (int)*isa; i++)
        snprintf(have + strlen(have), sizeof have - strlen(have), "%scpu:%s", i > 0 ? ", " : "", names[i]);
    const char *why = asked == UDM_ISA_COUNT            ? "there is no instruction set of that name"
                      : asked > (int)isa_of_processor() ? "this processor lacks it"
                                                        : "UDM_ISA forbids it";
    return udm_fail(error, UDM_ERROR_NOT_FOUND, "no device 'cpu:%s', as %s; have: %s", name, why, have);
}

int udm_isa_skip(udm_isa most)
{
    const int last = UDM_ISA_LISTED - 1;
    return (int)most < last ? last - (int)most : 0;
}
