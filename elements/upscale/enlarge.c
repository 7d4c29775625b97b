// SPDX-License-Identifier: LGPL-2.1-or-later
// The first half of udmupscale: each pixel becomes a block of 2 or 4 pixels in width and height, as downstream asks
// for.
#include "enlarge.h"

#include "frames.h"
#include "report.h"

G_DEFINE_TYPE(GstUdmEnlarge, gst_udm_enlarge, GST_TYPE_VIDEO_FILTER)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_UDM_CAPS));

static const guint factors[] = { 2, 4 };

// ---- caps

// A size of one side of the element, as the other side has it. FALSE if there is none.
static gboolean scale(const GValue *from, GValue *to, gint factor, gboolean enlarge)
{
    if (GST_VALUE_HOLDS_LIST(from)) {
        g_value_init(to, GST_TYPE_LIST);
        for (guint i = 0; i < gst_value_list_get_size(from); i++) {
            GValue one = G_VALUE_INIT;

            if (scale(gst_value_list_get_value(from, i), &one, factor, enlarge))
                gst_value_list_append_and_take_value(to, &one);
        }
        if (gst_value_list_get_size(to) > 0)
            return TRUE;
        g_value_unset(to);
        return FALSE;
    }
    if (GST_VALUE_HOLDS_INT_RANGE(from)) {
        const gint least = gst_value_get_int_range_min(from), most = gst_value_get_int_range_max(from);
        const gint low = enlarge ? MIN(least, G_MAXINT / factor) * factor : (least - 1) / factor + 1;
        const gint high = enlarge ? MIN(most, G_MAXINT / factor) * factor : most / factor;

        if (low > high)
            return FALSE;
        g_value_init(to, low < high ? GST_TYPE_INT_RANGE : G_TYPE_INT);
        if (low < high)
            gst_value_set_int_range(to, low, high);
        else
            g_value_set_int(to, low);
        return TRUE;
    }
    if (enlarge ? g_value_get_int(from) > G_MAXINT / factor : g_value_get_int(from) % factor != 0)
        return FALSE;
    g_value_init(to, G_TYPE_INT);
    g_value_set_int(to, enlarge ? g_value_get_int(from) * factor : g_value_get_int(from) / factor);
    return TRUE;
}

static gboolean scale_side(GstStructure *structure, const char *side, gint factor, gboolean enlarge)
{
    const GValue *is = gst_structure_get_value(structure, side);
    GValue becomes = G_VALUE_INIT;

    if (!is)
        return TRUE;
    if (!scale(is, &becomes, factor, enlarge))
        return FALSE;
    gst_structure_take_value(structure, side, &becomes);
    return TRUE;
}

// What frames of fixed caps are coloured by depends on their size, unless the caps say it.
static void keep_colours(GstStructure *structure, const GstCaps *caps)
{
    GstVideoInfo info;
    char *colours;

    if (gst_structure_has_field(structure, "colorimetry") || !gst_caps_is_fixed(caps) ||
        !gst_video_info_from_caps(&info, caps))
        return;
    colours = gst_video_colorimetry_to_string(&info.colorimetry);
    if (colours)
        gst_structure_set(structure, "colorimetry", G_TYPE_STRING, colours, NULL);
    g_free(colours);
}

static void append_scaled(GstCaps *to, const GstCaps *from, guint factor, gboolean enlarge)
{
    for (guint i = 0; i < gst_caps_get_size(from); i++) {
        GstStructure *structure = gst_structure_copy(gst_caps_get_structure(from, i));

        if (!scale_side(structure, "width", (gint)factor, enlarge) ||
            !scale_side(structure, "height", (gint)factor, enlarge)) {
            gst_structure_free(structure);
            continue;
        }
        if (enlarge)
            keep_colours(structure, from);
        gst_caps_append_structure_full(to, structure, gst_caps_features_copy(gst_caps_get_features(from, i)));
    }
}

// Frames that downstream takes only as they are pass.
static gboolean is_taken(GstUdmEnlarge *self, GstCaps *caps)
{
    GstPad *pad = GST_BASE_TRANSFORM_SRC_PAD(self);
    GstCaps *taken = gst_pad_peer_query_caps(pad, NULL);
    const gboolean is = gst_caps_can_intersect(caps, taken);

    gst_caps_unref(taken);
    return is;
}

