// SPDX-License-Identifier: LGPL-2.1-or-later
// Copies of frames that wait until it is known of which fields pictures are, bit for bit.
#ifndef UDM_FIELDS_HELD_H
#define UDM_FIELDS_HELD_H

#include <stdbool.h>

#include "fields/window.h"
#include "udm/image.h"

enum { UDM_HELD_FRAMES = 24 };

typedef struct udm_held {
    udm_field_frame is;
    uint64_t number; // of the frame
    uint64_t first;  // field, of all that there were
    int fields;      // 1 to 3
    udm_image image; // its samples, without gaps between them
    udm_image alpha; // ... of one channel, if there is any
} udm_held;

typedef struct udm_shelf {
    udm_held *frames[UDM_HELD_FRAMES]; // the oldest first; then what is left over of others
    int count, allocated;
    udm_image kind; // of images
    bool alpha;
} udm_shelf;

void udm_shelf_clear(udm_shelf *shelf); // no frame is there
void udm_shelf_free(udm_shelf *shelf);  // what is in it
size_t udm_shelf_memory(const udm_shelf *shelf);

// Copies; alpha may be NULL, which is opaque. Its number and fields are left to the caller. NULL with MEMORY.
udm_held *udm_shelf_add(udm_shelf *shelf, const udm_image *image, const udm_image *alpha, udm_error *error);
void udm_shelf_drop(udm_shelf *shelf, uint64_t before); // frames with smaller numbers

const udm_held *udm_shelf_frame(const udm_shelf *shelf, uint64_t number); // NULL if it is not there
const udm_held *udm_shelf_field(const udm_shelf *shelf, uint64_t field);  // the frame that has it; NULL: none has

#endif
