// SPDX-License-Identifier: LGPL-2.1-or-later
// Random numbers as a function of a counter (Philox 4x32-10, Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", 2011): the same numbers come out whatever the threads, the tiles or the machine.
#ifndef UDM_BASE_RANDOM_H
#define UDM_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

// The ten rounds: counter and key in, 4 words of 32 random bits out.
void udm_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// Standard normal numbers for the elements [first, first + count) of the noise named by (seed, frame, step).
void udm_normal(uint64_t seed, uint64_t frame, uint32_t step, uint64_t first, size_t count, float *out);

#endif
