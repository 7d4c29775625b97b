// SPDX-License-Identifier: LGPL-2.1-or-later
// Vectors of LANES floats, which whoever includes this has defined, and names that differ by the instruction set that a
// file is compiled for (-DUDM_ISA=name).
#ifndef UDM_BASE_SIMD_H
#define UDM_BASE_SIMD_H

#include <stdint.h>

#define NAME_JOIN(a, b) a##_##b
#define NAME_OF(name, isa) NAME_JOIN(name, isa)
#define NAME(name) NAME_OF(name, UDM_ISA)

#define INLINE static inline __attribute__((always_inline))

// Before a loop whose turns do not touch what another turn reads.
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

typedef float vec __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t vec_int __attribute__((vector_size(LANES * sizeof(float))));
typedef float vec_unaligned __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

INLINE vec load(const float *at)
{
    return *(const vec_unaligned *)at;
}

INLINE void store(float *at, vec value)
{
    *(vec_unaligned *)at = value;
}

#endif
