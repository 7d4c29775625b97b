// SPDX-License-Identifier: LGPL-2.1-or-later
// The frames that the fields of one are seen with: the one before and the one after it. Whole frames among them are two
// fields of one instant.
#ifndef UDM_FIELDS_WINDOW_H
#define UDM_FIELDS_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/threads.h"
#include "udm/error.h"

enum { UDM_FIELD_COMPONENTS = 4 }; // at most

typedef struct udm_field_format {
    int components;                                                // each is deinterlaced by itself,
    int width[UDM_FIELD_COMPONENTS], height[UDM_FIELD_COMPONENTS]; // at its own size
    bool colours; // the first three are red, green and blue, of which luma is made; else luma is the first one
} udm_field_format;

typedef struct udm_field_window udm_field_window;

// The pool is borrowed.
udm_field_window *udm_field_window_new(const udm_field_format *format, udm_pool *pool, udm_error *error);
void udm_field_window_free(udm_field_window *window); // NULL is fine
size_t udm_field_window_memory(const udm_field_window *window);

void udm_field_window_clear(udm_field_window *window);

// How a frame is made up.
typedef struct udm_field_frame {
    int first;   // parity of the field that is shown first: 0 the top one, 1 the bottom one
    int fields;  // 2; 1: the other rows are not of this frame, and are to be guessed, too
    bool whole;  // both fields are of one instant
    bool begins; // nothing before it has to do with it
    bool alone;  // what its fields lack is guessed from their own rows, and it tells others nothing
} udm_field_frame;

// The oldest of the three frames makes way for a new one, the planes of which, [height, width] of each component, are
// to be written all over before udm_field_window_added() is called.
float *udm_field_window_plane(udm_field_window *window, int component);
void udm_field_window_added(udm_field_window *window, udm_field_frame frame);

// No frame follows: moves on without one.
void udm_field_window_pass(udm_field_window *window);

// Whether the newest frame is one that the frame after it tells more of.
bool udm_field_window_waits(const udm_field_window *window);

// The frame in the middle, or NULL if there is none or it has left.
const udm_field_frame *udm_field_window_middle(const udm_field_window *window);
void udm_field_window_leave(udm_field_window *window);

// A component of the middle frame at the instant of its field 0 or 1, every row of it; valid until the next call. If
// the pool was stopped meanwhile it is not complete, and udm_field_window_retry() is due.
const float *udm_field_window_make(udm_field_window *window, int field, int component);
void udm_field_window_retry(udm_field_window *window);

#endif
