// SPDX-License-Identifier: LGPL-2.1-or-later
// scheduler_config.json of diffusers. One of its classes is a noise schedule, a prediction, and a method with its
// spacing of the steps. Our own, UdmScheduler, has the keys of DDIM's, and names process and sampler.
#include "model/scheduler.h"

#include <limits.h>
#include <string.h>

enum { DEFAULT_STEPS = 1000, MAX_STEPS = 1000000 };

// Whether a class has clip_sample, and its default.
typedef enum clipping { HAS_NO_CLIP, CLIP_OFF, CLIP_ON } clipping;

// How the times of the steps are found: DDIM's way; that of k-diffusion, between the schedule's steps; and that of
// DPM-Solver, whose line has a point more.
typedef enum timing { OF_DDIM, OF_KARRAS, OF_SOLVER } timing;

static const struct defaults {
    const char *class;
    double beta_start, beta_end;
    clipping clip;
    timing timing;
    const udm_spacing *spacing;
    bool ends_at_0;             // set_alpha_to_one, or final_sigmas_type "zero"
    const udm_sampler *sampler; // NULL: there is none, or another key tells
    int order;                  // solver_order
} classes[] = {
    { "DDPMScheduler", 0.0001, 0.02, CLIP_ON, OF_DDIM, &udm_spacing_leading, true, NULL, 0 },
    { "UnCLIPScheduler", 0.0001, 0.02, CLIP_ON, OF_DDIM, &udm_spacing_linspace, true, NULL, 0 },
    { "UdmScheduler", 0.0001, 0.02, CLIP_ON, OF_DDIM, &udm_spacing_leading, true, NULL, 0 },
    { "DDIMScheduler", 0.0001, 0.02, CLIP_ON, OF_DDIM, &udm_spacing_leading, true, &udm_sampler_ddim, 0 },
    { "PNDMScheduler", 0.0001, 0.02, HAS_NO_CLIP, OF_DDIM, &udm_spacing_leading, false, NULL, 0 },
    { "LCMScheduler", 0.00085, 0.012, CLIP_OFF, OF_DDIM, &udm_spacing_trailing, true, &udm_sampler_lcm, 0 },
    { "DPMSolverMultistepScheduler", 0.0001, 0.02, HAS_NO_CLIP, OF_SOLVER, &udm_spacing_linspace, true, NULL, 2 },
    { "DPMSolverSinglestepScheduler", 0.0001, 0.02, HAS_NO_CLIP, OF_SOLVER, &udm_spacing_linspace, true, NULL, 2 },
    { "DEISMultistepScheduler", 0.0001, 0.02, HAS_NO_CLIP, OF_SOLVER, &udm_spacing_linspace, false, &udm_sampler_deis,
      2 },
    { "UniPCMultistepScheduler", 0.0001, 0.02, HAS_NO_CLIP, OF_SOLVER, &udm_spacing_linspace, true, &udm_sampler_unipc,
      2 },
    { "EulerDiscreteScheduler", 0.0001, 0.02, HAS_NO_CLIP, OF_KARRAS, &udm_spacing_linspace, true, &udm_sampler_euler,
      0 },
    { "EulerAncestralDiscreteScheduler", 0.0001, 0.02, HAS_NO_CLIP, OF_KARRAS, &udm_spacing_linspace, true,
      &udm_sampler_euler_ancestral, 0 },
    { "HeunDiscreteScheduler", 0.00085, 0.012, CLIP_OFF, OF_KARRAS, &udm_spacing_linspace, true, &udm_sampler_heun, 0 },
    { "LMSDiscreteScheduler", 0.0001, 0.02, HAS_NO_CLIP, OF_KARRAS, &udm_spacing_linspace, true, NULL, 0 },
    { "KDPM2DiscreteScheduler", 0.00085, 0.012, HAS_NO_CLIP, OF_KARRAS, &udm_spacing_linspace, true, NULL, 0 },
    { "KDPM2AncestralDiscreteScheduler", 0.00085, 0.012, HAS_NO_CLIP, OF_KARRAS, &udm_spacing_linspace, true, NULL, 0 },
};

static const struct defaults *find_class(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].class, name) == 0)
            return &classes[i];
    return NULL;
}

