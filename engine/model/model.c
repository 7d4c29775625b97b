// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens a model directory: model_index.json names the parts, each of which is a folder. Those of google/ddpm-* lie
// beside model_index.json itself, and the folder of one network is a model too. The network of a model that draws what
// a text says is its decoder.
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "model/file.h"
#include "model/lora.h"
#include "model/part.h"
#include "model/scheduler.h"

#define COMPARED 64 // times at which the noise of two schedules is compared

struct udm_model {
    char *directory;
    udm_text_part network, helpers[UDM_HELPERS];
    udm_scheduler scheduler;
    bool has_text, has_latents, has_super_res;
    udm_text_parts text;
    char *text_class;
    bool has_film;
    udm_film_parts film;
    udm_degradation degradation;
    udm_lora *loras;  // a chain
    udm_model *other; // the expert for noise that is not white, where there is one; this is that for white noise
};

const char *const udm_film_names[UDM_FILM_STAGES] = { "film_decoder", "interpolator", "super_res_first",
                                                      "super_res_last" };
static const char *const helper_names[UDM_HELPERS] = { "preview", "trust", "classifier" };

// The folder of a part, with this file in it; the model's own where there is none. To be freed with free().
static char *part_folder(const udm_model *model, const char *part, const char *file, udm_error *error)
{
    char *folder = udm_file_join(model->directory, part, error);
    if (!folder || udm_part_has(folder, file) || !udm_part_has(model->directory, file))
        return folder;
    free(folder);
    folder = strdup(model->directory);
    if (!folder)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the path of %s", file);
    return folder;
}

// index: NULL for the folder of one network
static bool open_networks(udm_model *model, const udm_config *index, udm_error *error)
{
    const char *part[2];
    const char *main = model->has_text && !model->has_latents ? "decoder" : "unet";
    bool ok = udm_part_open(part_folder(model, main, "config.json", error), &model->network, error);
    for (int i = 0; ok && index && i < UDM_HELPERS; i++)
        if (udm_config_pair(index, helper_names[i], part))
            ok = udm_part_open(udm_file_join(model->directory, helper_names[i], error), &model->helpers[i], error);
    return ok;
}

// name: of the part
static bool open_scheduler(udm_model *model, const char *name, const udm_config *index, udm_scheduler *to,
                           udm_error *error)
{
    static const char file[] = "scheduler_config.json";
    const char *part[2] = { NULL, "DDPMScheduler" };
    char *folder = part_folder(model, name, file, error);
    if (!folder)
        return false;
    bool ok;
    if (index ? udm_config_pair(index, name, part) : udm_part_has(folder, file)) {
        udm_config *config = udm_part_config(folder, file, error);
        ok = config && (index || udm_config_string(config, "_class_name", &part[1], error)) &&
             udm_scheduler_read(to, part[1], config, error);
        udm_config_free(config);
    } else {
        ok = udm_scheduler_default(to, error);
    }
    free(folder);
    return ok;
}

// What kinds of models there are: the parts that each must have, and those that it may have. What frames are restored
// by has the network alone.
static const struct parts {
    const char *what;
    const char *needed[8], *fine[8];
} all_parts[] = {
    { "a model", { "unet" }, { "preview", "trust", "classifier", "scheduler", "safety_checker", "feature_extractor" } },
    { "a model with a decoder",
      { "decoder", "tokenizer", "text_encoder", "prior", "prior_scheduler", "decoder_scheduler" },
      { "image_encoder", "feature_extractor", "film_decoder", "interpolator", "super_res_first", "super_res_last",
        "vae" } },
    // The last two judge what was drawn, and are not run.
    { "a pipeline of latent diffusion",
      { "unet", "vae", "tokenizer", "text_encoder", "scheduler" },
      { "safety_checker", "feature_extractor" } },
    { "a pipeline of unCLIP",
      { "decoder", "text_proj", "tokenizer", "text_encoder", "decoder_scheduler", "super_res_first", "super_res_last",
        "super_res_scheduler" },
      { "prior", "prior_scheduler", "image_encoder", "feature_extractor" } },
};

static bool contains(const char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count && list[i]; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

// A part that is neither known nor known not to matter changes what the network sees, or what its output means.
static bool check_parts(const udm_model *model, const udm_config *index, udm_error *error)
{
    const struct parts *parts = &all_parts[model->has_super_res ? 3 : model->has_latents ? 2 : model->has_text ? 1 : 0];
    const size_t needed = sizeof parts->needed / sizeof *parts->needed;
    const char *part[2];
    for (const char *key = NULL; (key = udm_config_next(index, key));)
        if (udm_config_pair(index, key, part) && !contains(parts->needed, needed, key) &&
            !contains(parts->fine, sizeof parts->fine / sizeof *parts->fine, key))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this part is not implemented: \"%s\" (%s)",
                            udm_config_path(index), key, part[1]);
    for (size_t i = 0; i < needed && parts->needed[i]; i++)
        if (!udm_config_pair(index, parts->needed[i], part))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: %s must have the part \"%s\": [library, class]",
                            udm_config_path(index), parts->what, parts->needed[i]);
    return true;
}

