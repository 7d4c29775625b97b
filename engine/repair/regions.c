// SPDX-License-Identifier: LGPL-2.1-or-later
// A region grows from pixels that differ by far over those that differ somewhat, in the same direction.
#include "repair/regions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/maths.h"

enum {
    NEAR = 2,         // of the surroundings, in pixels: those from here
    RING = 4,         // to here
    LARGEST = 40,     // a region has at most 1 / this of the picture,
    PIXELS_EACH = 64, // and there are fewer than one for so many pixels
};

struct udm_regions {
    const udm_around *around;
    uint32_t *stack, *ring; // pixels of all regions, and after those, the surroundings of one
    udm_region *all;
    size_t room; // for regions
    udm_crowd crowd;
    udm_region_listener listener;
    void *context;
};

udm_regions *udm_regions_new(const udm_around *around, udm_error *error)
{
    udm_regions *regions = calloc(1, sizeof *regions);
    if (regions) {
        regions->around = around;
        regions->stack = malloc(2 * around->pixels * sizeof *regions->stack);
        regions->room = around->pixels / PIXELS_EACH + 1;
        regions->all = malloc(regions->room * sizeof *regions->all);
    }
    if (regions && regions->stack && regions->all)
        return regions;
    udm_fail(error, UDM_ERROR_MEMORY, "no memory to look for dirt");
    udm_regions_free(regions);
    return NULL;
}

void udm_regions_free(udm_regions *regions)
{
    if (!regions)
        return;
    free(regions->stack);
    free(regions->all);
    free(regions);
}

size_t udm_regions_memory(const udm_regions *regions)
{
    return sizeof *regions + 2 * regions->around->pixels * sizeof *regions->stack +
           regions->room * sizeof *regions->all;
}

void udm_regions_listen(udm_regions *regions, udm_region_listener listener, void *context)
{
    regions->listener = listener, regions->context = context;
}

// ---- growing

static void take(const udm_regions *regions, udm_region *region, uint8_t *marks, int x, int y)
{
    const size_t i = (size_t)y * (size_t)regions->around->width + (size_t)x;
    marks[i] |= UDM_REGION_TAKEN;
    region->pixels[region->count++] = (uint32_t)i;
    region->left = udm_min(region->left, x), region->right = udm_max(region->right, x);
    region->top = udm_min(region->top, y), region->bottom = udm_max(region->bottom, y);
}

static void grow(const udm_regions *regions, udm_region *region, uint8_t *marks, size_t seed)
{
    const int width = regions->around->width, height = regions->around->height;
    const uint8_t wanted = marks[seed] & (UDM_REGION_FAINT | UDM_REGION_BRIGHT);
    const int x0 = (int)(seed % (size_t)width), y0 = (int)(seed / (size_t)width);
    *region = (udm_region){ .pixels = region->pixels, .left = x0, .right = x0, .top = y0, .bottom = y0 };
    take(regions, region, marks, x0, y0);
    for (size_t next = 0; next < region->count; next++) {
        const int x = (int)(region->pixels[next] % (size_t)width), y = (int)(region->pixels[next] / (size_t)width);
        for (int k = 0; k < 9; k++) {
            const int px = x + k % 3 - 1, py = y + k / 3 - 1;
            if (px < 0 || px >= width || py < 0 || py >= height)
                continue;
            const uint8_t mark = marks[(size_t)py * (size_t)width + (size_t)px];
            if (!(mark & UDM_REGION_TAKEN) && (mark & (UDM_REGION_FAINT | UDM_REGION_BRIGHT)) == wanted)
                take(regions, region, marks, px, py);
        }
    }
}

// All regions but those that are too large. False if they are so many that it is no dirt, but another picture.
static bool grow_all(udm_regions *regions, uint8_t *marks)
{
    const size_t pixels = regions->around->pixels;
    uint32_t *next = regions->stack;
    regions->crowd = (udm_crowd){ 0 };
    for (size_t i = 0; i < pixels && regions->crowd.count < regions->room; i++) {
        if ((marks[i] & (UDM_REGION_CORE | UDM_REGION_TAKEN)) != UDM_REGION_CORE)
            continue;
        udm_region *region = &regions->all[regions->crowd.count];
        region->pixels = next;
        grow(regions, region, marks, i);
        next += region->count;
        if (region->count > pixels / LARGEST)
            continue;
        regions->crowd.count++;
        regions->crowd.bright += (marks[i] & UDM_REGION_BRIGHT) != 0;
    }
    regions->ring = next;
    return regions->crowd.count < regions->room;
}

// ---- the surroundings

static void set_marks(const udm_region *region, uint8_t *marks, uint8_t mark, bool set)
{
    for (size_t k = 0; k < region->count; k++)
        marks[region->pixels[k]] = (uint8_t)(set ? marks[region->pixels[k]] | mark : marks[region->pixels[k]] & ~mark);
}

static bool is_near(const udm_regions *regions, const uint8_t *marks, int x, int y, int reach)
{
    const int width = regions->around->width, height = regions->around->height;
    for (int py = udm_max(y - reach, 0); py <= udm_min(y + reach, height - 1); py++)
        for (int px = udm_max(x - reach, 0); px <= udm_min(x + reach, width - 1); px++)
            if (marks[(size_t)py * (size_t)width + (size_t)px] & UDM_REGION_LOOKED_AT)
                return true;
    return false;
}

static void surround(const udm_regions *regions, udm_region *region, uint8_t *marks)
{
    const int width = regions->around->width, height = regions->around->height;
    region->ring = regions->ring;
    region->ring_count = 0;
    set_marks(region, marks, UDM_REGION_LOOKED_AT, true);
    for (int y = udm_max(region->top - RING, 0); y <= udm_min(region->bottom + RING, height - 1); y++)
        for (int x = udm_max(region->left - RING, 0); x <= udm_min(region->right + RING, width - 1); x++)
            if (is_near(regions, marks, x, y, RING) && !is_near(regions, marks, x, y, NEAR - 1))
                region->ring[region->ring_count++] = (uint32_t)((size_t)y * (size_t)width + (size_t)x);
    set_marks(region, marks, UDM_REGION_LOOKED_AT, false);
}

void udm_regions_judge(udm_regions *regions, uint8_t *marks)
{
    if (!grow_all(regions, marks))
        return;
    for (size_t k = 0; k < regions->crowd.count; k++) {
        udm_region *region = &regions->all[k];
        float evidence[UDM_EVIDENCE];
        surround(regions, region, marks);
        udm_evidence_of(regions->around, region, &regions->crowd, evidence);
        if (regions->listener)
            regions->listener(regions->context, region, evidence);
        if (udm_evidence_judge(evidence) > 0)
            set_marks(region, marks, UDM_REGION_DIRT, true);
    }
}
