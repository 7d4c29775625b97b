// SPDX-License-Identifier: LGPL-2.1-or-later
// Output frames: their numbers, times and pixels.
#include "src.h"

#include "frames.h"
#include "report.h"

GstClockTime gst_udm_src_time_of(const GstVideoInfo *info, guint64 number)
{
    return gst_util_uint64_scale(number, info->fps_d * GST_SECOND, info->fps_n);
}

guint64 gst_udm_src_frame_at(const GstVideoInfo *info, GstClockTime time)
{
    guint64 number = gst_util_uint64_scale(time, info->fps_n, info->fps_d * GST_SECOND);

    return gst_udm_src_time_of(info, number + 1) <= time ? number + 1 : number; // times of frames are rounded down
}

static gboolean is_past_end(GstUdmSrc *self)
{
    gboolean past;

    GST_OBJECT_LOCK(self);
    past = self->options.num_frames > 0 && self->number >= (guint64)self->options.num_frames * self->steps;
    GST_OBJECT_UNLOCK(self);
    return past;
}

static GstFlowReturn make_frame(GstUdmSrc *self, GstBuffer *buffer)
{
    udm_error error = { 0 };
    GstUdmFrame frame;
    udm_image image;
    gboolean made;

    if (!gst_udm_frame_map(&frame, &self->info, buffer, GST_MAP_WRITE)) {
        GST_ELEMENT_ERROR(self, RESOURCE, WRITE, ("Failed to map a buffer for writing."),
                          ("The buffer pool is at fault that the element downstream proposed."));
        return GST_FLOW_ERROR;
    }
    image = gst_udm_frame_image(&frame);
    gst_udm_frame_fill_rest(&frame);
    made = udm_generator_make(self->session.object, self->number, &image, &error);
    gst_udm_frame_unmap(&frame);

    if (made) {
        gst_udm_session_update(&self->session);
        return GST_FLOW_OK;
    }
    if (error.code == UDM_ERROR_CANCELLED)
        return GST_FLOW_FLUSHING;
    gst_udm_report_error(GST_ELEMENT(self), &error);
    return GST_FLOW_ERROR;
}

GstFlowReturn gst_udm_src_fill(GstPushSrc *src, GstBuffer *buffer)
{
    GstUdmSrc *self = GST_UDM_SRC(src);
    GstFlowReturn ret;

    if (is_past_end(self))
        return GST_FLOW_EOS;
    if (!gst_udm_src_apply_settings(self))
        return GST_FLOW_ERROR;
    ret = make_frame(self, buffer);
    if (ret != GST_FLOW_OK)
        return ret;

    GST_BUFFER_PTS(buffer) = gst_udm_src_time_of(&self->info, self->number);
    GST_BUFFER_DURATION(buffer) = gst_udm_src_time_of(&self->info, self->number + 1) - GST_BUFFER_PTS(buffer);
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_OFFSET(buffer) = self->number;
    GST_BUFFER_OFFSET_END(buffer) = ++self->number;
    return GST_FLOW_OK;
}

// Live frames are due at the end of their duration, as those of a camera are.
void gst_udm_src_get_times(GstBaseSrc *src, GstBuffer *buffer, GstClockTime *start, GstClockTime *end)
{
    *start = *end = GST_CLOCK_TIME_NONE;
    if (gst_base_src_is_live(src)) {
        *start = GST_BUFFER_PTS(buffer);
        *end = *start + GST_BUFFER_DURATION(buffer);
    }
}