static bool is(const struct defaults *class, const char *start)
{
    return strncmp(class->class, start, strlen(start)) == 0;
}

// Keys that change the noise in ways that are not implemented, unless they have the value that does not.
static bool refuse_unsupported(const udm_config *config, udm_error *error)
{
    const char *timesteps = "discrete";
    bool flow = false;
    if (udm_config_has(config, "trained_betas"))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"trained_betas\" is not implemented, unless it is null",
                        udm_config_path(config));
    if (!udm_config_bool(config, "use_flow_sigmas", &flow, error) ||
        !udm_config_string(config, "timestep_type", &timesteps, error))
        return false;
    if (flow)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"use_flow_sigmas\" is not implemented, unless it is false",
                        udm_config_path(config));
    if (strcmp(timesteps, "discrete") != 0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"timestep_type\" must be \"discrete\", it is \"%s\"",
                        udm_config_path(config), timesteps);
    return true;
}

static bool read_noise(udm_noise *noise, const struct defaults *defaults, const udm_config *config, udm_error *error)
{
    const char *name = is(defaults, "UnCLIP") ? "squaredcos_cap_v2" : "linear";
    udm_betas betas = { defaults->beta_start, defaults->beta_end };
    int steps = DEFAULT_STEPS;
    bool continuous = false, without_signal = false;
    if (!udm_config_string(config, "beta_schedule", &name, error) ||
        !udm_config_double(config, "beta_start", 1e-12, 0.999, &betas.start, error) ||
        !udm_config_double(config, "beta_end", 1e-12, 0.999, &betas.end, error) ||
        !udm_config_int(config, "num_train_timesteps", 1, MAX_STEPS, &steps, error) ||
        !udm_config_bool(config, "continuous_time", &continuous, error) ||
        !udm_config_bool(config, "rescale_betas_zero_snr", &without_signal, error))
        return false;
    const udm_schedule *schedule = udm_schedule_find(name);
    if (!schedule)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"beta_schedule\" is not implemented: \"%s\"",
                        udm_config_path(config), name);
    if (betas.start > betas.end)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"beta_start\" %g is greater than \"beta_end\" %g",
                        udm_config_path(config), betas.start, betas.end);
    if (without_signal && continuous)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"rescale_betas_zero_snr\" is for discrete time only",
                        udm_config_path(config));
    if (!udm_noise_init(noise, schedule, betas, continuous ? 0 : steps, error))
        return false;
    noise->interpolated = defaults->timing == OF_KARRAS && !continuous;
    if (without_signal)
        udm_noise_end_without_signal(noise);
    if (without_signal && defaults->timing != OF_DDIM) // which divides by the signal
        noise->alpha_bars[steps - 1] = 1.0 / (1 << 24);
    return true;
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

static bool read_bounds(udm_bounds *bounds, clipping class_clip, const udm_config *config, udm_error *error)
{
    bool clips = class_clip == CLIP_ON, dynamic = false;
    double range = 1, ratio = 0.995, most = 1;
    if (class_clip != HAS_NO_CLIP && (!udm_config_bool(config, "clip_sample", &clips, error) ||
                                      !udm_config_double(config, "clip_sample_range", 1e-6, 1e6, &range, error)))
        return false;
    if (!udm_config_bool(config, "thresholding", &dynamic, error) ||
        !udm_config_double(config, "dynamic_thresholding_ratio", 1e-6, 1, &ratio, error) ||
        !udm_config_double(config, "sample_max_value", 1, 1e6, &most, error))
        return false;
    *bounds = (udm_bounds){ .clip = clips ? range : 0, .ratio = dynamic ? ratio : 0, .most = most };
    return true;
}

// sigmas: true if a key asks for a spacing in terms of noise / signal, which is then set.
static bool read_sigmas(udm_scheduler *scheduler, const udm_config *config, bool *sigmas, udm_error *error)
{
    static const struct {
        const char *key;
        const udm_spacing *spacing;
    } keys[] = {
        { "use_karras_sigmas", &udm_spacing_karras },
        { "use_exponential_sigmas", &udm_spacing_log_snr },
        { "use_lu_lambdas", &udm_spacing_log_snr },
    };
    *sigmas = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        bool on = false;
        if (!udm_config_bool(config, keys[i].key, &on, error))
            return false;
        if (on)
            scheduler->timesteps.spacing = keys[i].spacing, *sigmas = true;
    }
    return true;
}

