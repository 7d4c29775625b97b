// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that all elements have: which model does the work, where, and how.
#include "settings.h"

#include "choices.h"

// Until the next READY to PAUSED; and at once, from the next frame on.
#define AT_START (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
#define AT_ONCE (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

#define MAX_THREADS 256
#define MAX_STEPS 1000

static void install_where(GObjectClass *object_class, const char *model)
{
    udm_settings defaults;
    udm_settings_init(&defaults, sizeof defaults);

    // model: A model directory, or a name that is looked up in UDM_MODEL_PATH and then in the installed folder.
    g_object_class_install_property(
        object_class, GST_UDM_PROP_MODEL,
        g_param_spec_string("model", "Model",
                            "Directory of the model, or its name in UDM_MODEL_PATH or in the installed folder", model,
                            AT_START));
    // device: What computes: "auto" takes a GPU that computes what the processor does, and faster, or else the
    // processor, which also goes on, with a warning, where that GPU fails; "cpu", "opencl" and "opencl:N" are what they
    // say.
    g_object_class_install_property(object_class, GST_UDM_PROP_DEVICE,
                                    g_param_spec_string("device", "Device",
                                                        "What computes: auto, cpu, or another that udm lists",
                                                        defaults.device, AT_ONCE));
    // precision: How exact products are; bf16 is faster, but not the same on every processor.
    g_object_class_install_property(
        object_class, GST_UDM_PROP_PRECISION,
        g_param_spec_enum("precision", "Precision", "How exact products are (auto = bf16 where the processor has it)",
                          gst_udm_precision_get_type(),
                          gst_udm_choice_value(gst_udm_precision_get_type(), defaults.precision), AT_ONCE));
    // threads: How many threads compute (0 = one for each processor).
    g_object_class_install_property(object_class, GST_UDM_PROP_N_THREADS,
                                    g_param_spec_int("n-threads", "Threads",
                                                     "Number of threads that compute (0 = one per processor)", 0,
                                                     MAX_THREADS, defaults.threads, AT_ONCE));
}

static void install_how(GObjectClass *object_class, int steps)
{
    udm_settings defaults;
    udm_settings_init(&defaults, sizeof defaults);

    // steps: How often the network looks at each frame; time grows with it.
    g_object_class_install_property(
        object_class, GST_UDM_PROP_STEPS,
        g_param_spec_int("steps", "Steps",
                         "Evaluations of the network per frame (1 = the most likely picture, fastest)", 1, MAX_STEPS,
                         steps, AT_ONCE));
    // sampler: How one goes from a step to the next.
    g_object_class_install_property(
        object_class, GST_UDM_PROP_SAMPLER,
        g_param_spec_enum(
            "sampler", "Sampler", "Method that goes from one step to the next (model = as its scheduler says)",
            gst_udm_sampler_get_type(), gst_udm_choice_value(gst_udm_sampler_get_type(), defaults.sampler), AT_ONCE));
    // schedule: How the noise falls over the steps.
    g_object_class_install_property(
        object_class, GST_UDM_PROP_SCHEDULE,
        g_param_spec_enum("schedule", "Schedule", "How the noise falls over the steps (model = as it was trained)",
                          gst_udm_schedule_get_type(),
                          gst_udm_choice_value(gst_udm_schedule_get_type(), defaults.schedule), AT_ONCE));
    // spacing: At which times the steps stand.
    g_object_class_install_property(
        object_class, GST_UDM_PROP_SPACING,
        g_param_spec_enum("spacing", "Spacing", "At which times the steps stand (model = as its scheduler says)",
                          gst_udm_spacing_get_type(),
                          gst_udm_choice_value(gst_udm_spacing_get_type(), defaults.spacing), AT_ONCE));
    // seed: The same seed gives the same noise, and so the same frames, on every machine.
    g_object_class_install_property(
        object_class, GST_UDM_PROP_SEED,
        g_param_spec_uint64("seed", "Seed", "Names the noise that is drawn: the same seed gives the same frames", 0,
                            G_MAXUINT64, defaults.seed, AT_ONCE));
}

