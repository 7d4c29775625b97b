// SPDX-License-Identifier: LGPL-2.1-or-later
// The plan of the film: what the engine is told of each frame, instead of looking for it.
#include "denoise.h"

#include "times.h"

gboolean gst_udm_denoise_read_plan(GstUdmDenoise *self, udm_error *error)
{
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(self);

    g_clear_pointer(&self->plan, gst_udm_plan_free);
    if (!options.plan)
        return TRUE;
    self->plan = gst_udm_plan_read(options.plan, error);
    return self->plan != NULL;
}

static GstClockTime time_of(GstUdmDenoise *self, GstBuffer *input)
{
    return gst_udm_stream_time(&GST_BASE_TRANSFORM(self)->segment, GST_BUFFER_PTS(input));
}

const GstUdmPlanned *gst_udm_denoise_planned(GstUdmDenoise *self, GstBuffer *input)
{
    return self->plan ? gst_udm_plan_find(self->plan, time_of(self, input)) : NULL;
}

gboolean gst_udm_denoise_fills(GstUdmTransform *trans, GstClockTime time)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);

    return self->plan && self->expected > 0 &&
           gst_udm_plan_goes_on(self->plan, gst_udm_stream_time(&GST_BASE_TRANSFORM(self)->segment, time));
}

// What the plan says of noise, if it was made for that, and for this much of it.
static gboolean set_noise(GstUdmDenoise *self, const GstUdmDenoiseOptions *options, const GstUdmPlanned *planned,
                          udm_frame *frame, udm_error *error)
{
    const udm_model *model = gst_udm_denoise_model(self);
    const gdouble level = gst_udm_plan_noise_level(self->plan), wanted = options->noise_level;
    const gdouble size = gst_udm_smaller_scale(GST_UDM_TRANSFORM(self)->smaller);
    const GstUdmPlanned *noise = gst_udm_plan_judged(self->plan, planned, self->ahead);

    if (level == 0 && wanted != 0)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "the plan %s says nothing of noise: it was made for another filter or model. Run udm-film plan "
                        "with --filter udmdenoise and this model",
                        gst_udm_plan_path(self->plan));
    if (wanted >= 0 && (level < 0 || ABS(wanted - level) > 1e-6))
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "the plan %s was made with noise-level=%g, and the property noise-level is %g: set it to -1, "
                        "which takes that of the plan, or run udm-film plan with --filter 'udmdenoise noise-level=%g'",
                        gst_udm_plan_path(self->plan), level < 0 ? -1 : level, wanted, wanted);
    frame->time = udm_model_time(model, size * udm_finding_sigma(&noise->finding, model));
    if (level < 0) {
        frame->chroma_sigma = size * noise->finding.chroma_sigma;
        frame->kind = noise->finding.kind;
    }
    return TRUE;
}

gboolean gst_udm_denoise_follow_plan(GstUdmDenoise *self, const GstUdmDenoiseOptions *options, GstBuffer *input,
                                     udm_frame *frame, udm_error *error)
{
    const GstUdmPlanned *planned = gst_udm_denoise_planned(self, input);

    if (!planned) {
        gst_udm_plan_lacks(self->plan, time_of(self, input), error);
        return FALSE;
    }
    frame->number = planned->number;
    // Where a decoder clips the frame before to the time that was sought, it has the time of the next one.
    frame->discontinuity =
        frame->discontinuity || planned->scene != self->scene || planned->number + 1 == self->expected;
    if (udm_model_degradation(gst_udm_denoise_model(self))->usual < 0 &&
        !set_noise(self, options, planned, frame, error))
        return FALSE;
    self->scene = planned->scene;
    self->expected = planned->number + 1;
    return TRUE;
}
