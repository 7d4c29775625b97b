// SPDX-License-Identifier: LGPL-2.1-or-later
// Instruction sets. Kernels are compiled once for each, and this is the one place that decides which of them run.
#ifndef UDM_BASE_ISA_H
#define UDM_BASE_ISA_H

#include "udm/error.h"

// The weakest first. What every processor of the family has is called "sse2" on x86-64, and "generic" elsewhere.
typedef enum udm_isa { UDM_ISA_BASELINE, UDM_ISA_AVX2, UDM_ISA_AVX512, UDM_ISA_AVX512BF16 } udm_isa;

enum { UDM_ISA_COUNT = UDM_ISA_AVX512BF16 + 1 };

// What the environment variable UDM_ISA calls it; static.
const char *udm_isa_name(udm_isa isa);

// What people call it; static.
const char *udm_isa_title(udm_isa isa);

// The best that this processor has and UDM_ISA allows: a name above, of one that no kernel may go beyond.
udm_isa udm_isa_best(void);

// What an instruction set is called becomes that; "" the best. Errors: NOT_FOUND for one that is unknown, or better
// than the best; SETTINGS if UDM_ISA names none, or one that this processor lacks, as it is not followed then.
bool udm_isa_find(const char *name, udm_isa *isa, udm_error *error);

// A list of what is compiled for each, the fastest first: UDM_ISA_DECLARE(type, name); ... = { UDM_ISA_LIST(name), ...
// } and `list + udm_isa_skip(most)` begins with the fastest that may run where `most` is allowed.
#if defined(__x86_64__)
#define UDM_ISA_DECLARE(type, name) extern const type name##_avx512, name##_avx2, name##_sse2
#define UDM_ISA_LIST(name) &name##_avx512, &name##_avx2, &name##_sse2
enum { UDM_ISA_LISTED = 3 };
#else
#define UDM_ISA_DECLARE(type, name) extern const type name##_generic
#define UDM_ISA_LIST(name) &name##_generic
enum { UDM_ISA_LISTED = 1 };
#endif

int udm_isa_skip(udm_isa most);

#endif
