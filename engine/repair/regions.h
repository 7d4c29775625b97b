// SPDX-License-Identifier: LGPL-2.1-or-later
// Regions of pixels that contradict their neighbours in time, and whether each is dirt.
#ifndef UDM_REPAIR_REGIONS_H
#define UDM_REPAIR_REGIONS_H

#include <stdint.h>

#include "repair/evidence.h"

// What a pixel is.
enum {
    UDM_REGION_FAINT = 1,  // differs somewhat from what both neighbours say
    UDM_REGION_BRIGHT = 2, // ... and is brighter than that
    UDM_REGION_CORE = 4,   // differs by far, wherever nearby their pixels come from
    UDM_REGION_TAKEN = 8,  // belongs to a region
    UDM_REGION_DIRT = 16,
    UDM_REGION_LOOKED_AT = 32, // belongs to the one that is
};

typedef struct udm_regions udm_regions;

udm_regions *udm_regions_new(const udm_around *around, udm_error *error);
void udm_regions_free(udm_regions *regions); // NULL is fine
size_t udm_regions_memory(const udm_regions *regions);

// For training: to be called with each region and what tells of it. NULL: nobody is.
typedef void (*udm_region_listener)(void *context, const udm_region *region, const float evidence[UDM_EVIDENCE]);
void udm_regions_listen(udm_regions *regions, udm_region_listener listener, void *context);

// Marks what is dirt of what is marked. marks: [height, width]
void udm_regions_judge(udm_regions *regions, uint8_t *marks);

#endif
