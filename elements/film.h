// SPDX-License-Identifier: LGPL-2.1-or-later
// What udmsrc is asked for: the properties that are its own.
#ifndef GST_UDM_FILM_H
#define GST_UDM_FILM_H

#include "settings.h"

enum {
    GST_UDM_FILM_PROP_CLASS = GST_UDM_PROP_OWN,
    GST_UDM_FILM_PROP_GUIDANCE_SCALE,
    GST_UDM_FILM_PROP_GUIDANCE_RESCALE,
    GST_UDM_FILM_PROP_RESIDUAL_GUIDANCE,
    GST_UDM_FILM_PROP_KEEP_STATE,
    GST_UDM_FILM_PROP_NUM_FRAMES,
    GST_UDM_FILM_PROP_SCENE_LENGTH,
    GST_UDM_FILM_PROP_CONTINUE_FROM,
    GST_UDM_FILM_PROP_PREVIEW,
    GST_UDM_FILM_PROP_IS_LIVE, // left to GstBaseSrc
};

// Part of the element, which guards it by its object lock.
typedef struct GstUdmFilm {
    gint class;
    gdouble guidance_scale, guidance_rescale;
    gboolean residual_guidance, keep_state;
    gint64 num_frames;
    gint scene_length;
    char *continue_from; // a file or URI, or NULL
    gboolean preview;
    guint version; // counts the changes of what a source is opened with
} GstUdmFilm;

void gst_udm_film_install(GObjectClass *object_class);

void gst_udm_film_init(GstUdmFilm *film);
void gst_udm_film_clear(GstUdmFilm *film);

// FALSE if the id is none of these.
gboolean gst_udm_film_set(GstUdmFilm *film, guint id, const GValue *value);
gboolean gst_udm_film_get(const GstUdmFilm *film, guint id, GValue *value);

#endif
