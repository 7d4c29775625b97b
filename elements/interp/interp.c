// SPDX-License-Identifier: LGPL-2.1-or-later
// udminterp: the element, its properties and its registration.
/**
 * SECTION:element-udminterp
 * @title: udminterp
 * @short_description: interpolates frames along their motion
 *
 * udminterp creates frames between those of a video by moving pixels along their motion: for slow motion, for other
 * frame rates, and in place of lost or duplicate frames. Input frames are output bit for bit. Across scene cuts, and
 * where motion cannot be known, frames are repeated instead.
 *
 * In #GstUdmInterp:mode rate, the frame rate changes to what the caps downstream ask for, or to #GstUdmInterp:factor
 * times that of the input; the last frame is repeated until its duration is over. In mode fill, the frame rate stays,
 * and frames with the GAP flag, which videorate sets on its duplicates, are replaced. This is the mode for video
 * editors.
 *
 * With #GstUdmInterp:motion-blur, frames are blurred along their motion as by a shutter, at higher and at lower rates.
 *
 * By default, motion alone is used. With #GstUdmInterp:model set to "interp", a network refines each frame.
 *
 * What leaves never steps back in time: an input frame whose timestamp is not later than that of the one before it,
 * or far ahead of all others, is dropped with a warning. Where a stream goes on after a longer gap than
 * #GstUdmInterp:max-gap, a message says so, the last frame is repeated for no longer than that, and interpolation
 * begins anew.
 *
 * Duplicates lose their GAP flag in conversions. If mode "fill" meets none that has it in the first seconds, but frames
 * that repeat the one before, a warning says so, and it goes by the pictures from there on, as with
 * #GstUdmInterp:de-duplicate.
 *
 * With the #GstUdmInterp:plan of a film, frames are those that udm-film makes.
 *
 * In playback, frames that are late are made at half the size, and if they still are, not at all: they repeat the
 * nearest input frame, unless #GstBaseTransform:qos is off. #GstUdmTransform:stats also counts `originals`, `made`,
 * `repeated` and `dropped` frames (guint64).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! udminterp ! video/x-raw,framerate=60/1 !
 *     videoconvert ! autovideosink
 * ]|
 * Plays a video at 60 frames per second.
 * |[
 * gst-launch-1.0 filesrc location=60.mp4 ! decodebin ! udminterp motion-blur=180 ! video/x-raw,framerate=24/1 !
 *     x264enc ! mp4mux ! filesink location=24.mp4
 * ]|
 * Makes 24 frames per second of 60, as a camera would have exposed them.
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! identity drop-probability=0.1 !
 *     udminterp mode=fill fill-gaps=true ! x264enc ! mp4mux ! filesink location=out.mp4
 * ]|
 * Makes the frames anew that were lost. For slow motion, see udmslowmotion.
 *
 * Since: 0.2
 */
#include "interp.h"

#include "interlaced.h"

GST_DEBUG_CATEGORY(gst_udm_interp_debug);

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_SINK_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

#define gst_udm_interp_parent_class parent_class
G_DEFINE_TYPE(GstUdmInterp, gst_udm_interp, GST_TYPE_UDM_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(udminterp, "udminterp", GST_RANK_NONE, GST_TYPE_UDM_INTERP)

GstUdmInterpOptions gst_udm_interp_options_copy(GstUdmInterp *self)
{
    GstUdmInterpOptions options;

    GST_OBJECT_LOCK(self);
    options = self->options;
    GST_OBJECT_UNLOCK(self);
    return options;
}

static GstCaps *gst_udm_interp_fixate_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                           GstCaps *other)
{
    other = gst_udm_interp_fixate_rate(direction, caps, other);
    return GST_BASE_TRANSFORM_CLASS(parent_class)->fixate_caps(trans, direction, caps, other);
}

static gboolean gst_udm_interp_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    GstEventType type = GST_EVENT_TYPE(event);
    gboolean done = GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(trans, event);
    if (type == GST_EVENT_SEGMENT || type == GST_EVENT_FLUSH_STOP)
        gst_udm_stamps_reset(&self->stamps);
    return done;
}

static gboolean gst_udm_interp_start(GstBaseTransform *trans)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    GST_OBJECT_LOCK(self);
    self->originals = self->made = self->repeated = self->dropped = 0;
    GST_OBJECT_UNLOCK(self);
    self->count = 0;
    self->search = (GstUdmSearch){ 0 };
    gst_udm_stamps_reset(&self->stamps);
    return gst_udm_interp_read_plan(self) && GST_BASE_TRANSFORM_CLASS(parent_class)->start(trans);
}

static gboolean gst_udm_interp_stop(GstBaseTransform *trans)
{
    const gboolean stopped = GST_BASE_TRANSFORM_CLASS(parent_class)->stop(trans);

    gst_udm_interp_forget_plan(GST_UDM_INTERP(trans));
    return stopped;
}

