// SPDX-License-Identifier: LGPL-2.1-or-later
// Input frames wait until the known frame after them has arrived, which tells how motion continues.
#include "interp.h"

static gboolean is_known(GstUdmInterp *self, GstBuffer *frame)
{
    return self->now.mode == GST_UDM_INTERP_MODE_RATE || !GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_GAP);
}

// The first that is known, or begins anew; NULL if there is none.
static const GstUdmArrival *first_known(GstUdmInterp *self, const GList *from)
{
    for (; from; from = from->next) {
        const GstUdmArrival *arrival = from->data;

        if (arrival->anew || is_known(self, arrival->buffer))
            return arrival;
    }
    return NULL;
}

// The picture in a frame of two fields. Takes the frame; NULL if it is none.
static GstBuffer *picture_in(GstUdmInterp *self, GstBuffer *woven)
{
    GstBaseTransform *base = GST_BASE_TRANSFORM(self);
    GstBuffer *picture = gst_udm_unweave(self->unweaver, woven);

    if (picture && !GST_BASE_TRANSFORM_GET_CLASS(base)->copy_metadata(base, woven, picture))
        gst_clear_buffer(&picture);
    if (picture)
        GST_BUFFER_FLAG_UNSET(picture, GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF |
                                           GST_VIDEO_BUFFER_FLAG_RFF | GST_VIDEO_BUFFER_FLAG_ONEFIELD);
    gst_buffer_unref(woven);
    return picture;
}

GstFlowReturn gst_udm_interp_take(GstUdmTransform *trans, GstBuffer *buffer)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    GstUdmArrival arrival = { self->unweaver ? picture_in(self, buffer) : buffer, FALSE }, *held;

    if (!arrival.buffer)
        return gst_udm_transform_invalid_buffer(trans);
    if (!gst_udm_interp_admit(self, &arrival.buffer, &arrival.anew))
        return GST_FLOW_OK;
    held = g_new(GstUdmArrival, 1);
    *held = arrival;
    g_queue_push_tail(&self->waiting, held);
    return GST_FLOW_OK;
}

// The buffer of a frame that waited, which may be NULL.
static GstBuffer *unwrap(GstUdmArrival *arrival)
{
    GstBuffer *buffer = arrival ? arrival->buffer : NULL;

    g_free(arrival);
    return buffer;
}

GstBuffer *gst_udm_interp_take_back(GstUdmInterp *self)
{
    return unwrap(g_queue_pop_tail(&self->waiting));
}

static void forget_known(GstUdmInterp *self)
{
    gst_udm_neighbours_clear(&self->known);
    gst_clear_buffer(&self->untouched);
    gst_udm_shutter_clear(&self->shutter);
    gst_clear_buffer(&self->developed);
    g_queue_clear_full(&self->leading, gst_udm_missing_free);
    g_queue_clear_full(&self->missing, gst_udm_missing_free);
    self->last = GST_CLOCK_TIME_NONE;
    self->repeats = self->beyond = 0;
    self->hopeless = self->closing = FALSE;
}

void gst_udm_interp_forget(GstUdmTransform *trans)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    while (self->waiting.length > 0)
        gst_buffer_unref(unwrap(g_queue_pop_head(&self->waiting)));
    forget_known(self);
    self->ending = FALSE;
}

gboolean gst_udm_interp_end(GstUdmTransform *trans)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    self->ending = TRUE;
    return self->waiting.length > 0 || self->known.first.buffer || self->leading.length > 0;
}

// The next frame that needs to wait no longer, or NULL.
static GstBuffer *next_arrival(GstUdmInterp *self)
{
    GList *head = self->waiting.head;

    if (head && (self->ending || self->waiting.length > gst_udm_interp_most_waiting(&self->now) ||
                 first_known(self, head->next)))
        return unwrap(g_queue_pop_head(&self->waiting));
    return NULL;
}

// What is known leaves first, and is forgotten when it is called again.
static void begin_anew(GstUdmInterp *self, GstUdmArrival *with)
{
    if (!self->closing && gst_udm_interp_finish(self, self->now.max_gap)) {
        self->closing = TRUE;
        return;
    }
    gst_udm_interp_report_jump(self, GST_BUFFER_PTS(with->buffer));
    forget_known(self);
    with->anew = FALSE;
}

// Takes what there is to make the next frame of. FALSE if that has to arrive first.
static gboolean proceed(GstUdmInterp *self, GstFlowReturn *ret)
{
    GstUdmArrival *head = g_queue_peek_head(&self->waiting);
    GstBuffer *arrival;

    if (head && head->anew) {
        if (self->waiting.length == 1 && !self->ending) // in doubt
            return FALSE;
        begin_anew(self, head);
        return TRUE;
    }
    if ((arrival = next_arrival(self))) {
        *ret = gst_udm_interp_accept(self, arrival);
        return TRUE;
    }
    if (!self->ending)
        return FALSE;
    self->ending = FALSE;
    return gst_udm_interp_finish(self, 0);
}

GstFlowReturn gst_udm_interp_next(GstUdmTransform *trans, GstBuffer **output)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    GstFlowReturn ret = GST_FLOW_OK;
    for (*output = NULL; ret == GST_FLOW_OK && !*output;) {
        ret = gst_udm_interp_produce(self, output);
        if (ret == GST_FLOW_OK && !*output && !proceed(self, &ret))
            break;
    }
    return ret;
}

GstUdmNeighbour gst_udm_interp_foreseen(GstUdmInterp *self)
{
    const GstUdmArrival *known = first_known(self, self->waiting.head);

    if (!known || known->anew)
        return (GstUdmNeighbour){ .time = GST_CLOCK_TIME_NONE };
    return (GstUdmNeighbour){ .buffer = known->buffer,
                              .time = gst_udm_timeline_nominal(&self->line, GST_BUFFER_PTS(known->buffer)),
                              .planned = gst_udm_interp_planned(self, known->buffer) };
}

GstClockTimeDiff gst_udm_interp_apart(GstUdmInterp *self, GstClockTime from, GstClockTime to)
{
    GstClockTimeDiff difference = GST_CLOCK_DIFF(from, to);

    return GST_BASE_TRANSFORM(self)->segment.rate < 0 ? -difference : difference;
}

GstClockTimeDiff gst_udm_interp_ahead(GstUdmInterp *self, GstClockTime time)
{
    return gst_udm_interp_apart(self, self->stamps.newest, time);
}
