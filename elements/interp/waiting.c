// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that came and wait until the known frame after them has come, too, which tells how motion bends.
#include "interp.h"

guint gst_udm_interp_most_waiting(const GstUdmInterpOptions *options)
{
    if (options->lookahead == 0 || options->de_duplicate) // what follows may be a duplicate that nobody marked
        return 0;
    return options->mode == GST_UDM_INTERP_MODE_FILL ? options->max_gap + 1 : 1;
}

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

gboolean gst_udm_interp_end(GstUdmTransform *trans)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    self->ending = TRUE;
    return self->waiting.length > 0 || self->known.first.buffer || self->leading.length > 0;
}

GstBuffer *gst_udm_interp_next_arrival(GstUdmInterp *self)
{
    GList *head = self->waiting.head;

    if (head && (self->ending || self->waiting.length > gst_udm_interp_most_waiting(&self->now) ||
                 first_known(self, head->next)))
        return g_queue_pop_head(&self->waiting);
    return NULL;
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
