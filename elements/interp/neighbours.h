// SPDX-License-Identifier: LGPL-2.1-or-later
// The known frames around one to create, and what the engine makes of them.
#ifndef GST_UDM_NEIGHBOURS_H
#define GST_UDM_NEIGHBOURS_H

#include "plan.h"
#include "transform.h"

typedef struct GstUdmNeighbour {
    GstBuffer *buffer; // NULL if there is none
    GstClockTime time;
    const GstUdmPlanned *planned; // what the plan of the film says of it; NULL if there is none
} GstUdmNeighbour;

// In the order of playback, so later frames come first in reverse.
typedef struct GstUdmNeighbours {
    GstUdmNeighbour before, first, second;
    GstBuffer *paired[2];   // that the engine has
    gboolean settled;       // it knows what follows, or made a frame without
    const GstUdmPlan *plan; // or NULL
} GstUdmNeighbours;

// How to make a frame: at a position between two or beyond them, where 0 is a and 1 is b.
typedef struct GstUdmRecipe {
    const GstUdmNeighbour *a, *b;
    double position;
    guint64 number; // of the frame: its noise is a function of it. Its time, unless a plan knows better
} GstUdmRecipe;

void gst_udm_neighbours_clear(GstUdmNeighbours *self);
// The second becomes the first, and the first the one before.
void gst_udm_neighbours_advance(GstUdmNeighbours *self);

// For the frame at an instant.
GstUdmRecipe gst_udm_recipe(const GstUdmNeighbour *a, const GstUdmNeighbour *b, GstClockTime time);
const GstUdmNeighbour *gst_udm_recipe_nearest(const GstUdmRecipe *recipe);

// As udm_interpolator_change() and udm_interpolator_repeats(). after: follows b, and its time may be unknown; NULL or
// no buffer: nothing is known to follow.
GstFlowReturn gst_udm_neighbours_change(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmNeighbour *a,
                                        const GstUdmNeighbour *b, const GstUdmNeighbour *after, double *change);
GstFlowReturn gst_udm_neighbours_repeat(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmNeighbour *a,
                                        const GstUdmNeighbour *b, gboolean *repeats);

// Makes the frame.
GstFlowReturn gst_udm_neighbours_make(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmRecipe *recipe,
                                      GstBuffer *output);

// An interval between two or beyond them, in positions, that a frame at an instant is exposed over; one that begins
// anew drops what was exposed before. Then the frame is made of them all; like: what it shows besides.
GstFlowReturn gst_udm_neighbours_expose(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmRecipe *begin,
                                        double end, gboolean anew);
GstFlowReturn gst_udm_neighbours_develop(GstUdmTransform *trans, GstBuffer *like, GstBuffer *output);

#endif
