// SPDX-License-Identifier: LGPL-2.1-or-later
// Seeks and queries.
#include "src.h"

GST_DEBUG_CATEGORY_EXTERN(gst_udm_src_debug);
#define GST_CAT_DEFAULT gst_udm_src_debug

gboolean gst_udm_src_is_seekable(GstBaseSrc *src)
{
    (void)src;
    return TRUE;
}

gboolean gst_udm_src_do_seek(GstBaseSrc *src, GstSegment *segment)
{
    GstUdmSrc *self = GST_UDM_SRC(src);

    if (segment->rate < 0)
        return FALSE; // each frame is made from those before it
    segment->time = segment->start;
    self->number = self->info.fps_n > 0 ? gst_udm_src_frame_at(&self->info, segment->position) : 0;
    GST_DEBUG_OBJECT(self, "seek to frame %" G_GUINT64_FORMAT, self->number);
    return TRUE;
}

// An endless video has an unknown duration: players treat it as a stream, and editors allow clips of any length.
static gboolean query_duration(GstUdmSrc *self, GstQuery *query, const GstVideoInfo *info, gint64 num_frames)
{
    GstFormat format;

    gst_query_parse_duration(query, &format, NULL);
    if (format != GST_FORMAT_TIME && format != GST_FORMAT_DEFAULT)
        return gst_udm_src_parent()->query(GST_BASE_SRC(self), query);
    if (format == GST_FORMAT_TIME && info->fps_n == 0)
        return FALSE;
    if (num_frames == 0)
        gst_query_set_duration(query, format, -1);
    else if (format == GST_FORMAT_TIME)
        gst_query_set_duration(query, format, (gint64)gst_udm_src_time_of(info, (guint64)num_frames));
    else
        gst_query_set_duration(query, format, num_frames);
    return TRUE;
}

static gboolean query_convert(GstQuery *query, const GstVideoInfo *info)
{
    GstFormat from, to;
    gint64 value, converted;

    gst_query_parse_convert(query, &from, &value, &to, NULL);
    if (info->fps_n == 0 || !gst_video_info_convert(info, from, value, to, &converted))
        return FALSE;
    gst_query_set_convert(query, from, value, to, converted);
    return TRUE;
}

// A live frame is ready at the end of its duration.
static gboolean query_latency(GstUdmSrc *self, GstQuery *query, const GstVideoInfo *info)
{
    if (info->fps_n == 0)
        return FALSE;
    gst_query_set_latency(query, gst_base_src_is_live(GST_BASE_SRC(self)), gst_udm_src_time_of(info, 1),
                          GST_CLOCK_TIME_NONE);
    return TRUE;
}

gboolean gst_udm_src_query(GstBaseSrc *src, GstQuery *query)
{
    GstUdmSrc *self = GST_UDM_SRC(src);
    GstVideoInfo info;
    gint64 num_frames;

    GST_OBJECT_LOCK(self);
    info = self->info;
    num_frames = self->options.num_frames * self->steps;
    GST_OBJECT_UNLOCK(self);
    switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_DURATION:
        return query_duration(self, query, &info, num_frames);
    case GST_QUERY_CONVERT:
        return query_convert(query, &info);
    case GST_QUERY_LATENCY:
        return query_latency(self, query, &info);
    default:
        return gst_udm_src_parent()->query(src, query);
    }
}
