// SPDX-License-Identifier: LGPL-2.1-or-later
// The reader of model directories: good ones, every kind of broken one, and what the errors say.
#include "model/model.h"

#include "udm/list.h"

#include "folder.h"
#include "golden.h"

static const char INDEX[] =
    "{\"_class_name\": \"DDPMPipeline\", \"unet\": [\"udm\", \"UdmUNet\"], \"scheduler\": [\"diffusers\", "
    "\"DDPMScheduler\"], \"safety_checker\": [null, null], \"requires_safety_checker\": true}";
static const char WEIGHTS[] = "unet/diffusion_pytorch_model.safetensors";

static void write_weights(const folder *made, const char *name)
{
    unsigned char bytes[256];
    static const float one = 1;
    size_t size =
        folder_safetensors(bytes, "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", &one, 4);
    folder_write(made, name, bytes, size);
}

// A sound model with this scheduler_config.json.
static folder make(const char *index, const char *scheduler)
{
    folder made = folder_new();
    folder_make(&made, "unet");
    folder_make(&made, "scheduler");
    folder_write_text(&made, "model_index.json", index);
    folder_write_text(&made, "scheduler/scheduler_config.json", scheduler);
    folder_write_text(&made, "unet/config.json", "{\"_class_name\": \"UdmUNet\"}");
    write_weights(&made, WEIGHTS);
    return made;
}

static void expect(const folder *made, udm_error_code code, const char *first, const char *second)
{
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_model_open(made->path, &error));
    assert_contains(error.message, first);
    assert_error(&error, code, second);
    folder_free(made);
}

static udm_model *open_sound(const folder *made)
{
    udm_error error = { 0 };
    udm_model *model = udm_model_open(made->path, &error);
    ck_assert_msg(model, "%s", error.message);
    return model;
}

START_TEST(sound)
{
    folder made = make(INDEX, "{}");
    udm_model *model = open_sound(&made);
    ck_assert_str_eq(udm_model_directory(model), made.path);
    ck_assert_uint_eq(udm_weights_count(udm_model_network_weights(model)), 1);
    ck_assert(udm_config_has(udm_model_network_config(model), "_class_name"));
    udm_model_free(model);
    udm_model_free(NULL);
    folder_free(&made);
}
END_TEST

static const char *const tiny[] = { "tiny-denoise", "tiny-grey", "tiny-temporal" };

START_TEST(tiny_models)
{
    test_case("%s", tiny[_i]);
    udm_model *model = golden_model(tiny[_i]);
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    ck_assert_str_eq(scheduler->noise.schedule->name, "cosine");
    ck_assert_int_eq(scheduler->noise.steps, 0);
    ck_assert_int_eq(scheduler->prediction, UDM_PREDICT_X0);
    ck_assert_double_eq(scheduler->bounds.clip, 0);
    ck_assert_uint_gt(udm_weights_count(udm_model_network_weights(model)), 4);
    udm_model_free(model);
}
END_TEST

typedef struct wanted {
    const char *class, *config; // NULL: no such part
    const udm_schedule *schedule;
    double beta_start, beta_end;
    int steps;
    udm_prediction prediction;
    double clip;
} wanted;

static void check_scheduler(const wanted *want)
{
    char index[256];
    const char *class = want->class ? want->class : "null";
    snprintf(index, sizeof index, "{\"unet\": [\"udm\", \"UdmUNet\"], \"scheduler\": [%s, %s]}",
             want->class ? "\"d\"" : "null", class);
    folder made = make(index, want->config);
    udm_model *model = open_sound(&made);
    folder_free(&made);
    const udm_scheduler *got = udm_model_scheduler(model);
    ck_assert_str_eq(got->noise.schedule->name, want->schedule->name);
    ck_assert_double_eq(got->noise.betas.start, want->beta_start);
    ck_assert_double_eq(got->noise.betas.end, want->beta_end);
    ck_assert_int_eq(got->noise.steps, want->steps);
    ck_assert_int_eq(got->prediction, want->prediction);
    ck_assert_double_eq(got->bounds.clip, want->clip);
    udm_model_free(model);
}

