// SPDX-License-Identifier: LGPL-2.1-or-later
// Film in fields: which of them are of one picture, found and put together.
#ifndef UDM_FIELDS_TELECINE_H
#define UDM_FIELDS_TELECINE_H

#include "fields/held.h"

enum { UDM_TELECINE_DELAY = 9 }; // frames of two fields that are held back, at the most

typedef struct udm_telecine udm_telecine;

// What comes next. A field is 0 or 1, or 2 for the first one shown again, of a frame.
typedef struct udm_telecine_field {
    const udm_held *frame;
    int field;
} udm_telecine_field;

typedef struct udm_telecine_picture {
    udm_telecine_field first, last; // that show it
    udm_telecine_field other; // of unlike parity, with the rows that the first lacks; no frame: they are to be guessed
} udm_telecine_picture;

// every_frame: a picture for each frame, that of its first field; or one for each picture of film, and each frame of
// video. The pool is borrowed. NULL with MEMORY.
udm_telecine *udm_telecine_new(const udm_image *kind, bool alpha, bool every_frame, udm_pool *pool, udm_error *error);
void udm_telecine_free(udm_telecine *film); // NULL is fine
void udm_telecine_reset(udm_telecine *film);
size_t udm_telecine_memory(const udm_telecine *film);

bool udm_telecine_push(udm_telecine *film, const udm_image *image, const udm_image *alpha, udm_field_frame is,
                       bool repeats,
                       udm_error *error); // false with MEMORY
void udm_telecine_end(udm_telecine *film);

// The picture that is to leave, and the one after it, if there is one; false if none is decided.
bool udm_telecine_peek(udm_telecine *film, udm_telecine_picture *picture, udm_telecine_picture *next);
void udm_telecine_left(udm_telecine *film);                                    // it did
uint64_t udm_telecine_done(const udm_telecine *film);                          // frames that nothing more comes of
const udm_held *udm_telecine_frame(const udm_telecine *film, uint64_t number); // NULL: it is not there, or not any more

#endif
