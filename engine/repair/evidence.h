// SPDX-License-Identifier: LGPL-2.1-or-later
// What tells dirt from things that move: numbers about a region, and a small network that judges by them.
#ifndef UDM_REPAIR_EVIDENCE_H
#define UDM_REPAIR_EVIDENCE_H

#include <stdint.h>

#include "repair/around.h"

// A region and its surroundings.
typedef struct udm_region {
    uint32_t *pixels, *ring; // indices
    size_t count, ring_count;
    int left, right, top, bottom; // the last ones included
} udm_region;

// All regions of a frame.
typedef struct udm_crowd {
    size_t count, bright; // regions, and those that are brighter than their neighbours
} udm_crowd;

enum { UDM_EVIDENCE = 20 };

void udm_evidence_of(const udm_around *around, const udm_region *region, const udm_crowd *crowd,
                     float evidence[UDM_EVIDENCE]);

// The odds that it is dirt, as a logarithm: above 0, it rather is.
float udm_evidence_judge(const float evidence[UDM_EVIDENCE]);

#endif
