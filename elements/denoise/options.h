// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of udmdenoise, but for those that all elements share.
#ifndef GST_UDM_DENOISE_OPTIONS_H
#define GST_UDM_DENOISE_OPTIONS_H

#include "settings.h"

#define GST_UDM_DENOISE_DEFAULT_MODEL "auto"

/**
 * GstUdmDenoiseDeinterlace:
 * @GST_UDM_DENOISE_DEINTERLACE_AUTO: as frames, but fields of one picture are found and woven
 * @GST_UDM_DENOISE_DEINTERLACE_OFF: interlaced video is an error
 * @GST_UDM_DENOISE_DEINTERLACE_FRAMES: one frame for each that goes in, at the instant of its first field
 * @GST_UDM_DENOISE_DEINTERLACE_FIELDS: one frame for each field, at twice the frame rate
 * @GST_UDM_DENOISE_DEINTERLACE_TELECINE: each picture of film once, woven of its fields, and each frame of video
 *
 * What becomes of interlaced video.
 *
 * Since: 0.2
 */
typedef enum GstUdmDenoiseDeinterlace {
    GST_UDM_DENOISE_DEINTERLACE_AUTO,
    GST_UDM_DENOISE_DEINTERLACE_OFF,
    GST_UDM_DENOISE_DEINTERLACE_FRAMES,
    GST_UDM_DENOISE_DEINTERLACE_FIELDS,
    GST_UDM_DENOISE_DEINTERLACE_TELECINE,
} GstUdmDenoiseDeinterlace;

#define GST_TYPE_UDM_DENOISE_DEINTERLACE (gst_udm_denoise_deinterlace_get_type())
GType gst_udm_denoise_deinterlace_get_type(void);

// Part of the element, which guards it by its object lock.
typedef struct GstUdmDenoiseOptions {
    gdouble noise_level, strength, amount, grain;
    gdouble dirt, deflicker, stabilize_gate;
    gint lookahead, ensemble;
    const char *plan;                     // interned; NULL: none
    const char *prompt, *negative_prompt; // interned; "" where nothing is said
    gdouble guidance_scale;               // or -1
    GstUdmDenoiseDeinterlace deinterlace;
} GstUdmDenoiseOptions;

void gst_udm_denoise_options_install(GObjectClass *object_class);
void gst_udm_denoise_options_init(GstUdmDenoiseOptions *options);

// FALSE if the id is none of these.
gboolean gst_udm_denoise_options_set(GstUdmDenoiseOptions *options, guint id, const GValue *value);
gboolean gst_udm_denoise_options_get(const GstUdmDenoiseOptions *options, guint id, GValue *value);
gboolean gst_udm_denoise_options_reopen(guint id); // whether it changes what the engine is opened with

#endif
