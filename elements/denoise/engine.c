// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine of udmdenoise: a stream of frames to restore, what it is opened with, and when it is not needed.
#include "denoise.h"

#include "report.h"

#define LIVE_MODEL "denoise-live"

// What a frame costs, roughly, compared with one pass in float32; what it really costs is measured.
#define LOOKAHEAD 1.3
#define FAST 0.75 // bf16
#define SMALL 0.5 // the model for playback

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

const udm_model *gst_udm_denoise_model(GstUdmDenoise *self)
{
    GstUdmTransform *trans = GST_UDM_TRANSFORM(self);

    return gst_udm_model_get(self->live && trans->level >= GST_UDM_LEVEL_LIVE_MODEL ? self->live : trans->model);
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

// A model for playback, if there is one, and it does the same.
static void find_live(GstUdmDenoise *self, const udm_info *info)
{
    const udm_degradation *degradation = degradation_of(GST_UDM_TRANSFORM(self));
    gboolean wanted = degradation->usual < 0 && info->width == 0;

    if (wanted && !self->live)
        self->live = gst_udm_model_acquire(LIVE_MODEL, NULL, NULL);
    else if (!wanted)
        gst_udm_denoise_forget_live(self);
}

void gst_udm_denoise_forget_live(GstUdmDenoise *self)
{
    gst_udm_model_release(g_steal_pointer(&self->live));
}

void gst_udm_denoise_estimate(GstUdmTransform *trans, const GstVideoInfo *info, GstUdmCosts *costs)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(self);
    udm_info model;
    gdouble live;

    if (!udm_model_info(gst_udm_model_get(trans->model), &model, sizeof model, NULL))
        return;
    find_live(self, &model);
    costs->of[GST_UDM_LEVEL_FULL] =
        options.ensemble * (options.lookahead != 0 && model.temporal_filter ? LOOKAHEAD : 1);
    live = costs->of[GST_UDM_LEVEL_LIVE] = FAST;
    if (self->live && self->live != trans->model)
        live = costs->of[GST_UDM_LEVEL_LIVE_MODEL] = FAST * SMALL;
    if (degradation_of(trans)->usual < 0 && model.width == 0 && gst_udm_half_suits(info))
        costs->of[GST_UDM_LEVEL_HALF] = live / 4;
}

gpointer gst_udm_denoise_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(self);
    udm_settings all = *settings;

    all.lookahead = trans->level == GST_UDM_LEVEL_FULL ? options.lookahead : 0;
    if (all.lookahead == UDM_LOOKAHEAD_AUTO && gst_udm_latency_is_live(GST_BASE_TRANSFORM_SINK_PAD(self)))
        all.lookahead = 0;
    all.ensemble = trans->level == GST_UDM_LEVEL_FULL ? options.ensemble : 1;
    if (all.lookahead > 0 && !takes_neighbours(trans)) {
        gst_udm_report_warning(GST_ELEMENT(self),
                               "The property lookahead has no effect with a model that uses no other frames.");
        all.lookahead = 0;
    }
    self->discontinuity = TRUE;
    return udm_restorer_open(gst_udm_denoise_model(self), &all, error);
}

guint gst_udm_denoise_delay(GstUdmTransform *trans)
{
    udm_restorer *stream = gst_udm_denoise_stream(GST_UDM_DENOISE(trans));

    return gst_udm_denoise_delay_of(GST_UDM_DENOISE(trans), stream ? (guint)udm_restorer_delay(stream) : 0);
}
