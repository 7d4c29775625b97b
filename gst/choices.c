// SPDX-License-Identifier: LGPL-2.1-or-later
// Enumerations whose values are what the engine lists.
#include "choices.h"

#include "udm/udm.h"

static void append(void *context, const char *name, const char *about)
{
    GArray *values = context;
    char *text = g_strconcat(name, ": ", about, NULL); // editors show only this
    GEnumValue value = { (int)values->len, g_intern_string(text), g_intern_string(name) };

    g_array_append_val(values, value);
    g_free(text);
}

// The values live as long as the type, which is as long as the process.
static GType register_choices(const char *type_name, GArray *values)
{
    GType type = g_enum_register_static(type_name, (GEnumValue *)(void *)g_array_free(values, FALSE));

    gst_type_mark_as_plugin_api(type, 0);
    return type;
}

GType gst_udm_choices_type(gsize *type, const char *type_name, const char *about_model,
                           void (*list)(udm_found found, void *context))
{
    if (g_once_init_enter(type)) {
        GArray *values = g_array_new(TRUE, TRUE, sizeof(GEnumValue));

        if (about_model)
            append(values, "model", about_model);
        list(append, values);
        g_once_init_leave(type, register_choices(type_name, values));
    }
    return *type;
}

GType gst_udm_sampler_get_type(void)
{
    static gsize type = 0;

    return gst_udm_choices_type(&type, "GstUdmSampler", "the method in the model's scheduler configuration",
                                udm_list_samplers);
}

GType gst_udm_schedule_get_type(void)
{
    static gsize type = 0;

    return gst_udm_choices_type(&type, "GstUdmSchedule", "the schedule that the model was trained with",
                                udm_list_schedules);
}

GType gst_udm_spacing_get_type(void)
{
    static gsize type = 0;

    return gst_udm_choices_type(&type, "GstUdmSpacing", "the spacing in the model's scheduler configuration",
                                udm_list_spacings);
}

GType gst_udm_precision_get_type(void)
{
    static gsize type = 0;

    return gst_udm_choices_type(&type, "GstUdmPrecision", NULL, udm_list_precisions);
}

const char *gst_udm_choice_name(GType type, int value)
{
    GEnumClass *choices = g_type_class_ref(type);
    const GEnumValue *found = g_enum_get_value(choices, value);
    const char *name = found ? found->value_nick : NULL;

    g_type_class_unref(choices);
    return name;
}

int gst_udm_choice_value(GType type, const char *name)
{
    GEnumClass *choices = g_type_class_ref(type);
    const GEnumValue *found = g_enum_get_value_by_nick(choices, name);
    int value = found ? found->value : 0;

    g_type_class_unref(choices);
    return value;
}
