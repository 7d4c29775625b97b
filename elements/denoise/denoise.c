// SPDX-License-Identifier: LGPL-2.1-or-later
// udmdenoise: the element, its properties and its registration.
/**
 * SECTION:element-udmdenoise
 * @title: udmdenoise
 * @short_description: removes noise, and other degradations, with a diffusion model
 *
 * udmdenoise removes noise from video. A frame with noise of the standard deviation #GstUdmDenoise:noise-level is an
 * intermediate state of the model's diffusion process, which the model takes back to its start, where there is no
 * noise. With a single step the result is the posterior mean, which has the highest PSNR; with more steps and some
 * #GstUdmDenoise:strength, detail is synthesized.
 *
 * Each frame is restored with the help of the frames before it and, with #GstUdmDenoise:lookahead, of those after it,
 * at the cost of latency. With #GstUdmDenoise:ensemble, the results for several views of each frame are averaged, which
 * is for single pictures and offline work.
 *
 * The model determines what is removed: "deblur" removes Gaussian blur of #GstUdmDenoise:amount pixels, "super4"
 * removes pixelation by blocks of 4 pixels, as of a picture that was enlarged from a quarter of its width and height,
 * and "inpaint" fills the transparent areas of frames with an alpha channel. Partly transparent pixels are blended with
 * what is filled in, so masks may have soft edges; the output is opaque.
 *
 * Interlaced video is deinterlaced, as #GstUdmDenoise:deinterlace says, once its fields are restored.
 *
 * There is one output frame per input frame, with its timestamp, duration and metas. Where downstream tells that frames
 * are late, as sinks that show video do, quality falls by steps until they are not: #GstUdmDenoise:quality as "live"
 * sets it, the model "denoise-live" if there is one, half the resolution, and at last the frames as they came; it rises
 * again when there is time. `level` in #GstUdmTransform:stats says where it is. #GstBaseTransform:qos turns that off.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! udmdenoise ! videoconvert ! autovideosink
 * ]|
 * Estimates the noise of each scene and removes it.
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! udmdenoise noise-level=25 lookahead=2 !
 *     videoconvert ! x264enc ! mp4mux ! filesink location=out.mp4
 * ]|
 * Removes noise of a known standard deviation, 25 of 255, with the help of the two frames that follow each frame, and
 * writes the result to a file.
 * |[
 * gst-launch-1.0 filesrc location=in.png ! pngdec ! videoconvert ! video/x-raw,format=RGBA ! udmdenoise model=inpaint !
 *     videoconvert ! pngenc ! filesink location=out.png
 * ]|
 * Fills the transparent areas of a picture.
 *
 * Since: 0.2
 */
#include "denoise.h"

#include "interlaced.h"
#include "page.h"
#include "presets.h"
#include "report.h"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_SINK_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

#define gst_udm_denoise_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE(GstUdmDenoise, gst_udm_denoise, GST_TYPE_UDM_TRANSFORM,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, gst_udm_presets_init))
GST_ELEMENT_REGISTER_DEFINE(udmdenoise, "udmdenoise", GST_RANK_NONE, GST_TYPE_UDM_DENOISE)

GstUdmDenoiseOptions gst_udm_denoise_options_copy(GstUdmDenoise *self)
{
    GstUdmDenoiseOptions options;

    GST_OBJECT_LOCK(self);
    options = self->options;
    GST_OBJECT_UNLOCK(self);
    return options;
}

GstCaps *gst_udm_denoise_parent_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                               GstCaps *filter)
{
    return GST_BASE_TRANSFORM_CLASS(parent_class)->transform_caps(trans, direction, caps, filter);
}

static gboolean gst_udm_denoise_start(GstBaseTransform *trans)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(trans);
    udm_error error = { 0 };

    self->count = 0;
    self->warned = FALSE;
    if (!gst_udm_denoise_read_plan(self, &error)) {
        gst_udm_report_error(GST_ELEMENT(self), &error);
        return FALSE;
    }
    return GST_BASE_TRANSFORM_CLASS(parent_class)->start(trans);
}

static gboolean gst_udm_denoise_stop(GstBaseTransform *trans)
{
    const gboolean stopped = GST_BASE_TRANSFORM_CLASS(parent_class)->stop(trans);

    g_clear_pointer(&GST_UDM_DENOISE(trans)->plan, gst_udm_plan_free);
    return stopped;
}

