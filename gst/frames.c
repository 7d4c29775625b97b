// SPDX-License-Identifier: LGPL-2.1-or-later
// Video frames as images of the engine.
#include "frames.h"

int gst_udm_info_channels(const GstVideoInfo *info)
{
    return GST_VIDEO_INFO_IS_GRAY(info) ? 1 : 3;
}

static udm_matrix matrix_of(const GstVideoInfo *info)
{
    if (!GST_VIDEO_INFO_IS_YUV(info))
        return UDM_MATRIX_RGB;
    switch (info->colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709:
        return UDM_MATRIX_BT709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
        return UDM_MATRIX_BT2020;
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M:
        return UDM_MATRIX_SMPTE240M;
    case GST_VIDEO_COLOR_MATRIX_FCC:
        return UDM_MATRIX_FCC;
    case GST_VIDEO_COLOR_MATRIX_BT601:
        return UDM_MATRIX_BT601;
    default: // nothing is said: what GStreamer takes it for, by whether it is of high definition
        return GST_VIDEO_INFO_HEIGHT(info) > 576 ? UDM_MATRIX_BT709 : UDM_MATRIX_BT601;
    }
}

// YUV that says nothing is limited, as video is; the rest is full.
static udm_range range_of(const GstVideoInfo *info)
{
    if (info->colorimetry.range == GST_VIDEO_COLOR_RANGE_UNKNOWN)
        return GST_VIDEO_INFO_IS_YUV(info) ? UDM_RANGE_LIMITED : UDM_RANGE_FULL;
    return info->colorimetry.range == GST_VIDEO_COLOR_RANGE_16_235 ? UDM_RANGE_LIMITED : UDM_RANGE_FULL;
}

static udm_siting siting_of(const GstVideoInfo *info)
{
    const GstVideoChromaSite site = GST_VIDEO_INFO_CHROMA_SITE(info);

    if (site == GST_VIDEO_CHROMA_SITE_UNKNOWN)
        return UDM_SITING_LEFT;
    if (site & GST_VIDEO_CHROMA_SITE_H_COSITED)
        return site & GST_VIDEO_CHROMA_SITE_V_COSITED ? UDM_SITING_TOP_LEFT : UDM_SITING_LEFT;
    return site & GST_VIDEO_CHROMA_SITE_V_COSITED ? UDM_SITING_TOP : UDM_SITING_CENTRE;
}

// The first sample of a component. GStreamer 1.22 has Cr of P010 and P016 a byte after Cb, amid its sample.
static guint8 *first_sample(const GstVideoFrame *frame, guint c)
{
    guint8 *data = GST_VIDEO_FRAME_COMP_DATA(frame, c);

    return data + (GST_VIDEO_FRAME_COMP_DEPTH(frame, c) > 8 && GST_VIDEO_FRAME_COMP_POFFSET(frame, c) % 2);
}

// ---- GRAY10_LE32: three samples in the low 30 bits of a word, the first in the lowest

static guint8 *packed_row(const GstVideoFrame *frame, guint y)
{
    return (guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, 0) + y * (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0);
}

static void unpack(const GstVideoFrame *frame, guint16 *samples)
{
    const guint width = (guint)GST_VIDEO_FRAME_WIDTH(frame);

    for (guint y = 0; y < (guint)GST_VIDEO_FRAME_HEIGHT(frame); y++, samples += width) {
        const guint8 *row = packed_row(frame, y);

        for (guint x = 0; x < width; x++)
            samples[x] = GST_READ_UINT32_LE(row + x / 3 * 4) >> x % 3 * 10 & 0x3ff;
    }
}

static void pack(GstVideoFrame *frame, const guint16 *samples)
{
    const guint width = (guint)GST_VIDEO_FRAME_WIDTH(frame);

    for (guint y = 0; y < (guint)GST_VIDEO_FRAME_HEIGHT(frame); y++, samples += width) {
        guint8 *row = packed_row(frame, y);

        for (guint x = 0; x < width; x += 3) {
            guint32 word = samples[x];

            for (guint i = 1; i < 3 && x + i < width; i++)
                word |= (guint32)samples[x + i] << i * 10;
            GST_WRITE_UINT32_LE(row + x / 3 * 4, word);
        }
    }
}

void gst_udm_frame_borrow(GstUdmFrame *frame, const GstVideoFrame *video, GstMapFlags flags)
{
    frame->video = *video;
    frame->unpacked = NULL;
    frame->written = (flags & GST_MAP_WRITE) != 0;
    if (GST_VIDEO_FRAME_FORMAT(video) != GST_VIDEO_FORMAT_GRAY10_LE32)
        return;
    frame->unpacked = g_new(guint16, (gsize)GST_VIDEO_FRAME_WIDTH(video) * (gsize)GST_VIDEO_FRAME_HEIGHT(video));
    if (flags & GST_MAP_READ)
        unpack(video, frame->unpacked);
}

