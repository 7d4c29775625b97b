// SPDX-License-Identifier: LGPL-2.1-or-later
// udmslowmotion: the element, its properties and its registration.
/**
 * SECTION:element-udmslowmotion
 * @title: udmslowmotion
 * @short_description: slow motion
 *
 * udmslowmotion slows video down to #GstUdmSlowmotion:speed and makes the frames that are missing then, along their
 * motion, at the frame rate of the input. At half the speed every second frame is made, at a quarter three of four; the
 * others are the frames of the input, bit for bit. A control source may change the speed over time, which is that of
 * the input.
 *
 * Seeks, segments and durations are translated. It is a bin: udminterp makes the frames, and of interlaced video
 * udmdenoise makes a picture of each field first.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! udmslowmotion speed=0.25 ! x264enc ! mp4mux !
 *     filesink location=slow.mp4
 * ]|
 * Slows a video down to a quarter of its speed.
 * |[
 * ges-launch-1.0 +clip in.mp4 +effect udmslowmotion set-speed 0.5
 * ]|
 * Plays a clip at half its speed in the timeline of a video editor.
 *
 * Since: 0.2
 */
#include "slowmotion.h"

#include <gst/controller/gstproxycontrolbinding.h>

#include "bins.h"
#include "interlaced.h"
#include "retime.h"

#define LEAST_SPEED 0.05
#define DEFAULT_SPEED 0.5
#define DEFAULT_MODEL ""
#define DEFAULT_MOTION_BLUR 0
#define DEFAULT_RATE 25 // of video that does not say

enum {
    PROP_SPEED = 1,
    PROP_MODEL,
    PROP_MOTION_BLUR,
    PROP_STATS,
};

struct _GstUdmSlowmotion {
    GstBin parent;

