// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows that a field lacks, of one component: a guess from the fields around it along motion, one from the rows
// above and below, and which of them to believe.
#ifndef UDM_FIELDS_GUESS_H
#define UDM_FIELDS_GUESS_H

#include <stddef.h>

#include "base/threads.h"

// Rows of a field that shows every second row of a picture from `parity` on: of a picture of odd height the bottom
// field has one row less, and its last one counts twice.
static inline int udm_field_rows(int height)
{
    return (height + 1) / 2;
}

// The row of the picture that is row r of the field.
static inline int udm_field_row(int r, int parity, int height)
{
    const int y = 2 * r + parity;
    return y < height ? y : y - 2 >= 0 ? y - 2 : 0;
}

enum { UDM_FIELD_BEFORE, UDM_FIELD_AFTER, UDM_FIELD_SIDES };

// Planes are [height, width], in [-1, 1], with the rows that a field lacks as udm_guess_in_space() fills them. On each
// side lies a field of unlike parity, one instant away, and one of like parity beyond it; both are NULL where there are
// none. Motion leads from a row of the field to the one beyond, in pixels and rows of fields: [2, rows, width]; a part
// of it, a half where fields follow each other evenly, leads to the one beside.
typedef struct udm_guess {
    int width, height, parity;
    const float *here;
    const float *beside[UDM_FIELD_SIDES], *beyond[UDM_FIELD_SIDES];
    const float *motion[UDM_FIELD_SIDES];
    float part[UDM_FIELD_SIDES];
    float *scratch; // udm_guess_scratch()
} udm_guess;

size_t udm_guess_scratch(int width, int height, const udm_pool *pool); // floats

// Fills the rows of a plane that the field lacks, from those above and below.
void udm_guess_in_space(int width, int height, int parity, float *plane, udm_pool *pool);

// Fills the rows that the field lacks into `out`, [height, width]; others are left as they are.
void udm_guess_fill(const udm_guess *guess, float *out, udm_pool *pool);

#endif
