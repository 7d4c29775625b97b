// SPDX-License-Identifier: LGPL-2.1-or-later
// udmsrc: the element, its properties, its states and its registration.
/**
 * SECTION:element-udmsrc
 * @title: udmsrc
 * @short_description: generates video with a diffusion model
 *
 * udmsrc generates video with a diffusion model, endlessly or for #GstUdmSrc:num-frames. A frame is a function of its
 * number, of the seed, and of the classes and guidance scales requested in its scene, so the same frames are output
 * wherever playback starts and with any number of threads. A seek computes the frames from the start of the scene, or
 * from the current position if that is nearer, up to the requested one: #GstUdmSrc:scene-length limits what it costs.
 *
 * Frames have the size that the model generates, or a whole multiple of it if the caps ask for one; Stable Diffusion
 * draws the size that they ask for, a multiple of 8. The frame rate of the caps is that of the motion: at a higher
 * rate, less happens from frame to frame.
 *
 * Several frames are in progress at once, each some steps further than the next. This is why #GstUdmSrc:steps is
 * rounded up to a multiple of their number, which is 5 with the model "digits".
 *
 * With #GstUdmSrc:continue-from, the source continues a clip or animates a picture. With #GstUdmSrc:preview, it shows
 * each step from noise to a frame.
 *
 * With a model that knows text, such as "world", the source shows what #GstUdmSrc:prompt says: a picture that stands
 * still, another one for each scene, or one that changes from prompt to prompt.
 *
 * The element handles URIs of the form `udm://MODEL?class-label=3&seed=7`, in which every property can be set but
 * #GstUdmSrc:model and those that name what is read, as a URI may come from anywhere. A model given by its directory is
 * written as `udm:///DIRECTORY`.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 udmsrc ! videoconvert ! autovideosink
 * ]|
 * Shows digits that drift about, a new one every ten seconds.
 * |[
 * gst-launch-1.0 udmsrc class-label=3 scene-length=0 ! video/x-raw,width=512,height=512 ! videoconvert !
 *     autovideosink
 * ]|
 * Shows the same three forever, enlarged eight times.
 * |[
 * gst-launch-1.0 udmsrc model=world prompt="a small red seven over sand" ! video/x-raw,width=256,height=256 !
 *     videoconvert ! autovideosink
 * ]|
 * Shows a picture of what the prompt says.
 * |[
 * gst-play-1.0 "udm://digits?class-label=7&num-frames=250"
 * ]|
 * Plays ten seconds of a seven in a media player.
 *
 * Since: 0.2
 */
#include "src.h"

#include "frames.h"
#include "loading.h"
#include "uri.h"

GST_DEBUG_CATEGORY(gst_udm_src_debug);
#define GST_CAT_DEFAULT gst_udm_src_debug

static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

#define gst_udm_src_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE(GstUdmSrc, gst_udm_src, GST_TYPE_PUSH_SRC,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_URI_HANDLER, gst_udm_uri_handler_init)
                            GST_DEBUG_CATEGORY_INIT(gst_udm_src_debug, "udmsrc", 0, "video generator"))
GST_ELEMENT_REGISTER_DEFINE(udmsrc, "udmsrc", GST_RANK_NONE, GST_TYPE_UDM_SRC)

// ---- states

static gboolean gst_udm_src_start(GstBaseSrc *src)
{
    GstUdmSrc *self = GST_UDM_SRC(src);
    char *name, *loras;

    GST_OBJECT_LOCK(self);
    name = g_strdup(self->settings.model);
    loras = g_strdup(self->options.lora);
    self->steps = self->options.preview ? 0 : 1;
    GST_OBJECT_UNLOCK(self);
    self->number = 0;
    gst_udm_model_release(self->model);
    self->model = gst_udm_load_model(GST_ELEMENT(self), name, loras, NULL);
    g_free(name);
    g_free(loras);
    return self->model != NULL;
}

