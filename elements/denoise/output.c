// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames leave the engine; alpha is copied from the input frame.
#include "denoise.h"

#include "frames.h"

// Both fields, or the frame. If one of two is cancelled both are to be reset, as they are by the flush that cancels.
static udm_pulled pull_image(GstUdmDenoise *self, const udm_image *image, udm_error *error)
{
    udm_image field;
    udm_pulled pulled;

    if (!gst_udm_denoise_restores_fields(self))
        return udm_restorer_pull(gst_udm_denoise_stream(self), image, error);
    field = gst_udm_denoise_field(image, 0);
    pulled = udm_restorer_pull(gst_udm_denoise_stream(self), &field, error);
    if (pulled != UDM_PULLED_FRAME)
        return pulled;
    field = gst_udm_denoise_field(image, 1);
    return udm_restorer_pull(gst_udm_denoise_bottom(self), &field, error);
}

// in: the whole frame, or NULL if its alpha is not to be copied now.
static GstFlowReturn pull(GstUdmDenoise *self, GstUdmFrame *in, GstUdmFrame *out)
{
    GstUdmTransform *trans = GST_UDM_TRANSFORM(self);
    udm_image image = gst_udm_frame_image(out);
    udm_error error = { 0 };

    if (in && !gst_udm_denoise_fills_holes(self))
        gst_udm_frame_copy_rest(out, in);
    else
        gst_udm_frame_fill_rest(out);
    switch (pull_image(self, &image, &error)) {
    case UDM_PULLED_FRAME:
        gst_udm_transform_made(trans);
        return GST_FLOW_OK;
    case UDM_PULLED_NOTHING:
    case UDM_PULLED_END:
        return GST_BASE_TRANSFORM_FLOW_DROPPED;
    default:
        return gst_udm_transform_failed(trans, &error);
    }
}

// The frame is enlarged; its alpha is that of the input, bit for bit, or where that marks holes, all that is known lies
// over what fills them.
static GstFlowReturn pull_smaller(GstUdmDenoise *self, GstUdmSmaller *smaller, GstUdmFrame *in, GstBuffer *output)
{
    const GstVideoInfo *info = gst_udm_denoise_info(self);
    GstUdmFrame out;
    GstFlowReturn ret;

    if (!gst_udm_smaller_write(smaller, &out, info, output))
        return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    ret = pull(self, NULL, &out);
    if (!gst_udm_smaller_written(smaller, &out, output) || !gst_udm_frame_map(&out, info, output, GST_MAP_READWRITE))
        return ret == GST_FLOW_OK ? gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self)) : ret;
    if (gst_udm_denoise_fills_holes(self))
        gst_video_blend(&out.video, &in->video, 0, 0, 1);
    else
        gst_udm_frame_copy_alpha(&out, in);
    gst_udm_frame_unmap(&out);
    return ret;
}

GstFlowReturn gst_udm_denoise_pull(GstUdmDenoise *self, GstBuffer *input, GstBuffer *output)
{
    const GstVideoInfo *info = gst_udm_denoise_info(self);
    GstUdmSmaller *smaller = GST_UDM_TRANSFORM(self)->smaller;
    GstFlowReturn ret = GST_FLOW_ERROR;
    GstUdmFrame in, out;

    if (!gst_udm_frame_map(&in, info, input, GST_MAP_READ))
        return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    if (smaller) {
        ret = pull_smaller(self, smaller, &in, output);
    } else if (gst_udm_frame_map(&out, info, output, GST_MAP_WRITE)) {
        ret = pull(self, &in, &out);
        gst_udm_frame_unmap(&out);
    } else {
        gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    }
    gst_udm_frame_unmap(&in);
    return ret;
}
