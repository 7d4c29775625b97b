// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that are exposed over an interval around their instant. It may reach over several input frames, at lower
// rates, or over one that it is the instant of; what is seen of it is added pair by pair, as they come. A shutter turns
// by 360 degrees from one frame to the next, so that intervals never overlap, and only one frame is in the making. No
// interval reaches beyond a scene.
#include "interp.h"

#include "times.h"

#define TURN 360.0 // degrees

static gdouble angle_set(GstUdmInterp *self)
{
    return gst_udm_interp_options_copy(self).motion_blur;
}

// As a control source has it; FALSE if there is none.
static gboolean controlled(GstUdmInterp *self, GstClockTime stream_time, gdouble *angle)
{
    GValue *value = gst_object_get_value(GST_OBJECT(self), "motion-blur", stream_time);

    if (!value)
        return FALSE;
    *angle = g_value_get_double(value);
    g_value_unset(value);
    g_free(value);
    return TRUE;
}

gboolean gst_udm_interp_may_blur(GstUdmInterp *self)
{
    gdouble angle;

    return angle_set(self) > 0 || controlled(self, 0, &angle);
}

static gdouble angle_at(GstUdmInterp *self, GstClockTime time)
{
    GstClockTime stream_time = gst_udm_stream_time(&GST_BASE_TRANSFORM(self)->segment, time);
    gdouble angle;

    return GST_CLOCK_TIME_IS_VALID(stream_time) && controlled(self, stream_time, &angle) ? angle : angle_set(self);
}

guint gst_udm_interp_most_exposed(GstUdmInterp *self)
{
    const GstVideoInfo *in = &GST_VIDEO_FILTER(self)->in_info, *out = &GST_VIDEO_FILTER(self)->out_info;

    if (self->now.mode != GST_UDM_INTERP_MODE_RATE || !gst_udm_interp_may_blur(self))
        return 0;
    if (in->fps_n <= 0 || out->fps_n <= 0)
        return 1;
    return (guint)gst_util_uint64_scale_ceil((guint64)in->fps_n * out->fps_d, 1, 2 * (guint64)in->fps_d * out->fps_n);
}

void gst_udm_shutter_clear(GstUdmShutter *shutter)
{
    gst_clear_buffer(&shutter->like);
    *shutter = (GstUdmShutter){ .open = FALSE };
}

static void open_for(GstUdmInterp *self, GstClockTime time, GstClockTime duration)
{
    GstUdmShutter *shutter = &self->shutter;

    gst_udm_shutter_clear(shutter);
    shutter->open = TRUE;
    shutter->time = time;
    shutter->opens = angle_at(self, time) / TURN / 2;
    shutter->before = shutter->after = (GstClockTime)((gdouble)duration * shutter->opens);
    shutter->closes = shutter->opens;
}

// A frame of that time, or of a later one, left already.
static gboolean was_reached(GstUdmInterp *self, GstClockTime time)
{
    GstClockTime reached = self->stamps.reached;

    return GST_CLOCK_TIME_IS_VALID(reached) && gst_udm_interp_apart(self, reached, time) <= 0;
}

// The input frame that is nearest to the instant.
static void find_like(GstUdmInterp *self)
{
    const GstUdmNeighbours *known = &self->known;
    GstUdmShutter *shutter = &self->shutter;
    GstUdmRecipe recipe;

    shutter->original = shutter->time == known->first.time;
    shutter->like = gst_buffer_ref(known->first.buffer);
    if (shutter->original || !known->second.buffer)
        return;
    recipe = gst_udm_interp_recipe(self, &known->first, &known->second, shutter->time);
    gst_buffer_replace(&shutter->like, gst_udm_recipe_nearest(&recipe)->buffer);
    shutter->original = recipe.position < GST_UDM_INTERP_CLOSE || ABS(1 - recipe.position) < GST_UDM_INTERP_CLOSE;
}

