// SPDX-License-Identifier: LGPL-2.1-or-later
// Output frames: interpolated between two neighbours, extrapolated from them, repeated, or passed through.
#include "interp.h"

void gst_udm_interp_count(GstUdmInterp *self, guint64 *counter)
{
    GST_OBJECT_LOCK(self);
    ++*counter;
    GST_OBJECT_UNLOCK(self);
}

// The known frame after the second neighbour, if it is near.
static GstUdmNeighbour foresee(GstUdmInterp *self)
{
    GstUdmNeighbour frame = gst_udm_interp_foreseen(self);

    const GstUdmTie tie = gst_udm_interp_tie(&self->known.second, &frame);

    if (tie == GST_UDM_TIE_CUT)
        frame.buffer = NULL;
    if (frame.buffer && tie == GST_UDM_TIE_UNKNOWN && GST_CLOCK_TIME_IS_VALID(frame.time) && self->line.in_n > 0 &&
        gst_udm_interp_apart(self, self->known.second.time, frame.time) >
            gst_udm_interp_longest_gap(self, gst_udm_timeline_frame(&self->line, 0)))
        frame.buffer = NULL;
    return frame;
}

gboolean gst_udm_interp_is_joined(GstUdmInterp *self, const GstUdmNeighbour *a, const GstUdmNeighbour *b,
                                  GstFlowReturn *ret)
{
    const GstUdmNeighbour after = b == &self->known.second ? foresee(self) : (GstUdmNeighbour){ .time = 0 };
    GstClockTimeDiff gap = GST_CLOCK_DIFF(a->time, b->time);
    const GstUdmTie tie = gst_udm_interp_tie(a, b);
    double change = 1;

    if (!a->buffer || !b->buffer || tie == GST_UDM_TIE_CUT)
        return FALSE;
    if (tie == GST_UDM_TIE_UNKNOWN && self->line.in_n > 0 &&
        ABS(gap) > gst_udm_interp_longest_gap(self, gst_udm_timeline_frame(&self->line, 0)))
        return FALSE;
    *ret = gst_udm_neighbours_change(&self->known, GST_UDM_TRANSFORM(self), a, b, &after, &change);
    return change < self->now.scene_threshold || self->now.scene_threshold == 1;
}

gboolean gst_udm_interp_is_late(GstUdmInterp *self, const GstUdmMissing *missing)
{
    gboolean makes =
        self->known.second.buffer ? !self->hopeless : self->known.before.buffer && self->beyond < self->now.extrapolate;

    return makes && gst_udm_transform_is_late(GST_UDM_TRANSFORM(self), missing->time, missing->duration, 0);
}

// Of the known frames around an instant.
static const GstUdmNeighbour *nearest(const GstUdmNeighbours *known, GstClockTime time)
{
    const GstUdmRecipe recipe = gst_udm_recipe(&known->first, &known->second, time);

    return known->second.buffer ? gst_udm_recipe_nearest(&recipe) : &known->first;
}

// What to make a missing frame of; with no b, it repeats a.
static GstFlowReturn choose(GstUdmInterp *self, const GstUdmMissing *missing, GstUdmRecipe *recipe)
{
    GstUdmNeighbours *known = &self->known;
    const GstClockTime time = missing->time;
    GstFlowReturn ret = GST_FLOW_OK;

    *recipe = (GstUdmRecipe){ .a = &known->first };
    if (time == known->first.time)
        return GST_FLOW_OK;
    if (self->shutter.late || gst_udm_interp_is_late(self, missing)) {
        recipe->a = nearest(known, time);
        return GST_FLOW_OK;
    }
    if (!self->hopeless && gst_udm_interp_is_joined(self, &known->first, &known->second, &ret)) {
        *recipe = gst_udm_interp_recipe(self, &known->first, &known->second, time);
        if (recipe->position < -GST_UDM_INTERP_FARTHEST)
            *recipe = (GstUdmRecipe){ .a = &known->first };
        return ret;
    }
    if (ret != GST_FLOW_OK || self->beyond >= self->now.extrapolate ||
        !gst_udm_interp_is_joined(self, &known->before, &known->first, &ret))
        return ret;
    *recipe = gst_udm_interp_recipe(self, &known->before, &known->first, time);
    if (recipe->position < 1 || recipe->position > 1 + GST_UDM_INTERP_FARTHEST)
        *recipe = (GstUdmRecipe){ .a = &known->first };
    else
        self->beyond++;
    return ret;
}

static void stamp(GstUdmInterp *self, GstBuffer *buffer, const GstUdmMissing *missing)
{
    GST_BUFFER_PTS(buffer) = missing->time;
    GST_BUFFER_DURATION(buffer) = missing->duration;
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_OFFSET(buffer) = self->now.mode == GST_UDM_INTERP_MODE_RATE ? self->count : GST_BUFFER_OFFSET_NONE;
    GST_BUFFER_OFFSET_END(buffer) =
        self->now.mode == GST_UDM_INTERP_MODE_RATE ? self->count + 1 : GST_BUFFER_OFFSET_NONE;
}

// Captions are data that an input frame carries once, and a timecode names that frame; all else describes the picture.
static gboolean drop_own_meta(GstBuffer *buffer, GstMeta **meta, gpointer data)
{
    GType api = (*meta)->info->api;

    if (api == GST_VIDEO_CAPTION_META_API_TYPE || api == GST_VIDEO_TIME_CODE_META_API_TYPE)
        *meta = NULL;
    return TRUE;
}

