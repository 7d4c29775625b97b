// SPDX-License-Identifier: LGPL-2.1-or-later
// The caps of both pads: all but the frame rate is the same, and in mode fill that is, too.
#include "interp.h"

#include "interlaced.h"

static void multiply_rate(const GValue *rate, gint n, gint d, GValue *result)
{
    gint rate_n = gst_value_get_fraction_numerator(rate), rate_d = gst_value_get_fraction_denominator(rate);

    g_value_init(result, GST_TYPE_FRACTION);
    if (!gst_util_fraction_multiply(rate_n, rate_d, n, d, &rate_n, &rate_d))
        rate_n = n > d ? G_MAXINT : 1, rate_d = n > d ? 1 : G_MAXINT;
    gst_value_set_fraction(result, rate_n, rate_d);
}

static void multiply_rates(const GValue *rates, gint n, gint d, GValue *result)
{
    if (GST_VALUE_HOLDS_FRACTION_RANGE(rates)) {
        GValue min = G_VALUE_INIT, max = G_VALUE_INIT;

        multiply_rate(gst_value_get_fraction_range_min(rates), n, d, &min);
        multiply_rate(gst_value_get_fraction_range_max(rates), n, d, &max);
        g_value_init(result, GST_TYPE_FRACTION_RANGE);
        gst_value_set_fraction_range(result, &min, &max);
    } else if (GST_VALUE_HOLDS_LIST(rates)) {
        g_value_init(result, GST_TYPE_LIST);
        for (guint i = 0; i < gst_value_list_get_size(rates); i++) {
            GValue value = G_VALUE_INIT;

            multiply_rates(gst_value_list_get_value(rates, i), n, d, &value);
            gst_value_list_append_and_take_value(result, &value);
        }
    } else {
        multiply_rate(rates, n, d, result);
    }
}

static void transform_rate(GstStructure *structure, GstPadDirection direction, gint factor)
{
    const GValue *rates = gst_structure_get_value(structure, "framerate");
    GValue result = G_VALUE_INIT;

    if (factor == 0 || !rates) {
        gst_structure_set(structure, "framerate", GST_TYPE_FRACTION_RANGE, 0, 1, G_MAXINT, 1, NULL);
        return;
    }
    multiply_rates(rates, direction == GST_PAD_SINK ? factor : 1, direction == GST_PAD_SINK ? 1 : factor, &result);
    gst_structure_take_value(structure, "framerate", &result);
}

GstCaps *gst_udm_interp_transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps,
                                       GstCaps *filter)
{
    GstUdmInterpOptions options = gst_udm_interp_options_copy(GST_UDM_INTERP(trans));
    GstCaps *result = gst_udm_interlaced_transform(direction, caps), *unfiltered = result;

    for (guint i = 0; options.mode == GST_UDM_INTERP_MODE_RATE && i < gst_caps_get_size(result); i++)
        transform_rate(gst_caps_get_structure(result, i), direction, (gint)options.factor);
    if (filter) {
        result = gst_caps_intersect_full(filter, unfiltered, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(unfiltered);
    }
    return result;
}

GstCaps *gst_udm_interp_fixate_rate(GstPadDirection direction, GstCaps *caps, GstCaps *other)
{
    gint n, d;

    other = gst_caps_make_writable(gst_caps_truncate(other));
    if (gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &n, &d)) {
        gint up = direction == GST_PAD_SINK ? GST_UDM_INTERP_FREE_FACTOR : 1;
        gint down = direction == GST_PAD_SINK ? 1 : GST_UDM_INTERP_FREE_FACTOR;

        if (gst_util_fraction_multiply(n, d, up, down, &n, &d))
            gst_structure_fixate_field_nearest_fraction(gst_caps_get_structure(other, 0), "framerate", n, d);
    }
    return other;
}

static gboolean has_same_rate(const GstVideoInfo *in, const GstVideoInfo *out)
{
    return gst_util_fraction_compare(in->fps_n, in->fps_d, out->fps_n, out->fps_d) == 0;
}

gboolean gst_udm_interp_wants_passthrough(GstUdmTransform *trans, const GstVideoInfo *in, const GstVideoInfo *out)
{
    GstUdmInterpOptions options = gst_udm_interp_options_copy(GST_UDM_INTERP(trans));

    return options.mode == GST_UDM_INTERP_MODE_RATE && !options.de_duplicate && has_same_rate(in, out) &&
           !GST_VIDEO_INFO_IS_INTERLACED(in) && (in->fps_n > 0 || options.factor == 1) &&
           !gst_udm_interp_may_blur(GST_UDM_INTERP(trans));
}
