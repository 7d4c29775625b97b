// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine of udmdenoise: a stream of frames to restore, what it is opened with, and when it is not needed.
#include "denoise.h"

#include "report.h"

static void cancel(gpointer stream, gboolean cancel)
{
    udm_restorer_cancel(stream, cancel);
}

static void get_stats(gconstpointer stream, udm_stats *stats)
{
    udm_restorer_stats(stream, stats, sizeof *stats);
}

static void free_stream(gpointer stream)
{
    udm_restorer_free(stream);
}

const GstUdmEngine gst_udm_denoise_engine = { cancel, get_stats, free_stream };

udm_restorer *gst_udm_denoise_stream(GstUdmDenoise *self)
{
    return GST_UDM_TRANSFORM(self)->session.object;
}

static const udm_degradation *degradation_of(GstUdmTransform *trans)
{
    return udm_model_degradation(gst_udm_model_get(trans->model));
}

gboolean gst_udm_denoise_fills_holes(GstUdmDenoise *self)
{
    return degradation_of(GST_UDM_TRANSFORM(self))->holes;
}

gboolean gst_udm_denoise_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in, const GstVideoInfo *out)
{
    const udm_degradation *degradation = degradation_of(trans);
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(GST_UDM_DENOISE(trans));
    gdouble amount = degradation->usual < 0 ? options.noise_level : options.amount;

    return !degradation->holes && amount == 0 && options.strength == 0;
}

static gboolean takes_neighbours(GstUdmTransform *trans)
{
    udm_info info;

    return udm_model_info(gst_udm_model_get(trans->model), &info, sizeof info, NULL) && info.temporal_filter;
}

gpointer gst_udm_denoise_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(self);
    udm_settings all = *settings;

    all.lookahead = options.lookahead;
    if (options.lookahead == UDM_LOOKAHEAD_AUTO && gst_udm_latency_is_live(GST_BASE_TRANSFORM_SINK_PAD(self)))
        all.lookahead = 0;
    all.ensemble = options.ensemble;
    if (all.lookahead > 0 && !takes_neighbours(trans)) {
        gst_udm_report_warning(GST_ELEMENT(self),
                               "The property lookahead has no effect with a model that uses no other frames.");
        all.lookahead = 0;
    }
    self->discontinuity = TRUE;
    return udm_restorer_open(gst_udm_model_get(trans->model), &all, error);
}

guint gst_udm_denoise_delay(GstUdmTransform *trans)
{
    udm_restorer *stream = gst_udm_denoise_stream(GST_UDM_DENOISE(trans));

    return gst_udm_denoise_delay_of(GST_UDM_DENOISE(trans), stream ? (guint)udm_restorer_delay(stream) : 0);
}
