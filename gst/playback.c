// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeping pace with playback: what frames take, and which of them are late.
#include "playback.h"

gboolean gst_udm_transform_is_late(GstUdmTransform *self, GstClockTime pts, GstClockTime duration, guint held)
{
    GstBaseTransform *trans = GST_BASE_TRANSFORM(self);
    gboolean late = !self->trying && (self->hurried || gst_udm_lateness_degrades(&self->lateness, trans, &self->costs,
                                                                                 pts, duration, held));

    if (self->hurried)
        gst_udm_lateness_count(&self->lateness, GST_BASE_TRANSFORM(self));
    self->skipped |= late;
    return late;
}

gboolean gst_udm_transform_leaves_out(GstUdmTransform *self)
{
    const gboolean out =
        !self->hurried && gst_udm_lateness_skips(&self->lateness, GST_BASE_TRANSFORM(self), &self->costs);

    if (out)
        gst_udm_playback_begin(self); // as if it had not come
    return out;
}

void gst_udm_transform_made(GstUdmTransform *self)
{
    self->made = TRUE;
    if (self->session.object)
        gst_udm_session_update(&self->session);
    if (self->level != GST_UDM_LEVEL_FULL && !self->trying)
        gst_udm_lateness_count(&self->lateness, GST_BASE_TRANSFORM(self));
}

void gst_udm_playback_begin(GstUdmTransform *self)
{
    self->spent = 0;
    self->left = 0;
    self->skipped = self->made = FALSE;
}

// Frames that only pass share the time of the next one that is made.
void gst_udm_playback_measure(GstUdmTransform *self, gint64 since, GstBuffer *frame)
{
    self->spent += g_get_monotonic_time() - since;
    self->left += frame != NULL;
    if (!frame || !(self->made || self->skipped))
        return;
    if (!self->skipped)
        gst_udm_lateness_took(&self->lateness, GST_BASE_TRANSFORM(self), &self->costs, self->level,
                              GST_BUFFER_PTS(frame), (gdouble)self->spent / G_USEC_PER_SEC / self->left);
    gst_udm_playback_begin(self);
}

// Of the frames that leave, which may be more than come.
static GstClockTime duration_of(const GstVideoFilter *filter, GstBuffer *frame)
{
    const GstVideoInfo *info = &filter->out_info;

    return info->fps_n > 0 ? gst_util_uint64_scale(GST_SECOND, info->fps_d, info->fps_n) : GST_BUFFER_DURATION(frame);
}

GstUdmLevel gst_udm_playback_choose(GstUdmTransform *self, GstBuffer *next)
{
    gst_udm_lateness_arrive(&self->lateness, GST_BASE_TRANSFORM(self), g_get_monotonic_time());
    return gst_udm_lateness_choose(&self->lateness, GST_BASE_TRANSFORM(self), &self->costs, GST_BUFFER_PTS(next),
                                   duration_of(GST_VIDEO_FILTER(self), next));
}