// The next instant from the first neighbour to the second; FALSE if there is none left.
static gboolean take_instant(GstUdmInterp *self)
{
    GstClockTime stop = GST_BASE_TRANSFORM(self)->segment.stop;
    GstUdmShutter *shutter = &self->shutter;
    GstUdmMissing instant = { .buffer = NULL };

    do {
        if (!gst_udm_timeline_next(&self->line, &instant.time, &instant.duration))
            return FALSE;
    } while ((GST_CLOCK_TIME_IS_VALID(stop) && instant.time >= stop) || was_reached(self, instant.time));
    self->stamps.reached = instant.time;
    if (!shutter->open || shutter->time != instant.time)
        open_for(self, instant.time, instant.duration);
    // What comes before was exposed already.
    shutter->closes = angle_at(self, instant.time) / TURN / 2;
    shutter->after = (GstClockTime)((gdouble)instant.duration * shutter->closes);
    shutter->taken = TRUE;
    shutter->frame = instant;
    find_like(self);
    return TRUE;
}

// Adds what lies between two positions of a pair, if they do.
static GstFlowReturn expose(GstUdmInterp *self, const GstUdmNeighbour *a, const GstUdmNeighbour *b, gdouble from,
                            gdouble to)
{
    GstUdmRecipe begin = gst_udm_interp_recipe(self, a, b, self->shutter.time);
    GstFlowReturn ret;

    if (!(from < to))
        return GST_FLOW_OK;
    begin.position = from;
    ret = gst_udm_neighbours_expose(&self->known, GST_UDM_TRANSFORM(self), &begin, to, !self->shutter.exposed);
    self->shutter.exposed |= ret == GST_FLOW_OK;
    return ret;
}

// The interval, in positions of a pair.
static void find_interval(GstUdmInterp *self, const GstUdmNeighbour *a, const GstUdmNeighbour *b, gdouble *from,
                          gdouble *to)
{
    const GstUdmShutter *shutter = &self->shutter;
    const gdouble gap = (gdouble)gst_udm_interp_apart(self, a->time, b->time);
    const gdouble at = (gdouble)gst_udm_interp_apart(self, a->time, shutter->time);
    const GstUdmRecipe recipe = gst_udm_interp_recipe(self, a, b, shutter->time);
    const guint parts = gst_udm_interp_parts(self);

    if (parts > 0 && a->planned && b->planned) {
        *from = recipe.position - shutter->opens / parts;
        *to = recipe.position + shutter->closes / parts;
        return;
    }
    *from = (at - (gdouble)shutter->before) / gap;
    *to = (at + (gdouble)shutter->after) / gap;
}

// Behind the last frame of a scene motion goes on, if it is to be extrapolated.
static GstFlowReturn expose_beyond(GstUdmInterp *self)
{
    GstUdmNeighbours *known = &self->known;
    gdouble from, to;
    GstFlowReturn ret = GST_FLOW_OK;

    if (self->beyond >= self->now.extrapolate ||
        gst_udm_interp_apart(self, known->first.time, self->shutter.time) < 0 ||
        !gst_udm_interp_is_joined(self, &known->before, &known->first, &ret))
        return ret;
    find_interval(self, &known->before, &known->first, &from, &to);
    if (to > 1 + GST_UDM_INTERP_FARTHEST)
        return GST_FLOW_OK;
    self->beyond += self->shutter.time != known->first.time;
    return expose(self, &known->before, &known->first, MAX(from, 1), to);
}

// Asked once, as each frame counts once.
static gboolean is_late(GstUdmInterp *self, const GstUdmMissing *frame)
{
    self->shutter.late = self->shutter.late || gst_udm_interp_is_late(self, frame);
    return self->shutter.late;
}