static gboolean gst_udm_src_stop(GstBaseSrc *src)
{
    GstUdmSrc *self = GST_UDM_SRC(src);

    gst_udm_session_close(&self->session);
    g_clear_pointer(&self->model, gst_udm_model_release);
    g_clear_pointer(&self->clip, gst_udm_clip_free);
    g_clear_pointer(&self->image, gst_udm_clip_free);
    g_clear_pointer(&self->prompt, g_free);
    g_clear_pointer(&self->negative_prompt, g_free);
    GST_OBJECT_LOCK(self);
    gst_video_info_init(&self->info);
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean gst_udm_src_unlock(GstBaseSrc *src)
{
    gst_udm_session_cancel(&GST_UDM_SRC(src)->session, TRUE);
    return TRUE;
}

static gboolean gst_udm_src_unlock_stop(GstBaseSrc *src)
{
    gst_udm_session_cancel(&GST_UDM_SRC(src)->session, FALSE);
    return TRUE;
}

// ---- the object

static void gst_udm_src_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmSrc *self = GST_UDM_SRC(object);
    gboolean known;

    if (id == GST_UDM_SRC_PROP_IS_LIVE) {
        gst_base_src_set_live(GST_BASE_SRC(self), g_value_get_boolean(value));
        return;
    }
    GST_OBJECT_LOCK(self);
    known = gst_udm_src_options_set(&self->options, id, value) || gst_udm_settings_set(&self->settings, id, value);
    if (gst_udm_src_options_reopen(id))
        self->settings.version++;
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    else if (id == GST_UDM_SRC_PROP_NUM_FRAMES)
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_duration_changed(GST_OBJECT(self)));
}

static void gst_udm_src_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstUdmSrc *self = GST_UDM_SRC(object);
    gboolean known = TRUE;

    if (id == GST_UDM_SRC_PROP_IS_LIVE) {
        g_value_set_boolean(value, gst_base_src_is_live(GST_BASE_SRC(self)));
        return;
    }
    GST_OBJECT_LOCK(self);
    if (id == GST_UDM_PROP_STATS)
        g_value_take_boxed(value, gst_udm_session_stats(&self->session));
    else
        known = gst_udm_src_options_get(&self->options, id, value) || gst_udm_settings_get(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void gst_udm_src_finalize(GObject *object)
{
    GstUdmSrc *self = GST_UDM_SRC(object);

    gst_udm_session_clear(&self->session);
    gst_udm_settings_clear(&self->settings);
    gst_udm_src_options_clear(&self->options);
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void gst_udm_src_class_init(GstUdmSrcClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseSrcClass *src_class = GST_BASE_SRC_CLASS(klass);

    object_class->set_property = gst_udm_src_set_property;
    object_class->get_property = gst_udm_src_get_property;
    object_class->finalize = gst_udm_src_finalize;
    gst_udm_src_options_install(object_class);

    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Video generator (diffusion)", "Source/Video",
                                          "Generates video with a diffusion model", "The udm developers");
    gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_ICON_NAME, "video-x-generic");

    src_class->start = GST_DEBUG_FUNCPTR(gst_udm_src_start);
    src_class->stop = GST_DEBUG_FUNCPTR(gst_udm_src_stop);
    src_class->unlock = GST_DEBUG_FUNCPTR(gst_udm_src_unlock);
    src_class->unlock_stop = GST_DEBUG_FUNCPTR(gst_udm_src_unlock_stop);
    src_class->fixate = GST_DEBUG_FUNCPTR(gst_udm_src_fixate);
    src_class->set_caps = GST_DEBUG_FUNCPTR(gst_udm_src_set_caps);
    src_class->decide_allocation = GST_DEBUG_FUNCPTR(gst_udm_src_decide_allocation);
    src_class->is_seekable = GST_DEBUG_FUNCPTR(gst_udm_src_is_seekable);
    src_class->do_seek = GST_DEBUG_FUNCPTR(gst_udm_src_do_seek);
    src_class->query = GST_DEBUG_FUNCPTR(gst_udm_src_query);
    src_class->get_times = GST_DEBUG_FUNCPTR(gst_udm_src_get_times);
    GST_PUSH_SRC_CLASS(klass)->fill = GST_DEBUG_FUNCPTR(gst_udm_src_fill);
}

static void gst_udm_src_init(GstUdmSrc *self)
{
    gst_udm_session_init(&self->session, GST_ELEMENT(self));
    gst_udm_settings_init(&self->settings, GST_UDM_SRC_DEFAULT_MODEL, GST_UDM_SRC_DEFAULT_STEPS);
    gst_video_info_init(&self->info);
    gst_udm_src_options_init(&self->options);
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
