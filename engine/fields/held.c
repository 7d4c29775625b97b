// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames are copied sample by sample, as they lie in memory in any way, and into memory that is used again.
#include "fields/held.h"

#include <stdlib.h>
#include <string.h>

#include "fields/samples.h"

void udm_shelf_clear(udm_shelf *shelf)
{
    shelf->count = 0;
}

void udm_shelf_free(udm_shelf *shelf)
{
    for (int i = 0; i < shelf->allocated; i++)
        free(shelf->frames[i]);
    *shelf = (udm_shelf){ 0 };
}

static size_t plane_bytes(const udm_image *kind, int c)
{
    return (size_t)udm_samples_width(kind, c) * (size_t)udm_samples_height(kind, c) * (kind->bits > 8 ? 2 : 1);
}

static size_t frame_bytes(const udm_shelf *shelf)
{
    size_t bytes = sizeof(udm_held);
    for (int c = 0; c < shelf->kind.channels; c++)
        bytes += plane_bytes(&shelf->kind, c);
    return bytes + (shelf->alpha ? 2 * (size_t)shelf->kind.width * (size_t)shelf->kind.height : 0);
}

size_t udm_shelf_memory(const udm_shelf *shelf)
{
    return (size_t)shelf->allocated * frame_bytes(shelf);
}

// Lays planes out in memory; returns where they end.
static uint8_t *lay_out(udm_image *image, uint8_t *memory)
{
    for (int c = 0; c < image->channels; c++) {
        image->data[c] = memory;
        image->step[c] = image->bits > 8 ? 2 : 1;
        image->stride[c] = image->step[c] * udm_samples_width(image, c);
        memory += plane_bytes(image, c);
    }
    return memory;
}

static void copy_image(udm_image *to, const udm_image *from)
{
    for (int c = 0; c < from->channels; c++)
        for (int y = 0; y < udm_samples_height(from, c); y++)
            udm_samples_copy(from, to, c, y);
}

static void fill_opaque(udm_image *alpha)
{
    memset(alpha->data[0], 0xff, plane_bytes(alpha, 0));
}

// One that nothing is in, behind those that are.
static udm_held *find_free(udm_shelf *shelf, udm_error *error)
{
    if (shelf->count == UDM_HELD_FRAMES) {
        udm_fail(error, UDM_ERROR_MEMORY, "more than %d frames wait for their fields", UDM_HELD_FRAMES);
        return NULL;
    }
    if (shelf->count == shelf->allocated) {
        shelf->frames[shelf->count] = malloc(frame_bytes(shelf));
        if (!shelf->frames[shelf->count]) {
            udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", shelf->kind.width, shelf->kind.height);
            return NULL;
        }
        shelf->allocated++;
    }
    return shelf->frames[shelf->count];
}

udm_held *udm_shelf_add(udm_shelf *shelf, const udm_image *image, const udm_image *alpha, udm_error *error)
{
    udm_held *held = find_free(shelf, error);
    if (!held)
        return NULL;
    held->image = *image;
    uint8_t *end = lay_out(&held->image, (uint8_t *)(held + 1));
    copy_image(&held->image, image);
    if (shelf->alpha) {
        held->alpha =
            alpha ? *alpha : (udm_image){ .width = image->width, .height = image->height, .channels = 1, .bits = 8 };
        lay_out(&held->alpha, end);
        if (alpha)
            copy_image(&held->alpha, alpha);
        else
            fill_opaque(&held->alpha);
    }
    shelf->count++;
    return held;
}

void udm_shelf_drop(udm_shelf *shelf, uint64_t before)
{
    int gone = 0;
    while (gone < shelf->count && shelf->frames[gone]->number < before)
        gone++;
    for (int i = 0; i < gone; i++) { // what is free again goes to the end
        udm_held *free_again = shelf->frames[0];
        memmove(shelf->frames, shelf->frames + 1, sizeof *shelf->frames * (size_t)(shelf->allocated - 1));
        shelf->frames[shelf->allocated - 1] = free_again;
    }
    shelf->count -= gone;
}

const udm_held *udm_shelf_frame(const udm_shelf *shelf, uint64_t number)
{
    for (int i = 0; i < shelf->count; i++)
        if (shelf->frames[i]->number == number)
            return shelf->frames[i];
    return NULL;
}

const udm_held *udm_shelf_field(const udm_shelf *shelf, uint64_t field)
{
    for (int i = 0; i < shelf->count; i++)
        if (field - shelf->frames[i]->first < (uint64_t)shelf->frames[i]->fields)
            return shelf->frames[i];
    return NULL;
}
