// SPDX-License-Identifier: LGPL-2.1-or-later
// udmupscale: the element, its properties and its registration.
/**
 * SECTION:element-udmupscale
 * @title: udmupscale
 * @short_description: super-resolution
 *
 * udmupscale makes video larger, two or four times in width and height, and draws the detail that a network expects
 * there. Caps say how large: what downstream asks for, or #GstUdmUpscale:factor times the input where it asks for
 * nothing. Frames that are as large as wanted pass. The mean of the pixels that are made of one is that one.
 *
 * It is a bin: frames, those of interlaced video once they are deinterlaced, are enlarged to blocks, of which
 * udmdenoise makes pictures.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! udmupscale factor=4 ! videoconvert ! x264enc !
 *     mp4mux ! filesink location=out.mp4
 * ]|
 * Makes a video four times as wide and high.
 * |[
 * gst-launch-1.0 ... ! udmupscale ! video/x-raw,width=1920 ! ...
 * ]|
 * Makes 1920x1080 of 960x540, or of 480x270.
 *
 * Since: 0.2
 */
#include "upscale.h"

#include "bins.h"
#include "enlarge.h"
#include "interlaced.h"

#define DEFAULT_FACTOR 2
#define DEFAULT_MODEL "super4"
#define DEFAULT_DEVICE "auto"

enum {
    PROP_FACTOR = 1,
    PROP_MODEL,
    PROP_DEVICE,
    PROP_STATS,
};

struct _GstUdmUpscale {
    GstBin parent;

    // under the object lock
    gint factor;
    char *model, *device;
    GstElement *enlarge, *restore; // from the first READY state on
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_SINK_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

G_DEFINE_TYPE(GstUdmUpscale, gst_udm_upscale, GST_TYPE_BIN)
GST_ELEMENT_REGISTER_DEFINE(udmupscale, "udmupscale", GST_RANK_NONE, GST_TYPE_UDM_UPSCALE)

static GType factor_type(void)
{
    static const GEnumValue values[] = {
        { 1, "1: as large as it is", "1" },
        { 2, "2: twice as wide and high", "2" },
        { 4, "4: four times as wide and high", "4" },
        { 0, NULL, NULL },
    };
    static gsize type = 0;

    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstUdmUpscaleFactor", values));
    return type;
}

// Of a factor of 1 there is nothing to restore.
static void restore_blocks(gpointer context, guint factor)
{
    g_object_set(GST_UDM_UPSCALE(context)->restore, "amount", factor > 1 ? (gdouble)factor : 0, NULL);
}

// One of the elements in the bin, or NULL if it is empty yet.
static void keep(GstUdmUpscale *self, guint id, const GValue *value)
{
    char **text = id == PROP_MODEL ? &self->model : &self->device;

    GST_OBJECT_LOCK(self);
    if (id == PROP_FACTOR) {
        self->factor = g_value_get_enum(value);
    } else {
        g_free(*text);
        *text = g_value_dup_string(value);
    }
    GST_OBJECT_UNLOCK(self);
}

static void gst_udm_upscale_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstUdmUpscale *self = GST_UDM_UPSCALE(object);
    GstElement *child;

    if (id != PROP_FACTOR && id != PROP_MODEL && id != PROP_DEVICE) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        return;
    }
    keep(self, id, value);
    child = gst_udm_bin_ref_child(GST_ELEMENT(self), id == PROP_FACTOR ? &self->enlarge : &self->restore);
    if (child && id == PROP_FACTOR)
        gst_udm_enlarge_prefer(GST_UDM_ENLARGE(child), (guint)g_value_get_enum(value));
    else if (child)
        g_object_set_property(G_OBJECT(child), spec->name, value);
    gst_clear_object(&child);
}

static GstStructure *get_stats(GstUdmUpscale *self)
{
    GstElement *restore = gst_udm_bin_ref_child(GST_ELEMENT(self), &self->restore);
    GstStructure *stats = NULL;

    if (!restore)
        return gst_structure_new_empty("application/x-udm-stats");
    g_object_get(restore, "stats", &stats, NULL);
    gst_object_unref(restore);
    return stats;
}

static void gst_udm_upscale_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstUdmUpscale *self = GST_UDM_UPSCALE(object);

    if (id == PROP_STATS) {
        g_value_take_boxed(value, get_stats(self));
        return;
    }
    GST_OBJECT_LOCK(self);
    if (id == PROP_FACTOR)
        g_value_set_enum(value, self->factor);
    else if (id == PROP_MODEL)
        g_value_set_string(value, self->model);
    else if (id == PROP_DEVICE)
        g_value_set_string(value, self->device);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    GST_OBJECT_UNLOCK(self);
}

