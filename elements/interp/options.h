// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of udminterp, but for those that all elements share.
#ifndef GST_UDM_INTERP_OPTIONS_H
#define GST_UDM_INTERP_OPTIONS_H

#include "settings.h"

#define GST_UDM_INTERP_DEFAULT_MODEL ""

/**
 * GstUdmInterpMode:
 * @GST_UDM_INTERP_MODE_RATE: change the frame rate
 * @GST_UDM_INTERP_MODE_FILL: keep the frame rate and replace duplicates
 *
 * What udminterp interpolates.
 *
 * Since: 0.2
 */
typedef enum GstUdmInterpMode { GST_UDM_INTERP_MODE_RATE, GST_UDM_INTERP_MODE_FILL } GstUdmInterpMode;

#define GST_TYPE_UDM_INTERP_MODE (gst_udm_interp_mode_get_type())

GType gst_udm_interp_mode_get_type(void);

// Part of the element, which guards it by its object lock.
typedef struct GstUdmInterpOptions {
    GstUdmInterpMode mode;
    guint factor;
    gdouble scene_threshold;
    guint extrapolate;
    gboolean de_duplicate, fill_gaps;
    guint max_gap;
    gint lookahead;
    gdouble motion_blur; // read for each frame
    const char *plan;    // interned; NULL: none
} GstUdmInterpOptions;

void gst_udm_interp_options_install(GObjectClass *object_class);
void gst_udm_interp_options_init(GstUdmInterpOptions *options);

// FALSE if the id is none of these.
gboolean gst_udm_interp_options_set(GstUdmInterpOptions *options, guint id, const GValue *value);
gboolean gst_udm_interp_options_get(const GstUdmInterpOptions *options, guint id, GValue *value);
// Whether the change of an option changes what both sides agreed on.
gboolean gst_udm_interp_options_renegotiate(const GstUdmInterpOptions *was, const GstUdmInterpOptions *is);
gboolean gst_udm_interp_options_reopen(guint id); // whether the engine is opened anew for it

#endif
