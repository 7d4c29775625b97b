// SPDX-License-Identifier: LGPL-2.1-or-later
// Interlaced video is refused with a message that says what to do.
#include "interlaced.h"

static GstStaticCaps interlaced_caps = GST_STATIC_CAPS(GST_UDM_INTERLACED_CAPS);

gboolean gst_udm_caps_are_interlaced(const GstCaps *caps)
{
    GstCaps *interlaced = gst_static_caps_get(&interlaced_caps);
    gboolean are = gst_caps_is_subset(caps, interlaced);

    gst_caps_unref(interlaced);
    return are;
}

static const char *mode_of(const GstCaps *caps)
{
    return gst_structure_get_string(gst_caps_get_structure(caps, 0), "interlace-mode");
}

gboolean gst_udm_caps_are_woven(const GstCaps *caps)
{
    return g_strcmp0(mode_of(caps), "interleaved") == 0 || g_strcmp0(mode_of(caps), "mixed") == 0;
}

gboolean gst_udm_caps_have_fields(const GstCaps *caps)
{
    return gst_udm_caps_are_woven(caps) || g_strcmp0(mode_of(caps), "alternate") == 0;
}

GstVideoInfo gst_udm_progressive_info(const GstVideoInfo *interlaced)
{
    GstVideoInfo info = *interlaced;

    if (!GST_VIDEO_INFO_IS_INTERLACED(interlaced))
        return info;
    gst_video_info_set_format(
        &info, GST_VIDEO_INFO_FORMAT(interlaced), (guint)GST_VIDEO_INFO_WIDTH(interlaced),
        (guint)GST_VIDEO_INFO_HEIGHT(interlaced)); // memory, too: there may be fewer rows of chroma
    info.colorimetry = interlaced->colorimetry;    // which the size does not decide here
    info.chroma_site = interlaced->chroma_site;
    info.fps_n = interlaced->fps_n, info.fps_d = interlaced->fps_d;
    info.par_n = interlaced->par_n, info.par_d = interlaced->par_d;
    return info;
}

static gboolean make_progressive(GstCapsFeatures *features, GstStructure *structure, gpointer data)
{
    (void)data;
    gst_structure_set(structure, "interlace-mode", G_TYPE_STRING, "progressive", NULL);
    gst_structure_remove_field(structure, "field-order");
    gst_caps_features_remove(features, GST_CAPS_FEATURE_FORMAT_INTERLACED);
    return TRUE;
}

// Each structure with each way to be interlaced.
static GstCaps *all_interlaced(const GstCaps *caps)
{
    GstCaps *interlaced = gst_static_caps_get(&interlaced_caps), *all = gst_caps_new_empty();

    for (guint i = 0; i < gst_caps_get_size(caps); i++)
        for (guint k = 0; k < gst_caps_get_size(interlaced); k++) {
            GstStructure *structure = gst_structure_copy(gst_caps_get_structure(caps, i));
            const GValue *modes = gst_structure_get_value(gst_caps_get_structure(interlaced, k), "interlace-mode");

            gst_structure_set_value(structure, "interlace-mode", modes);
            gst_caps_append_structure_full(all, structure,
                                           gst_caps_features_copy(gst_caps_get_features(interlaced, k)));
        }
    gst_caps_unref(interlaced);
    return all;
}

GstCaps *gst_udm_interlaced_transform(GstPadDirection direction, const GstCaps *caps)
{
    GstCaps *result = gst_caps_copy(caps);

    if (direction == GST_PAD_SRC)
        return gst_caps_merge(result, all_interlaced(caps));
    gst_caps_map_in_place(result, make_progressive, NULL);
    return result;
}

void gst_udm_report_interlaced(GstElement *element)
{
    GstElementFactory *factory = gst_element_get_factory(element);

    GST_ELEMENT_ERROR(element, STREAM, FORMAT,
                      ("The video is interlaced: the lines of a frame show two instants. Put the element deinterlace "
                       "before this one: ... ! deinterlace ! %s ! ...",
                       GST_OBJECT_NAME(factory ? GST_OBJECT(factory) : GST_OBJECT(element))),
                      (NULL));
}
