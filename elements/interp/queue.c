// SPDX-License-Identifier: LGPL-2.1-or-later
// Input frames wait until the known frame after them has arrived, which tells how motion continues.
#include "interp.h"

static gboolean is_known(GstUdmInterp *self, GstBuffer *frame)
{
    return self->now.mode == GST_UDM_INTERP_MODE_RATE || !GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_GAP);
}

static GstBuffer *first_known(GstUdmInterp *self, GList *from)
{
    while (from && !is_known(self, from->data))
        from = from->next;
    return from ? from->data : NULL;
}

GstFlowReturn gst_udm_interp_take(GstUdmTransform *trans, GstBuffer *buffer)
{
    g_queue_push_tail(&GST_UDM_INTERP(trans)->waiting, buffer);
    return GST_FLOW_OK;
}

void gst_udm_interp_forget(GstUdmTransform *trans)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    while (self->waiting.length > 0)
        gst_buffer_unref(g_queue_pop_head(&self->waiting));
    gst_udm_neighbours_clear(&self->known);
    gst_clear_buffer(&self->untouched);
    g_queue_clear_full(&self->leading, gst_udm_missing_free);
    g_queue_clear_full(&self->missing, gst_udm_missing_free);
    self->last = GST_CLOCK_TIME_NONE;
    self->repeats = self->beyond = 0;
    self->hopeless = self->ending = FALSE;
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
        return g_queue_pop_head(&self->waiting);
    return NULL;
}

GstFlowReturn gst_udm_interp_next(GstUdmTransform *trans, GstBuffer **output)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    GstFlowReturn ret;
    GstBuffer *arrival;

    *output = NULL;
    for (;;) {
        ret = gst_udm_interp_produce(self, output);
        if (ret != GST_FLOW_OK || *output)
            return ret;
        if ((arrival = next_arrival(self)))
            ret = gst_udm_interp_accept(self, arrival);
        else if (!self->ending || !gst_udm_interp_finish(self))
            return GST_FLOW_OK;
        if (ret != GST_FLOW_OK)
            return ret;
    }
}

GstUdmNeighbour gst_udm_interp_foreseen(GstUdmInterp *self)
{
    GstBuffer *known = first_known(self, self->waiting.head);
    GstUdmNeighbour frame = { known, GST_CLOCK_TIME_NONE };

    if (known && GST_BUFFER_PTS_IS_VALID(known))
        frame.time = gst_udm_timeline_nominal(&self->line, GST_BUFFER_PTS(known));
    return frame;
}

static GstClockTime newest(GstUdmInterp *self)
{
    GstBuffer *tail = g_queue_peek_tail(&self->waiting);

    return tail && GST_BUFFER_PTS_IS_VALID(tail) ? GST_BUFFER_PTS(tail) : self->last;
}

GstClockTimeDiff gst_udm_interp_apart(GstUdmInterp *self, GstClockTime from, GstClockTime to)
{
    GstClockTimeDiff difference = GST_CLOCK_DIFF(from, to);

    return GST_BASE_TRANSFORM(self)->segment.rate < 0 ? -difference : difference;
}

GstClockTimeDiff gst_udm_interp_ahead(GstUdmInterp *self, GstClockTime time)
{
    return gst_udm_interp_apart(self, newest(self), time);
}
