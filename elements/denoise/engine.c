// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine of udmdenoise: a stream of frames to restore, what it is opened with, and when it is not needed.
#include "denoise.h"

#include "frames.h"
#include "report.h"

#define LIVE_MODEL "denoise-live"

// What a frame costs, roughly, compared with one pass in float32; what it really costs is measured.
#define LOOKAHEAD 1.5
#define FAST 0.75 // bf16
#define SMALL 0.5 // the model for playback
#define REPAIR 0.3

// Frames that are held back for it, at the most.
#define USUAL_LOOKAHEAD 2
#define STEADIED 8
#define FOR_FILM 9
#define DEINTERLACED 0.15
#define GUESSED 0.005 // of each field alone
#define HALF 0.25
#define QUARTER 0.09 // the frame has to be made smaller and larger
#define SCALED 0.01  // no more than that

// What the session runs. Fields are restored as two films of half the height, as their rows have the noise that rows
// between, which are made of them, have no longer; and top fields follow top fields.
typedef struct Stream {
    udm_restorer *restorer; // of whole frames, or of top fields
    udm_restorer *bottom;   // of bottom fields, or NULL
} Stream;

static void cancel(gpointer object, gboolean cancel)
{
    Stream *stream = object;

    udm_restorer_cancel(stream->restorer, cancel);
    if (stream->bottom)
        udm_restorer_cancel(stream->bottom, cancel);
}

static void get_stats(gconstpointer object, udm_stats *stats)
{
    udm_restorer_stats(((const Stream *)object)->restorer, stats, sizeof *stats);
}

static void free_stream(gpointer object)
{
    Stream *stream = object;

    udm_restorer_free(stream->restorer);
    udm_restorer_free(stream->bottom);
    g_free(stream);
}

const GstUdmEngine gst_udm_denoise_engine = { cancel, get_stats, free_stream };

udm_restorer *gst_udm_denoise_stream(GstUdmDenoise *self)
{
    Stream *stream = GST_UDM_TRANSFORM(self)->session.object;

    return stream ? stream->restorer : NULL;
}

udm_restorer *gst_udm_denoise_bottom(GstUdmDenoise *self)
{
    Stream *stream = GST_UDM_TRANSFORM(self)->session.object;

    return stream ? stream->bottom : NULL;
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

gdouble gst_udm_denoise_amount(const udm_degradation *degradation, const GstUdmDenoiseOptions *options)
{
    return options->amount < 0 ? degradation->usual : options->amount;
}

gboolean gst_udm_denoise_is_in_pixels(const udm_degradation *degradation)
{
    static const char *const processes[] = { "blur", "soft-blur", "pixelate", NULL };

    return g_strv_contains(processes, degradation->process);
}

// Whether smaller frames have so much of what is undone: amounts in pixels, and noise, as pixels are means. Blocks of a
// pixel are the picture that was enlarged, of which nothing is to be undone.
static gboolean scales(GstUdmTransform *trans, const GstUdmDenoiseOptions *options, gdouble scale)
{
    const udm_degradation *degradation = degradation_of(trans);
    const gdouble least = g_str_equal(degradation->process, "pixelate") ? 1 : 0;

    return degradation->usual < 0 || degradation->holes ||
           (gst_udm_denoise_is_in_pixels(degradation) && scale * gst_udm_denoise_amount(degradation, options) >= least);
}

// Whether smaller frames are what blocks were made of.
static gboolean is_undone(GstUdmTransform *trans, const GstUdmDenoiseOptions *options, gdouble scale)
{
    const udm_degradation *degradation = degradation_of(trans);

    return g_str_equal(degradation->process, "pixelate") && scale * gst_udm_denoise_amount(degradation, options) <= 1;
}

static gboolean wants_repair(const GstUdmDenoiseOptions *options)
{
    return options->dirt > 0 || options->deflicker > 0 || options->stabilize_gate > 0;
}

// Old film and tape have noise, so models of other things do not know them.
static gboolean repairs(GstUdmTransform *trans, const GstUdmDenoiseOptions *options)
{
    return degradation_of(trans)->usual < 0 && !degradation_of(trans)->told && wants_repair(options);
}

gboolean gst_udm_denoise_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in, const GstVideoInfo *out)
{
    const udm_degradation *degradation = degradation_of(trans);
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(GST_UDM_DENOISE(trans));
    gdouble amount = degradation->told        ? 0
                     : degradation->usual < 0 ? options.noise_level
                                              : gst_udm_denoise_amount(degradation, &options);

    if (degradation->told && !degradation->holes && options.strength == 0)
        gst_udm_denoise_warn(GST_UDM_DENOISE(trans),
                             "The property strength is 0, so this model leaves frames as they are: set it to 0.4, for "
                             "instance, and prompt to what they are to become.");
    return !degradation->holes && amount == 0 && options.strength == 0 && !repairs(trans, &options);
}

