// SPDX-License-Identifier: LGPL-2.1-or-later
// The instants of output frames.
#include "timeline.h"

#define ROUNDED GST_MSECOND // the coarsest that containers round to, as Matroska does

void gst_udm_timeline_init(GstUdmTimeline *line, const GstVideoInfo *in, const GstVideoInfo *out, guint parts,
                           gboolean reverse)
{
    *line = (GstUdmTimeline){ .in_n = in->fps_n,
                              .in_d = in->fps_d,
                              .out_n = out->fps_n,
                              .out_d = out->fps_d,
                              .parts = parts,
                              .reverse = reverse };
}

static GstClockTime scale(guint64 number, gint rate_n, gint rate_d)
{
    return gst_util_uint64_scale_round(number, rate_d * GST_SECOND, rate_n);
}

// The time of an instant; before the origin, it may be less than 0. Where frames last for decades, it stays in range.
static GstClockTimeDiff time_of(const GstUdmTimeline *line, gint64 number)
{
    GstClockTimeDiff origin = (GstClockTimeDiff)line->origin;
    GstClockTime room = (GstClockTime)(G_MAXINT64 - MAX(origin, 0));
    GstClockTime away = MIN(scale((guint64)ABS(number), line->out_n, line->out_d), room);

    return origin + (number < 0 ? -(GstClockTimeDiff)away : (GstClockTimeDiff)away);
}

static GstClockTime frame_length(gint rate_n, gint rate_d, GstClockTime known)
{
    if (rate_n > 0)
        return scale(1, rate_n, rate_d);
    return GST_CLOCK_TIME_IS_VALID(known) && known > 0 ? known : GST_SECOND / 25;
}

GstClockTime gst_udm_timeline_frame_of(const GstVideoInfo *in, GstClockTime known)
{
    return frame_length(in->fps_n, in->fps_d, known);
}

GstClockTime gst_udm_timeline_frame(const GstUdmTimeline *line, GstClockTime known)
{
    return frame_length(line->in_n, line->in_d, known);
}

GstClockTime gst_udm_timeline_nominal(const GstUdmTimeline *line, GstClockTime time)
{
    GstClockTimeDiff away = GST_CLOCK_DIFF(line->origin, time);
    guint64 number;
    GstClockTime nominal;

    if (line->in_n <= 0)
        return time;
    number = gst_util_uint64_scale_round(ABS(away), line->in_n, line->in_d * GST_SECOND);
    nominal = scale(number, line->in_n, line->in_d);
    if (away < 0 && nominal > line->origin)
        return time;
    nominal = away < 0 ? line->origin - nominal : line->origin + nominal;
    return ABS(GST_CLOCK_DIFF(time, nominal)) <= (GstClockTimeDiff)ROUNDED ? nominal : time;
}

static void set_parts(GstUdmTimeline *line, GstClockTime from, GstClockTime to, guint first, guint last)
{
    line->from = from;
    line->to = to;
    line->part = first;
    line->last_part = last;
}

void gst_udm_timeline_begin(GstUdmTimeline *line, GstClockTime time, GstClockTime duration)
{
    line->origin = time;
    line->number = 0;
    line->inclusive = FALSE;
    if (!line->reverse) {
        set_parts(line, time, time, 0, 0);
        return;
    }
    set_parts(line, time + duration, time, 1, line->parts);
    // The last instant within the frame; those that follow it go down.
    if (line->out_n > 0)
        line->number = (gint64)gst_util_uint64_scale_ceil(duration - 1, line->out_n, line->out_d * GST_SECOND) - 1;
}

void gst_udm_timeline_span(GstUdmTimeline *line, GstClockTime from, GstClockTime to)
{
    line->inclusive = FALSE;
    set_parts(line, from, to, 0, line->parts);
}

void gst_udm_timeline_end(GstUdmTimeline *line, GstClockTime from, GstClockTime last, GstClockTime duration)
{
    line->inclusive = line->reverse;
    if (line->reverse)
        set_parts(line, from, last, 0, 1);
    else
        set_parts(line, from, last + duration, 0, line->parts);
}

static gboolean next_part(GstUdmTimeline *line, GstClockTime *time, GstClockTime *duration)
{
    GstClockTime length = (GstClockTime)ABS(GST_CLOCK_DIFF(line->from, line->to));
    GstClockTime away = gst_util_uint64_scale_round(length, line->part, line->parts);

    if (line->part >= line->last_part)
        return FALSE;
    *time = line->reverse ? line->from - away : line->from + away;
    *duration = gst_util_uint64_scale_round(length, line->part + 1, line->parts) - away;
    line->part++;
    return TRUE;
}

static gboolean is_within(const GstUdmTimeline *line, GstClockTimeDiff time)
{
    GstClockTimeDiff to = (GstClockTimeDiff)line->to;

    return time >= 0 && ((line->reverse ? time > to : to > time) || (time == to && line->inclusive));
}

gboolean gst_udm_timeline_next(GstUdmTimeline *line, GstClockTime *time, GstClockTime *duration)
{
    GstClockTimeDiff begin, end;

    if (line->out_n <= 0)
        return next_part(line, time, duration);
    begin = time_of(line, line->number);
    end = time_of(line, line->number + 1);
    if (!is_within(line, begin))
        return FALSE;
    *time = (GstClockTime)begin;
    *duration = (GstClockTime)(end - begin);
    line->number += line->reverse ? -1 : 1;
    return TRUE;
}

gboolean gst_udm_timeline_foresee(const GstUdmTimeline *line, GstClockTime *time, GstClockTime *duration)
{
    GstClockTimeDiff begin;

    if (line->out_n <= 0) {
        *time = line->to;
        *duration = (GstClockTime)ABS(GST_CLOCK_DIFF(line->from, line->to)) / line->parts;
        return TRUE;
    }
    begin = time_of(line, line->number);
    if (begin < 0)
        return FALSE;
    *time = (GstClockTime)begin;
    *duration = (GstClockTime)(time_of(line, line->number + 1) - begin);
    return TRUE;
}