// The defaults are those of the classes in diffusers.
static const wanted wanted_schedulers[] = {
    { NULL, "{}", &udm_schedule_linear, 0.0001, 0.02, 1000, UDM_PREDICT_EPSILON, 1 },
    { "\"DDPMScheduler\"", "{}", &udm_schedule_linear, 0.0001, 0.02, 1000, UDM_PREDICT_EPSILON, 1 },
    { "\"PNDMScheduler\"", "{\"clip_sample\": true}", &udm_schedule_linear, 0.0001, 0.02, 1000, UDM_PREDICT_EPSILON,
      0 },
    { "\"HeunDiscreteScheduler\"", "{}", &udm_schedule_linear, 0.00085, 0.012, 1000, UDM_PREDICT_EPSILON, 0 },
    { "\"DDIMScheduler\"",
      "{\"beta_schedule\": \"scaled_linear\", \"beta_start\": 0.00085, \"beta_end\": 0.012, "
      "\"num_train_timesteps\": 500, "
      "\"prediction_type\": \"v_prediction\", \"clip_sample\": false, \"trained_betas\": null, \"thresholding\": "
      "false, "
      "\"rescale_betas_zero_snr\": false, \"steps_offset\": 1, \"timestep_spacing\": \"leading\", \"_note\": {}}",
      &udm_schedule_scaled_linear, 0.00085, 0.012, 500, UDM_PREDICT_V, 0 },
    { "\"DDIMScheduler\"",
      "{\"beta_schedule\": \"squaredcos_cap_v2\", \"prediction_type\": \"sample\", \"continuous_time\": true, "
      "\"clip_sample_range\": 3}",
      &udm_schedule_cosine, 0.0001, 0.02, 0, UDM_PREDICT_X0, 3 },
    { "\"DDPMScheduler\"",
      "{\"variance_type\": \"fixed_large\", \"continuous_time\": false, \"num_train_timesteps\": 1}",
      &udm_schedule_linear, 0.0001, 0.02, 1, UDM_PREDICT_EPSILON, 1 },
    { "\"EulerDiscreteScheduler\"", "{\"timestep_type\": \"discrete\", \"use_karras_sigmas\": true}",
      &udm_schedule_linear, 0.0001, 0.02, 1000, UDM_PREDICT_EPSILON, 0 },
};

START_TEST(schedulers)
{
    test_case("%s %s", wanted_schedulers[_i].class ? wanted_schedulers[_i].class : "none",
              wanted_schedulers[_i].config);
    check_scheduler(&wanted_schedulers[_i]);
}
END_TEST

// The method that a scheduler names, or what of it is not implemented.
static const struct {
    const char *class, *config, *sampler, *spacing, *missing;
    int order;
} methods[] = {
    { "DDPMScheduler", "{}", "ddpm", "leading", "", 0 },
    { "DDPMScheduler", "{\"variance_type\": \"learned_range\"}", "ddpm_learned", "leading", "", 0 },
    { "DDPMScheduler", "{\"variance_type\": \"learned\"}", "", "leading", "variance_type", 0 },
    { "DDIMScheduler", "{\"timestep_spacing\": \"trailing\"}", "ddim", "trailing", "", 0 },
    { "PNDMScheduler", "{\"skip_prk_steps\": true}", "plms", "leading", "", 0 },
    { "DPMSolverMultistepScheduler", "{\"use_karras_sigmas\": true, \"lambda_min_clipped\": -Infinity}", "dpmpp_2m",
      "karras", "", 2 },
    { "DPMSolverMultistepScheduler", "{\"lambda_min_clipped\": -5.1}", "", "linspace", "lambda_min_clipped", 2 },
    { "DPMSolverMultistepScheduler", "{\"solver_type\": \"heun\"}", "", "linspace", "solver_type", 2 },
    { "DPMSolverMultistepScheduler", "{\"algorithm_type\": \"dpmsolver\"}", "", "linspace", "algorithm_type", 2 },
    { "DPMSolverMultistepScheduler", "{\"solver_order\": 3}", "dpmpp_3m", "linspace", "", 3 },
    { "UniPCMultistepScheduler", "{\"solver_type\": \"bh1\"}", "", "linspace", "solver_type", 2 },
    { "UniPCMultistepScheduler", "{\"disable_corrector\": [0]}", "", "linspace", "disable_corrector", 2 },
    { "EulerDiscreteScheduler", "{\"use_beta_sigmas\": true}", "", "linspace", "use_beta_sigmas", 0 },
    { "EulerDiscreteScheduler", "{\"use_karras_sigmas\": true, \"timestep_spacing\": \"leading\"}", "", "karras",
      "timestep_spacing", 0 },
    { "LMSDiscreteScheduler", "{}", "", "linspace", "method", 0 },
    { "LCMScheduler", "{}", "lcm", "trailing", "", 0 },
};