    // under the object lock
    gdouble speed, motion_blur;
    char *model;
    GstElement *interp, *filter; // from the first READY state on
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_SINK_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

G_DEFINE_TYPE(GstUdmSlowmotion, gst_udm_slowmotion, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(udmslowmotion, "udmslowmotion", GST_RANK_NONE, GST_TYPE_UDM_SLOWMOTION)

// The rate of the output is that of the input, unless downstream needs another.
static void prefer_rate(gpointer context, gint fps_n, gint fps_d)
{
    GstUdmSlowmotion *self = context;
    GstCaps *caps = gst_caps_new_simple("video/x-raw", "framerate", GST_TYPE_FRACTION, fps_n ? fps_n : DEFAULT_RATE,
                                        fps_n ? fps_d : 1, NULL);

    gst_caps_append(caps, gst_caps_new_empty_simple("video/x-raw"));
    g_object_set(self->filter, "caps", caps, NULL);
    gst_caps_unref(caps);
}

static void gst_udm_slowmotion_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmSlowmotion *self = GST_UDM_SLOWMOTION(object);
    GstElement *interp;

    GST_OBJECT_LOCK(self);
    if (id == PROP_SPEED) {
        self->speed = g_value_get_double(value);
    } else if (id == PROP_MODEL) {
        g_free(self->model);
        self->model = g_value_dup_string(value);
    } else if (id == PROP_MOTION_BLUR) {
        self->motion_blur = g_value_get_double(value);
    } else {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
    GST_OBJECT_UNLOCK(self);
    interp = gst_udm_bin_ref_child(GST_ELEMENT(self), &self->interp);
    if ((id == PROP_MODEL || id == PROP_MOTION_BLUR) && interp)
        g_object_set_property(G_OBJECT(interp), spec->name, value);
    if (id == PROP_SPEED)
        gst_element_post_message(GST_ELEMENT(self), gst_message_new_duration_changed(GST_OBJECT(self)));
    gst_clear_object(&interp);
}

static GstStructure *get_stats(GstUdmSlowmotion *self)
{
    GstElement *interp = gst_udm_bin_ref_child(GST_ELEMENT(self), &self->interp);
    GstStructure *stats = NULL;

    if (!interp)
        return gst_structure_new_empty("application/x-udm-stats");
    g_object_get(interp, "stats", &stats, NULL);
    gst_object_unref(interp);
    return stats;
}

static void gst_udm_slowmotion_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstUdmSlowmotion *self = GST_UDM_SLOWMOTION(object);

    if (id == PROP_STATS) {
        g_value_take_boxed(value, get_stats(self));
        return;
    }
    GST_OBJECT_LOCK(self);
    if (id == PROP_SPEED)
        g_value_set_double(value, self->speed);
    else if (id == PROP_MODEL)
        g_value_set_string(value, self->model);
    else if (id == PROP_MOTION_BLUR)
        g_value_set_double(value, self->motion_blur);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    GST_OBJECT_UNLOCK(self);
}

// ---- the elements in the bin

// Once they are needed, and not before (bins.h).
static void fill(GstUdmSlowmotion *self)
{
    GstElement *fields, *retime, *interp, *filter;

    if (self->interp)
        return;
    fields = gst_element_factory_make("udmdenoise", "fields"); // of which each is a picture
    g_object_set(fields, "model", "", NULL);
    gst_util_set_object_arg(G_OBJECT(fields), "deinterlace", "fields");
    retime = gst_udm_retime_new(GST_OBJECT(self), prefer_rate, self);
    interp = gst_element_factory_make("udminterp", "interp");
    filter = gst_element_factory_make("capsfilter", "filter");
    // Of the frames that follow the last one of a scene, none repeats it.
    g_object_set(interp, "model", self->model, "motion-blur", self->motion_blur, "extrapolate",
                 (guint)(1 / LEAST_SPEED), NULL);
    gst_object_add_control_binding(GST_OBJECT(interp), gst_proxy_control_binding_new(GST_OBJECT(interp), "motion-blur",
                                                                                     GST_OBJECT(self), "motion-blur"));
    gst_bin_add_many(GST_BIN(self), fields, retime, interp, filter, NULL);
    gst_element_link_many(fields, retime, interp, filter, NULL);
    gst_udm_bin_aim(GST_ELEMENT(self), fields, "sink");
    gst_udm_bin_aim(GST_ELEMENT(self), filter, "src");
    GST_OBJECT_LOCK(self);
    self->interp = interp;
    self->filter = filter;
    GST_OBJECT_UNLOCK(self);
}

static GstStateChangeReturn gst_udm_slowmotion_change_state(GstElement *element, GstStateChange transition)
{
    if (transition == GST_STATE_CHANGE_NULL_TO_READY)
        fill(GST_UDM_SLOWMOTION(element));
    return GST_ELEMENT_CLASS(gst_udm_slowmotion_parent_class)->change_state(element, transition);
}

// ---- the object

static void gst_udm_slowmotion_finalize(GObject *object)
{
    g_free(GST_UDM_SLOWMOTION(object)->model);
    G_OBJECT_CLASS(gst_udm_slowmotion_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *object_class)
{
    /**
     * GstUdmSlowmotion:speed:
     *
     * The speed, as a fraction of that of the input. With a control source it changes over the time of the input; set
     * while playing, it holds from the next frame on.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_SPEED,
        g_param_spec_double("speed", "Speed", "Speed as a fraction of that of the input (0.5 = half the speed)",
                            LEAST_SPEED, 1, DEFAULT_SPEED,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE |
                                GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmSlowmotion:model:
     *
     * The model that refines frames, as #GstUdmInterp:model.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_MODEL,
        g_param_spec_string("model", "Model (expert)",
                            "Model to refine frames with, such as interp (empty = motion alone)", DEFAULT_MODEL,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmSlowmotion:motion-blur:
     *
     * The angle of a shutter, as #GstUdmInterp:motion-blur. Frames of the input are blurred, too. The times of a
     * control source are those of the output.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_MOTION_BLUR,
        g_param_spec_double("motion-blur", "Motion blur",
                            "Shutter angle in degrees by which frames are blurred along their motion (0 = no blur)", 0,
                            360, DEFAULT_MOTION_BLUR,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE |
                                GST_PARAM_MUTABLE_PLAYING));
    /**
     * GstUdmSlowmotion:stats:
     *
     * Statistics, as #GstUdmTransform:stats of udminterp has them: `originals`, `made` and `repeated` frames, and more.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_STATS,
                                    g_param_spec_boxed("stats", "Statistics",
                                                       "Statistics: frames of the input, made and repeated ones, times",
                                                       GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void gst_udm_slowmotion_class_init(GstUdmSlowmotionClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    object_class->set_property = gst_udm_slowmotion_set_property;
    object_class->get_property = gst_udm_slowmotion_get_property;
    object_class->finalize = gst_udm_slowmotion_finalize;
    element_class->change_state = GST_DEBUG_FUNCPTR(gst_udm_slowmotion_change_state);
    install_properties(object_class);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Slow motion (diffusion)", "Filter/Effect/Video",
                                          "Slows video down and makes the missing frames along their motion",
                                          "The udm developers");
    gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_ICON_NAME, "video-x-generic");
}

static void gst_udm_slowmotion_init(GstUdmSlowmotion *self)
{
    self->speed = DEFAULT_SPEED;
    self->model = g_strdup(DEFAULT_MODEL);
    gst_udm_bin_add_pad(GST_ELEMENT(self), "sink");
    gst_udm_bin_add_pad(GST_ELEMENT(self), "src");
}
