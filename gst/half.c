// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames at half of their width and height.
#include "half.h"

#define LEAST_SIDE 64 // of whole frames

struct GstUdmHalf {
    GstVideoInfo whole, small;
    GstVideoConverter *down, *up;
};

gboolean gst_udm_half_suits(const GstVideoInfo *whole)
{
    return GST_VIDEO_INFO_WIDTH(whole) >= LEAST_SIDE && GST_VIDEO_INFO_HEIGHT(whole) >= LEAST_SIDE;
}

// taps: 2 makes means of pairs of a picture that is halved; 0 lets GStreamer choose.
static GstVideoConverter *scaler(const GstVideoInfo *from, const GstVideoInfo *to, guint taps)
{
    GstStructure *options = gst_structure_new("options", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
                                              GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
                                              GST_VIDEO_CONVERTER_OPT_RESAMPLER_TAPS, G_TYPE_UINT, taps, NULL);

    return gst_video_converter_new((GstVideoInfo *)from, (GstVideoInfo *)to, options);
}

GstUdmHalf *gst_udm_half_new(const GstVideoInfo *whole)
{
    GstUdmHalf *half = g_new0(GstUdmHalf, 1);

    half->whole = *whole;
    half->whole.interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE; // what comes interlaced was deinterlaced before
    half->small = half->whole;
    gst_video_info_set_format(&half->small, GST_VIDEO_INFO_FORMAT(whole), (GST_VIDEO_INFO_WIDTH(whole) + 1) / 2,
                              (GST_VIDEO_INFO_HEIGHT(whole) + 1) / 2);
    half->small.colorimetry = whole->colorimetry; // which the size does not decide here
    half->small.chroma_site = whole->chroma_site;
    half->small.fps_n = whole->fps_n;
    half->small.fps_d = whole->fps_d;
    half->down = scaler(&half->whole, &half->small, 2);
    half->up = scaler(&half->small, &half->whole, 0);
    return half;
}

void gst_udm_half_free(GstUdmHalf *half)
{
    if (!half)
        return;
    g_clear_pointer(&half->down, gst_video_converter_free);
    g_clear_pointer(&half->up, gst_video_converter_free);
    g_free(half);
}

const GstVideoInfo *gst_udm_half_info(const GstUdmHalf *half, const GstVideoInfo *whole)
{
    return half ? &half->small : whole;
}

static gboolean convert(GstVideoConverter *converter, const GstVideoInfo *from_info, GstBuffer *from,
                        const GstVideoInfo *to_info, GstBuffer *to)
{
    GstVideoFrame source, target;

    if (!converter || !gst_video_frame_map(&source, (GstVideoInfo *)from_info, from, GST_MAP_READ))
        return FALSE;
    if (!gst_video_frame_map(&target, (GstVideoInfo *)to_info, to, GST_MAP_WRITE)) {
        gst_video_frame_unmap(&source);
        return FALSE;
    }
    gst_video_converter_frame(converter, &source, &target);
    gst_video_frame_unmap(&target);
    gst_video_frame_unmap(&source);
    return TRUE;
}

// A buffer for a frame of half the size.
static GstBuffer *make_room(const GstUdmHalf *half)
{
    return gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&half->small), NULL);
}

gboolean gst_udm_half_read(GstUdmHalf *half, GstUdmFrame *frame, const GstVideoInfo *whole, GstBuffer *buffer)
{
    GstBuffer *small;
    gboolean mapped;

    if (!half)
        return gst_udm_frame_map(frame, whole, buffer, GST_MAP_READ);
    small = make_room(half);
    mapped = convert(half->down, &half->whole, buffer, &half->small, small) &&
             gst_udm_frame_map(frame, &half->small, small, GST_MAP_READ);
    gst_buffer_unref(small); // the mapped frame keeps it
    return mapped;
}

gboolean gst_udm_half_write(GstUdmHalf *half, GstUdmFrame *frame, const GstVideoInfo *whole, GstBuffer *buffer)
{
    GstBuffer *small;
    gboolean mapped;

    if (!half)
        return gst_udm_frame_map(frame, whole, buffer, GST_MAP_WRITE);
    small = make_room(half);
    mapped = gst_udm_frame_map(frame, &half->small, small, GST_MAP_WRITE);
    gst_buffer_unref(small);
    return mapped;
}

gboolean gst_udm_half_written(GstUdmHalf *half, GstUdmFrame *frame, GstBuffer *buffer)
{
    GstBuffer *small = half ? gst_buffer_ref(frame->video.buffer) : NULL;
    gboolean enlarged;

    gst_udm_frame_unmap(frame);
    if (!half)
        return TRUE;
    enlarged = convert(half->up, &half->small, small, &half->whole, buffer);
    gst_buffer_unref(small);
    return enlarged;
}
