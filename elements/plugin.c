// SPDX-License-Identifier: LGPL-2.1-or-later
// The plugin: registers its elements and does nothing else, for it runs in the scanner of every application.
#include <gst/gst.h>

#include "denoise/denoise.h"
#include "interp/interp.h"
#include "slowmotion/slowmotion.h"
#include "src/src.h"
#include "upscale/upscale.h"

static gboolean plugin_init(GstPlugin *plugin)
{
    gboolean denoise = GST_ELEMENT_REGISTER(udmdenoise, plugin);
    gboolean interp = GST_ELEMENT_REGISTER(udminterp, plugin);
    gboolean slowmotion = GST_ELEMENT_REGISTER(udmslowmotion, plugin);
    gboolean upscale = GST_ELEMENT_REGISTER(udmupscale, plugin);

    return GST_ELEMENT_REGISTER(udmsrc, plugin) && denoise && interp && slowmotion && upscale;
}

#define PACKAGE "udm"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, udm,
                  "Denoising, interpolation and generation of video with diffusion models", plugin_init, UDM_VERSION,
                  "LGPL", "udm", "Unknown package origin")
