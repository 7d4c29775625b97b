// SPDX-License-Identifier: LGPL-2.1-or-later
// Restores video with a diffusion model: gives each frame the time at which the model's process has done to it what was
// done.
/**
 * SECTION:element-udmdenoise
 * @title: udmdenoise
 *
 * Removes noise from video. A frame whose noise has the standard deviation #GstUdmDenoise:noise-level is taken as a
 * frame on its way through the model's diffusion, and the model brings it back to where there is none. With one step
 * that is the most likely picture; with more steps, and some #GstUdmDenoise:strength, detail is drawn anew.
 *
 * With #GstUdmDenoise:lookahead, frames are held back until the ones that follow have come, and are restored the better
 * for it. With #GstUdmDenoise:ensemble, the network sees each of them in several views, which is for single pictures
 * and for those who have the time.
 *
 * With a model of another process, frames are on their way through that: "deblur" takes a blur of
 * #GstUdmDenoise:amount pixels back, "super4" the blocks of 4 pixels that a picture a quarter as wide and high was
 * enlarged to, and "inpaint" fills what the alpha of the frames says is missing: all that is transparent, by its
 * surroundings. Partly transparent pixels become a mixture, so that masks may have soft edges; what comes out is
 * opaque.
 *
 * As many frames come out as went in, each with its own timestamp, duration and metas. With #GstBaseTransform:qos set,
 * a frame that is late already is passed on as it came instead of being dropped; the model does not see it.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! udmdenoise ! videoconvert ! autovideosink
 * ]|
 * Estimates the noise of every scene and removes it.
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! udmdenoise noise-level=25 ! videoconvert !
 *     x264enc ! mp4mux ! filesink location=out.mp4
 * ]|
 * Removes noise of a known standard deviation, 25 of 255, and writes a file.
 * |[
 * gst-launch-1.0 filesrc location=in.png ! pngdec ! videoconvert ! video/x-raw,format=RGBA ! udmdenoise model=inpaint !
 *     videoconvert ! pngenc ! filesink location=out.png
 * ]|
 * Fills the transparent parts of a picture.
 * |[
 * ges-launch-1.0 +clip in.mp4 +effect "udmdenoise @preset=Night"
 * ]|
 * As an effect in an editor, with a preset.
 */
#include "udmdenoise.h"

#include "frames.h"

#define DEFAULT_MODEL "denoise"
#define DEFAULT_STEPS 1
#define DEFAULT_NOISE_LEVEL (-1.0)
#define DEFAULT_STRENGTH 0.0
#define DEFAULT_LOOKAHEAD 0
#define DEFAULT_ENSEMBLE 1
#define DEFAULT_AMOUNT (-1.0)

enum {
    PROP_NOISE_LEVEL = GST_UDM_PROP_OWN,
    PROP_STRENGTH,
    PROP_LOOKAHEAD,
    PROP_ENSEMBLE,
    PROP_AMOUNT,
};

struct _GstUdmDenoise {
    GstUdmFilter parent;

    // properties, under the object lock
    gdouble noise_level, strength, amount;
    gint lookahead, ensemble;

    // state of the streaming thread
    gboolean warned; // that a property does not suit the model
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

#define gst_udm_denoise_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE(GstUdmDenoise, gst_udm_denoise, GST_TYPE_UDM_FILTER,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, NULL))
GST_ELEMENT_REGISTER_DEFINE(udmdenoise, "udmdenoise", GST_RANK_NONE, GST_TYPE_UDM_DENOISE)

static gboolean gst_udm_denoise_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in,
                                                  const GstVideoInfo *out)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    const udm_degradation degradation = *udm_model_degradation(gst_udm_model_get(trans->model));
    gboolean wanted;

    GST_OBJECT_LOCK(self);
    wanted =
        !degradation.holes && (degradation.usual < 0 ? self->noise_level : self->amount) == 0 && self->strength == 0;
    GST_OBJECT_UNLOCK(self);
    return wanted;
}