static bool read_timesteps(udm_scheduler *scheduler, const struct defaults *defaults, const udm_config *config,
                           udm_error *error)
{
    udm_timesteps *timesteps = &scheduler->timesteps;
    const char *spacing = defaults->spacing->name, *end = defaults->ends_at_0 ? "zero" : "sigma_min";
    bool sigmas, to_1 = defaults->ends_at_0, wide = defaults->timing == OF_SOLVER;
    *timesteps = (udm_timesteps){ .wide = wide };
    if (defaults->sampler == &udm_sampler_lcm) // whose timestep_spacing says nothing
        timesteps->grid = 50;
    else if (!udm_config_string(config, "timestep_spacing", &spacing, error))
        return false;
    if (!udm_config_int(config, "original_inference_steps", 1, MAX_STEPS, &timesteps->grid, error) ||
        !udm_config_int(config, "steps_offset", 0, MAX_STEPS, &timesteps->offset, error) ||
        !udm_config_bool(config, "set_alpha_to_one", &to_1, error) ||
        !udm_config_string(config, "final_sigmas_type", &end, error))
        return false;
    timesteps->spacing = udm_spacing_find(spacing);
    if (!timesteps->spacing)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"timestep_spacing\" is not implemented: \"%s\"",
                        udm_config_path(config), spacing);
    timesteps->short_of_zero = defaults->timing == OF_DDIM ? !to_1 : strcmp(end, "sigma_min") == 0;
    if (!read_sigmas(scheduler, config, &sigmas, error))
        return false;
    scheduler->begins_noisy = defaults->timing == OF_KARRAS && strcmp(spacing, "leading") != 0;
    timesteps->wide = wide && !sigmas;
    timesteps->whole = wide && sigmas;
    if (sigmas && defaults->timing == OF_KARRAS && strcmp(spacing, "linspace") != 0) // they begin and end elsewhere
        scheduler->missing = "a \"timestep_spacing\" other than \"linspace\" with sigmas";
    return true;
}

typedef struct choice {
    const char *key, *value, *standard; // standard: the default of the class
    const udm_sampler *sampler;
} choice;

// The sampler of the first choice in the list whose key has that value; *missing says which key it was if none.
static bool choose(udm_scheduler *scheduler, const choice *list, size_t count, const char *missing,
                   const udm_config *config, udm_error *error)
{
    const char *value = list[0].standard;
    if (!udm_config_string(config, list[0].key, &value, error))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].value, value) == 0)
            scheduler->sampler = list[i].sampler;
    if (!scheduler->sampler)
        scheduler->missing = missing;
    return true;
}

static bool read_ddpm(udm_scheduler *scheduler, const udm_config *config, udm_error *error)
{
    static const choice list[] = {
        { "variance_type", "fixed_small", "fixed_small", &udm_sampler_ddpm },
        { "variance_type", "fixed_small_log", "", &udm_sampler_ddpm },
        { "variance_type", "fixed_large", "", &udm_sampler_ddpm_large },
        { "variance_type", "fixed_large_log", "", &udm_sampler_ddpm_large },
        { "variance_type", "learned_range", "", &udm_sampler_ddpm_learned },
    };
    return choose(scheduler, list, sizeof list / sizeof *list, "this \"variance_type\"", config, error);
}

static bool read_pndm(udm_scheduler *scheduler, const udm_config *config, udm_error *error)
{
    bool skip = false;
    if (!udm_config_bool(config, "skip_prk_steps", &skip, error))
        return false;
    scheduler->sampler = skip ? &udm_sampler_plms : &udm_sampler_f_pndm;
    return true;
}