void gst_udm_settings_install(GObjectClass *object_class, const char *model, int steps)
{
    install_where(object_class, model);
    install_how(object_class, steps);
    // stats: application/x-udm-stats, as it stood after the last frame; never notified.
    g_object_class_install_property(
        object_class, GST_UDM_PROP_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            "Frames, scenes, sigma of the noise (0-255), times (in ms), memory (in bytes), tiles, device",
            GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void gst_udm_settings_init(GstUdmSettings *settings, const char *model, int steps)
{
    udm_settings defaults;
    udm_settings_init(&defaults, sizeof defaults);

    settings->model = g_strdup(model);
    settings->device = g_strdup(defaults.device);
    settings->precision = gst_udm_choice_value(gst_udm_precision_get_type(), defaults.precision);
    settings->n_threads = defaults.threads;
    settings->steps = steps;
    settings->sampler = gst_udm_choice_value(gst_udm_sampler_get_type(), defaults.sampler);
    settings->schedule = gst_udm_choice_value(gst_udm_schedule_get_type(), defaults.schedule);
    settings->spacing = gst_udm_choice_value(gst_udm_spacing_get_type(), defaults.spacing);
    settings->seed = defaults.seed;
    settings->version = 1;
}

void gst_udm_settings_clear(GstUdmSettings *settings)
{
    g_clear_pointer(&settings->model, g_free);
    g_clear_pointer(&settings->device, g_free);
}

static void replace(char **string, const GValue *value)
{
    g_free(*string);
    *string = g_value_dup_string(value);
}

gboolean gst_udm_settings_set(GstUdmSettings *settings, guint id, const GValue *value)
{
    switch (id) {
    case GST_UDM_PROP_MODEL:
        replace(&settings->model, value);
        return TRUE; // no new version: it takes effect at the next start
    case GST_UDM_PROP_DEVICE:
        replace(&settings->device, value);
        break;
    case GST_UDM_PROP_PRECISION:
        settings->precision = g_value_get_enum(value);
        break;
    case GST_UDM_PROP_N_THREADS:
        settings->n_threads = g_value_get_int(value);
        break;
    case GST_UDM_PROP_STEPS:
        settings->steps = g_value_get_int(value);
        break;
    case GST_UDM_PROP_SAMPLER:
        settings->sampler = g_value_get_enum(value);
        break;
    case GST_UDM_PROP_SCHEDULE:
        settings->schedule = g_value_get_enum(value);
        break;
    case GST_UDM_PROP_SPACING:
        settings->spacing = g_value_get_enum(value);
        break;
    case GST_UDM_PROP_SEED:
        settings->seed = g_value_get_uint64(value);
        break;
    default:
        return FALSE;
    }
    settings->version++;
    return TRUE;
}

gboolean gst_udm_settings_get(const GstUdmSettings *settings, guint id, GValue *value)
{
    switch (id) {
    case GST_UDM_PROP_MODEL:
        g_value_set_string(value, settings->model);
        return TRUE;
    case GST_UDM_PROP_DEVICE:
        g_value_set_string(value, settings->device);
        return TRUE;
    case GST_UDM_PROP_PRECISION:
        g_value_set_enum(value, settings->precision);
        return TRUE;
    case GST_UDM_PROP_N_THREADS:
        g_value_set_int(value, settings->n_threads);
        return TRUE;
    case GST_UDM_PROP_STEPS:
        g_value_set_int(value, settings->steps);
        return TRUE;
    case GST_UDM_PROP_SAMPLER:
        g_value_set_enum(value, settings->sampler);
        return TRUE;
    case GST_UDM_PROP_SCHEDULE:
        g_value_set_enum(value, settings->schedule);
        return TRUE;
    case GST_UDM_PROP_SPACING:
        g_value_set_enum(value, settings->spacing);
        return TRUE;
    case GST_UDM_PROP_SEED:
        g_value_set_uint64(value, settings->seed);
        return TRUE;
    default:
        return FALSE;
    }
}

udm_settings gst_udm_settings_to_engine(const GstUdmSettings *settings)
{
    udm_settings engine;
    udm_settings_init(&engine, sizeof engine);

    engine.device = g_intern_string(settings->device ? settings->device : "auto");
    engine.precision = gst_udm_choice_name(gst_udm_precision_get_type(), settings->precision);
    engine.threads = settings->n_threads;
    engine.steps = settings->steps;
    engine.sampler = gst_udm_choice_name(gst_udm_sampler_get_type(), settings->sampler);
    engine.schedule = gst_udm_choice_name(gst_udm_schedule_get_type(), settings->schedule);
    engine.spacing = gst_udm_choice_name(gst_udm_spacing_get_type(), settings->spacing);
    engine.seed = settings->seed;
    return engine;
}