// The factor that is preferred first.
static GstCaps *transform_all(GstUdmEnlarge *self, GstPadDirection direction, GstCaps *caps)
{
    const gboolean enlarge = direction == GST_PAD_SINK;
    GstCaps *result = gst_caps_new_empty();
    guint preferred;

    GST_OBJECT_LOCK(self);
    preferred = self->factor;
    GST_OBJECT_UNLOCK(self);
    append_scaled(result, caps, preferred, enlarge);
    for (guint i = 0; i < G_N_ELEMENTS(factors); i++)
        if (factors[i] != preferred)
            append_scaled(result, caps, factors[i], enlarge);
    if (!enlarge || !is_taken(self, result))
        append_scaled(result, caps, 1, enlarge);
    return result;
}

static GstCaps *gst_udm_enlarge_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                               GstCaps *filter)
{
    GstCaps *result = transform_all(GST_UDM_ENLARGE(trans), direction, caps), *unfiltered = result;

    if (filter) {
        result = gst_caps_intersect_full(filter, unfiltered, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(unfiltered);
    }
    return result;
}

// The first that there is, and nothing that it does not say.
static GstCaps *gst_udm_enlarge_fixate_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                            GstCaps *other)
{
    return gst_caps_fixate(gst_caps_truncate(other));
}

static gboolean gst_udm_enlarge_set_info(GstVideoFilter *filter, GstCaps *in_caps, GstVideoInfo *in, GstCaps *out_caps,
                                         GstVideoInfo *out)
{
    GstUdmEnlarge *self = GST_UDM_ENLARGE(filter);
    const guint factor = (guint)(GST_VIDEO_INFO_WIDTH(out) / GST_VIDEO_INFO_WIDTH(in));

    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), factor == 1);
    self->chosen(self->context, factor);
    return TRUE;
}

// ---- frames

// Colours, and alpha, which is another image.
static gboolean enlarge(const GstUdmFrame *from, gint factor, const GstUdmFrame *to, udm_error *error)
{
    const udm_image read = gst_udm_frame_image(from), written = gst_udm_frame_image(to);
    udm_image alpha, large;

    return udm_image_enlarge(&read, factor, &written, error) &&
           (!gst_udm_frame_alpha(from, &alpha) || !gst_udm_frame_alpha(to, &large) ||
            udm_image_enlarge(&alpha, factor, &large, error));
}

static GstFlowReturn gst_udm_enlarge_transform_frame(GstVideoFilter *filter, GstVideoFrame *in, GstVideoFrame *out)
{
    const gint factor = GST_VIDEO_FRAME_WIDTH(out) / GST_VIDEO_FRAME_WIDTH(in);
    udm_error error = { 0 };
    GstUdmFrame from, to;
    gboolean done;

    gst_udm_frame_borrow(&from, in, GST_MAP_READ);
    gst_udm_frame_borrow(&to, out, GST_MAP_WRITE);
    gst_udm_frame_fill_rest(&to);
    done = enlarge(&from, factor, &to, &error);
    gst_udm_frame_give_back(&to);
    gst_udm_frame_give_back(&from);
    if (!done)
        gst_udm_report_error(GST_UDM_ENLARGE(filter)->owner, &error);
    return done ? GST_FLOW_OK : GST_FLOW_ERROR;
}

// GStreamer's own transformation drops it.
static void enlarge_crop(GstBuffer *out, const GstVideoCropMeta *crop, guint factor)
{
    GstVideoCropMeta *enlarged = gst_buffer_add_video_crop_meta(out);

    enlarged->x = crop->x * factor;
    enlarged->y = crop->y * factor;
    enlarged->width = crop->width * factor;
    enlarged->height = crop->height * factor;
}

