// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames at a half or a quarter of their width and height.
#include "smaller.h"

#include "interlaced.h"

#define LEAST_SIDE 32 // of smaller frames
#define MOST_STEPS 2

struct GstUdmSmaller {
    GstVideoInfo sizes[MOST_STEPS + 1]; // the whole, its half, and the half of that
    GstVideoConverter *down[MOST_STEPS];
    GstVideoConverter *up; // at once
    guint steps;
};

gboolean gst_udm_smaller_suits(const GstVideoInfo *whole, gint divisor)
{
    return MIN(GST_VIDEO_INFO_WIDTH(whole), GST_VIDEO_INFO_HEIGHT(whole)) >= divisor * LEAST_SIDE;
}

// taps: 2 makes means of pairs of a picture that is halved; 0 lets GStreamer choose.
static GstVideoConverter *scaler(const GstVideoInfo *from, const GstVideoInfo *to, guint taps)
{
    GstStructure *options = gst_structure_new("options", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
                                              GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
                                              GST_VIDEO_CONVERTER_OPT_RESAMPLER_TAPS, G_TYPE_UINT, taps, NULL);

    return gst_video_converter_new((GstVideoInfo *)from, (GstVideoInfo *)to, options);
}

static GstVideoInfo halved(const GstVideoInfo *whole)
{
    GstVideoInfo half = *whole;

    gst_video_info_set_format(&half, GST_VIDEO_INFO_FORMAT(whole), (GST_VIDEO_INFO_WIDTH(whole) + 1) / 2,
                              (GST_VIDEO_INFO_HEIGHT(whole) + 1) / 2);
    half.colorimetry = whole->colorimetry; // which the size does not decide here
    half.chroma_site = whole->chroma_site;
    half.fps_n = whole->fps_n;
    half.fps_d = whole->fps_d;
    return half;
}

GstUdmSmaller *gst_udm_smaller_new(const GstVideoInfo *whole, gint divisor)
{
    GstUdmSmaller *smaller = g_new0(GstUdmSmaller, 1);
    GstVideoInfo *sizes = smaller->sizes;

    sizes[0] = gst_udm_progressive_info(whole); // what comes interlaced was deinterlaced before
    for (guint i = 0; i < MOST_STEPS && divisor > 1; i++, divisor /= 2) {
        sizes[i + 1] = halved(&sizes[i]);
        smaller->down[i] = scaler(&sizes[i], &sizes[i + 1], 2);
        smaller->steps = i + 1;
    }
    smaller->up = scaler(&sizes[smaller->steps], &sizes[0], 0);
    return smaller;
}

void gst_udm_smaller_free(GstUdmSmaller *smaller)
{
    if (!smaller)
        return;
    for (guint i = 0; i < smaller->steps; i++)
        g_clear_pointer(&smaller->down[i], gst_video_converter_free);
    g_clear_pointer(&smaller->up, gst_video_converter_free);
    g_free(smaller);
}

const GstVideoInfo *gst_udm_smaller_info(const GstUdmSmaller *smaller, const GstVideoInfo *whole)
{
    return smaller ? &smaller->sizes[smaller->steps] : whole;
}

gdouble gst_udm_smaller_scale(const GstUdmSmaller *smaller)
{
    return smaller ? 1.0 / (1 << smaller->steps) : 1;
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

static GstBuffer *make_room(const GstVideoInfo *info)
{
    return gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
}

gboolean gst_udm_smaller_read(GstUdmSmaller *smaller, GstUdmFrame *frame, const GstVideoInfo *whole, GstBuffer *buffer)
{
    GstBuffer *from;
    gboolean mapped = TRUE;

    if (!smaller)
        return gst_udm_frame_map(frame, whole, buffer, GST_MAP_READ);
    from = gst_buffer_ref(buffer);
    for (guint i = 0; i < smaller->steps; i++) {
        const GstVideoInfo *info = &smaller->sizes[i];
        GstBuffer *to = make_room(info + 1);

        mapped = mapped && convert(smaller->down[i], info, from, info + 1, to);
        gst_buffer_unref(from);
        from = to;
    }
    mapped = mapped && gst_udm_frame_map(frame, gst_udm_smaller_info(smaller, whole), from, GST_MAP_READWRITE);
    gst_buffer_unref(from); // the mapped frame keeps it
    return mapped;
}

gboolean gst_udm_smaller_write(GstUdmSmaller *smaller, GstUdmFrame *frame, const GstVideoInfo *whole, GstBuffer *buffer)
{
    GstBuffer *small;
    gboolean mapped;

    if (!smaller)
        return gst_udm_frame_map(frame, whole, buffer, GST_MAP_WRITE);
    small = make_room(gst_udm_smaller_info(smaller, whole));
    mapped = gst_udm_frame_map(frame, gst_udm_smaller_info(smaller, whole), small, GST_MAP_WRITE);
    gst_buffer_unref(small);
    return mapped;
}

gboolean gst_udm_smaller_written(GstUdmSmaller *smaller, GstUdmFrame *frame, GstBuffer *buffer)
{
    GstBuffer *small = smaller ? gst_buffer_ref(frame->video.buffer) : NULL;
    gboolean enlarged;

    gst_udm_frame_unmap(frame);
    if (!smaller)
        return TRUE;
    enlarged = convert(smaller->up, &smaller->sizes[smaller->steps], small, &smaller->sizes[0], buffer);
    gst_buffer_unref(small);
    return enlarged;
}
