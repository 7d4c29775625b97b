// SPDX-License-Identifier: LGPL-2.1-or-later
// Enumerations whose values are what the engine lists, so a new method needs no change here.
#ifndef GST_UDM_CHOICES_H
#define GST_UDM_CHOICES_H

#include <gst/gst.h>

#include "udm/udm.h"

// Nicks are the names that the engine uses. Value 0 is "model": what the model was trained with, or what its scheduler
// configuration says.
GType gst_udm_sampler_get_type(void);
GType gst_udm_schedule_get_type(void);
GType gst_udm_spacing_get_type(void);
GType gst_udm_precision_get_type(void); // has no "model"

// The type with that name. Its values are "model", unless about_model is NULL, and what `list` finds, which is called
// once. type: 0 at first.
GType gst_udm_choices_type(gsize *type, const char *type_name, const char *about_model,
                           void (*list)(udm_found found, void *context));

// The nick of a value (static), and the value of a nick (0 if there is none).
const char *gst_udm_choice_name(GType type, int value);
int gst_udm_choice_value(GType type, const char *name);

#endif