GstBuffer *gst_udm_interp_repeat(GstUdmInterp *self, GstBuffer *frame, const GstUdmMissing *missing)
{
    GstBuffer *buffer;

    if (missing->buffer)
        return gst_buffer_ref(missing->buffer);
    buffer = gst_buffer_copy(frame);
    stamp(self, buffer, missing);
    gst_buffer_foreach_meta(buffer, drop_own_meta, NULL);
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DISCONT);
    return buffer;
}

// An input frame, with the time of the instant.
static GstBuffer *original(GstUdmInterp *self, const GstUdmNeighbour *frame, const GstUdmMissing *missing)
{
    GstBuffer *buffer = gst_buffer_copy(frame->buffer);

    stamp(self, buffer, missing);
    return buffer;
}

GstFlowReturn gst_udm_interp_prepare(GstUdmInterp *self, const GstUdmMissing *missing, GstBuffer *like,
                                     gboolean original, GstBuffer **buffer)
{
    GstFlowReturn ret =
        GST_BASE_TRANSFORM_GET_CLASS(self)->prepare_output_buffer(GST_BASE_TRANSFORM(self), like, buffer);

    if (ret != GST_FLOW_OK)
        return ret;
    if (!missing->buffer) {
        stamp(self, *buffer, missing);
        if (!original)
            gst_buffer_foreach_meta(*buffer, drop_own_meta, NULL);
    }
    GST_BUFFER_FLAG_UNSET(*buffer, GST_BUFFER_FLAG_GAP);
    if (!original)
        GST_BUFFER_FLAG_UNSET(*buffer, GST_BUFFER_FLAG_DISCONT);
    return GST_FLOW_OK;
}

static GstFlowReturn make(GstUdmInterp *self, const GstUdmRecipe *recipe, const GstUdmMissing *missing,
                          GstBuffer **output)
{
    GstBuffer *like = missing->buffer ? missing->buffer : gst_udm_recipe_nearest(recipe)->buffer, *buffer = NULL;
    GstFlowReturn ret = gst_udm_interp_prepare(self, missing, like, FALSE, &buffer);

    if (ret == GST_FLOW_OK)
        ret = gst_udm_neighbours_make(&self->known, GST_UDM_TRANSFORM(self), recipe, buffer);
    if (ret != GST_FLOW_OK) {
        gst_clear_buffer(&buffer);
        return ret;
    }
    *output = buffer;
    return GST_FLOW_OK;
}

GstFlowReturn gst_udm_interp_produce_one(GstUdmInterp *self, const GstUdmMissing *missing, GstBuffer **output)
{
    GstUdmRecipe recipe;
    GstFlowReturn ret = choose(self, missing, &recipe);

    if (ret != GST_FLOW_OK)
        return ret;
    if (!missing->buffer && (missing->time == recipe.a->time || (recipe.b && recipe.position < GST_UDM_INTERP_CLOSE))) {
        *output = original(self, recipe.a, missing);
        gst_udm_interp_count(self, &self->originals);
        return GST_FLOW_OK;
    }
    if (!missing->buffer && recipe.b && ABS(1 - recipe.position) < GST_UDM_INTERP_CLOSE) {
        *output = original(self, recipe.b, missing);
        gst_udm_interp_count(self, &self->originals);
        return GST_FLOW_OK;
    }
    if (!recipe.b) {
        *output = gst_udm_interp_repeat(self, recipe.a->buffer, missing);
        gst_udm_interp_count(self, &self->repeated);
        return GST_FLOW_OK;
    }
    ret = make(self, &recipe, missing, output);
    if (ret == GST_FLOW_OK)
        gst_udm_interp_count(self, &self->made);
    return ret;
}

static void advance(GstUdmInterp *self)
{
    gst_udm_neighbours_advance(&self->known);
    self->repeats = self->beyond = 0;
    self->hopeless = FALSE;
}

// The first in the queue.
static GstFlowReturn next_missing(GstUdmInterp *self, GQueue *queue, gboolean ready, GstBuffer **output)
{
    GstFlowReturn ret = ready ? gst_udm_interp_produce_one(self, g_queue_peek_head(queue), output) : GST_FLOW_OK;

    if (*output)
        gst_udm_missing_free(g_queue_pop_head(queue));
    return ret;
}

// Duplicates wait for the next known frame; those before the first known frame, for the next two.
static GstFlowReturn next_for_fill(GstUdmInterp *self, GstBuffer **output)
{
    GstUdmNeighbours *known = &self->known;
    gboolean decided = known->second.buffer || self->hopeless;

    if (self->leading.length > 0)
        return next_missing(self, &self->leading,
                            decided || self->leading.length > gst_udm_interp_most_leading(&self->now), output);
    if (!self->untouched && self->missing.length > 0)
        return next_missing(self, &self->missing, decided, output);
    if (!self->untouched && known->second.buffer) {
        self->untouched = gst_buffer_ref(known->second.buffer);
        advance(self);
    }
    if (self->untouched)
        gst_udm_interp_count(self, &self->originals);
    *output = g_steal_pointer(&self->untouched);
    return GST_FLOW_OK;
}

static GstFlowReturn next_for_rate(GstUdmInterp *self, GstBuffer **output)
{
    GstFlowReturn ret = self->known.first.buffer ? gst_udm_interp_next_exposed(self, output) : GST_FLOW_OK;

    self->count += *output != NULL;
    if (ret == GST_FLOW_OK && !*output && self->known.second.buffer)
        advance(self);
    return ret;
}

GstFlowReturn gst_udm_interp_produce(GstUdmInterp *self, GstBuffer **output)
{
    return self->now.mode == GST_UDM_INTERP_MODE_FILL ? next_for_fill(self, output) : next_for_rate(self, output);
}
