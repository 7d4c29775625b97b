// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that all elements share: which model to use, on which device, and how.
#ifndef GST_UDM_SETTINGS_H
#define GST_UDM_SETTINGS_H

#include <gst/gst.h>

#include "udm/udm.h"

// The flag of a property that names a file or an address to read from, which nobody else than the application may say.
#define GST_UDM_PARAM_READS GST_PARAM_USER_SHIFT // the first bit that GStreamer leaves free

// Ids of the shared properties; those of an element start at GST_UDM_PROP_OWN.
enum {
    GST_UDM_PROP_MODEL = 1,
    GST_UDM_PROP_DEVICE,
    GST_UDM_PROP_PRECISION,
    GST_UDM_PROP_N_THREADS,
    GST_UDM_PROP_STEPS,
    GST_UDM_PROP_SAMPLER,
    GST_UDM_PROP_SCHEDULE,
    GST_UDM_PROP_SPACING,
    GST_UDM_PROP_SEED,
    GST_UDM_PROP_STATS,
    GST_UDM_PROP_OWN,
};

// Part of an element, under its object lock.
typedef struct GstUdmSettings {
    char *model;
    char *device;
    int n_threads, steps;
    int precision, sampler, schedule, spacing; // values of the types in choices.h
    guint64 seed;
    guint version; // incremented by all changes that need the engine to be opened anew
} GstUdmSettings;

// Installs them all but "model", which each element installs with its own default and blurb; so it has for "steps".
void gst_udm_settings_install(GObjectClass *object_class, int steps, const char *steps_blurb);

// The property "lookahead", of elements that have one; a minimum of -1 is for those that can choose.
GParamSpec *gst_udm_lookahead_spec(int minimum, int maximum, int value);

void gst_udm_settings_init(GstUdmSettings *settings, const char *model, int steps);
void gst_udm_settings_clear(GstUdmSettings *settings);

// FALSE if the id is none of the shared ones, or that of "stats", which is left to the element.
gboolean gst_udm_settings_set(GstUdmSettings *settings, guint id, const GValue *value);
gboolean gst_udm_settings_get(const GstUdmSettings *settings, guint id, GValue *value);

// The engine's settings but for the size; the device's name is interned, the rest static.
udm_settings gst_udm_settings_to_engine(const GstUdmSettings *settings);

#endif