void gst_udm_frame_give_back(GstUdmFrame *frame)
{
    if (frame->unpacked && frame->written)
        pack(&frame->video, frame->unpacked);
    g_clear_pointer(&frame->unpacked, g_free);
}

gboolean gst_udm_frame_map(GstUdmFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, GstMapFlags flags)
{
    GstVideoFrame video;

    frame->unpacked = NULL;
    if (!gst_video_frame_map(&video, (GstVideoInfo *)info, buffer, flags)) // which it does not change
        return FALSE;
    gst_udm_frame_borrow(frame, &video, flags);
    return TRUE;
}

void gst_udm_frame_unmap(GstUdmFrame *frame)
{
    gst_udm_frame_give_back(frame);
    gst_video_frame_unmap(&frame->video);
}

// ---- images

udm_image gst_udm_frame_image(const GstUdmFrame *mapped)
{
    const GstVideoFrame *frame = &mapped->video;
    udm_image image = {
        .width = GST_VIDEO_FRAME_WIDTH(frame),
        .height = GST_VIDEO_FRAME_HEIGHT(frame),
        .channels = gst_udm_info_channels(&frame->info),
        .bits = GST_VIDEO_FRAME_COMP_DEPTH(frame, 0),
        .shift = GST_VIDEO_FORMAT_INFO_SHIFT(frame->info.finfo, 0),
        .matrix = matrix_of(&frame->info),
        .range = range_of(&frame->info),
    };

    if (GST_VIDEO_INFO_IS_YUV(&frame->info)) {
        image.subsample_x = GST_VIDEO_FORMAT_INFO_W_SUB(frame->info.finfo, GST_VIDEO_COMP_U);
        image.subsample_y = GST_VIDEO_FORMAT_INFO_H_SUB(frame->info.finfo, GST_VIDEO_COMP_U);
        image.siting = siting_of(&frame->info);
    }

    for (int c = 0; c < image.channels; c++) {
        image.data[c] = first_sample(frame, c);
        image.stride[c] = GST_VIDEO_FRAME_COMP_STRIDE(frame, c);
        image.step[c] = GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c);
    }
    if (mapped->unpacked) {
        image.data[0] = (guint8 *)mapped->unpacked;
        image.step[0] = sizeof(guint16);
        image.stride[0] = image.width * image.step[0];
    }
    return image;
}

gboolean gst_udm_frame_alpha(const GstUdmFrame *mapped, udm_image *alpha)
{
    const GstVideoFrame *frame = &mapped->video;

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

void gst_udm_frame_copy_rest(GstUdmFrame *dst, const GstUdmFrame *src)
{
    for (guint plane = 0; !dst->unpacked && plane < GST_VIDEO_FRAME_N_PLANES(&src->video); plane++)
        if (!is_colour_only(&src->video, plane))
            gst_video_frame_copy_plane(&dst->video, &src->video, plane);
}

void gst_udm_frame_copy_alpha(GstUdmFrame *dst, const GstUdmFrame *src)
{
    udm_image from, to;

    if (!gst_udm_frame_alpha(src, &from) || !gst_udm_frame_alpha(dst, &to))
        return;
    for (int y = 0; y < from.height; y++) {
        const guint8 *in = (const guint8 *)from.data[0] + y * from.stride[0];
        guint8 *out = (guint8 *)to.data[0] + y * to.stride[0];

        for (int x = 0; x < from.width; x++)
            memcpy(out + x * to.step[0], in + x * from.step[0], from.bits > 8 ? 2 : 1);
    }
}

void gst_udm_frame_doubt_alpha(GstUdmFrame *frame)
{
    udm_image alpha;

    if (!gst_udm_frame_alpha(frame, &alpha))
        return;
    for (int y = 0; y < alpha.height; y++)
        for (int x = 0; x < alpha.width; x++) {
            guint8 *value = alpha.data[0] + y * alpha.stride[0] + x * alpha.step[0];

            if (alpha.bits == 8)
                *value = *value == G_MAXUINT8 ? *value : 0;
            else if (*(guint16 *)value < (1 << alpha.bits) - 1)
                *(guint16 *)value = 0;
        }
}

void gst_udm_frame_fill_rest(GstUdmFrame *mapped)
{
    GstVideoFrame *frame = &mapped->video;

    for (guint plane = 0; !mapped->unpacked && plane < GST_VIDEO_FRAME_N_PLANES(frame); plane++)
        if (!is_colour_only(frame, plane)) // none of these is subsampled along y
            memset(GST_VIDEO_FRAME_PLANE_DATA(frame, plane), 0xff,
                   (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane) * GST_VIDEO_FRAME_HEIGHT(frame));
}