static void gst_udm_interp_finalize(GObject *object)
{
    gst_udm_interp_forget_plan(GST_UDM_INTERP(object));
    gst_udm_unweaver_free(GST_UDM_INTERP(object)->unweaver);
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void gst_udm_interp_add_stats(GstUdmTransform *trans, GstStructure *stats)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);

    gst_structure_set(stats, "originals", G_TYPE_UINT64, self->originals, "made", G_TYPE_UINT64, self->made, "repeated",
                      G_TYPE_UINT64, self->repeated, "dropped", G_TYPE_UINT64, self->dropped, NULL);
}

static void gst_udm_interp_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmInterp *self = GST_UDM_INTERP(object);
    gboolean own, renegotiate;
    GstUdmInterpOptions was;

    GST_OBJECT_LOCK(self);
    was = self->options;
    own = gst_udm_interp_options_set(&self->options, id, value);
    renegotiate = gst_udm_interp_options_renegotiate(&was, &self->options);
    if (own && gst_udm_interp_options_reopen(id))
        GST_UDM_TRANSFORM(self)->settings.version++;
    GST_OBJECT_UNLOCK(self);
    if (!own)
        G_OBJECT_CLASS(parent_class)->set_property(object, id, value, spec);
    else if (renegotiate)
        gst_base_transform_reconfigure_src(GST_BASE_TRANSFORM(self));
}

static void gst_udm_interp_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstUdmInterpOptions options = gst_udm_interp_options_copy(GST_UDM_INTERP(object));

    if (!gst_udm_interp_options_get(&options, id, value))
        G_OBJECT_CLASS(parent_class)->get_property(object, id, value, spec);
}

static void install_vfuncs(GstUdmInterpClass *klass)
{
    GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS(klass);
    GstUdmTransformClass *transform_class = GST_UDM_TRANSFORM_CLASS(klass);

    base_class->transform_caps = GST_DEBUG_FUNCPTR(gst_udm_interp_transform_caps);
    base_class->fixate_caps = GST_DEBUG_FUNCPTR(gst_udm_interp_fixate_caps);
    base_class->sink_event = GST_DEBUG_FUNCPTR(gst_udm_interp_sink_event);
    base_class->start = GST_DEBUG_FUNCPTR(gst_udm_interp_start);
    base_class->stop = GST_DEBUG_FUNCPTR(gst_udm_interp_stop);
    transform_class->works_without_model = TRUE;
    transform_class->without_model = "Frames are interpolated by motion alone";
    transform_class->suits = GST_DEBUG_FUNCPTR(gst_udm_interp_suits);
    transform_class->engine = &gst_udm_interp_engine;
    transform_class->wants_passthrough = GST_DEBUG_FUNCPTR(gst_udm_interp_wants_passthrough);
    transform_class->takes_interlaced = GST_DEBUG_FUNCPTR(gst_udm_interp_takes_interlaced);
    transform_class->prepare = GST_DEBUG_FUNCPTR(gst_udm_interp_open_rest);
    transform_class->open = GST_DEBUG_FUNCPTR(gst_udm_interp_open);
    transform_class->delay = GST_DEBUG_FUNCPTR(gst_udm_interp_delay);
    transform_class->buffers = GST_DEBUG_FUNCPTR(gst_udm_interp_buffers);
    transform_class->estimate = GST_DEBUG_FUNCPTR(gst_udm_interp_estimate);
    transform_class->fills = GST_DEBUG_FUNCPTR(gst_udm_interp_fills);
    transform_class->follows = GST_DEBUG_FUNCPTR(gst_udm_interp_follows);
    transform_class->take = GST_DEBUG_FUNCPTR(gst_udm_interp_take);
    transform_class->next = GST_DEBUG_FUNCPTR(gst_udm_interp_next);
    transform_class->end = GST_DEBUG_FUNCPTR(gst_udm_interp_end);
    transform_class->forget = GST_DEBUG_FUNCPTR(gst_udm_interp_forget);
    transform_class->add_stats = GST_DEBUG_FUNCPTR(gst_udm_interp_add_stats);
}

static void gst_udm_interp_class_init(GstUdmInterpClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    GST_DEBUG_CATEGORY_INIT(gst_udm_interp_debug, "udminterp", 0, "frame interpolation");

    object_class->set_property = gst_udm_interp_set_property;
    object_class->get_property = gst_udm_interp_get_property;
    object_class->finalize = gst_udm_interp_finalize;
    gst_udm_interp_options_install(object_class);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "Frame rate (diffusion)", "Filter/Effect/Video",
        "Interpolates frames along their motion for slow motion, other frame rates and lost frames",
        "The udm developers");
    gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_ICON_NAME, "video-x-generic");
    install_vfuncs(klass);
}

static void gst_udm_interp_init(GstUdmInterp *self)
{
    GST_UDM_TRANSFORM(self)->settings.model = g_strdup(GST_UDM_INTERP_DEFAULT_MODEL);
    gst_udm_interp_options_init(&self->options);
    g_queue_init(&self->waiting);
    g_queue_init(&self->leading);
    g_queue_init(&self->missing);
    self->last = GST_CLOCK_TIME_NONE;
}
