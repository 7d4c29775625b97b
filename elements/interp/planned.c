// SPDX-License-Identifier: LGPL-2.1-or-later
// The plan of the film: where its scenes begin, and which number each frame has. With a factor, frames are made as
// udm-film makes them (python/udm/film/between.py): the time to the next frame is divided evenly.
#include "interp.h"

#include <math.h>

#include "report.h"
#include "times.h"

#define FINE ((guint64)1 << 20) // places between two frames, where their number is not known

gboolean gst_udm_interp_read_plan(GstUdmInterp *self)
{
    const GstUdmInterpOptions options = gst_udm_interp_options_copy(self);
    udm_error error = { 0 };

    gst_udm_interp_forget_plan(self);
    if (!options.plan)
        return TRUE;
    self->plan = gst_udm_plan_read(options.plan, &error);
    self->known.plan = self->plan;
    if (!self->plan)
        gst_udm_report_error(GST_ELEMENT(self), &error);
    return self->plan != NULL;
}

void gst_udm_interp_forget_plan(GstUdmInterp *self)
{
    g_clear_pointer(&self->plan, gst_udm_plan_free);
    self->known.plan = NULL;
}

gboolean gst_udm_interp_check_plan(GstUdmInterp *self, const GstVideoInfo *in, udm_error *error)
{
    return !self->plan || gst_udm_plan_fits(self->plan, in, error);
}

static const GstUdmPlanned *planned_at(GstUdmInterp *self, GstClockTime time)
{
    return self->plan ? gst_udm_plan_find(self->plan, gst_udm_stream_time(&GST_BASE_TRANSFORM(self)->segment, time))
                      : NULL;
}

const GstUdmPlanned *gst_udm_interp_planned(GstUdmInterp *self, GstBuffer *frame)
{
    return planned_at(self, GST_BUFFER_PTS(frame));
}

GstFlowReturn gst_udm_interp_follow_plan(GstUdmInterp *self, GstUdmNeighbour *frame)
{
    const GstClockTime time = gst_udm_stream_time(&GST_BASE_TRANSFORM(self)->segment, GST_BUFFER_PTS(frame->buffer));
    udm_error error = { 0 };

    frame->planned = gst_udm_interp_planned(self, frame->buffer);
    // A frame that repeats another has a time of its own.
    if (!self->plan || frame->planned || GST_BUFFER_FLAG_IS_SET(frame->buffer, GST_BUFFER_FLAG_GAP))
        return GST_FLOW_OK;
    gst_udm_plan_lacks(self->plan, time, &error);
    return gst_udm_transform_failed(GST_UDM_TRANSFORM(self), &error);
}

static gboolean are_adjacent(const GstUdmPlanned *a, const GstUdmPlanned *b)
{
    return a && b && (a->number + 1 == b->number || b->number + 1 == a->number);
}

gboolean gst_udm_interp_is_next(GstUdmInterp *self, GstBuffer *frame)
{
    return are_adjacent(planned_at(self, self->stamps.newest), gst_udm_interp_planned(self, frame));
}

GstUdmTie gst_udm_interp_tie(const GstUdmNeighbour *a, const GstUdmNeighbour *b)
{
    if (!a->buffer || !b->buffer || !a->planned || !b->planned)
        return GST_UDM_TIE_UNKNOWN;
    if (a->planned->scene != b->planned->scene)
        return GST_UDM_TIE_CUT;
    return are_adjacent(a->planned, b->planned) ? GST_UDM_TIE_ADJACENT : GST_UDM_TIE_UNKNOWN;
}

guint gst_udm_interp_parts(GstUdmInterp *self)
{
    return self->plan && self->now.mode == GST_UDM_INTERP_MODE_RATE ? self->now.factor : 0;
}

GstUdmRecipe gst_udm_interp_recipe(GstUdmInterp *self, const GstUdmNeighbour *a, const GstUdmNeighbour *b,
                                   GstClockTime time)
{
    GstUdmRecipe recipe = gst_udm_recipe(a, b, time);
    const guint64 parts = gst_udm_interp_parts(self), places = parts > 0 ? parts : FINE;
    gint64 place;

    if (!a->planned || !b->planned)
        return recipe;
    place = llrint(recipe.position * (gdouble)places);
    if (parts > 0) // times are of whole nanoseconds
        recipe.position = (gdouble)place / (gdouble)parts;
    recipe.number = a->planned->number * places + (guint64)(a->planned->number < b->planned->number ? place : -place);
    return recipe;
}
