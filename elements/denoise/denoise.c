// SPDX-License-Identifier: LGPL-2.1-or-later
// Restores video with a diffusion model: the element.
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
#include "denoise.h"

#include "frames.h"

#define DEFAULT_MODEL "denoise"
#define DEFAULT_STEPS 1

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

#define gst_udm_denoise_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE(GstUdmDenoise, gst_udm_denoise, GST_TYPE_UDM_TRANSFORM,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, NULL))
GST_ELEMENT_REGISTER_DEFINE(udmdenoise, "udmdenoise", GST_RANK_NONE, GST_TYPE_UDM_DENOISE)

GstUdmDenoiseOptions gst_udm_denoise_options_copy(GstUdmDenoise *self)
{
    GstUdmDenoiseOptions options;

    GST_OBJECT_LOCK(self);
    options = self->options;
    GST_OBJECT_UNLOCK(self);
    return options;
}

static gboolean gst_udm_denoise_start(GstBaseTransform *trans)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);

    self->count = 0;
    self->warned = FALSE;
    return GST_BASE_TRANSFORM_CLASS(parent_class)->start(trans);
}

static void gst_udm_denoise_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(object);
    gboolean own;

    GST_OBJECT_LOCK(self);
    own = gst_udm_denoise_options_set(&self->options, id, value);
    if (gst_udm_denoise_options_reopen(id))
        GST_UDM_TRANSFORM(self)->settings.version++;
    GST_OBJECT_UNLOCK(self);
    if (!own)
        G_OBJECT_CLASS(parent_class)->set_property(object, id, value, spec);
}

static void gst_udm_denoise_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(GST_UDM_DENOISE(object));

    if (!gst_udm_denoise_options_get(&options, id, value))
        G_OBJECT_CLASS(parent_class)->get_property(object, id, value, spec);
}

static void gst_udm_denoise_finalize(GObject *object)
{
    gst_queue_array_free(GST_UDM_DENOISE(object)->queue);
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void gst_udm_denoise_class_init(GstUdmDenoiseClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstUdmTransformClass *transform_class = GST_UDM_TRANSFORM_CLASS(klass);

    object_class->set_property = gst_udm_denoise_set_property;
    object_class->get_property = gst_udm_denoise_get_property;
    object_class->finalize = gst_udm_denoise_finalize;
    gst_udm_settings_install(object_class, DEFAULT_MODEL, DEFAULT_STEPS);
    gst_udm_denoise_options_install(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Diffusion restoration", "Filter/Effect/Video",
                                          "Removes noise from video with a diffusion model, or blur, blocks and holes",
                                          "The udm authors");

    GST_BASE_TRANSFORM_CLASS(klass)->start = GST_DEBUG_FUNCPTR(gst_udm_denoise_start);
    transform_class->engine = &gst_udm_denoise_engine;
    transform_class->wants_passthrough = GST_DEBUG_FUNCPTR(gst_udm_denoise_wants_passthrough);
    transform_class->open = GST_DEBUG_FUNCPTR(gst_udm_denoise_open);
    transform_class->delay = GST_DEBUG_FUNCPTR(gst_udm_denoise_delay);
    transform_class->buffers = GST_DEBUG_FUNCPTR(gst_udm_denoise_delay);
    transform_class->follows = GST_DEBUG_FUNCPTR(gst_udm_denoise_follows);
    transform_class->take = GST_DEBUG_FUNCPTR(gst_udm_denoise_take);
    transform_class->next = GST_DEBUG_FUNCPTR(gst_udm_denoise_next);
    transform_class->end = GST_DEBUG_FUNCPTR(gst_udm_denoise_end);
    transform_class->forget = GST_DEBUG_FUNCPTR(gst_udm_denoise_forget);
}

static void gst_udm_denoise_init(GstUdmDenoise *self)
{
    gst_udm_settings_init(&GST_UDM_TRANSFORM(self)->settings, DEFAULT_MODEL, DEFAULT_STEPS);
    gst_udm_denoise_options_init(&self->options);
    self->queue = gst_udm_denoise_queue_new();
}