START_TEST(methods_of_schedulers)
{
    char index[256];
    test_case("%s %s", methods[_i].class, methods[_i].config);
    snprintf(index, sizeof index, "{\"unet\": [\"udm\", \"UdmUNet\"], \"scheduler\": [\"d\", \"%s\"]}",
             methods[_i].class);
    folder made = make(index, methods[_i].config);
    udm_model *model = open_sound(&made);
    folder_free(&made);
    const udm_scheduler *got = udm_model_scheduler(model);
    ck_assert_str_eq(got->sampler ? got->sampler->name : "", methods[_i].sampler);
    ck_assert_str_eq(got->timesteps.spacing->name, methods[_i].spacing);
    assert_contains(got->missing ? got->missing : "", methods[_i].missing);
    ck_assert_int_eq(got->order, methods[_i].order);
    udm_model_free(model);
}
END_TEST

#define UDM_INDEX "{\"unet\": [\"udm\", \"UdmUNet\"], \"scheduler\": [\"udm\", \"UdmScheduler\"]}"

START_TEST(processes)
{
    folder made =
        make(UDM_INDEX, "{\"process\": \"blur\", \"process_extent\": 16, \"process_amount\": 1.5, "
                        "\"process_max_amount\": 3, \"prediction_type\": \"sample\", \"sampler\": \"trivial\"}");
    udm_model *model = open_sound(&made);
    folder_free(&made);
    const udm_scheduler *got = udm_model_scheduler(model);
    ck_assert_ptr_eq(got->process, &udm_process_blur);
    ck_assert_ptr_eq(got->sampler, &udm_sampler_trivial);
    ck_assert_double_eq(got->extent, 16);
    ck_assert_double_eq(got->amount, 1.5);
    ck_assert_double_eq(got->most, 3);
    udm_model_free(model);

    made = make(UDM_INDEX, "{}");
    model = open_sound(&made);
    folder_free(&made);
    got = udm_model_scheduler(model);
    ck_assert_ptr_eq(got->process, &udm_process_gaussian);
    ck_assert_ptr_eq(got->sampler, &udm_sampler_ddim);
    ck_assert_double_eq(got->bounds.clip, 1);
    udm_model_free(model);
}
END_TEST

static const struct {
    const char *config, *key;
    udm_error_code code;
} process_keys[] = {
    { "{\"process\": \"rain\"}", "rain", UDM_ERROR_UNSUPPORTED },
    { "{\"process\": 1}", "process", UDM_ERROR_CORRUPT },
    { "{\"sampler\": \"best\"}", "best", UDM_ERROR_UNSUPPORTED },
    { "{\"variance_type\": \"fixed_large\"}", "variance_type", UDM_ERROR_UNSUPPORTED },
    { "{\"process\": \"blur\", \"process_extent\": 16}", "prediction_type", UDM_ERROR_UNSUPPORTED },
    { "{\"process\": \"blur\", \"prediction_type\": \"sample\"}", "process_extent", UDM_ERROR_UNSUPPORTED },
    { "{\"process\": \"pixelate\", \"prediction_type\": \"sample\", \"process_extent\": 12}", "power of two",
      UDM_ERROR_UNSUPPORTED },
    { "{\"process\": \"mask\", \"prediction_type\": \"sample\", \"process_extent\": 4}", "process_extent",
      UDM_ERROR_UNSUPPORTED },
    { "{\"process\": \"blur\", \"prediction_type\": \"sample\", \"process_extent\": 4, \"process_amount\": 5}",
      "process_amount", UDM_ERROR_UNSUPPORTED },
};

START_TEST(process_keys_that_are_refused)
{
    test_case("%s", process_keys[_i].config);
    folder made = make(UDM_INDEX, process_keys[_i].config);
    expect(&made, process_keys[_i].code, "scheduler_config.json", process_keys[_i].key);
}
END_TEST