// Pipelines that are drawn by the same loop; what others do between has parts of the same names.
static bool check_pipeline(const udm_config *index, udm_error *error)
{
    static const char *const known[] = { "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
                                         "StableDiffusionInpaintPipeline", "LatentConsistencyModelPipeline",
                                         "LatentConsistencyModelImg2ImgPipeline" };
    const char *class = "";
    return udm_config_string(index, "_class_name", &class, error) &&
           (contains(known, sizeof known / sizeof *known, class) ||
            udm_fail(error, UDM_ERROR_UNSUPPORTED,
                     "%s: this pipeline is not implemented: \"%s\"; have: StableDiffusionPipeline, "
                     "StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline, LatentConsistencyModelPipeline",
                     udm_config_path(index), class));
}

static udm_config *open_index(const char *directory, udm_error *error)
{
    char *pickle = udm_part_has(directory, "model_index.json") ? NULL : udm_part_pickle(directory);
    if (!pickle)
        return udm_part_config(directory, "model_index.json", error);
    udm_part_fail(directory, error);
    free(pickle);
    return NULL;
}

static udm_model *open_directory(char *directory, bool chooses, udm_error *error);
static bool open_parts(udm_model *model, bool chooses, udm_error *error);

// The folder beside the model's own that the index names, to be freed with free().
static char *expert_folder(const udm_model *model, const udm_config *index, const char *key, udm_error *error)
{
    const char *name = NULL;
    if (!udm_config_string(index, key, &name, error))
        return NULL;
    if (!name || !*name || *name == '.' || strchr(name, '/')) {
        udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" must name a folder beside %s", udm_config_path(index), key,
                 model->directory);
        return NULL;
    }
    char *above = udm_file_join(model->directory, "..", error),
         *path = above ? udm_file_join(above, name, error) : NULL;
    char *folder = path ? udm_model_find(path, error) : NULL;
    free(above);
    free(path);
    return folder;
}

static bool same_times(const udm_scheduler *a, const udm_scheduler *b)
{
    bool same = a->process == b->process && a->extent == b->extent && a->prediction == b->prediction;
    for (int i = 0; same && i <= COMPARED; i++)
        same = udm_noise_level(&a->noise, (double)i / COMPARED) == udm_noise_level(&b->noise, (double)i / COMPARED);
    return same;
}

// The model is as its expert for white noise, but for its name and the other expert.
static bool open_experts(udm_model *model, const udm_config *index, udm_error *error)
{
    static const char *const keys[] = { "_class_name", "white", "other", NULL };
    if (!udm_config_only(index, keys, error))
        return false;
    char *own = model->directory, *white = expert_folder(model, index, "white", error), *other = NULL;
    bool ok = white != NULL;
    if (ok) {
        model->directory = white;
        ok = open_parts(model, false, error);
        model->directory = own;
        free(white);
    }
    if (ok)
        ok = (other = expert_folder(model, index, "other", error)) != NULL;
    if (ok)
        ok = (model->other = open_directory(other, false, error)) != NULL;
    return ok && (same_times(&model->scheduler, &model->other->scheduler) ||
                  udm_fail(error, UDM_ERROR_UNSUPPORTED,
                           "%s: its experts must have the same process and noise schedule", udm_config_path(index)));
}

static bool has_experts(const udm_config *index)
{
    const char *class = "";
    return udm_config_string(index, "_class_name", &class, NULL) && strcmp(class, "UdmNoiseExperts") == 0;
}

// What is done to pictures, and nothing else: they are resized by cubic splines, so that their middle square fits.
static bool check_extractor(const udm_config *config, udm_error *error)
{
    static const char *const done[] = { "do_resize", "do_center_crop", "do_normalize" };
    int resample = 3;
    if (!udm_config_int(config, "resample", 0, 5, &resample, error))
        return false;
    if (resample != 3)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"resample\": %d is not implemented: 3, bicubic, is",
                        udm_config_path(config), resample);
    for (int i = 0; i < 3; i++) {
        bool on = true;
        if (!udm_config_bool(config, done[i], &on, error))
            return false;
        if (!on)
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"%s\": false is not implemented",
                            udm_config_path(config), done[i]);
    }
    return true;
}

