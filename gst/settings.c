// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties that all elements share: which model to use, on which device, and how.
#include "settings.h"

#include "choices.h"

// Takes effect from the next frame on.
#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)

#define MAX_THREADS 256
#define MAX_STEPS 1000

static void install_computing(GObjectClass *object_class)
{
    udm_settings defaults;
    udm_settings_init(&defaults, sizeof defaults);

    /**
     * GstUdmTransform:device:
     *
     * The device to compute on. "auto" takes the GPU if it passes a self-test and is faster than the processor, and the
     * processor otherwise. If a GPU chosen that way fails later, the processor takes over and a warning message is
     * posted. A device that is named, such as "cpu", "opencl" or "opencl:1", is used or is an error; `udm devices`
     * lists them. "cpu:sse2", "cpu:avx2" and "cpu:avx512" limit all code of the element to that instruction set.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_DEVICE,
        g_param_spec_string("device", "Device (expert)",
                            "Device to compute on: cpu, opencl, opencl:N (auto = the fastest)", defaults.device,
                            FLAGS));
    /**
     * GstUdmTransform:precision:
     *
     * The precision of the network's products. "bf16" is faster on processors with instructions for it, at the cost of
     * about 0.01 dB, and output then differs slightly from one processor type to another. "f32" gives the same output
     * on all. "f16" is for devices of OpenCL: what the network computes is kept in half the memory, which is faster on
     * GPUs, and sums are as exact as before.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_PRECISION,
        g_param_spec_enum("precision", "Precision (expert)",
                          "Arithmetic precision of the network (auto = bf16 or f16 where it is faster, else f32)",
                          gst_udm_precision_get_type(),
                          gst_udm_choice_value(gst_udm_precision_get_type(), defaults.precision), FLAGS));
    /**
     * GstUdmTransform:n-threads:
     *
     * The maximum number of threads to use. Output does not depend on it.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, GST_UDM_PROP_N_THREADS,
                                    g_param_spec_int("n-threads", "Threads (expert)",
                                                     "Maximum number of threads to use (0 = one per processor)", 0,
                                                     MAX_THREADS, defaults.threads, FLAGS));
}

static void install_sampling(GObjectClass *object_class, int steps, const char *steps_blurb)
{
    udm_settings defaults;
    udm_settings_init(&defaults, sizeof defaults);

    /**
     * GstUdmTransform:steps:
     *
     * The number of sampling steps per frame; processing time is proportional to it. A single step gives the posterior
     * mean, which has the highest PSNR. More steps draw a sample, with more detail.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_STEPS,
        g_param_spec_int("steps", "Steps (expert)", steps_blurb, 1, MAX_STEPS, steps, FLAGS));
    /**
     * GstUdmTransform:sampler:
     *
     * The method that takes a frame from one step to the next.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_SAMPLER,
        g_param_spec_enum(
            "sampler", "Sampler (expert)", "Sampling method (model = the one in the model's scheduler configuration)",
            gst_udm_sampler_get_type(), gst_udm_choice_value(gst_udm_sampler_get_type(), defaults.sampler), FLAGS));
    /**
     * GstUdmTransform:schedule:
     *
     * The noise schedule: how much noise there is at each time of the diffusion process.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_SCHEDULE,
        g_param_spec_enum(
            "schedule", "Schedule (expert)", "Noise schedule (model = the one that the model was trained with)",
            gst_udm_schedule_get_type(), gst_udm_choice_value(gst_udm_schedule_get_type(), defaults.schedule), FLAGS));
    /**
     * GstUdmTransform:spacing:
     *
     * How the sampling steps are distributed over the times of the diffusion process.
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_SPACING,
        g_param_spec_enum(
            "spacing", "Spacing (expert)",
            "Distribution of the steps over time (model = the one in the model's scheduler configuration)",
            gst_udm_spacing_get_type(), gst_udm_choice_value(gst_udm_spacing_get_type(), defaults.spacing), FLAGS));
    /**
     * GstUdmTransform:seed:
     *
     * The seed of the random noise. Noise is a function of the seed, the frame number and the step, so the same seed
     * gives the same frames on every machine, wherever playback starts.
     *
     * Since: 0.2
     */
    g_object_class_install_property(object_class, GST_UDM_PROP_SEED,
                                    g_param_spec_uint64("seed", "Seed (expert)",
                                                        "Seed of the random noise: the same seed gives the same frames",
                                                        0, G_MAXUINT64, defaults.seed, FLAGS));
}

static void install_statistics(GObjectClass *object_class)
{
    /**
     * GstUdmTransform:stats:
     *
     * Statistics as of the last frame, in a structure named application/x-udm-stats. There is no notification of
     * changes.
     *
     * * `frames` (guint64): frames computed
     * * `scenes` (guint64): scenes seen
     * * `sigma` (gdouble): standard deviation of the noise in the last frame on a scale of 0 to 255, set or estimated
     * * `luma-sigma`, `chroma-sigma` (gdouble): where it was estimated, that of Y and that of Cb and Cr, from 0 to 255:
     *   0.67 and 0.64 of `sigma` if the noise is white
     * * `whiteness` (gdouble): of the estimated noise, from 0 (coarse, or in luma or chroma alone) to 1 (white)
     * * `confidence` (gdouble): in the estimate, from 0 to 1
     * * `reason` (gchararray): why an estimated `sigma` is 0, or empty
     * * `last-ms`, `mean-ms` (gdouble): processing time of the last frame, and the mean, in milliseconds
     * * `memory` (guint64): memory for state and activations in bytes
     * * `tiles` (gint): tiles that a frame is processed in
     * * `device` (gchararray): the device in use
     * * `degraded` (guint64): frames that were not made at full quality, because playback does not wait (filters only)
     * * `level` (gchararray): the quality at present: "full", "live", "live-model", "half" or "source" (filters only)
     *
     * Since: 0.2
     */
    g_object_class_install_property(
        object_class, GST_UDM_PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "Statistics: frames, scenes, noise (0-255), times (in ms), memory (in bytes), tiles, device",
                           GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void gst_udm_settings_install(GObjectClass *object_class, int steps, const char *steps_blurb)
{
    install_computing(object_class);
    install_sampling(object_class, steps, steps_blurb);
    install_statistics(object_class);
}

GParamSpec *gst_udm_lookahead_spec(int minimum, int maximum, int value)
{
    const char *blurb = minimum < 0 ? "Number of following frames to take into account, which adds latency (0 = none, "
                                      "-1 = 2, or none if the pipeline is live)"
                                    : "Number of following frames to take into account, which adds latency (0 = none)";

    return g_param_spec_int("lookahead", "Lookahead (expert)", blurb, minimum, maximum, value, FLAGS);
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
        return TRUE; // no new version: it takes effect once it is loaded
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