// What lies at places of the picture moves with it, if it knows how to.
static gboolean gst_udm_enlarge_transform_meta(GstBaseTransform *trans, GstBuffer *out, GstMeta *meta, GstBuffer *in)
{
    GstVideoFilter *filter = GST_VIDEO_FILTER(trans);
    GstVideoMetaTransform scaled = { &filter->in_info, &filter->out_info };

    if (!gst_meta_api_type_has_tag(meta->info->api, g_quark_from_static_string(GST_META_TAG_VIDEO_SIZE_STR)))
        return !gst_meta_api_type_has_tag(meta->info->api, g_quark_from_static_string(GST_META_TAG_MEMORY_STR));
    if (meta->info->api == GST_VIDEO_CROP_META_API_TYPE)
        enlarge_crop(out, (const GstVideoCropMeta *)meta,
                     (guint)(GST_VIDEO_INFO_WIDTH(&filter->out_info) / GST_VIDEO_INFO_WIDTH(&filter->in_info)));
    else if (meta->info->transform_func)
        meta->info->transform_func(out, meta, in, gst_video_meta_transform_scale_get_quark(), &scaled);
    return FALSE;
}

static void report_size(GstUdmEnlarge *self, GstCaps *caps)
{
    GstVideoInfo info;

    if (gst_video_info_from_caps(&info, caps))
        GST_ELEMENT_ERROR(
            self->owner, STREAM, FORMAT,
            ("Frames of %dx%d cannot be made as large as what follows wants them: ask for %dx%d or %dx%d, "
             "and put the element videoscale after that for another size.",
             info.width, info.height, 2 * info.width, 2 * info.height, 4 * info.width, 4 * info.height),
            (NULL));
}

static gboolean gst_udm_enlarge_sink_event(GstBaseTransform *trans, GstEvent *event)
{
    GstUdmEnlarge *self = GST_UDM_ENLARGE(trans);
    GstCaps *caps = NULL;
    gboolean done;

    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
        gst_event_parse_caps(event, &caps);
        gst_caps_ref(caps);
    }
    done = GST_BASE_TRANSFORM_CLASS(gst_udm_enlarge_parent_class)->sink_event(trans, event);
    if (!done && caps) {
        GstCaps *all = transform_all(self, GST_PAD_SINK, caps);

        if (!is_taken(self, all))
            report_size(self, caps);
        gst_caps_unref(all);
    }
    gst_clear_caps(&caps);
    return done;
}

// ---- the object

static void gst_udm_enlarge_class_init(GstUdmEnlargeClass *klass)
{
    GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
    GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS(klass);
    GstVideoFilterClass *filter_class = GST_VIDEO_FILTER_CLASS(klass);

    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(element_class, "Pixels to blocks", "Filter/Converter/Video/Scaler",
                                          "Part of udmupscale", "The udm developers");
    trans_class->transform_caps = GST_DEBUG_FUNCPTR(gst_udm_enlarge_transform_caps);
    trans_class->fixate_caps = GST_DEBUG_FUNCPTR(gst_udm_enlarge_fixate_caps);
    trans_class->transform_meta = GST_DEBUG_FUNCPTR(gst_udm_enlarge_transform_meta);
    trans_class->sink_event = GST_DEBUG_FUNCPTR(gst_udm_enlarge_sink_event);
    filter_class->set_info = GST_DEBUG_FUNCPTR(gst_udm_enlarge_set_info);
    filter_class->transform_frame = GST_DEBUG_FUNCPTR(gst_udm_enlarge_transform_frame);
}

static void gst_udm_enlarge_init(GstUdmEnlarge *self)
{
    self->factor = factors[0];
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE); // what follows deals with it
}

GstElement *gst_udm_enlarge_new(GstElement *owner, void (*chosen)(gpointer context, guint factor), gpointer context)
{
    GstUdmEnlarge *self = g_object_new(GST_TYPE_UDM_ENLARGE, "name", "enlarge", NULL);

    self->owner = owner;
    self->chosen = chosen;
    self->context = context;
    return GST_ELEMENT(self);
}

void gst_udm_enlarge_prefer(GstUdmEnlarge *self, guint factor)
{
    GST_OBJECT_LOCK(self);
    self->factor = factor;
    GST_OBJECT_UNLOCK(self);
    gst_base_transform_reconfigure_src(GST_BASE_TRANSFORM(self));
}