static void warn_once(GstUdmDenoise *self, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void warn_once(GstUdmDenoise *self, const char *format, ...)
{
    va_list arguments;
    char *text;

    if (self->warned)
        return;
    self->warned = TRUE;
    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    GST_ELEMENT_WARNING(self, RESOURCE, SETTINGS, ("%s", text), (NULL));
    g_free(text);
}

// name: of the property that holds the amount of what the model undoes; the other one is `wrong`, if it was set.
static void check_amount(GstUdmDenoise *self, const udm_degradation *degradation, const char *name, double amount,
                         const char *wrong)
{
    if (amount > degradation->most && !degradation->holes)
        warn_once(self,
                  "%s is %.1f, but the model knows up to %.1f only: lower %s, or set model to one that was trained for "
                  "more.",
                  name, amount, degradation->most, name);
    if (wrong)
        warn_once(self, "%s says nothing to a model of process \"%s\": set %s.", wrong, degradation->process,
                  degradation->holes ? "the alpha of the frames" : name);
}

static gboolean gst_udm_denoise_describe(GstUdmFilter *filter, const udm_model *model, udm_frame *frame,
                                         udm_error *error)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(filter);
    const udm_degradation degradation = *udm_model_degradation(model);
    gdouble noise_level, amount;

    GST_OBJECT_LOCK(self);
    noise_level = self->noise_level;
    amount = self->amount;
    frame->strength = self->strength;
    GST_OBJECT_UNLOCK(self);
    if (degradation.usual < 0) {
        check_amount(self, &degradation, "noise-level", noise_level, amount >= 0 ? "amount" : NULL);
        frame->time = noise_level < 0 ? UDM_TIME_ESTIMATE : udm_model_time(model, noise_level);
        return TRUE;
    }
    check_amount(self, &degradation, "amount", amount,
                 noise_level >= 0                   ? "noise-level"
                 : degradation.holes && amount >= 0 ? "amount"
                                                    : NULL);
    if (amount < 0 && degradation.usual == 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "how much is to be undone? Set amount: the %s, up to %g",
                        degradation.measure, degradation.most);
    frame->time = udm_model_time(model, amount < 0 ? degradation.usual : amount);
    return TRUE;
}

static gboolean gst_udm_denoise_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error)
{
    udm_settings all = *settings;

    GST_OBJECT_LOCK(trans);
    all.lookahead = GST_UDM_DENOISE(trans)->lookahead;
    all.ensemble = GST_UDM_DENOISE(trans)->ensemble;
    GST_OBJECT_UNLOCK(trans);
    return GST_UDM_TRANSFORM_CLASS(parent_class)->open(trans, &all, error);
}

// Of what a stream is opened with.
static gint *setting_of(GstUdmDenoise *self, guint id)
{
    return id == PROP_LOOKAHEAD ? &self->lookahead : id == PROP_ENSEMBLE ? &self->ensemble : NULL;
}

static gboolean gst_udm_denoise_start(GstBaseTransform *trans)
{
    GST_UDM_DENOISE(trans)->warned = FALSE;
    return GST_BASE_TRANSFORM_CLASS(parent_class)->start(trans);
}

static gdouble *value_of(GstUdmDenoise *self, guint id)
{
    return id == PROP_NOISE_LEVEL ? &self->noise_level : id == PROP_STRENGTH ? &self->strength : &self->amount;
}

static void gst_udm_denoise_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(object);

    if (id < GST_UDM_PROP_OWN) {
        G_OBJECT_CLASS(parent_class)->set_property(object, id, value, spec);
        return;
    }
    GST_OBJECT_LOCK(self);
    if (setting_of(self, id)) {
        *setting_of(self, id) = g_value_get_int(value);
        GST_UDM_TRANSFORM(self)->settings.version++;
    } else {
        *value_of(self, id) = g_value_get_double(value);
    }
    GST_OBJECT_UNLOCK(self);
}

static void gst_udm_denoise_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(object);

    if (id < GST_UDM_PROP_OWN) {
        G_OBJECT_CLASS(parent_class)->get_property(object, id, value, spec);
        return;
    }
    GST_OBJECT_LOCK(self);
    if (setting_of(self, id))
        g_value_set_int(value, *setting_of(self, id));
    else
        g_value_set_double(value, *value_of(self, id));
    GST_OBJECT_UNLOCK(self);
}