static void gst_udm_denoise_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(object);
    gboolean own;

    if (gst_udm_denoise_page_set(object, id, value))
        return;
    GST_OBJECT_LOCK(self);
    own = gst_udm_denoise_options_set(&self->options, id, value);
    if (gst_udm_denoise_options_reopen(id))
        GST_UDM_TRANSFORM(self)->settings.version++;
    GST_OBJECT_UNLOCK(self);
    if (!own)
        G_OBJECT_CLASS(parent_class)->set_property(object, id, value, spec);
    gst_udm_denoise_page_follow(object, spec);
}

static void gst_udm_denoise_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    const GstUdmDenoiseOptions options = gst_udm_denoise_options_copy(GST_UDM_DENOISE(object));

    if (!gst_udm_denoise_page_get(object, id, value) && !gst_udm_denoise_options_get(&options, id, value))
        G_OBJECT_CLASS(parent_class)->get_property(object, id, value, spec);
}

static void gst_udm_denoise_finalize(GObject *object)
{
    GstUdmDenoise *self = GST_UDM_DENOISE(object);

    gst_udm_denoise_forget_live(self);
    gst_queue_array_free(self->queue);
    gst_queue_array_free(self->woven);
    gst_queue_array_free(self->kept);
    gst_udm_plan_free(self->plan);
    gst_clear_buffer(&self->field);
    udm_deinterlacer_free(self->deinterlacer);
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
    gst_udm_denoise_page_install(object_class);
    gst_udm_denoise_options_install(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Denoise (diffusion)", "Filter/Effect/Video",
        "Removes noise, blur or pixelation from video, or fills missing areas, with a diffusion model",
        "The udm developers");
    gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_ICON_NAME, "video-x-generic");

    GST_BASE_TRANSFORM_CLASS(klass)->start = GST_DEBUG_FUNCPTR(gst_udm_denoise_start);
    GST_BASE_TRANSFORM_CLASS(klass)->stop = GST_DEBUG_FUNCPTR(gst_udm_denoise_stop);
    GST_BASE_TRANSFORM_CLASS(klass)->transform_caps = GST_DEBUG_FUNCPTR(gst_udm_denoise_transform_caps);
    transform_class->without_model = "Frames pass through unchanged";
    transform_class->suits = GST_DEBUG_FUNCPTR(gst_udm_denoise_suits);
    transform_class->engine = &gst_udm_denoise_engine;
    transform_class->wants_passthrough = GST_DEBUG_FUNCPTR(gst_udm_denoise_wants_passthrough);
    transform_class->takes_interlaced = GST_DEBUG_FUNCPTR(gst_udm_denoise_takes_interlaced);
    transform_class->prepare = GST_DEBUG_FUNCPTR(gst_udm_denoise_prepare);
    transform_class->open = GST_DEBUG_FUNCPTR(gst_udm_denoise_open);
    transform_class->delay = GST_DEBUG_FUNCPTR(gst_udm_denoise_delay);
    transform_class->buffers = GST_DEBUG_FUNCPTR(gst_udm_denoise_delay);
    transform_class->tells_by_one = TRUE;
    transform_class->estimate = GST_DEBUG_FUNCPTR(gst_udm_denoise_estimate);
    transform_class->fills = GST_DEBUG_FUNCPTR(gst_udm_denoise_fills);
    transform_class->follows = GST_DEBUG_FUNCPTR(gst_udm_denoise_follows);
    transform_class->take = GST_DEBUG_FUNCPTR(gst_udm_denoise_take);
    transform_class->next = GST_DEBUG_FUNCPTR(gst_udm_denoise_next);
    transform_class->end = GST_DEBUG_FUNCPTR(gst_udm_denoise_end);
    transform_class->forget = GST_DEBUG_FUNCPTR(gst_udm_denoise_forget);
}

static void gst_udm_denoise_init(GstUdmDenoise *self)
{
    GST_UDM_TRANSFORM(self)->settings.model = g_strdup(GST_UDM_DENOISE_DEFAULT_MODEL);
    gst_udm_denoise_options_init(&self->options);
    self->queue = gst_udm_denoise_queue_new();
    self->kept = gst_udm_denoise_queue_new();
    self->woven = gst_udm_denoise_woven_new();
}
