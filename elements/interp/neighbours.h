// SPDX-License-Identifier: LGPL-2.1-or-later
// The frames that are known around one that is not, and what the engine makes of them.
#ifndef GST_UDM_NEIGHBOURS_H
#define GST_UDM_NEIGHBOURS_H

#include "transform.h"

typedef struct GstUdmNeighbour {
    GstBuffer *buffer; // NULL if there is none
    GstClockTime time;
} GstUdmNeighbour;

// In the order in which they are played, which is backwards in reverse.
typedef struct GstUdmNeighbours {
    GstUdmNeighbour before, first, second;
    GstBuffer *paired[2]; // what the engine was shown last,
    gboolean begun;       // and of which it has made a frame
} GstUdmNeighbours;

// A frame at a position between two, or beyond them: 0 is a, and 1 is b.
typedef struct GstUdmRecipe {
    const GstUdmNeighbour *a, *b;
    double position;
    GstClockTime time;     // which names the noise, if there is any
    GstUdmNeighbour after; // that follows b, if that is known; its time may not be
} GstUdmRecipe;

void gst_udm_neighbours_clear(GstUdmNeighbours *self);
// The second becomes the first, and the first the one before.
void gst_udm_neighbours_advance(GstUdmNeighbours *self);

// Where the instant lies.
GstUdmRecipe gst_udm_recipe(const GstUdmNeighbour *a, const GstUdmNeighbour *b, GstClockTime time);
const GstUdmNeighbour *gst_udm_recipe_nearest(const GstUdmRecipe *recipe);

// How little both have in common, as udm_interpolator_change(); and whether b repeats a, as udm_interpolator_repeats().
GstFlowReturn gst_udm_neighbours_change(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmNeighbour *a,
                                        const GstUdmNeighbour *b, double *change);
GstFlowReturn gst_udm_neighbours_repeat(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmNeighbour *a,
                                        const GstUdmNeighbour *b, gboolean *repeats);

// Makes the frame; what is not a colour is that of the nearest.
GstFlowReturn gst_udm_neighbours_make(GstUdmNeighbours *self, GstUdmTransform *trans, const GstUdmRecipe *recipe,
                                      GstBuffer *output);

#endif
