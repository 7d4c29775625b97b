// SPDX-License-Identifier: LGPL-2.1-or-later
// Philox 4x32-10 and normal numbers from it by Box and Muller.
#include "base/random.h"

#include <math.h>

void udm_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53 * c0, p1 = (uint64_t)0xCD9E8D57 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9; // the golden ratio
        k1 += 0xBB67AE85; // sqrt(3) - 1
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

// Two uniform numbers, the first in (0, 1], to two normal ones.
static void box_muller(const uint32_t bits[2], float out[2])
{
    double radius = sqrt(-2 * log((bits[0] + 1.0) / 4294967296.0)), angle = bits[1] * (2 * M_PI / 4294967296.0);
    out[0] = (float)(radius * cos(angle));
    out[1] = (float)(radius * sin(angle));
}

void udm_normal(uint64_t seed, uint64_t frame, uint32_t step, uint64_t first, size_t count, float *out)
{
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    for (size_t done = 0; done < count;) {
        uint64_t element = first + done;
        uint32_t counter[4] = { (uint32_t)(element / 4), (uint32_t)frame, (uint32_t)(frame >> 32), step }, bits[4];
        float normal[4];
        udm_philox(counter, key, bits);
        box_muller(bits, normal);
        box_muller(bits + 2, normal + 2);
        for (unsigned lane = element % 4; lane < 4 && done < count; lane++)
            out[done++] = normal[lane];
    }
}
