// SPDX-License-Identifier: LGPL-2.1-or-later
// What kernels are compiled with: names that differ by the instruction set that a file is compiled for
// (-DUDM_ISA=name), and attributes of functions and loops.
#ifndef UDM_BASE_MACROS_H
#define UDM_BASE_MACROS_H

#define NAME_JOIN(a, b) a##_##b
#define NAME_OF(name, isa) NAME_JOIN(name, isa)
#define NAME(name) NAME_OF(name, UDM_ISA)

// The value of a macro as a string.
#define TEXT_OF(value) #value
#define TEXT(value) TEXT_OF(value)

#define INLINE static inline __attribute__((always_inline))

// Before a loop whose turns do not touch what another turn reads.
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#endif
