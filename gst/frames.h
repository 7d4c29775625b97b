// SPDX-License-Identifier: LGPL-2.1-or-later
// Video frames as images of the engine, whatever the order of components, padding and planes, and without a copy if
// they have bytes of their own.
#ifndef GST_UDM_FRAMES_H
#define GST_UDM_FRAMES_H

#include <gst/video/video.h>

#include "udm/udm.h"

// All formats whose components a udm_image can point at, and GRAY10_LE32: RGB first, as unconstrained sources choose
// the first.
// clang-format off
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define GST_UDM_NE(format) format "LE, "
#else
#define GST_UDM_NE(format) format "BE, "
#endif
#define GST_UDM_FORMATS                                                                                                \
    "{ RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR, RGBP, BGRP, GBR, GBRA, GRAY8, "                       \
    "I420, YV12, NV12, NV21, YUY2, UYVY, YVYU, VYUY, Y41B, Y42B, Y444, NV16, NV61, NV24, AYUV, VUYA, v308, A420, "     \
    GST_UDM_NE("I420_10") GST_UDM_NE("I422_10") GST_UDM_NE("Y444_10") GST_UDM_NE("P010_10") GST_UDM_NE("I420_12")      \
    GST_UDM_NE("I422_12") GST_UDM_NE("Y444_12") GST_UDM_NE("P012_") GST_UDM_NE("P016_") GST_UDM_NE("Y444_16")          \
    GST_UDM_NE("GBR_10") GST_UDM_NE("GBRA_10") GST_UDM_NE("GBR_12") GST_UDM_NE("GBRA_12")                              \
    "GRAY10_LE32, " GST_VIDEO_NE(GRAY16) ", ARGB64, " GST_VIDEO_NE(ARGB64) ", " GST_VIDEO_NE(RGBA64) ", "             \
    GST_VIDEO_NE(BGRA64) ", " GST_VIDEO_NE(ABGR64) " }"
// clang-format on

// Up to the largest size of the engine. Not interlaced, as such frames mix two instants: interlaced.h.
#define GST_UDM_CAPS                                                                                                   \
    "video/x-raw, format=(string)" GST_UDM_FORMATS ", width=(int)[1, 65536], height=(int)[1, 65536], "                 \
    "framerate=(fraction)[0, max], interlace-mode=(string)progressive"

int gst_udm_info_channels(const GstVideoInfo *info); // 1 or 3, as in udm_image

// A mapped frame. Where samples share words, as those of GRAY10_LE32 do, it has an unpacked copy.
typedef struct GstUdmFrame {
    GstVideoFrame video;
    guint16 *unpacked; // [height, width], or NULL
    gboolean written;
} GstUdmFrame;

// flags: GST_MAP_READ, or GST_MAP_WRITE of all pixels. FALSE if the buffer is not one of `info`.
gboolean gst_udm_frame_map(GstUdmFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, GstMapFlags flags);
void gst_udm_frame_unmap(GstUdmFrame *frame);

// The same of a frame that is mapped already, and stays so.
void gst_udm_frame_borrow(GstUdmFrame *frame, const GstVideoFrame *video, GstMapFlags flags);
void gst_udm_frame_give_back(GstUdmFrame *frame);

// The pixels of a mapped frame, with the matrix, range and chroma siting of its caps; valid as long as it is mapped.
udm_image gst_udm_frame_image(const GstUdmFrame *frame);

// Its alpha as an image of one channel; FALSE if it has none.
gboolean gst_udm_frame_alpha(const GstUdmFrame *frame, udm_image *alpha);

// Copies everything but colours: alpha, and the unused bytes of formats like RGBx.
void gst_udm_frame_copy_rest(GstUdmFrame *dst, const GstUdmFrame *src);

// Copies alpha, if there is any, and leaves the colours as they are.
void gst_udm_frame_copy_alpha(GstUdmFrame *dst, const GstUdmFrame *src);

// What is not opaque becomes transparent, as what its colour is of is not known.
void gst_udm_frame_doubt_alpha(GstUdmFrame *frame);

// Fills what is no colour with the highest value, which is opaque. To be called before the colours are written.
void gst_udm_frame_fill_rest(GstUdmFrame *frame);

#endif