START_TEST(power_of_the_noise)
{
    folder made = make(INDEX, "{\"noise_power\": [0.25, 0.5, 1]}");
    udm_model *model = open_sound(&made);
    folder_free(&made);
    const udm_scheduler *got = udm_model_scheduler(model);
    ck_assert_int_eq(got->power_count, 3);
    ck_assert_double_eq(got->powers[0], 0.25);
    ck_assert_double_eq(got->powers[2], 1);
    udm_model_free(model);
}
END_TEST

static const struct {
    const char *config, *key;
    udm_error_code code;
} scheduler_keys[] = {
    { "{\"trained_betas\": [0.1]}", "trained_betas", UDM_ERROR_UNSUPPORTED },
    { "{\"thresholding\": 1}", "thresholding", UDM_ERROR_CORRUPT },
    { "{\"use_flow_sigmas\": true}", "use_flow_sigmas", UDM_ERROR_UNSUPPORTED },
    { "{\"prediction_type\": \"flow_prediction\"}", "flow_prediction", UDM_ERROR_UNSUPPORTED },
    { "{\"prediction_type\": 3}", "prediction_type", UDM_ERROR_CORRUPT },
    { "{\"beta_schedule\": \"laplace\"}", "laplace", UDM_ERROR_UNSUPPORTED },
    { "{\"timestep_type\": \"continuous\"}", "timestep_type", UDM_ERROR_UNSUPPORTED },
    { "{\"noise_power\": [1, \"much\"]}", "noise_power", UDM_ERROR_CORRUPT },
    { "{\"noise_power\": [-1]}", "noise_power", UDM_ERROR_UNSUPPORTED },
    { "{\"timestep_spacing\": \"even\"}", "even", UDM_ERROR_UNSUPPORTED },
    { "{\"rescale_betas_zero_snr\": true, \"continuous_time\": true}", "rescale_betas", UDM_ERROR_UNSUPPORTED },
    { "{\"thresholding\": true, \"dynamic_thresholding_ratio\": 2}", "ratio", UDM_ERROR_UNSUPPORTED },
    { "{\"beta_start\": 0}", "beta_start", UDM_ERROR_UNSUPPORTED },
    { "{\"beta_end\": 1.5}", "beta_end", UDM_ERROR_UNSUPPORTED },
    { "{\"beta_start\": 0.5}", "beta_start", UDM_ERROR_UNSUPPORTED },
    { "{\"num_train_timesteps\": 0}", "num_train_timesteps", UDM_ERROR_UNSUPPORTED },
    { "{\"num_train_timesteps\": 2147483648}", "num_train_timesteps", UDM_ERROR_UNSUPPORTED },
    { "{\"num_train_timesteps\": \"1000\"}", "num_train_timesteps", UDM_ERROR_CORRUPT },
    { "{\"clip_sample_range\": -1}", "clip_sample_range", UDM_ERROR_UNSUPPORTED },
    { "{\"continuous_time\": \"yes\"}", "continuous_time", UDM_ERROR_CORRUPT },
    { "{\"beta_start\": 0.1, \"beta_start\": 0.1}", "JSON", UDM_ERROR_CORRUPT },
    { "[]", "object", UDM_ERROR_CORRUPT },
};

START_TEST(scheduler_keys_that_are_refused)
{
    test_case("%s", scheduler_keys[_i].config);
    folder made = make(INDEX, scheduler_keys[_i].config);
    expect(&made, scheduler_keys[_i].code, "scheduler_config.json", scheduler_keys[_i].key);
}
END_TEST

static const struct {
    const char *index, *word;
    udm_error_code code;
} indexes[] = {
    { "", "JSON", UDM_ERROR_CORRUPT },
    { "[]", "object", UDM_ERROR_CORRUPT },
    { "{\"unet\": [\"a\", \"b\"], \"unet\": [\"a\", \"b\"]}", "JSON", UDM_ERROR_CORRUPT },
    { "{}", "\"unet\"", UDM_ERROR_UNSUPPORTED },
    { "{\"unet\": [null, null]}", "\"unet\"", UDM_ERROR_UNSUPPORTED },
    { "{\"unet\": \"unet\"}", "\"unet\"", UDM_ERROR_UNSUPPORTED },
    { "{\"unet\": [\"a\", \"b\"], \"vae\": [\"diffusers\", \"AutoencoderKL\"]}", "this pipeline is not implemented",
      UDM_ERROR_UNSUPPORTED },
    { "{\"unet\": [\"a\", \"b\"], \"scheduler\": [\"diffusers\", \"TCDScheduler\"]}", "TCDScheduler",
      UDM_ERROR_UNSUPPORTED },
};

