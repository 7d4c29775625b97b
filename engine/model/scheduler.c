// SPDX-License-Identifier: LGPL-2.1-or-later
// scheduler_config.json of diffusers. One of its classes is a noise schedule, a prediction and a sampler; the first two
// are the model's and are read here, the sampler is the user's choice.
#include "model/scheduler.h"

#include <string.h>

enum { DEFAULT_STEPS = 1000, MAX_STEPS = 1000000 };

// Whether a class has clip_sample, and its default.
typedef enum clipping { HAS_NO_CLIP, CLIP_OFF, CLIP_ON } clipping;

static const struct defaults {
    const char *class;
    double beta_start, beta_end;
    clipping clip;
} classes[] = {
    { "DDPMScheduler", 0.0001, 0.02, CLIP_ON },
    { "DDIMScheduler", 0.0001, 0.02, CLIP_ON },
    { "PNDMScheduler", 0.0001, 0.02, HAS_NO_CLIP },
    { "DPMSolverMultistepScheduler", 0.0001, 0.02, HAS_NO_CLIP },
    { "DPMSolverSinglestepScheduler", 0.0001, 0.02, HAS_NO_CLIP },
    { "DEISMultistepScheduler", 0.0001, 0.02, HAS_NO_CLIP },
    { "UniPCMultistepScheduler", 0.0001, 0.02, HAS_NO_CLIP },
    { "EulerDiscreteScheduler", 0.0001, 0.02, HAS_NO_CLIP },
    { "EulerAncestralDiscreteScheduler", 0.0001, 0.02, HAS_NO_CLIP },
    { "LMSDiscreteScheduler", 0.0001, 0.02, HAS_NO_CLIP },
    { "HeunDiscreteScheduler", 0.00085, 0.012, CLIP_OFF },
    { "KDPM2DiscreteScheduler", 0.00085, 0.012, HAS_NO_CLIP },
    { "KDPM2AncestralDiscreteScheduler", 0.00085, 0.012, HAS_NO_CLIP },
};

static const struct defaults *find_class(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].class, name) == 0)
            return &classes[i];
    return NULL;
}

// Keys that change the maths in ways that are not implemented, unless they have the value that does not.
static bool refuse_unsupported(const udm_config *config, udm_error *error)
{
    static const char *const flags[] = { "rescale_betas_zero_snr", "thresholding", "use_flow_sigmas" };
    static const char *const learned[] = { "learned", "learned_range" };
    const char *variance = "", *timesteps = "discrete";

    if (udm_config_has(config, "trained_betas"))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"trained_betas\" is not implemented, unless it is null",
                        udm_config_path(config));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool on = false;
        if (!udm_config_bool(config, flags[i], &on, error))
            return false;
        if (on)
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"%s\" is not implemented, unless it is false",
                            udm_config_path(config), flags[i]);
    }
    if (!udm_config_string(config, "variance_type", &variance, error) ||
        !udm_config_string(config, "timestep_type", &timesteps, error))
        return false;
    for (size_t i = 0; i < sizeof learned / sizeof *learned; i++)
        if (strcmp(variance, learned[i]) == 0)
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"variance_type\": \"%s\" is not implemented",
                            udm_config_path(config), variance);
    if (strcmp(timesteps, "discrete") != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"timestep_type\" must be \"discrete\", it is \"%s\"",
                        udm_config_path(config), timesteps);
    return true;
}

static bool read_noise(udm_noise *noise, const struct defaults *defaults, const udm_config *config, udm_error *error)
{
    const char *name = "linear";
    udm_betas betas = { defaults->beta_start, defaults->beta_end };
    int steps = DEFAULT_STEPS;
    bool continuous = false;
    if (!udm_config_string(config, "beta_schedule", &name, error) ||
        !udm_config_double(config, "beta_start", 1e-12, 0.999, &betas.start, error) ||
        !udm_config_double(config, "beta_end", 1e-12, 0.999, &betas.end, error) ||
        !udm_config_int(config, "num_train_timesteps", 1, MAX_STEPS, &steps, error) ||
        !udm_config_bool(config, "continuous_time", &continuous, error))
        return false;
    const udm_schedule *schedule = udm_schedule_find(name);
    if (!schedule)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"beta_schedule\" is not implemented: \"%s\"",
                        udm_config_path(config), name);
    if (betas.start > betas.end)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"beta_start\" %g is greater than \"beta_end\" %g",
                        udm_config_path(config), betas.start, betas.end);
    return udm_noise_init(noise, schedule, betas, continuous ? 0 : steps, error);
}

static bool read_prediction(udm_prediction *prediction, const udm_config *config, udm_error *error)
{
    static const char *const names[] = {
        [UDM_PREDICT_EPSILON] = "epsilon",
        [UDM_PREDICT_X0] = "sample",
        [UDM_PREDICT_V] = "v_prediction",
    };
    const char *name = "epsilon";
    if (!udm_config_string(config, "prediction_type", &name, error))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *prediction = (udm_prediction)i;
            return true;
        }
    }
    return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"prediction_type\" is not implemented: \"%s\"",
                    udm_config_path(config), name);
}

static bool read_clip(double *clip, clipping class_clip, const udm_config *config, udm_error *error)
{
    bool on = class_clip == CLIP_ON;
    double range = 1;
    if (class_clip != HAS_NO_CLIP && (!udm_config_bool(config, "clip_sample", &on, error) ||
                                      !udm_config_double(config, "clip_sample_range", 1e-6, 1e6, &range, error)))
        return false;
    *clip = on ? range : 0;
    return true;
}

bool udm_scheduler_read(udm_scheduler *scheduler, const char *class, const udm_config *config, udm_error *error)
{
    const struct defaults *defaults = find_class(class);
    if (!defaults)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this scheduler is not implemented: \"%s\"",
                        udm_config_path(config), class);
    return refuse_unsupported(config, error) && read_prediction(&scheduler->prediction, config, error) &&
           read_clip(&scheduler->clip, defaults->clip, config, error) &&
           read_noise(&scheduler->noise, defaults, config, error);
}

bool udm_scheduler_default(udm_scheduler *scheduler, udm_error *error)
{
    scheduler->prediction = UDM_PREDICT_EPSILON;
    scheduler->clip = 1;
    return udm_noise_init(&scheduler->noise, &udm_schedule_linear, udm_schedule_linear.defaults, DEFAULT_STEPS, error);
}
