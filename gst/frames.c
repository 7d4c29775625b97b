// SPDX-License-Identifier: LGPL-2.1-or-later
// Video frames as images of the engine.
#include "frames.h"

int gst_udm_info_channels(const GstVideoInfo *info)
{
    return GST_VIDEO_INFO_IS_GRAY(info) ? 1 : 3;
}

udm_image gst_udm_frame_image(const GstVideoFrame *frame)
{
    udm_image image = {
        .width = GST_VIDEO_FRAME_WIDTH(frame),
        .height = GST_VIDEO_FRAME_HEIGHT(frame),
        .channels = gst_udm_info_channels(&frame->info),
        .bits = GST_VIDEO_FRAME_COMP_DEPTH(frame, 0),
    };

    for (int c = 0; c < image.channels; c++) {
        image.data[c] = GST_VIDEO_FRAME_COMP_DATA(frame, c);
        image.stride[c] = GST_VIDEO_FRAME_COMP_STRIDE(frame, c);
        image.step[c] = GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c);
    }
    return image;
}

gboolean gst_udm_frame_alpha(const GstVideoFrame *frame, udm_image *alpha)
{
    if (!GST_VIDEO_INFO_HAS_ALPHA(&frame->info))
        return FALSE;
    *alpha = (udm_image){
        .width = GST_VIDEO_FRAME_WIDTH(frame),
        .height = GST_VIDEO_FRAME_HEIGHT(frame),
        .channels = 1,
        .bits = GST_VIDEO_FRAME_COMP_DEPTH(frame, GST_VIDEO_COMP_A),
        .data = { GST_VIDEO_FRAME_COMP_DATA(frame, GST_VIDEO_COMP_A) },
        .stride = { GST_VIDEO_FRAME_COMP_STRIDE(frame, GST_VIDEO_COMP_A) },
        .step = { GST_VIDEO_FRAME_COMP_PSTRIDE(frame, GST_VIDEO_COMP_A) },
    };
    return TRUE;
}

// Whether the engine writes each byte of the plane's pixels.
static gboolean is_colour_only(const GstVideoFrame *frame, guint plane)
{
    guint colours = (guint)gst_udm_info_channels(&frame->info), here = 0;
    int bytes = GST_VIDEO_FRAME_COMP_DEPTH(frame, 0) > 8 ? 2 : 1, step = 0;

    for (guint c = 0; c < colours; c++) {
        if (GST_VIDEO_FRAME_COMP_PLANE(frame, c) != plane)
            continue;
        step = GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c);
        here++;
    }
    return here > 0 && step == (int)here * bytes;
}

void gst_udm_frame_copy_rest(GstVideoFrame *dst, const GstVideoFrame *src)
{
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(src); plane++)
        if (!is_colour_only(src, plane))
            gst_video_frame_copy_plane(dst, src, plane);
}

void gst_udm_frame_fill_rest(GstVideoFrame *frame)
{
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(frame); plane++)
        if (!is_colour_only(frame, plane))
            memset(GST_VIDEO_FRAME_PLANE_DATA(frame, plane), 0xff,
                   (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane) * GST_VIDEO_FRAME_HEIGHT(frame));
}
