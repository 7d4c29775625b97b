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

static GstFlowReturn pull(GstUdmDenoise *self, GstUdmFrame *in, GstUdmFrame *out)
{
    GstUdmTransform *trans = GST_UDM_TRANSFORM(self);
    udm_image image = gst_udm_frame_image(out);
    udm_error error = { 0 };

    if (gst_udm_denoise_fills_holes(self))
        gst_udm_frame_fill_rest(out);
    else
        gst_udm_frame_copy_rest(out, in);
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

GstFlowReturn gst_udm_denoise_pull(GstUdmDenoise *self, GstBuffer *input, GstBuffer *output)
{
    const GstVideoInfo *info = gst_udm_denoise_info(self);
    GstUdmHalf *half = GST_UDM_TRANSFORM(self)->half;
    GstUdmFrame in, out;
    GstFlowReturn ret;

    if (!gst_udm_half_read(half, &in, info, input))
        return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    if (!gst_udm_half_write(half, &out, info, output)) {
        gst_udm_frame_unmap(&in);
        return gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    }
    ret = pull(self, &in, &out);
    if (!gst_udm_half_written(half, &out, output) && ret == GST_FLOW_OK)
        ret = gst_udm_transform_invalid_buffer(GST_UDM_TRANSFORM(self));
    gst_udm_frame_unmap(&in);
    return ret;
}
