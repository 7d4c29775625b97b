// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the planes of the levels lie in one memory.
#include "flow/steps.h"

#include <stdint.h>

enum { PAD = UDM_FLOW_PAD };

// Takes floats from the memory; while it is only measured, `next` starts at 0 and nothing is used.
typedef struct arena {
    float *memory;
    size_t next;
    bool fits;
} arena;

static float *take(arena *from, size_t rows, size_t columns)
{
    size_t floats;
    float *taken = from->memory ? from->memory + from->next : NULL;
    from->fits &= !__builtin_mul_overflow(rows, columns, &floats) &&
                  !__builtin_add_overflow(from->next, floats, &from->next) && from->next < SIZE_MAX / sizeof(float);
    return taken;
}

// planes: where each is to be noted, and NULL.
static void take_planes(const udm_flow_level *l, float **const *planes, arena *from)
{
    for (; *planes; planes++) {
        float *plane = take(from, (size_t)l->height + 2 * PAD, (size_t)l->stride);
        **planes = plane ? plane + PAD * l->stride + PAD : NULL;
    }
}

static void take_patches(udm_flow_level *l, arena *from)
{
    float **patches[] = { &l->patch_u, &l->patch_v, &l->patch_error, &l->patch_mean,
                          &l->seen_u,  &l->seen_v,  &l->seen_error,  &l->seen_mean };
    for (size_t i = 0; i < sizeof patches / sizeof *patches; i++)
        *patches[i] = take(from, (size_t)l->rows, (size_t)l->columns);
}

// What a level matches patches with makes way for what it refines with, and all that for the next level's. Returns
// where it ends.
static size_t place_work(udm_flow_level *l, arena work)
{
    arena match = work, refine = work;
    take_planes(l, (float **[]){ &l->dx, &l->dy, &l->weight, NULL }, &match);
    take_patches(l, &match);
    take_planes(l,
                (float **[]){ &l->mean, &l->change, &l->diffusivity, &l->split_u, &l->split_v, &l->right, &l->below,
                              &l->a12, &l->b1, &l->b2, &l->scale1, &l->scale2, NULL },
                &refine);
    if (!match.fits || !refine.fits)
        return 0;
    return match.next > refine.next ? match.next : refine.next;
}

static void take_blocks(udm_flow_blocks *b, arena *from)
{
    float **sums[] = { &b->unmoved, &b->found, &b->along, &b->rest_excess, &b->camera_excess, &b->xx,
                       &b->xy,      &b->yy,    &b->xr,    &b->yr,          &b->middle_u,      &b->middle_v };
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        *sums[i] = take(from, (size_t)b->rows, (size_t)b->columns);
}

static void size_level(udm_flow_level *level, int width, int height)
{
    level->width = width;
    level->height = height;
    level->stride = ((ptrdiff_t)width + 15) / 16 * 16 + 2 * PAD;
    level->odd = width / 2 / 8 * 8 + 16;
    level->columns = udm_flow_patches(width);
    level->rows = udm_flow_patches(height);
    level->blocks.columns = (width + UDM_FLOW_BLOCK - 1) / UDM_FLOW_BLOCK;
    level->blocks.rows = (height + UDM_FLOW_BLOCK - 1) / UDM_FLOW_BLOCK;
}

size_t udm_flow_lay_out(udm_flow_level *levels, int count, int width, int height, float *memory)
{
    arena all = { memory, 0, true };
    for (int k = 0; k < count; k++) {
        udm_flow_level *level = &levels[k];
        level->coarser = k + 1 < count ? level + 1 : NULL;
        size_level(level, width, height);
        take_planes(level, (float **[]){ &level->from, &level->to, &level->u, &level->v, NULL }, &all);
        width -= width / 2;
        height -= height / 2;
    }
    take_blocks(&levels[0].blocks, &all);
    for (int k = count - 1; k > 0; k--)
        place_work(&levels[k], all);
    return all.fits ? place_work(&levels[0], all) : 0; // the largest
}