gboolean gst_udm_denoise_suits(const udm_model *model, const GstVideoInfo *in, udm_error *error)
{
    if (!udm_model_restores(model, GST_VIDEO_INFO_WIDTH(in), GST_VIDEO_INFO_HEIGHT(in), gst_udm_info_channels(in),
                            error))
        return FALSE;
    return !udm_model_degradation(model)->holes || GST_VIDEO_INFO_HAS_ALPHA(in) ||
           udm_fail(error, UDM_ERROR_SETTINGS,
                    "the model fills transparent areas, but frames of format %s have no alpha channel: convert them to "
                    "RGBA and make the areas transparent before this element",
                    gst_video_format_to_string(GST_VIDEO_INFO_FORMAT(in)));
}

// Whether the model makes a picture of its own, for which one step is too little.
static gboolean draws(GstUdmTransform *trans)
{
    udm_info info;

    return degradation_of(trans)->told ||
           (udm_model_info(gst_udm_model_get(trans->model), &info, sizeof info, NULL) && info.width > 0);
}

gboolean gst_udm_denoise_wants_pictures(GstUdmDenoise *self)
{
    GstUdmTransform *trans = GST_UDM_TRANSFORM(self);

    return !trans->idle && (trans->level >= GST_UDM_LEVEL_HALF || degradation_of(trans)->told);
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

static guint held_at_best(const GstUdmDenoiseOptions *options, const udm_info *model, gboolean repairs)
{
    const gint lookahead = options->lookahead == UDM_LOOKAHEAD_AUTO ? USUAL_LOOKAHEAD : options->lookahead;
    const guint steadied = options->deflicker > 0 || options->stabilize_gate > 0 ? STEADIED : 0;

    return (model->temporal_filter ? (guint)lookahead : 0) + (repairs ? steadied + (options->dirt > 0) : 0);
}

// Adds that to what frames cost. Fields are restored once, whether one frame is made of two of them or two.
static void add_deinterlacing(GstUdmTransform *trans, const GstUdmDenoiseOptions *options, GstUdmCosts *costs)
{
    const gboolean twice = options->deinterlace == GST_UDM_DENOISE_DEINTERLACE_FIELDS && !degradation_of(trans)->told;

    for (GstUdmLevel level = GST_UDM_LEVEL_FULL; level < GST_UDM_LEVEL_SOURCE; level++)
        if (costs->of[level] > 0)
            costs->of[level] = costs->of[level] / (twice && level < GST_UDM_LEVEL_HALF ? 2 : 1) +
                               (level == GST_UDM_LEVEL_FULL ? DEINTERLACED : GUESSED);
}

static guint held_fields(const GstUdmDenoiseOptions *options)
{
    const gboolean film = options->deinterlace == GST_UDM_DENOISE_DEINTERLACE_AUTO ||
                          options->deinterlace == GST_UDM_DENOISE_DEINTERLACE_TELECINE;

    return film ? FOR_FILM : 1;
}

void gst_udm_denoise_estimate(GstUdmTransform *trans, const GstVideoInfo *info, GstUdmCosts *costs)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(self);
    udm_info model;
    gdouble repair, live;
    gint steps;

    costs->held = GST_VIDEO_INFO_IS_INTERLACED(info) ? held_fields(&options) : 0;
    if (trans->idle) { // no more than deinterlaced
        costs->of[GST_UDM_LEVEL_FULL] = DEINTERLACED;
        costs->of[GST_UDM_LEVEL_LIVE] = GUESSED;
    }
    if (trans->idle || !udm_model_info(gst_udm_model_get(trans->model), &model, sizeof model, NULL))
        return;
    find_live(self, &model);
    repair = repairs(trans, &options) ? REPAIR : 0;
    costs->held += held_at_best(&options, &model, repair > 0);
    costs->steady = repair > 0 && (options.deflicker > 0 || options.stabilize_gate > 0);
    GST_OBJECT_LOCK(trans);
    steps = trans->settings.steps;
    GST_OBJECT_UNLOCK(trans);
    costs->of[GST_UDM_LEVEL_FULL] =
        repair + steps * options.ensemble * (options.lookahead != 0 && model.temporal_filter ? LOOKAHEAD : 1);
    live = costs->of[GST_UDM_LEVEL_LIVE] = repair + FAST;
    if (self->live && self->live != trans->model)
        live = costs->of[GST_UDM_LEVEL_LIVE_MODEL] = repair + FAST * SMALL;
    if (model.width == 0 && gst_udm_smaller_suits(info, 2) && scales(trans, &options, 0.5))
        costs->of[GST_UDM_LEVEL_HALF] = is_undone(trans, &options, 0.5) ? SCALED : HALF * live;
    if (model.width == 0 && gst_udm_smaller_suits(info, 4) && scales(trans, &options, 0.25))
        costs->of[GST_UDM_LEVEL_QUARTER] = is_undone(trans, &options, 0.25) ? SCALED : QUARTER * live;
    if (GST_VIDEO_INFO_IS_INTERLACED(info))
        add_deinterlacing(trans, &options, costs);
}

