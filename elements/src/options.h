// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of udmsrc.
#ifndef GST_UDM_SRC_OPTIONS_H
#define GST_UDM_SRC_OPTIONS_H

#include "settings.h"

#define GST_UDM_SRC_DEFAULT_MODEL "digits"
#define GST_UDM_SRC_DEFAULT_STEPS 10

enum {
    GST_UDM_SRC_PROP_CLASS_LABEL = GST_UDM_PROP_OWN,
    GST_UDM_SRC_PROP_PROMPT,
    GST_UDM_SRC_PROP_NEGATIVE_PROMPT,
    GST_UDM_SRC_PROP_GUIDANCE_SCALE,
    GST_UDM_SRC_PROP_GUIDANCE_RESCALE,
    GST_UDM_SRC_PROP_RESIDUAL_GUIDANCE,
    GST_UDM_SRC_PROP_KEEP_STATE,
    GST_UDM_SRC_PROP_NUM_FRAMES,
    GST_UDM_SRC_PROP_SCENE_LENGTH,
    GST_UDM_SRC_PROP_CONTINUE_FROM,
    GST_UDM_SRC_PROP_IMAGE,
    GST_UDM_SRC_PROP_LORA,
    GST_UDM_SRC_PROP_MEMORY_LIMIT,
    GST_UDM_SRC_PROP_PREVIEW,
    GST_UDM_SRC_PROP_IS_LIVE, // left to GstBaseSrc
};

// Part of the element, which guards it by its object lock.
typedef struct GstUdmSrcOptions {
    gint class_label;
    char *prompt, *negative_prompt; // or NULL
    gdouble guidance_scale, guidance_rescale;
    gboolean residual_guidance, keep_state;
    gint64 num_frames;
    gint scene_length;
    char *continue_from, *image; // files or URIs, or NULL
    char *lora, *memory_limit;   // or NULL
    gboolean preview;
} GstUdmSrcOptions;

void gst_udm_src_options_install(GObjectClass *object_class); // with the shared ones

void gst_udm_src_options_init(GstUdmSrcOptions *options);
void gst_udm_src_options_clear(GstUdmSrcOptions *options);

// FALSE if the id is none of these.
gboolean gst_udm_src_options_set(GstUdmSrcOptions *options, guint id, const GValue *value);
gboolean gst_udm_src_options_get(const GstUdmSrcOptions *options, guint id, GValue *value);
gboolean gst_udm_src_options_reopen(guint id); // whether it changes what the engine is opened with

#endif