// Adds what the neighbours show of the interval. closes: nothing more of it follows.
static GstFlowReturn see(GstUdmInterp *self, gboolean *closes)
{
    GstUdmNeighbours *known = &self->known;
    gdouble from, to;
    GstFlowReturn ret = GST_FLOW_OK;

    *closes = self->shutter.before + self->shutter.after == 0;
    if (*closes || (!known->second.buffer && !self->hopeless)) // which is on its way
        return GST_FLOW_OK;
    *closes = TRUE;
    if (is_late(self, &self->shutter.frame)) {
        self->shutter.exposed = FALSE;
        return GST_FLOW_OK;
    }
    if (self->hopeless || !gst_udm_interp_is_joined(self, &known->first, &known->second, &ret))
        return ret == GST_FLOW_OK ? expose_beyond(self) : ret;
    find_interval(self, &known->first, &known->second, &from, &to);
    *closes = to <= 1;
    return expose(self, &known->first, &known->second, MAX(from, 0), MIN(to, 1));
}

// What the neighbours show of the interval of a frame that lies beyond them.
static GstFlowReturn foresee(GstUdmInterp *self)
{
    GstUdmNeighbours *known = &self->known;
    GstClockTime time, duration;
    gdouble from, to;
    GstFlowReturn ret = GST_FLOW_OK;

    if (!gst_udm_timeline_foresee(&self->line, &time, &duration))
        return GST_FLOW_OK;
    if (!self->shutter.open || self->shutter.time != time)
        open_for(self, time, duration);
    find_interval(self, &known->first, &known->second, &from, &to);
    if (!(from < 1) || self->shutter.before == 0)
        return GST_FLOW_OK;
    if (is_late(self, &(GstUdmMissing){ .time = time, .duration = duration }))
        return GST_FLOW_OK;
    if (gst_udm_interp_is_joined(self, &known->first, &known->second, &ret))
        return expose(self, &known->first, &known->second, MAX(from, 0), MIN(to, 1));
    self->shutter.exposed = FALSE; // of another scene
    return ret;
}

// What stands still behind the last frame of a scene is blurred as that was, if that left.
static gboolean repeat_developed(GstUdmInterp *self, GstBuffer **output)
{
    const GstUdmShutter *shutter = &self->shutter;

    if (shutter->before + shutter->after == 0 || shutter->original || !self->developed ||
        gst_udm_interp_apart(self, self->known.first.time, GST_BUFFER_PTS(self->developed)) < 0)
        return FALSE;
    *output = gst_udm_interp_repeat(self, self->developed, &shutter->frame);
    gst_udm_interp_count(self, &self->repeated);
    return TRUE;
}

static GstFlowReturn develop_exposed(GstUdmInterp *self, GstBuffer **output)
{
    const GstUdmShutter *shutter = &self->shutter;
    GstBuffer *buffer = NULL;
    GstFlowReturn ret = gst_udm_interp_prepare(self, &shutter->frame, shutter->like, shutter->original, &buffer);

    if (ret == GST_FLOW_OK)
        ret = gst_udm_neighbours_develop(GST_UDM_TRANSFORM(self), shutter->like, buffer);
    if (ret != GST_FLOW_OK) {
        gst_clear_buffer(&buffer);
        return ret;
    }
    gst_udm_interp_count(self, &self->made);
    gst_buffer_replace(&self->developed, buffer);
    *output = buffer;
    return GST_FLOW_OK;
}

// Makes the frame of what was exposed, or as without a shutter if that is nothing.
static GstFlowReturn develop(GstUdmInterp *self, GstBuffer **output)
{
    if (self->shutter.exposed)
        return develop_exposed(self, output);
    return repeat_developed(self, output) ? GST_FLOW_OK
                                          : gst_udm_interp_produce_one(self, &self->shutter.frame, output);
}

GstFlowReturn gst_udm_interp_next_exposed(GstUdmInterp *self, GstBuffer **output)
{
    gboolean closes;
    GstFlowReturn ret;

    if (!self->shutter.taken && !take_instant(self))
        return self->known.second.buffer ? foresee(self) : GST_FLOW_OK;
    ret = see(self, &closes);
    if (ret != GST_FLOW_OK || !closes)
        return ret;
    ret = develop(self, output);
    gst_udm_shutter_clear(&self->shutter);
    return ret;
}