START_TEST(indexes_that_are_refused)
{
    test_case("%s", indexes[_i].index);
    folder made = make(indexes[_i].index, "{}");
    expect(&made, indexes[_i].code, ".json", indexes[_i].word);
}
END_TEST

static const struct {
    const char *file, *word;
} files[] = {
    { "model_index.json", "model_index.json" },
    { "unet/config.json", "unet/config.json" },
    { "scheduler/scheduler_config.json", "scheduler_config.json" },
    { "unet/diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors" },
};

START_TEST(missing_files)
{
    test_case("%s", files[_i].file);
    folder made = make(INDEX, "{}");
    remove(folder_path(&made, files[_i].file));
    expect(&made, UDM_ERROR_NOT_FOUND, made.path, files[_i].word);
}
END_TEST

static const char *const helper_names[] = { "preview", "trust" };

START_TEST(helpers)
{
    char index[128], config[64];
    test_case("%s", helper_names[_i]);
    snprintf(index, sizeof index, "{\"unet\": [\"udm\", \"UdmUNet\"], \"%s\": [\"udm\", \"UdmUNet\"]}",
             helper_names[_i]);
    snprintf(config, sizeof config, "%s/config.json", helper_names[_i]);
    folder made = make(index, "{}");
    expect(&made, UDM_ERROR_NOT_FOUND, helper_names[_i], "config.json");
    made = make(index, "{}");
    folder_make(&made, helper_names[_i]);
    folder_write_text(&made, config, "{\"_class_name\": \"UdmUNet\"}");
    expect(&made, UDM_ERROR_NOT_FOUND, helper_names[_i], "there is no");
}
END_TEST

