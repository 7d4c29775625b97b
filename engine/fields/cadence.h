// SPDX-License-Identifier: LGPL-2.1-or-later
// Which fields in a row are of one picture. Film at 24 pictures a second lasts for 3 and 2 fields in turns (telecine),
// at 25 for 2; in video every field is a picture of its own.
#ifndef UDM_FIELDS_CADENCE_H
#define UDM_FIELDS_CADENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "udm/error.h"

// Between a field and the one before it.
typedef enum udm_gap_is {
    UDM_GAP_SEEN,   // what is seen of it is all that is known
    UDM_GAP_JOINED, // they are of one picture
    UDM_GAP_CUT,    // they are not
    UDM_GAP_BREAK,  // ... and what comes has nothing to do with what was: the pattern may start anew
} udm_gap_is;

typedef struct udm_gap {
    udm_gap_is is;
    float combed; // from -1, the rows of both fit, to 1, they do not; 0: it is not to be seen
} udm_gap;

// Fields of one picture; a field alone is to be completed by a guess.
typedef struct udm_picture {
    uint64_t first; // the first field ever is 0
    int fields;     // 1 to UDM_PICTURE_FIELDS
    bool film;      // or a field of video, of which every second one begins a frame
} udm_picture;

enum { UDM_PICTURE_FIELDS = 4, UDM_CADENCE_LAG = 10 }; // gaps that are seen before one is decided

typedef struct udm_cadence udm_cadence;

udm_cadence *udm_cadence_new(udm_error *error); // NULL with MEMORY
void udm_cadence_free(udm_cadence *cadence);    // NULL is fine
void udm_cadence_reset(udm_cadence *cadence);

// One more field. gap: to the one before, of no meaning for the first.
void udm_cadence_add(udm_cadence *cadence, udm_gap gap);
void udm_cadence_end(udm_cadence *cadence); // no more follow

// The next picture, in order; false if it is not decided yet.
bool udm_cadence_next(udm_cadence *cadence, udm_picture *picture);

#endif