static void install_properties(GObjectClass *object_class)
{
    const GParamFlags flags =
        G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE | GST_PARAM_MUTABLE_PLAYING;

    gst_udm_settings_install(object_class, DEFAULT_MODEL, DEFAULT_STEPS);
    /**
     * GstUdmDenoise:noise-level:
     *
     * Standard deviation of the noise, where the pixels go from 0 to 255 (whatever their depth is). -1 estimates it for
     * each scene. 0, with no #GstUdmDenoise:strength, passes frames through untouched. For models that remove noise.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_NOISE_LEVEL,
        g_param_spec_double("noise-level", "Noise level",
                            "Standard deviation of the noise for pixels from 0 to 255 (-1 = estimate it, 0 = none)", -1,
                            255, DEFAULT_NOISE_LEVEL, flags));
    /**
     * GstUdmDenoise:strength:
     *
     * How much is drawn anew: noise (or whatever the model undoes) is added until it is this share of the most that the
     * model knows, and then removed with the frame's own. 0 adds none.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_STRENGTH,
        g_param_spec_double("strength", "Strength",
                            "Share of noise that is added first, so that detail is drawn anew (0 = none, 1 = all)", 0,
                            1, DEFAULT_STRENGTH, flags));
    /**
     * GstUdmDenoise:lookahead:
     *
     * How many frames are held back, so that each is restored in the light of as many after it. It is the latency, and
     * most of what there is to gain comes from the first two. For models that see the frames before, too.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_LOOKAHEAD,
        g_param_spec_int("lookahead", "Lookahead",
                         "Frames held back, so that each is restored in the light of as many after it (0 = none)", 0,
                         UDM_MAX_LOOKAHEAD, DEFAULT_LOOKAHEAD,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmDenoise:ensemble:
     *
     * In how many views, turned and mirrored, the network sees each frame; the mean of what it makes of them is what
     * comes out. Two views take twice the time, and gain two thirds of what eight do. For models that do not make
     * video; of blocks ("super4"), for frames whose sides are multiples of them.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_ENSEMBLE,
        g_param_spec_int("ensemble", "Ensemble",
                         "Views of each frame, turned and mirrored, whose estimates are averaged (1 = as it is)", 1,
                         UDM_MAX_ENSEMBLE, DEFAULT_ENSEMBLE,
                         G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmDenoise:amount:
     *
     * How much there is in the frames of what the model undoes, if that is not noise: the standard deviation of the
     * blur or the side of the blocks in pixels. -1 takes what the model was made for. 0, with no
     * #GstUdmDenoise:strength, passes frames through untouched.
     *
     * Since: 0.1
     */
    g_object_class_install_property(
        object_class, PROP_AMOUNT,
        g_param_spec_double("amount", "Amount",
                            "How much of what the model undoes, if not noise: blur or blocks in pixels (-1 = the "
                            "model's own, 0 = none)",
                            -1, 1000, DEFAULT_AMOUNT, flags));
}

static void gst_udm_denoise_class_init(GstUdmDenoiseClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstUdmFilterClass *filter_class = GST_UDM_FILTER_CLASS(klass);

    object_class->set_property = gst_udm_denoise_set_property;
    object_class->get_property = gst_udm_denoise_get_property;
    install_properties(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Diffusion restoration", "Filter/Effect/Video",
                                          "Removes noise from video with a diffusion model, or blur, blocks and holes",
                                          "The udm authors");

    GST_BASE_TRANSFORM_CLASS(klass)->start = GST_DEBUG_FUNCPTR(gst_udm_denoise_start);
    GST_UDM_TRANSFORM_CLASS(klass)->wants_passthrough = GST_DEBUG_FUNCPTR(gst_udm_denoise_wants_passthrough);
    GST_UDM_TRANSFORM_CLASS(klass)->open = GST_DEBUG_FUNCPTR(gst_udm_denoise_open);
    filter_class->describe = GST_DEBUG_FUNCPTR(gst_udm_denoise_describe);
}

static void gst_udm_denoise_init(GstUdmDenoise *self)
{
    gst_udm_settings_init(&GST_UDM_TRANSFORM(self)->settings, DEFAULT_MODEL, DEFAULT_STEPS);
    self->noise_level = DEFAULT_NOISE_LEVEL;
    self->strength = DEFAULT_STRENGTH;
    self->lookahead = DEFAULT_LOOKAHEAD;
    self->ensemble = DEFAULT_ENSEMBLE;
    self->amount = DEFAULT_AMOUNT;
}