static bool read_dpm_solver(udm_scheduler *scheduler, const udm_config *config, udm_error *error)
{
    static const choice list[] = {
        { "algorithm_type", "dpmsolver++", "dpmsolver++", &udm_sampler_dpmpp_2m },
        { "algorithm_type", "sde-dpmsolver++", "", &udm_sampler_dpmpp_2m_sde },
    };
    const char *type = "midpoint";
    if (!choose(scheduler, list, sizeof list / sizeof *list, "this \"algorithm_type\"", config, error) ||
        !udm_config_string(config, "solver_type", &type, error))
        return false;
    if (scheduler->order > 2 && scheduler->sampler == &udm_sampler_dpmpp_2m)
        scheduler->sampler = &udm_sampler_dpmpp_3m;
    else if (scheduler->order > 2)
        scheduler->missing = "this \"solver_order\"";
    if (strcmp(type, "midpoint") != 0 && scheduler->sampler != &udm_sampler_dpmpp_3m)
        scheduler->missing = "this \"solver_type\"";
    return true;
}

static bool read_unipc(udm_scheduler *scheduler, const udm_config *config, udm_error *error)
{
    const char *type = "bh2";
    bool of_x0 = true;
    int skipped[1], count = 0;
    if (!udm_config_string(config, "solver_type", &type, error) ||
        !udm_config_bool(config, "predict_x0", &of_x0, error) ||
        !udm_config_ints(config, "disable_corrector", 0, MAX_STEPS, 1, skipped, &count, error))
        return false;
    scheduler->missing = strcmp(type, "bh2") != 0 ? "this \"solver_type\""
                         : !of_x0                 ? "this \"predict_x0\""
                         : count > 0              ? "\"disable_corrector\""
                                                  : scheduler->missing;
    scheduler->ease_below = INT_MAX;
    return true;
}

static bool read_solver(udm_scheduler *scheduler, const struct defaults *defaults, const udm_config *config,
                        udm_error *error)
{
    bool eases = true, euler_at_end = false;
    double cut = -1e308;
    if (!udm_config_int(config, "solver_order", 1, 3, &scheduler->order, error) ||
        !udm_config_bool(config, "lower_order_final", &eases, error) ||
        !udm_config_double(config, "lambda_min_clipped", -1e308, 1e308, &cut, error) ||
        !udm_config_bool(config, "euler_at_final", &euler_at_end, error))
        return false;
    scheduler->ease_below = eases ? 15 : 0; // where diffusers draws the line
    if (cut > -1e308)
        scheduler->missing = "\"lambda_min_clipped\"";
    if (euler_at_end && scheduler->timesteps.short_of_zero)
        scheduler->missing = "\"euler_at_final\"";
    return is(defaults, "DPMSolverMultistep") ? read_dpm_solver(scheduler, config, error)
           : is(defaults, "UniPC")            ? read_unipc(scheduler, config, error)
                                              : true;
}

static bool read_sampler(udm_scheduler *scheduler, const udm_config *config, udm_error *error)
{
    const char *name = "ddim";
    if (!udm_config_string(config, "sampler", &name, error))
        return false;
    scheduler->sampler = udm_sampler_find(name);
    if (!scheduler->sampler)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"sampler\" is not implemented: \"%s\"",
                        udm_config_path(config), name);
    return true;
}

static bool read_method(udm_scheduler *scheduler, const struct defaults *defaults, const udm_config *config,
                        udm_error *error)
{
    static const char *const unknown[] = { "use_beta_sigmas", "use_dynamic_shifting" };
    bool good = true;
    scheduler->sampler = defaults->sampler;
    scheduler->order = defaults->order;
    scheduler->ease_below = 0;
    scheduler->missing = NULL;
    scheduler->power_count = 0;
    scheduler->real_noise = false;
    good = udm_config_bool(config, "real_noise", &scheduler->real_noise, error) &&
           udm_config_doubles(config, "noise_power", 0, 1e6, UDM_POWERS, scheduler->powers, &scheduler->power_count,
                              error) &&
           read_timesteps(scheduler, defaults, config, error);
    if (good && defaults->timing == OF_SOLVER)
        good = read_solver(scheduler, defaults, config, error);
    else if (good && is(defaults, "Udm"))
        good = read_sampler(scheduler, config, error);
    else if (good && (is(defaults, "DDPM") || is(defaults, "UnCLIP")))
        good = read_ddpm(scheduler, config, error);
    else if (good && is(defaults, "PNDM"))
        good = read_pndm(scheduler, config, error);
    for (size_t i = 0; good && i < sizeof unknown / sizeof *unknown; i++) {
        bool on = false;
        good = udm_config_bool(config, unknown[i], &on, error);
        if (on)
            scheduler->missing = unknown[i];
    }
    if (!scheduler->sampler && !scheduler->missing)
        scheduler->missing = "this scheduler's method";
    if (scheduler->missing)
        scheduler->sampler = NULL;
    return good;
}