// How pictures are shown to CLIP; the defaults are OpenAI's.
static bool read_extractor(udm_model *model, const udm_config *index, udm_error *error)
{
    static const double mean[3] = { 0.48145466, 0.4578275, 0.40821073 };
    static const double deviation[3] = { 0.26862954, 0.26130258, 0.27577711 };
    udm_text_parts *text = &model->text;
    const char *part[2];
    int count = 3;
    memcpy(text->mean, mean, sizeof mean);
    memcpy(text->deviation, deviation, sizeof deviation);
    if (!udm_config_pair(index, "feature_extractor", part))
        return true;
    char *folder = udm_file_join(model->directory, "feature_extractor", error);
    udm_config *config = folder ? udm_part_config(folder, "preprocessor_config.json", error) : NULL;
    free(folder);
    bool ok = config && check_extractor(config, error) &&
              udm_config_doubles(config, "image_mean", -1e3, 1e3, 3, text->mean, &count, error) &&
              udm_config_doubles(config, "image_std", 1e-3, 1e3, 3, text->deviation, &count, error);
    if (ok && count != 3)
        ok = udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"image_mean\" and \"image_std\" must be of three channels",
                      udm_config_path(config));
    udm_config_free(config);
    return ok;
}

// Pipelines that make variations of pictures have none.
static bool open_prior(udm_model *model, const udm_config *index, udm_error *error)
{
    udm_text_parts *text = &model->text;
    const char *part[2];
    if (model->has_super_res && !udm_config_pair(index, "prior", part))
        return udm_config_pair(index, "image_encoder", part) ||
               udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: it must have a \"prior\", or an \"image_encoder\"",
                        udm_config_path(index));
    return udm_part_open(udm_file_join(model->directory, "prior", error), &text->prior, error) &&
           open_scheduler(model, "prior_scheduler", index, &text->prior_scheduler, error);
}

static bool open_super_res(udm_model *model, const udm_config *index, udm_error *error)
{
    udm_text_parts *text = &model->text;
    const char *directory = model->directory;
    return udm_part_open(udm_file_join(directory, "text_proj", error), &text->text_proj, error) &&
           udm_part_open(udm_file_join(directory, "super_res_first", error), &text->super_res[0], error) &&
           udm_part_open(udm_file_join(directory, "super_res_last", error), &text->super_res[1], error) &&
           open_scheduler(model, "super_res_scheduler", index, &text->super_res_scheduler, error);
}

// Those of Karlo have the names of some of them.
static bool open_film_parts(udm_model *model, const udm_config *index, udm_error *error)
{
    const char *part[2];
    bool ok = true;
    for (int i = 0; ok && i < UDM_FILM_STAGES && !model->has_super_res; i++)
        if (udm_config_pair(index, udm_film_names[i], part))
            ok = udm_part_open(udm_file_join(model->directory, udm_film_names[i], error), &model->text.films[i], error);
    return ok;
}

static bool open_text(udm_model *model, const udm_config *index, udm_error *error)
{
    udm_text_parts *text = &model->text;
    const char *part[2], *directory = model->directory;
    text->tokenizer = udm_file_join(directory, "tokenizer", error);
    bool ok = text->tokenizer && udm_part_open(udm_file_join(directory, "text_encoder", error), &text->text, error);
    if (ok && udm_config_pair(index, "vae", part))
        ok = udm_part_open(udm_file_join(directory, "vae", error), &text->vae, error);
    if (ok && !model->has_latents)
        ok = open_prior(model, index, error) && read_extractor(model, index, error) &&
             (!model->has_super_res || open_super_res(model, index, error));
    if (ok && !model->has_latents && udm_config_pair(index, "image_encoder", part))
        ok = udm_part_open(udm_file_join(directory, "image_encoder", error), &text->vision, error);
    ok = ok && open_film_parts(model, index, error);
    if (ok && udm_config_pair(index, "text_encoder", part)) {
        text->text_class = model->text_class = strdup(part[1]);
        ok = model->text_class || udm_fail(error, UDM_ERROR_MEMORY, "no memory for the model \"%s\"", directory);
    }
    return ok;
}

static bool is_film(const udm_config *index)
{
    const char *class = "";
    return udm_config_string(index, "_class_name", &class, NULL) &&
           (strcmp(class, "AnimateDiffPipeline") == 0 || strcmp(class, "TextToVideoSDPipeline") == 0);
}

