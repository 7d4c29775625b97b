// SPDX-License-Identifier: LGPL-2.1-or-later
// The plan of a film, plan.jsonl as "udm-film plan" writes it (python/udm/film/plan.py): where its scenes begin and are
// split, how noisy each frame is, and which number it has.
#ifndef GST_UDM_PLAN_H
#define GST_UDM_PLAN_H

#include <gst/video/video.h>

#include "udm/udm.h"

typedef struct GstUdmPlan GstUdmPlan;

typedef struct GstUdmPlanned {
    gint64 time;         // of the film, in nanoseconds
    gint64 pts;          // the same, in units of the film
    guint64 number;      // in it, from 0 on
    guint64 scene;       // the number of the first frame of its scene
    udm_finding finding; // its noise
    gboolean splits;     // what was before it is forgotten, though the scene goes on
    guint warm_up;       // if so: as many frames before it are restored once more, and dropped
    gboolean kept;       // a split behind it needs it for that
} GstUdmPlanned;

// The property `plan` of an element.
GParamSpec *gst_udm_plan_param(void);

// All of it; NULL with *error set if it cannot be read, is none, or is not complete.
GstUdmPlan *gst_udm_plan_read(const char *path, udm_error *error);
void gst_udm_plan_free(GstUdmPlan *plan); // NULL is fine

const char *gst_udm_plan_path(const GstUdmPlan *plan);
gdouble gst_udm_plan_noise_level(const GstUdmPlan *plan); // that was given; below 0: it was estimated
guint gst_udm_plan_warm_up(const GstUdmPlan *plan);       // the most that a split has
// Whether the film has frames of this size; FALSE with *error set if it has not.
gboolean gst_udm_plan_fits(const GstUdmPlan *plan, const GstVideoInfo *info, udm_error *error);

// From one frame to another, as the film's own units have it, which need not be whole nanoseconds.
gdouble gst_udm_plan_seconds(const GstUdmPlan *plan, const GstUdmPlanned *a, const GstUdmPlanned *b);

// The frame at a stream time, which containers round to a millisecond at most; NULL if there is none.
const GstUdmPlanned *gst_udm_plan_find(const GstUdmPlan *plan, GstClockTime time);
// Whether the film goes on at a stream time, or something is shown until its next frame.
gboolean gst_udm_plan_goes_on(const GstUdmPlan *plan, GstClockTime time);
// Fills the error of a frame that is not found.
void gst_udm_plan_lacks(const GstUdmPlan *plan, GstClockTime time, udm_error *error);
// The frame whose noise is that of this one: in the first ones of a scene, grain that only time tells of is not seen,
// so that a restorer that looks ahead by so many frames takes that of a later one (udm_finding).
const GstUdmPlanned *gst_udm_plan_judged(const GstUdmPlan *plan, const GstUdmPlanned *frame, gint ahead);

#endif
