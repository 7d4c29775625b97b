// SPDX-License-Identifier: LGPL-2.1-or-later
// Input frames: which are known, which are duplicates, and which were lost before they arrived.
#include "interp.h"

#include "times.h"

#define SEARCHED 100 // frames in which duplicates without a flag are looked for
#define SIGNS 3      // repeats, and changes, that are enough to tell

GST_DEBUG_CATEGORY_EXTERN(gst_udm_interp_debug);
#define GST_CAT_DEFAULT gst_udm_interp_debug

void gst_udm_missing_free(gpointer data)
{
    GstUdmMissing *missing = data;

    gst_clear_buffer(&missing->buffer);
    g_free(missing);
}

GstClockTimeDiff gst_udm_interp_longest_gap(GstUdmInterp *self, GstClockTime frame)
{
    return (GstClockTimeDiff)((self->now.max_gap + 1) * frame + frame / 2);
}

gboolean gst_udm_interp_follows(GstUdmTransform *trans, GstBuffer *frame)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    GstClockTime pts = GST_BUFFER_PTS(frame);

    if (!GST_CLOCK_TIME_IS_VALID(self->last) && self->waiting.length == 0)
        return TRUE;
    if (pts > G_MAXINT64) // none, or a negative one: stamps.c puts it right
        return !GST_BUFFER_IS_DISCONT(frame);
    if (!gst_udm_interp_is_later(self, pts) || gst_udm_interp_is_far_ahead(self, frame))
        return TRUE; // stamps.c drops it, or doubts it
    return !GST_BUFFER_IS_DISCONT(frame) || gst_udm_interp_is_next(self, frame) ||
           (self->now.fill_gaps && gst_udm_interp_ahead(self, pts) <=
                                       gst_udm_interp_longest_gap(self, gst_udm_timeline_frame(&self->line, 0)));
}

gboolean gst_udm_interp_fills(GstUdmTransform *trans, GstClockTime time)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    if (!self->known.first.buffer && self->waiting.length == 0)
        return FALSE;
    if (self->plan)
        return gst_udm_plan_goes_on(self->plan, gst_udm_stream_time(&GST_BASE_TRANSFORM(self)->segment, time));
    return self->now.fill_gaps && gst_udm_interp_ahead(self, time) > 0 &&
           gst_udm_interp_ahead(self, time) <= gst_udm_interp_longest_gap(self, gst_udm_timeline_frame(&self->line, 0));
}

static GstClockTime time_of(GstUdmInterp *self, GstBuffer *frame)
{
    GstClockTime time = GST_BUFFER_PTS(frame), nominal;

    if (!GST_CLOCK_TIME_IS_VALID(self->last))
        return time;
    nominal = gst_udm_timeline_nominal(&self->line, time);
    return gst_udm_interp_apart(self, self->last, nominal) > 0 ? nominal : time;
}

static void begin(GstUdmInterp *self, GstBuffer *frame)
{
    const GstVideoFilter *filter = GST_VIDEO_FILTER(self);

    gst_udm_timeline_init(&self->line, &filter->in_info, &filter->out_info,
                          self->now.factor > 0 ? self->now.factor : GST_UDM_INTERP_FREE_FACTOR,
                          GST_BASE_TRANSFORM(self)->segment.rate < 0);
    if (gst_udm_interp_parts(self) > 0)
        self->line.out_n = 0;
    gst_udm_timeline_begin(&self->line, time_of(self, frame),
                           gst_udm_timeline_frame(&self->line, GST_BUFFER_DURATION(frame)));
}

static void add_missing(GQueue *to, GstBuffer *buffer, GstClockTime time, GstClockTime duration)
{
    GstUdmMissing *missing = g_new(GstUdmMissing, 1);

    *missing = (GstUdmMissing){ buffer, time, duration };
    g_queue_push_tail(to, missing);
}

static void take_first(GstUdmInterp *self, GstUdmNeighbour frame)
{
    if (GST_BUFFER_FLAG_IS_SET(frame.buffer, GST_BUFFER_FLAG_GAP) && gst_udm_interp_most_leading(&self->now) > 0) {
        add_missing(&self->leading, frame.buffer, frame.time, GST_BUFFER_DURATION(frame.buffer));
        return;
    }
    self->known.first = frame;
    if (self->now.mode == GST_UDM_INTERP_MODE_FILL)
        self->untouched = gst_buffer_ref(frame.buffer);
}

// Frames that were lost before one that arrived.
static void add_lost(GstUdmInterp *self, GstClockTime time)
{
    GstClockTime length = gst_udm_timeline_frame(&self->line, 0);
    GstClockTimeDiff ahead = gst_udm_interp_apart(self, self->last, time);
    guint frames = (guint)((ahead + length / 2) / length);

    if (self->line.in_n <= 0 || ahead > gst_udm_interp_longest_gap(self, length))
        return;
    for (guint i = 1; i < frames; i++) {
        GstClockTime away = gst_util_uint64_scale_round((guint64)ahead, i, frames);

        add_missing(&self->missing, NULL, self->line.reverse ? self->last - away : self->last + away, length);
    }
}