static bool check_film_parts(const udm_config *index, udm_error *error)
{
    static const char *const needed[] = { "unet", "vae", "text_encoder", "tokenizer", "scheduler" };
    static const char *const fine[] = { "unet",           "vae",       "text_encoder",     "tokenizer",
                                        "motion_adapter", "scheduler", "feature_extractor" };
    const char *part[2];
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!udm_config_pair(index, needed[i], part))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                            "%s: a model that makes films must have the part \"%s\": [library, class]",
                            udm_config_path(index), needed[i]);
    for (const char *key = NULL; (key = udm_config_next(index, key));)
        if (udm_config_pair(index, key, part) && !contains(fine, sizeof fine / sizeof *fine, key))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this part is not implemented: \"%s\" (%s)",
                            udm_config_path(index), key, part[1]);
    return true;
}

// A UNetMotionModel has the modules of the adapter beside it.
static bool open_film(udm_model *model, const udm_config *index, udm_error *error)
{
    udm_film_parts *film = &model->film;
    const char *part[2], *class = "", *directory = model->directory;
    model->has_film = true;
    film->tokenizer = udm_file_join(directory, "tokenizer", error);
    bool ok = film->tokenizer && check_film_parts(index, error) &&
              open_scheduler(model, "scheduler", index, &model->scheduler, error) &&
              udm_part_open(udm_file_join(directory, "unet", error), &model->network, error) &&
              udm_part_open(udm_file_join(directory, "vae", error), &film->vae, error) &&
              udm_part_open(udm_file_join(directory, "text_encoder", error), &film->text, error) &&
              udm_config_string(model->network.config, "_class_name", &class, error);
    if (ok && strcmp(class, "UNet2DConditionModel") == 0)
        ok = udm_config_pair(index, "motion_adapter", part)
                 ? udm_part_open(udm_file_join(directory, "motion_adapter", error), &film->motion, error)
                 : udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: a UNet2DConditionModel needs a \"motion_adapter\"",
                            udm_config_path(index));
    if (ok && udm_config_pair(index, "text_encoder", part)) {
        film->text_class = model->text_class = strdup(part[1]);
        ok = model->text_class || udm_fail(error, UDM_ERROR_MEMORY, "no memory for the model \"%s\"", directory);
    }
    return ok;
}

static bool open_diffusers(udm_model *model, const udm_config *index, udm_error *error)
{
    const char *part[2];
    if (is_film(index))
        return open_film(model, index, error);
    model->has_latents = udm_config_pair(index, "vae", part) || udm_config_pair(index, "text_encoder", part);
    model->has_latents &= !udm_config_pair(index, "decoder", part);
    model->has_text = model->has_latents || udm_config_pair(index, "decoder", part);
    model->has_super_res = model->has_text && !model->has_latents && udm_config_pair(index, "text_proj", part);
    const char *scheduler = model->has_text && !model->has_latents ? "decoder_scheduler" : "scheduler";
    if ((model->has_latents && !check_pipeline(index, error)) || !check_parts(model, index, error) ||
        !open_scheduler(model, scheduler, index, &model->scheduler, error))
        return false;
    if (model->has_latents) // as StableDiffusionPipeline does, whatever the file says
        model->scheduler.timesteps.offset = 1, model->scheduler.bounds.clip = 0;
    return open_networks(model, index, error) && (!model->has_text || open_text(model, index, error));
}

// chooses: it may have experts
static bool open_parts(udm_model *model, bool chooses, udm_error *error)
{
    if (!udm_part_has(model->directory, "model_index.json") && udm_part_has(model->directory, "config.json"))
        return open_scheduler(model, "scheduler", NULL, &model->scheduler, error) && open_networks(model, NULL, error);
    udm_config *index = open_index(model->directory, error);
    bool ok = index &&
              (chooses && has_experts(index) ? open_experts(model, index, error) : open_diffusers(model, index, error));
    udm_config_free(index);
    return ok;
}

// Latent diffusion for holes: its network is shown a mask, and the latents of the rest, beside those that it draws.
static bool fills_holes(const udm_model *model)
{
    int in = 0, out = 0;
    return model->has_text && model->has_latents &&
           udm_config_int(model->network.config, "in_channels", 1, 1 << 16, &in, NULL) &&
           udm_config_int(model->network.config, "out_channels", 1, 1 << 16, &out, NULL) && in == 2 * out + 1;
}

