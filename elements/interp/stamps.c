// SPDX-License-Identifier: LGPL-2.1-or-later
// The timestamps of input frames: which are used, put right, or not believed. Whatever they are, what leaves the
// element never steps back in the direction of playback, and one that is wrong costs one frame:
//
// - a frame that is not later than the one before it is dropped;
// - a frame far ahead of the one before it is in doubt until the next: if that goes on from it, everything begins anew
//   there; if that goes on from what was before, the frame in doubt is dropped. So is the first of a stream if the
//   second is earlier;
// - a frame without a timestamp follows the one before it at once;
// - a timestamp in the upper half of all is a negative one: the frame is shown from 0 if it lasts that long.
#include "interp.h"

GST_DEBUG_CATEGORY_EXTERN(gst_udm_interp_debug);
#define GST_CAT_DEFAULT gst_udm_interp_debug

#define QUIET 25                  // frames that must be good for the next that is dropped to be worth a message
#define UNKNOWN_LENGTH GST_SECOND // of a frame, at least, where caps say no rate

static GstClockTime length_of(GstUdmInterp *self, GstBuffer *frame)
{
    return gst_udm_timeline_frame_of(&GST_VIDEO_FILTER(self)->in_info, GST_BUFFER_DURATION(frame));
}

void gst_udm_stamps_reset(GstUdmStamps *stamps)
{
    *stamps = (GstUdmStamps){ .newest = GST_CLOCK_TIME_NONE,
                              .reached = GST_CLOCK_TIME_NONE,
                              .doubted_from = GST_CLOCK_TIME_NONE,
                              .good = QUIET };
}

// Counts a frame as dropped, and posts a warning, but not for each of many.
static void drop(GstUdmInterp *self, GstBuffer *frame, const char *why)
{
    GST_OBJECT_LOCK(self);
    self->dropped++;
    GST_OBJECT_UNLOCK(self);
    if (self->stamps.good >= QUIET)
        GST_ELEMENT_WARNING(self, STREAM, FORMAT, ("The timestamp of a frame is %s. The frame is dropped.", why),
                            ("It is %" GST_TIME_FORMAT ", and that of the frame before %" GST_TIME_FORMAT ". Further "
                             "frames may be dropped without a message; the property stats counts them.",
                             GST_TIME_ARGS(GST_BUFFER_PTS(frame)), GST_TIME_ARGS(self->stamps.newest)));
    else
        GST_INFO_OBJECT(self, "dropping a frame: its timestamp, %" GST_TIME_FORMAT ", is %s",
                        GST_TIME_ARGS(GST_BUFFER_PTS(frame)), why);
    self->stamps.good = 0;
    gst_buffer_unref(frame);
}

// After the frame before it, or at the beginning of the segment.
static GstClockTime expected_time(GstUdmInterp *self, GstClockTime length)
{
    const GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
    GstClockTime newest = self->stamps.newest;

    if (GST_CLOCK_TIME_IS_VALID(newest))
        return segment->rate < 0 ? newest - MIN(newest, length) : newest + length;
    return segment->rate < 0 && GST_CLOCK_TIME_IS_VALID(segment->stop) ? segment->stop - MIN(segment->stop, length)
                                                                       : segment->start;
}

// Gives every frame a timestamp that is a time. FALSE if it ends before time 0; it is dropped then.
static gboolean put_right(GstUdmInterp *self, GstBuffer **frame)
{
    GstClockTime time = GST_BUFFER_PTS(*frame), length = length_of(self, *frame);

    if (time <= G_MAXINT64)
        return TRUE;
    if (GST_CLOCK_TIME_IS_VALID(time) && -time >= length) { // of unsigned numbers: how long before 0 it is
        drop(self, *frame, "negative");
        return FALSE;
    }
    *frame = gst_buffer_make_writable(*frame);
    GST_BUFFER_PTS(*frame) = GST_CLOCK_TIME_IS_VALID(time) ? 0 : expected_time(self, length);
    return TRUE;
}

gboolean gst_udm_interp_is_in_doubt(GstUdmInterp *self)
{
    return self->stamps.in_doubt && self->waiting.length > 0;
}

gboolean gst_udm_interp_is_later(GstUdmInterp *self, GstClockTime time)
{
    return !GST_CLOCK_TIME_IS_VALID(self->stamps.newest) || gst_udm_interp_ahead(self, time) > 0;
}

// Where frames come more rarely than their rate says, gaps are measured by how they come.
gboolean gst_udm_interp_is_far_ahead(GstUdmInterp *self, GstBuffer *frame)
{
    gboolean has_rate = GST_VIDEO_FILTER(self)->in_info.fps_n > 0;
    GstClockTime length = MAX(has_rate ? length_of(self, frame) : UNKNOWN_LENGTH, self->stamps.interval);

    return GST_CLOCK_TIME_IS_VALID(self->stamps.newest) && GST_BUFFER_PTS_IS_VALID(frame) &&
           !gst_udm_interp_is_next(self, frame) &&
           gst_udm_interp_ahead(self, GST_BUFFER_PTS(frame)) > gst_udm_interp_longest_gap(self, length);
}

// Drops the newest frame if this one proves it wrong.
static void settle_doubt(GstUdmInterp *self, GstClockTime time)
{
    GstUdmStamps *stamps = &self->stamps;
    GstClockTime from = stamps->doubted_from;

    if (!gst_udm_interp_is_in_doubt(self) || gst_udm_interp_ahead(self, time) >= 0)
        return;
    if (GST_CLOCK_TIME_IS_VALID(from) && gst_udm_interp_apart(self, from, time) <= 0)
        return; // this one is wrong itself
    drop(self, gst_udm_interp_take_back(self),
         GST_CLOCK_TIME_IS_VALID(from) ? "far ahead of all others" : "later than that of the next frame");
    stamps->newest = from;
    stamps->in_doubt = FALSE;
}

gboolean gst_udm_interp_admit(GstUdmInterp *self, GstBuffer **frame, gboolean *anew)
{
    GstUdmStamps *stamps = &self->stamps;
    GstClockTime time;

    if (!put_right(self, frame))
        return FALSE;
    time = GST_BUFFER_PTS(*frame);
    settle_doubt(self, time);
    if (!gst_udm_interp_is_later(self, time)) {
        drop(self, *frame, "not later than that of the frame before");
        return FALSE;
    }
    *anew = gst_udm_interp_is_far_ahead(self, *frame);
    stamps->in_doubt = *anew || !GST_CLOCK_TIME_IS_VALID(stamps->newest);
    stamps->doubted_from = stamps->newest;
    if (GST_CLOCK_TIME_IS_VALID(stamps->newest))
        stamps->interval = (GstClockTime)gst_udm_interp_ahead(self, time);
    stamps->newest = time;
    stamps->good++;
    return TRUE;
}

void gst_udm_interp_report_jump(GstUdmInterp *self, GstClockTime to)
{
    if (GST_CLOCK_TIME_IS_VALID(self->last))
        GST_ELEMENT_INFO(self, STREAM, FORMAT,
                         ("No frames come from %.3f s to %.3f s, which is longer than max-gap: interpolation begins "
                          "anew after that.",
                          (double)self->last / GST_SECOND, (double)to / GST_SECOND),
                         (NULL));
}