// How far the process goes, and how far a frame has gone.
static bool read_amounts(udm_scheduler *scheduler, const udm_config *config, udm_error *error)
{
    const udm_process *process = scheduler->process;
    static const char *const keys[] = { "process_extent", "process_amount", "process_max_amount" };
    for (int i = 0; !process->sized && i < 3; i++)
        if (udm_config_has(config, keys[i]))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: process \"%s\" has no \"%s\"", udm_config_path(config),
                            process->name, keys[i]);
    if (!process->sized)
        return true;
    if (!udm_config_double(config, keys[0], 0, 1e6, &scheduler->extent, error))
        return false;
    if (!process->sized(scheduler->extent))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: \"process_extent\" says how many pixels process \"%s\" reaches: 0.5 to 1000 for a blur, a "
                        "power of two to 64 for blocks",
                        udm_config_path(config), process->name);
    scheduler->most = scheduler->extent;
    return udm_config_double(config, keys[2], 0, scheduler->extent, &scheduler->most, error) &&
           udm_config_double(config, keys[1], 0, scheduler->most, &scheduler->amount, error);
}

static bool read_process(udm_scheduler *scheduler, const udm_config *config, udm_error *error)
{
    static const char *const known[] = { "process",
                                         "process_extent",
                                         "process_amount",
                                         "process_max_amount",
                                         "sampler",
                                         "beta_schedule",
                                         "beta_start",
                                         "beta_end",
                                         "num_train_timesteps",
                                         "continuous_time",
                                         "rescale_betas_zero_snr",
                                         "prediction_type",
                                         "clip_sample",
                                         "clip_sample_range",
                                         "thresholding",
                                         "dynamic_thresholding_ratio",
                                         "sample_max_value",
                                         "timestep_spacing",
                                         "steps_offset",
                                         "set_alpha_to_one",
                                         "noise_power",
                                         "real_noise",
                                         NULL };
    const char *name = "gaussian";
    if (!udm_config_only(config, known, error) || !udm_config_string(config, "process", &name, error))
        return false;
    scheduler->process = udm_process_find(name);
    if (!scheduler->process)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: there is no \"process\" \"%s\": see \"udm processes\"",
                        udm_config_path(config), name);
    if (!scheduler->process->factors && scheduler->prediction != UDM_PREDICT_X0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"prediction_type\" must be \"sample\" for process \"%s\"",
                        udm_config_path(config), name);
    return read_amounts(scheduler, config, error);
}

bool udm_scheduler_read(udm_scheduler *scheduler, const char *class, const udm_config *config, udm_error *error)
{
    const struct defaults *defaults = find_class(class);
    if (!defaults)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this scheduler is not implemented: \"%s\"",
                        udm_config_path(config), class);
    scheduler->process = &udm_process_gaussian;
    return refuse_unsupported(config, error) && read_prediction(&scheduler->prediction, config, error) &&
           (!is(defaults, "Udm") || read_process(scheduler, config, error)) &&
           read_bounds(&scheduler->bounds, defaults->clip, config, error) &&
           read_method(scheduler, defaults, config, error) && read_noise(&scheduler->noise, defaults, config, error);
}

bool udm_scheduler_default(udm_scheduler *scheduler, udm_error *error)
{
    *scheduler = (udm_scheduler){
        .process = &udm_process_gaussian,
        .prediction = UDM_PREDICT_EPSILON,
        .bounds = { .clip = 1 },
        .timesteps = { .spacing = &udm_spacing_leading },
        .sampler = &udm_sampler_ddpm,
    };
    return udm_noise_init(&scheduler->noise, &udm_schedule_linear, udm_schedule_linear.defaults, DEFAULT_STEPS, error);
}
