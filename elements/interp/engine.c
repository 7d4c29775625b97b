// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine of udminterp: pairs of frames to interpolate between, what it is opened with, and how many frames it needs
// to be held.
#include "interp.h"

#include "frames.h"
#include "interlaced.h"

// What a frame costs, roughly, compared with one by motion alone.
#define WITH_MODEL 2
#define HALF 0.25
#define QUARTER 0.09 // the frame has to be made smaller and larger

static void cancel(gpointer between, gboolean cancel)
{
    udm_interpolator_cancel(between, cancel);
}

static void get_stats(gconstpointer between, udm_stats *stats)
{
    udm_interpolator_stats(between, stats, sizeof *stats);
}

static void free_between(gpointer between)
{
    udm_interpolator_free(between);
}

const GstUdmEngine gst_udm_interp_engine = { cancel, get_stats, free_between };

gboolean gst_udm_interp_takes_interlaced(GstUdmTransform *trans, const GstCaps *caps)
{
    return !gst_udm_interp_options_copy(GST_UDM_INTERP(trans)).plan && gst_udm_caps_are_woven(caps);
}

gboolean gst_udm_interp_open_rest(GstUdmTransform *trans, const GstVideoInfo *in, const udm_settings *settings,
                                  udm_error *error)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    const gboolean told = self->unweaver != NULL;

    g_clear_pointer(&self->unweaver, gst_udm_unweaver_free);
    if (!gst_udm_interp_check_plan(self, in, error))
        return FALSE;
    if (!GST_VIDEO_INFO_IS_INTERLACED(in))
        return TRUE;
    self->unweaver = gst_udm_unweaver_new(in, settings, error);
    if (self->unweaver && !told)
        GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                            ("The video is interlaced, and each frame is made of one of its two fields alone. Put "
                             "\"udmdenoise noise-level=0 deinterlace=fields\" before this element, which sees both."),
                            (NULL));
    return self->unweaver != NULL;
}

gboolean gst_udm_interp_suits(const udm_model *model, const GstVideoInfo *in, udm_error *error)
{
    return udm_model_interpolates(model, gst_udm_info_channels(in), error);
}

// A model, if there is one, is what takes the time.
void gst_udm_interp_estimate(GstUdmTransform *trans, const GstVideoInfo *info, GstUdmCosts *costs)
{
    if (trans->model) {
        costs->of[GST_UDM_LEVEL_FULL] = WITH_MODEL;
        costs->of[GST_UDM_LEVEL_LIVE] = 1;
    }
    if (gst_udm_smaller_suits(info, 2))
        costs->of[GST_UDM_LEVEL_HALF] = HALF;
    if (gst_udm_smaller_suits(info, 4))
        costs->of[GST_UDM_LEVEL_QUARTER] = QUARTER;
}

// Settings of a network mean nothing where it is missing, or there is no time for it. Where none was asked for they are
// the user's mistake, which the engine tells.
static void forget_network(GstUdmTransform *trans, udm_settings *settings)
{
    gboolean asked;

    GST_OBJECT_LOCK(trans);
    asked = trans->settings.model && *trans->settings.model;
    GST_OBJECT_UNLOCK(trans);
    if (!asked)
        return;
    settings->steps = 1;
    if (!g_str_has_prefix(settings->device, "cpu"))
        settings->device = "auto";
}

gpointer gst_udm_interp_open(GstUdmTransform *trans, const udm_settings *settings, udm_error *error)
{
    GstUdmInterp *self = GST_UDM_INTERP(trans);
    gboolean uses_model = trans->model && trans->level == GST_UDM_LEVEL_FULL;
    udm_settings own = *settings;

    self->now = gst_udm_interp_options_copy(self);
    self->shutter.exposed = FALSE; // what was is lost with the engine
    if (self->now.mode == GST_UDM_INTERP_MODE_FILL && gst_udm_interp_may_blur(self))
        GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS,
                            ("motion-blur is not used with mode=fill, which passes frames through. Use mode=rate, or "
                             "udmslowmotion."),
                            (NULL));
    self->now.de_duplicate |= self->search.found && self->now.mode == GST_UDM_INTERP_MODE_FILL;
    if (!uses_model)
        forget_network(trans, &own);
    return udm_interpolator_open(uses_model ? gst_udm_model_get(trans->model) : NULL, &own, error);
}

guint gst_udm_interp_most_waiting(const GstUdmInterpOptions *options)
{
    if (options->lookahead == 0 || options->de_duplicate) // the next frame may be a duplicate without the GAP flag
        return 0;
    return options->mode == GST_UDM_INTERP_MODE_FILL ? options->max_gap + 1 : 1;
}

guint gst_udm_interp_most_leading(const GstUdmInterpOptions *options)
{
    return options->mode == GST_UDM_INTERP_MODE_FILL ? MIN(options->extrapolate, options->max_gap) : 0;
}

guint gst_udm_interp_delay(GstUdmTransform *trans)
{
    const GstUdmInterpOptions *now = &GST_UDM_INTERP(trans)->now;
    guint leading = gst_udm_interp_most_leading(now);

    return (now->mode == GST_UDM_INTERP_MODE_RATE) + gst_udm_interp_most_exposed(GST_UDM_INTERP(trans)) +
           (now->mode == GST_UDM_INTERP_MODE_FILL || now->de_duplicate ? now->max_gap : 0) +
           gst_udm_interp_most_waiting(now) +
           (leading > 0 ? leading + 1 : 0); // they wait for two known frames, with a gap between those
}

guint gst_udm_interp_buffers(GstUdmTransform *trans)
{
    return gst_udm_interp_delay(trans) + 3; // the two neighbours before, and the one that a frame is like
}