// What the scheduler and the network's config say of the frames that the model restores.
static void read_degradation(udm_model *model)
{
    const udm_scheduler *scheduler = &model->scheduler;
    const udm_process *process = scheduler->process;
    udm_degradation *degradation = &model->degradation;
    degradation->process = process->name;
    degradation->told = model->has_text && model->has_latents;
    degradation->holes = process->lost != NULL || fills_holes(model);
    if (process->factors && !degradation->holes) {
        degradation->measure = "standard deviation of the noise, 0-255 scale";
        degradation->usual = -1;
        degradation->most = 255; // the default
        udm_config_double(model->network.config, "max_sigma", 1, 1e6, &degradation->most, NULL);
    } else if (process->sized) {
        degradation->measure = process->measure;
        degradation->usual = scheduler->amount;
        degradation->most = scheduler->most;
    } else {
        degradation->measure = "share that is lost";
        degradation->usual = degradation->holes ? 1 : 0;
        degradation->most = 1;
    }
}

// Takes the directory, which may be NULL.
static udm_model *open_directory(char *directory, bool chooses, udm_error *error)
{
    udm_model *model = directory ? calloc(1, sizeof *model) : NULL;
    if (!model) {
        if (directory)
            udm_fail(error, UDM_ERROR_MEMORY, "no memory for the model \"%s\"", directory);
        free(directory);
        return NULL;
    }
    model->directory = directory;
    if (open_parts(model, chooses, error)) {
        read_degradation(model);
        return model;
    }
    udm_model_free(model);
    return NULL;
}

udm_model *udm_model_open(const char *name, udm_error *error)
{
    return open_directory(udm_model_find(name, error), true, error);
}

void udm_model_free(udm_model *model)
{
    if (!model)
        return;
    udm_part_close(&model->network);
    for (int i = 0; i < UDM_HELPERS; i++)
        udm_part_close(&model->helpers[i]);
    udm_model_free(model->other);
    udm_part_close(&model->text.text);
    udm_part_close(&model->text.prior);
    udm_part_close(&model->text.vision);
    for (int i = 0; i < UDM_FILM_STAGES; i++)
        udm_part_close(&model->text.films[i]);
    udm_part_close(&model->film.text);
    udm_part_close(&model->film.vae);
    udm_part_close(&model->film.motion);
    free(model->film.tokenizer);
    udm_part_close(&model->text.vae);
    udm_part_close(&model->text.text_proj);
    for (int i = 0; i < 2; i++)
        udm_part_close(&model->text.super_res[i]);
    udm_noise_clear(&model->text.super_res_scheduler.noise);
    udm_noise_clear(&model->text.prior_scheduler.noise);
    udm_noise_clear(&model->scheduler.noise);
    udm_loras_free(model->loras);
    free(model->text.tokenizer);
    free(model->text_class);
    free(model->directory);
    free(model);
}

bool udm_model_add_loras(udm_model *model, const char *list, udm_error *error)
{
    if (!model || !list)
        return udm_fail(error, UDM_ERROR_SETTINGS, "the model and the list of LoRAs must be given");
    const udm_lora_targets targets = { .unet = model->network.weights,
                                       .motion = model->film.motion.weights,
                                       .text = model->has_film ? model->film.text.weights : model->text.text.weights };
    return udm_loras_add(&model->loras, list, &targets, error);
}

const udm_degradation *udm_model_degradation(const udm_model *model)
{
    return &model->degradation;
}

const char *udm_model_directory(const udm_model *model)
{
    return model->directory;
}

const udm_config *udm_model_network_config(const udm_model *model)
{
    return model->network.config;
}

const udm_weights *udm_model_network_weights(const udm_model *model)
{
    return model->network.weights;
}

const udm_config *udm_model_helper_config(const udm_model *model, udm_helper helper)
{
    return model->helpers[helper].config;
}

const udm_weights *udm_model_helper_weights(const udm_model *model, udm_helper helper)
{
    return model->helpers[helper].weights;
}

const udm_scheduler *udm_model_scheduler(const udm_model *model)
{
    return &model->scheduler;
}

bool udm_model_has_experts(const udm_model *model)
{
    return model->other != NULL;
}

double udm_model_told(const udm_model *model, double white, double real, double apart)
{
    bool chroma_level = false;
    udm_config_bool(udm_model_network_config(model), "chroma_level", &chroma_level, NULL);
    return !model->scheduler.real_noise ? white : chroma_level ? apart : real;
}

const udm_model *udm_model_expert(const udm_model *model, udm_noise_kind kind)
{
    return kind == UDM_NOISE_OTHER && model->other ? model->other : model;
}

bool udm_model_has_latents(const udm_model *model)
{
    return model->has_latents;
}

const udm_text_parts *udm_model_text(const udm_model *model)
{
    return model->has_text ? &model->text : NULL;
}

const udm_film_parts *udm_model_film(const udm_model *model)
{
    return model->has_film ? &model->film : NULL;
}