// ---- the elements in the bin

// Once they are needed, and not before (bins.h).
static void fill(GstUdmUpscale *self)
{
    GstElement *fields, *enlarge, *restore;

    if (self->restore)
        return;
    fields = gst_element_factory_make("udmdenoise", "fields"); // of which frames are made
    g_object_set(fields, "model", "", NULL);
    enlarge = gst_udm_enlarge_new(GST_ELEMENT(self), restore_blocks, self);
    restore = gst_element_factory_make("udmdenoise", "restore");
    gst_udm_enlarge_prefer(GST_UDM_ENLARGE(enlarge), (guint)self->factor);
    g_object_set(restore, "model", self->model, "device", self->device, NULL);
    gst_bin_add_many(GST_BIN(self), fields, enlarge, restore, NULL);
    gst_element_link_many(fields, enlarge, restore, NULL);
    gst_udm_bin_aim(GST_ELEMENT(self), fields, "sink");
    gst_udm_bin_aim(GST_ELEMENT(self), restore, "src");
    GST_OBJECT_LOCK(self);
    self->enlarge = enlarge;
    self->restore = restore;
    GST_OBJECT_UNLOCK(self);
}

static GstStateChangeReturn gst_udm_upscale_change_state(GstElement *element, GstStateChange transition)
{
    if (transition == GST_STATE_CHANGE_NULL_TO_READY)
        fill(GST_UDM_UPSCALE(element));
    return GST_ELEMENT_CLASS(gst_udm_upscale_parent_class)->change_state(element, transition);
}

// ---- the object

static void gst_udm_upscale_finalize(GObject *object)
{
    g_free(GST_UDM_UPSCALE(object)->model);
    g_free(GST_UDM_UPSCALE(object)->device);
    G_OBJECT_CLASS(gst_udm_upscale_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *object_class)
{
    const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

    /**
     * GstUdmUpscale:factor:
     *
     * How many times as wide and high frames become, where downstream leaves that open.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_FACTOR,
        g_param_spec_enum("factor", "Factor", "How many times as wide and high, unless downstream's caps say it",
                          factor_type(), DEFAULT_FACTOR, flags));
    gst_type_mark_as_plugin_api(factor_type(), 0);
    /**
     * GstUdmUpscale:model:
     *
     * The model, one of the process "pixelate".
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_MODEL,
        g_param_spec_string("model", "Model (expert)", "Model that makes pictures of blocks", DEFAULT_MODEL, flags));
    /**
     * GstUdmUpscale:device:
     *
     * The device to compute on, as #GstUdmTransform:device.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, PROP_DEVICE,
        g_param_spec_string("device", "Device (expert)",
                            "Device to compute on: cpu, opencl, opencl:N (auto = the fastest)", DEFAULT_DEVICE, flags));
    /**
     * GstUdmUpscale:stats:
     *
     * Statistics, as #GstUdmTransform:stats of udmdenoise has them.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, PROP_STATS,
                                    g_param_spec_boxed("stats", "Statistics",
                                                       "Statistics: frames, times, memory, device", GST_TYPE_STRUCTURE,
                                                       G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void gst_udm_upscale_class_init(GstUdmUpscaleClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);

    object_class->set_property = gst_udm_upscale_set_property;
    object_class->get_property = gst_udm_upscale_get_property;
    object_class->finalize = gst_udm_upscale_finalize;
    element_class->change_state = GST_DEBUG_FUNCPTR(gst_udm_upscale_change_state);
    install_properties(object_class);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    // Not an effect: those of editors keep the size.
    gst_element_class_set_static_metadata(
        element_class, "Upscale (diffusion)", "Filter/Converter/Video/Scaler",
        "Makes video two or four times as wide and high, with the detail of a network", "The udm developers");
    gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_ICON_NAME, "video-x-generic");
}

static void gst_udm_upscale_init(GstUdmUpscale *self)
{
    self->factor = DEFAULT_FACTOR;
    self->model = g_strdup(DEFAULT_MODEL);
    self->device = g_strdup(DEFAULT_DEVICE);
    gst_udm_bin_add_pad(GST_ELEMENT(self), "sink");
    gst_udm_bin_add_pad(GST_ELEMENT(self), "src");
}
