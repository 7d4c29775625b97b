// SPDX-License-Identifier: LGPL-2.1-or-later
// Interlaced frames as progressive ones.
#include "unweave.h"

#include "interlaced.h"

struct GstUdmUnweaver {
    GstVideoInfo in, out;
    udm_deinterlacer *deinterlacer;
};

GstUdmUnweaver *gst_udm_unweaver_new(const GstVideoInfo *in, const udm_settings *settings, udm_error *error)
{
    udm_deinterlacer *deinterlacer = udm_deinterlacer_open(settings, UDM_DEINTERLACE_FRAMES, error);
    GstUdmUnweaver *self;

    if (!deinterlacer)
        return NULL;
    udm_deinterlacer_hurry(deinterlacer, TRUE);
    self = g_new(GstUdmUnweaver, 1);
    *self = (GstUdmUnweaver){ *in, gst_udm_progressive_info(in), deinterlacer };
    return self;
}

void gst_udm_unweaver_free(GstUdmUnweaver *self)
{
    if (!self)
        return;
    udm_deinterlacer_free(self->deinterlacer);
    g_free(self);
}

static gboolean convert(GstUdmUnweaver *self, const GstUdmFrame *in, GstUdmFrame *out)
{
    const udm_image image = gst_udm_frame_image(in), made = gst_udm_frame_image(out);
    udm_image alpha, made_alpha;
    const gboolean has_alpha = gst_udm_frame_alpha(in, &alpha) && gst_udm_frame_alpha(out, &made_alpha);
    const udm_woven woven = {
        .image = &image,
        .alpha = has_alpha ? &alpha : NULL,
        .bottom_first = !GST_VIDEO_FRAME_IS_TFF(&in->video),
        .one_field = GST_VIDEO_FRAME_IS_ONEFIELD(&in->video),
        .progressive = !GST_VIDEO_FRAME_IS_INTERLACED(&in->video),
    };
    udm_error error = { 0 };
    udm_unwoven what;

    gst_udm_frame_copy_rest(out, in);
    return udm_deinterlacer_push(self->deinterlacer, &woven, &error) &&
           udm_deinterlacer_pull(self->deinterlacer, &made, has_alpha ? &made_alpha : NULL, &what, &error) ==
               UDM_PULLED_FRAME;
}

GstBuffer *gst_udm_unweave(GstUdmUnweaver *self, GstBuffer *frame)
{
    GstBuffer *made = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&self->out), NULL);
    gboolean good = FALSE;
    GstUdmFrame in, out;

    if (gst_udm_frame_map(&in, &self->in, frame, GST_MAP_READ)) {
        good = gst_udm_frame_map(&out, &self->out, made, GST_MAP_WRITE);
        if (good) {
            good = convert(self, &in, &out);
            gst_udm_frame_unmap(&out);
        }
        gst_udm_frame_unmap(&in);
    }
    if (!good)
        gst_clear_buffer(&made);
    return made;
}