// Looks at the first frames of mode fill, as long as none has the flag of a duplicate. Held pictures alone are no sign.
static GstFlowReturn search(GstUdmInterp *self, const GstUdmNeighbour *frame)
{
    GstUdmSearch *search = &self->search;
    gboolean repeats = FALSE;
    GstFlowReturn ret;

    search->over |=
        GST_BUFFER_FLAG_IS_SET(frame->buffer, GST_BUFFER_FLAG_GAP) || search->repeats + search->changes >= SEARCHED;
    if (search->over || self->now.mode != GST_UDM_INTERP_MODE_FILL || self->now.de_duplicate)
        return GST_FLOW_OK;
    ret = gst_udm_neighbours_repeat(&self->known, GST_UDM_TRANSFORM(self), &self->known.first, frame, &repeats);
    if (ret != GST_FLOW_OK)
        return ret;
    search->repeats += repeats;
    search->changes += !repeats;
    if (search->repeats < SIGNS || search->changes < SIGNS)
        return GST_FLOW_OK;
    search->found = search->over = self->now.de_duplicate = TRUE;
    GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                        ("Frames repeat the ones before but do not have the GAP flag of duplicates, which conversions "
                         "drop. They are told by their pictures from here on. Place udminterp right after videorate, "
                         "or use udmslowmotion."),
                        ("%u of %u frames are repeats.", search->repeats, search->repeats + search->changes));
    return GST_FLOW_OK;
}

static GstFlowReturn is_missing(GstUdmInterp *self, const GstUdmNeighbour *frame, gboolean *missing)
{
    GstFlowReturn ret = search(self, frame);

    if (ret != GST_FLOW_OK)
        return ret;
    *missing = (self->now.mode == GST_UDM_INTERP_MODE_FILL || self->now.de_duplicate) &&
               GST_BUFFER_FLAG_IS_SET(frame->buffer, GST_BUFFER_FLAG_GAP);
    if (*missing || !self->now.de_duplicate)
        return GST_FLOW_OK;
    return gst_udm_neighbours_repeat(&self->known, GST_UDM_TRANSFORM(self), &self->known.first, frame, missing);
}

static void take_for_fill(GstUdmInterp *self, GstUdmNeighbour frame, gboolean missing)
{
    if (self->now.fill_gaps)
        add_lost(self, frame.time);
    if (missing)
        add_missing(&self->missing, frame.buffer, frame.time, GST_BUFFER_DURATION(frame.buffer));
    else
        self->known.second = frame;
    self->hopeless |= self->missing.length > self->now.max_gap;
}

static void take_for_rate(GstUdmInterp *self, GstUdmNeighbour frame, gboolean missing)
{
    if (missing && self->repeats < self->now.max_gap) {
        self->repeats++;
        gst_buffer_unref(frame.buffer);
        return;
    }
    self->known.second = frame;
    gst_udm_timeline_span(&self->line, self->known.first.time, frame.time);
}

GstFlowReturn gst_udm_interp_accept(GstUdmInterp *self, GstBuffer *buffer)
{
    GstUdmNeighbour frame = { .buffer = buffer };
    gboolean missing;
    GstFlowReturn ret;

    if (!GST_CLOCK_TIME_IS_VALID(self->last))
        begin(self, buffer);
    frame.time = time_of(self, buffer);
    ret = gst_udm_interp_follow_plan(self, &frame);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(buffer);
        return ret;
    }
    if (!self->known.first.buffer) {
        take_first(self, frame);
        self->last = frame.time;
        return GST_FLOW_OK;
    }
    ret = is_missing(self, &frame, &missing);
    if (ret != GST_FLOW_OK) {
        gst_buffer_unref(buffer);
        return ret;
    }
    if (self->now.mode == GST_UDM_INTERP_MODE_FILL)
        take_for_fill(self, frame, missing);
    else
        take_for_rate(self, frame, missing);
    self->last = frame.time;
    return GST_FLOW_OK;
}

gboolean gst_udm_interp_finish(GstUdmInterp *self, guint more)
{
    const GstUdmNeighbour *first = &self->known.first;

    if (!first->buffer && self->leading.length == 0)
        return FALSE;
    self->hopeless = TRUE;
    if (first->buffer)
        gst_udm_timeline_end(&self->line, first->time, self->last,
                             (1 + (self->line.in_n > 0 ? more : 0)) *
                                 gst_udm_timeline_frame(&self->line, GST_BUFFER_DURATION(first->buffer)));
    return TRUE;
}