START_TEST(missing_directory)
{
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_model_open("no/such/place", &error));
    assert_contains(error.message, "UDM_MODEL_PATH");
    assert_error(&error, UDM_ERROR_NOT_FOUND, "no/such/place");
    ck_assert_ptr_null(udm_model_open("", &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    ck_assert_ptr_null(udm_model_open("/dev/null", &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "");
    ck_assert_ptr_null(udm_model_open("no/such/place", NULL));
}
END_TEST

static void note(void *context, const char *name, const char *about)
{
    char *all = context;
    const size_t used = strlen(all);
    snprintf(all + used, 1024 - used, "%s (%s), ", name, about);
}

static void make_in(const folder *in, const char *name, const char *card)
{
    char path[64];
    folder_make(in, name);
    snprintf(path, sizeof path, "%s/model_index.json", name);
    folder_write_text(in, path, INDEX);
    snprintf(path, sizeof path, "%s/README.md", name);
    if (card)
        folder_write_text(in, path, card);
}

// Each name once, as it is found, with the first sentence of its card; and so says the error if one is not found.
START_TEST(models_are_listed)
{
    folder first = folder_new(), second = folder_new();
    char path[600], all[1024] = "";
    udm_error error = { 0 };
    make_in(&first, "fog", "---\nlicense: mit\n---\n\n# fog\n\nRemoves fog. And mist.\n");
    make_in(&first, "rain", NULL);
    folder_make(&first, "empty");
    make_in(&second, "fog", "# fog\n\nHidden.\n");
    make_in(&second, "snow", "# snow\n\nRemoves snow of 0.5 mm: all of it\nif it can.\n");
    snprintf(path, sizeof path, "%s:%s:/no/such/place", first.path, second.path);
    setenv("UDM_MODEL_PATH", path, 1);
    udm_list_models(note, all);
    ck_assert_msg(strncmp(all, "fog (Removes fog), rain (), snow (Removes snow of 0.5 mm), ", 59) == 0, "%s", all);
    ck_assert_ptr_null(udm_model_find("frost", &error));
    assert_contains(error.message, "choose from fog, rain, snow");
    assert_error(&error, UDM_ERROR_NOT_FOUND, "\"frost\"");
    folder_free(&first);
    folder_free(&second);
}
END_TEST

START_TEST(half_precision_variant)
{
    folder made = make(INDEX, "{}");
    remove(folder_path(&made, WEIGHTS));
    write_weights(&made, "unet/diffusion_pytorch_model.fp16.safetensors");
    udm_model *model = open_sound(&made);
    udm_model_free(model);
    folder_free(&made);
}
END_TEST

START_TEST(weights_in_several_files)
{
    static const char *const names[] = { "unet/diffusion_pytorch_model.safetensors.index.json",
                                         "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
                                         "unet/model.safetensors.index.json" };
    for (int i = 0; i < COUNT_OF(names); i++) {
        folder made = make(INDEX, "{}");
        remove(folder_path(&made, WEIGHTS));
        write_weights(&made, "unet/part-1.safetensors");
        test_at("%s", names[i]);
        folder_write_text(&made, names[i], "{\"metadata\": {}, \"weight_map\": {\"w\": \"part-1.safetensors\"}}");
        udm_model *model = open_sound(&made);
        udm_model_free(model);
        folder_free(&made);
    }
}
END_TEST

START_TEST(pickles)
{
    static const char *const names[] = { "unet/diffusion_pytorch_model.bin", "unet/x.pt", "unet/x.pth",
                                         "unet/last.ckpt" };
    for (int i = 0; i < COUNT_OF(names); i++) {
        folder made = make(INDEX, "{}");
        test_at("%s", names[i]);
        remove(folder_path(&made, WEIGHTS));
        folder_write_text(&made, names[i], "\x80\x02.");
        expect(&made, UDM_ERROR_UNSUPPORTED, strchr(names[i], '/') + 1, "'diffusion_pytorch_model.safetensors')\"");
    }
    // One at the top, and nothing else.
    folder made = folder_new();
    folder_write_text(&made, "v1-5.ckpt", "\x80\x02.");
    expect(&made, UDM_ERROR_UNSUPPORTED, "torch.load('v1-5.ckpt'", "weights_only=True");
    // A name that would run something, if the command repeated it.
    made = folder_new();
    folder_write_text(&made, "$(reboot).pt", "\x80\x02.");
    expect(&made, UDM_ERROR_UNSUPPORTED, "$(reboot).pt is a pickle", "torch.load('FILE'");
}
END_TEST

START_TEST(broken_weights)
{
    folder made = make(INDEX, "{}");
    folder_write_text(&made, WEIGHTS, "");
    expect(&made, UDM_ERROR_CORRUPT, WEIGHTS, "empty");
    made = make(INDEX, "{}");
    remove(folder_path(&made, WEIGHTS));
    folder_make(&made, WEIGHTS);
    expect(&made, UDM_ERROR_UNREADABLE, WEIGHTS, "regular file");
}
END_TEST

START_TEST(every_cut_of_every_json)
{
    folder made = make(INDEX, "{}");
    for (size_t cut = 0; cut + 1 < sizeof INDEX; cut++) {
        udm_error error = { 0 };
        test_at("after %zu bytes", cut);
        folder_write(&made, "model_index.json", INDEX, cut);
        ck_assert_ptr_null(udm_model_open(made.path, &error));
        assert_error(&error, UDM_ERROR_CORRUPT, "");
    }
    folder_free(&made);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = sound },
        { .test = tiny_models, .cases = COUNT_OF(tiny) },
        { .test = schedulers, .cases = COUNT_OF(wanted_schedulers) },
        { .test = methods_of_schedulers, .cases = COUNT_OF(methods) },
        { .test = processes },
        { .test = process_keys_that_are_refused, .cases = COUNT_OF(process_keys) },
        { .test = power_of_the_noise },
        { .test = scheduler_keys_that_are_refused, .cases = COUNT_OF(scheduler_keys) },
        { .test = indexes_that_are_refused, .cases = COUNT_OF(indexes) },
        { .test = missing_files, .cases = COUNT_OF(files) },
        { .test = helpers, .cases = COUNT_OF(helper_names) },
        { .test = missing_directory },
        { .test = models_are_listed },
        { .test = half_precision_variant },
        { .test = weights_in_several_files },
        { .test = pickles },
        { .test = broken_weights },
        { .test = every_cut_of_every_json },
    };
    return test_main("model", tests, COUNT_OF(tests));
}