static gpointer open_stream(GstUdmDenoise *self, const udm_settings *settings, udm_error *error)
{
    const udm_model *model = gst_udm_denoise_model(self);
    Stream *stream = g_new0(Stream, 1);
    udm_settings field = *settings;

    if (!gst_udm_denoise_restores_fields(self)) {
        stream->restorer = udm_restorer_open(model, settings, error);
    } else {
        field.height = gst_udm_denoise_rows(settings->height, 0);
        stream->restorer = udm_restorer_open(model, &field, error);
        field.height = gst_udm_denoise_rows(settings->height, 1);
        stream->bottom = stream->restorer ? udm_restorer_open(model, &field, error) : NULL;
    }
    if (stream->restorer && (stream->bottom || !gst_udm_denoise_restores_fields(self)))
        return stream;
    free_stream(stream);
    return NULL;
}

// Where there is no time, dirt stays, as finding it takes as long as noise does; and what flickers and weaves does not
// where the picture stands still, which would wait for those after it.
static void set_repair(GstUdmTransform *trans, const GstUdmDenoiseOptions *options, udm_settings *settings)
{
    const gboolean waits = trans->level == GST_UDM_LEVEL_FULL || !trans->stands;

    if (repairs(trans, options)) {
        settings->dirt = trans->level == GST_UDM_LEVEL_FULL ? options->dirt : 0;
        settings->deflicker = waits ? options->deflicker : 0;
        settings->stabilize_gate = waits ? options->stabilize_gate : 0;
    } else if (wants_repair(options)) {
        gst_udm_report_warning(GST_ELEMENT(trans),
                               "The properties dirt, deflicker and stabilize-gate have no effect with "
                               "a model that removes something else than noise.");
    }
}

gpointer gst_udm_denoise_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(self);
    udm_settings all = *settings;

    all.lookahead = trans->level == GST_UDM_LEVEL_FULL ? options.lookahead : 0;
    if (all.lookahead == UDM_LOOKAHEAD_AUTO && gst_udm_latency_is_live(GST_BASE_TRANSFORM_SINK_PAD(self)))
        all.lookahead = 0;
    all.ensemble = trans->level == GST_UDM_LEVEL_FULL && !trans->plain ? options.ensemble : 1;
    if (trans->level != GST_UDM_LEVEL_FULL && !draws(trans))
        all.steps = 1;
    if (all.lookahead > 0 && !takes_neighbours(trans)) {
        gst_udm_report_warning(GST_ELEMENT(self),
                               "The property lookahead has no effect with a model that uses no other frames.");
        all.lookahead = 0;
    }
    set_repair(trans, &options, &all);
    all.scenes_given = self->plan != NULL;
    self->ahead = all.lookahead;
    if (all.lookahead == UDM_LOOKAHEAD_AUTO)
        self->ahead = takes_neighbours(trans) ? UDM_LOOKAHEAD_USUAL : 0;
    self->discontinuity = TRUE;
    return open_stream(self, &all, error);
}

guint gst_udm_denoise_delay(GstUdmTransform *trans)
{
    udm_restorer *stream = gst_udm_denoise_stream(GST_UDM_DENOISE(trans));

    return gst_udm_denoise_delay_of(GST_UDM_DENOISE(trans), stream ? (guint)udm_restorer_delay(stream) : 0);
}
