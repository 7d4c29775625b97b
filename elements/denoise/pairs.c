// SPDX-License-Identifier: LGPL-2.1-or-later
// Fields in buffers of their own (interlace-mode alternate) become frames of two of them, row by row, of which all else
// knows.
#include "denoise.h"

static gboolean is_bottom(GstBuffer *field)
{
    return !GST_BUFFER_FLAG_IS_SET(field, GST_VIDEO_BUFFER_FLAG_TFF); // of a buffer with one field: it is the top one
}

void gst_udm_denoise_describe_woven(GstUdmDenoise *self, const GstVideoInfo *in)
{
    self->woven_info = *in;
    self->alternate = GST_VIDEO_INFO_INTERLACE_MODE(in) == GST_VIDEO_INTERLACE_MODE_ALTERNATE;
    if (!self->alternate)
        return;
    gst_video_info_set_interlaced_format(&self->woven_info, GST_VIDEO_INFO_FORMAT(in),
                                         GST_VIDEO_INTERLACE_MODE_INTERLEAVED, (guint)GST_VIDEO_INFO_WIDTH(in),
                                         (guint)GST_VIDEO_INFO_HEIGHT(in));
    self->woven_info.colorimetry = in->colorimetry;
    self->woven_info.chroma_site = in->chroma_site;
    self->woven_info.fps_n = in->fps_n, self->woven_info.fps_d = in->fps_d;
    self->woven_info.par_n = in->par_n, self->woven_info.par_d = in->par_d;
}

// The rows of a plane of a frame that a field has, from row `first` on.
static void copy_rows(const GstVideoFrame *field, GstVideoFrame *frame, guint plane, gint first)
{
    const GstVideoFormatInfo *format = frame->info.finfo;
    const guint from = (guint)GST_VIDEO_FRAME_PLANE_STRIDE(field, plane);
    const guint to = (guint)GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane);
    gint components[GST_VIDEO_MAX_COMPONENTS], rows, all;

    gst_video_format_info_component(format, plane, components);
    rows = GST_VIDEO_FORMAT_INFO_SCALE_HEIGHT(format, components[0], GST_VIDEO_INFO_FIELD_HEIGHT(&field->info));
    all = GST_VIDEO_FORMAT_INFO_SCALE_HEIGHT(format, components[0], GST_VIDEO_INFO_HEIGHT(&frame->info));
    for (gint r = 0; r < rows && 2 * r + first < all; r++)
        memcpy((guint8 *)GST_VIDEO_FRAME_PLANE_DATA(frame, plane) + (gsize)(2 * r + first) * to,
               (const guint8 *)GST_VIDEO_FRAME_PLANE_DATA(field, plane) + (gsize)r * from, MIN(from, to));
}

// parity: 0 for the rows of the top field, 1 for those of the bottom one.
static gboolean copy_field(GstUdmDenoise *self, GstBuffer *field, GstVideoFrame *frame, gint parity)
{
    GstVideoFrame mapped;

    if (!gst_video_frame_map(&mapped, &GST_VIDEO_FILTER(self)->in_info, field, GST_MAP_READ))
        return FALSE;
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(frame); plane++)
        copy_rows(&mapped, frame, plane, parity);
    gst_video_frame_unmap(&mapped);
    return TRUE;
}

static void add_duration(GstBuffer *frame, GstBuffer *second)
{
    if (second && GST_BUFFER_DURATION_IS_VALID(frame) && GST_BUFFER_DURATION_IS_VALID(second))
        GST_BUFFER_DURATION(frame) += GST_BUFFER_DURATION(second);
    else
        GST_BUFFER_DURATION(frame) = GST_CLOCK_TIME_NONE;
}

// A frame of the field that is held and the second one, or, if that is NULL, of the first alone.
static GstBuffer *weave(GstUdmDenoise *self, GstBuffer *second)
{
    GstBaseTransform *base = GST_BASE_TRANSFORM(self);
    GstBuffer *first = self->field, *frame;
    const gint bottom = is_bottom(first);
    GstVideoFrame mapped;
    gboolean good;

    frame = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&self->woven_info), NULL);
    if (!gst_video_frame_map(&mapped, &self->woven_info, frame, GST_MAP_WRITE)) {
        gst_buffer_unref(frame);
        return NULL;
    }
    good = copy_field(self, first, &mapped, bottom) && copy_field(self, second ? second : first, &mapped, 1 - bottom);
    gst_video_frame_unmap(&mapped);
    if (!good || !GST_BASE_TRANSFORM_GET_CLASS(self)->copy_metadata(base, first, frame)) {
        gst_buffer_unref(frame);
        return NULL;
    }
    GST_BUFFER_FLAG_UNSET(frame, GST_VIDEO_BUFFER_FLAG_TFF | GST_VIDEO_BUFFER_FLAG_ONEFIELD);
    GST_BUFFER_FLAG_SET(frame, GST_VIDEO_BUFFER_FLAG_INTERLACED | (bottom ? 0 : GST_VIDEO_BUFFER_FLAG_TFF) |
                                   (second ? 0 : GST_VIDEO_BUFFER_FLAG_ONEFIELD));
    add_duration(frame, second);
    return frame;
}

GstFlowReturn gst_udm_denoise_pair(GstUdmDenoise *self, GstBuffer *field, GstBuffer **frame)
{
    const gboolean fits = field && self->field && is_bottom(field) != is_bottom(self->field);

    *frame = NULL;
    if (self->field) {
        *frame = weave(self, fits ? field : NULL);
        gst_clear_buffer(&self->field);
        if (!*frame) {
            gst_clear_buffer(&field);
            return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
        }
    }
    if (fits)
        gst_buffer_unref(field);
    else
        self->field = field;
    return GST_FLOW_OK;
}
