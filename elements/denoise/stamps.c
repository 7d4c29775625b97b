// SPDX-License-Identifier: LGPL-2.1-or-later
// When frames that are made of fields are shown. A picture of film lasts for 3 and 2 fields in turns; the middles of
// those are at even distances, 5/2 of a field, so its time is one field before its middle: for 2 fields that is where
// it begins.
#include "denoise.h"

static GstBuffer *held_at(GstUdmDenoise *self, guint64 number)
{
    const guint64 i = number - self->woven_first;

    if (i >= gst_queue_array_get_length(self->woven))
        return NULL;
    return *(GstBuffer **)gst_queue_array_peek_nth_struct(self->woven, (guint)i);
}

static guint fields_of(GstBuffer *woven)
{
    if (GST_BUFFER_FLAG_IS_SET(woven, GST_VIDEO_BUFFER_FLAG_ONEFIELD))
        return 1;
    return GST_BUFFER_FLAG_IS_SET(woven, GST_VIDEO_BUFFER_FLAG_RFF) ? 3 : 2;
}

// So many fields last, by the rate of the caps, or if they have none, as this frame says.
static GstClockTime time_of_fields(GstUdmDenoise *self, GstBuffer *woven, guint fields)
{
    const GstVideoInfo *info = &GST_VIDEO_FILTER(self)->in_info;

    if (info->fps_n > 0)
        return gst_util_uint64_scale_round(fields * GST_SECOND, info->fps_d, 2 * (guint64)info->fps_n);
    if (GST_BUFFER_DURATION_IS_VALID(woven))
        return gst_util_uint64_scale_round(GST_BUFFER_DURATION(woven), fields, fields_of(woven));
    return GST_CLOCK_TIME_NONE;
}

static GstClockTime begin_of(GstUdmDenoise *self, const udm_field_at *at)
{
    GstBuffer *woven = held_at(self, at->frame);
    const GstClockTime fields = time_of_fields(self, woven, (guint)at->field);

    return GST_BUFFER_PTS_IS_VALID(woven) && GST_CLOCK_TIME_IS_VALID(fields) ? GST_BUFFER_PTS(woven) + fields
                                                                             : GST_CLOCK_TIME_NONE;
}

// A frame's last field lasts until the next frame begins, if that is known.
static GstClockTime end_of(GstUdmDenoise *self, const udm_field_at *at)
{
    GstBuffer *woven = held_at(self, at->frame), *next = held_at(self, at->frame + 1);

    if ((guint)at->field + 1 == fields_of(woven) && next && GST_BUFFER_PTS_IS_VALID(next))
        return GST_BUFFER_PTS(next);
    return begin_of(self, &(udm_field_at){ at->frame, at->field + 1 });
}

// A field before the middle.
static GstClockTime time_between(GstClockTime begin, GstClockTime end, GstClockTime field)
{
    const GstClockTime middle = begin + (end - begin) / 2;

    return middle > field ? middle - field : 0;
}

static void stamp_film(GstUdmDenoise *self, const udm_unwoven *made, GstBuffer *output)
{
    const GstClockTime begin = begin_of(self, &made->first), end = end_of(self, &made->last);
    const GstClockTime field = time_of_fields(self, held_at(self, made->first.frame), 1);
    const gboolean last = made->next.frame == made->last.frame && made->next.field == made->last.field;
    GstClockTime next;

    GST_BUFFER_OFFSET(output) = GST_BUFFER_OFFSET_END(output) = GST_BUFFER_OFFSET_NONE;
    GST_BUFFER_PTS(output) = GST_BUFFER_DURATION(output) = GST_BUFFER_DTS(output) = GST_CLOCK_TIME_NONE;
    if (made->first.field > 0)
        GST_BUFFER_FLAG_UNSET(output, GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC);
    if (!GST_CLOCK_TIME_IS_VALID(begin) || !GST_CLOCK_TIME_IS_VALID(end) || end < begin)
        return;
    GST_BUFFER_PTS(output) = time_between(begin, end, field);
    next = last ? end : end_of(self, &made->next);
    if (!last && GST_CLOCK_TIME_IS_VALID(next) && next >= end)
        next = time_between(end, next, field);
    if (GST_CLOCK_TIME_IS_VALID(next) && next > GST_BUFFER_PTS(output))
        GST_BUFFER_DURATION(output) = next - GST_BUFFER_PTS(output);
}

// A frame lasts as long as all its fields, of which one may be shown twice.
static GstClockTime duration_of(GstUdmDenoise *self, GstBuffer *woven)
{
    return GST_BUFFER_DURATION_IS_VALID(woven) ? GST_BUFFER_DURATION(woven) : time_of_fields(self, woven, 2);
}

static void stamp_field(GstUdmDenoise *self, const udm_unwoven *made, GstBuffer *output)
{
    GstBuffer *woven = held_at(self, made->first.frame);
    const GstClockTime duration = duration_of(self, woven);
    GstClockTime first;

    GST_BUFFER_OFFSET(output) = GST_BUFFER_OFFSET_END(output) = GST_BUFFER_OFFSET_NONE;
    GST_BUFFER_DTS(output) = GST_CLOCK_TIME_NONE;
    if (!GST_CLOCK_TIME_IS_VALID(duration)) {
        if (made->first.field > 0)
            GST_BUFFER_PTS(output) = GST_CLOCK_TIME_NONE;
        return;
    }
    first = duration / MAX(fields_of(woven), 2);
    GST_BUFFER_DURATION(output) = made->first.field == 0 ? first : duration - first;
    if (made->first.field > 0 && GST_BUFFER_PTS_IS_VALID(output))
        GST_BUFFER_PTS(output) += first;
    if (made->first.field > 0)
        GST_BUFFER_FLAG_UNSET(output, GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC);
}

void gst_udm_denoise_stamp(GstUdmDenoise *self, const udm_unwoven *made, GstBuffer *output)
{
    const gboolean whole = made->first.field == 0 && made->last.field > 0; // all fields of a frame

    GST_BUFFER_FLAG_UNSET(output, GST_VIDEO_BUFFER_FLAG_INTERLACED | GST_VIDEO_BUFFER_FLAG_TFF |
                                      GST_VIDEO_BUFFER_FLAG_RFF | GST_VIDEO_BUFFER_FLAG_ONEFIELD);
    if (self->film)
        stamp_film(self, made, output);
    else if (!whole && fields_of(held_at(self, made->first.frame)) > 1)
        stamp_field(self, made, output);
}
