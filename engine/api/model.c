// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/model.h: times and amounts, and the facts about a model.
#include <math.h>

#include "api/pipelines/film.h"
#include "api/pipelines/super_res.h"
#include "api/pipelines/unclip.h"
#include "backend/plan.h"
#include "network/autoencoder.h"

double udm_model_time(const udm_model *model, double amount)
{
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_process *process = scheduler->process;
    amount = fmin(fmax(amount, 0), udm_model_degradation(model)->most); // NaN too
    const double level = process->factors ? udm_level_of_sigma(amount)
                         : process->share ? sqrt(process->share(scheduler->extent, amount))
                                          : sqrt(amount);
    return udm_noise_time(&scheduler->noise, level);
}

double udm_model_amount(const udm_model *model, double time)
{
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_process *process = scheduler->process;
    const double level = udm_noise_level(&scheduler->noise, time);
    return process->factors  ? udm_sigma_of_level(level)
           : process->amount ? process->amount(scheduler->extent, level * level)
                             : level * level;
}

bool udm_model_info(const udm_model *model, udm_info *info, size_t size, udm_error *error)
{
    if (!udm_check_argument(model, "the model", error) || !udm_check_argument(info, "the info", error))
        return false;
    static const char *const predictions[] = {
        [UDM_PREDICT_EPSILON] = "epsilon",
        [UDM_PREDICT_X0] = "x0",
        [UDM_PREDICT_V] = "v",
    };
    if (udm_model_has_latents(model)) {
        udm_info all = { .prediction = predictions[udm_model_scheduler(model)->prediction] };
        const bool good = udm_latent_info(model, &all, error);
        if (good)
            udm_copy_sized(info, size, &all, sizeof all);
        return good;
    }
    udm_device *device = udm_plan_open(error);
    udm_network *network = device ? udm_open_network_on(model, device, error) : NULL;
    udm_autoencoder vae = { .scale = 1 };
    const udm_text_parts *text = udm_model_text(model);
    const udm_config *coder = udm_model_film(model) ? udm_model_film(model)->vae.config
                              : text                ? text->vae.config
                                                    : NULL;
    if (network && coder && !udm_autoencoder_describe(&vae, coder, error)) {
        udm_network_free(network);
        network = NULL;
    }
    int factor = 1; // of what is drawn to what comes out
    if (network && text && text->super_res[0].config &&
        !(factor = udm_super_res_factor(model, network->width, network->height, error))) {
        udm_network_free(network);
        network = NULL;
    }
    factor *= vae.scale;
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_degradation *degradation = udm_model_degradation(model);
    const udm_config *film = udm_model_text(model) ? udm_model_text(model)->films[UDM_FILM_DRAWS].config : NULL;
    int frames = network ? network->frames : 0;
    if (film)
        udm_config_int(film, "frames", 1, UDM_MAX_FRAMES, &frames, NULL);
    bool good = network;
    if (network) {
        udm_info all = {
            .network = network->class->name,
            .prediction = predictions[scheduler->prediction],
            .schedule = scheduler->noise.schedule->name,
            .steps = scheduler->noise.steps,
            .channels = coder ? vae.channels : network->channels,
            .stride = network->stride * vae.scale,
            .reach = network->reach,
            .memory_frames = network->memory_frames,
            .temporal_filter = udm_model_helper_config(model, UDM_HELPER_PREVIEW) != NULL,
            .weights = network->weights,
            .process = degradation->process,
            .measure = degradation->measure,
            .max_amount = degradation->most,
            .width = network->window.frames ? network->window.width : network->width * factor,
            .height = network->window.frames ? network->window.height : network->height * factor,
            .frames = network->window.frames ? network->window.frames : frames,
            .classes = network->window.frames ? network->window.classes : network->classes,
            .symbols = scheduler->process->symbols,
            .experts = udm_model_has_experts(model),
            .embedding = udm_model_film(model) ? network->token_width : network->embedding,
        };
        good = udm_model_film(model) ? udm_film_info(model, &all, error)
               : text && !film       ? udm_unclip_info(model, &all, error)
                                     : true;
        if (good)
            udm_copy_sized(info, size, &all, sizeof all);
    }
    udm_network_free(network);
    udm_device_close(device);
    return good;
}

static void tell(const char *name, const udm_config *config, const udm_weights *weights,
                 void (*found)(void *context, const udm_part *part), void *context)
{
    const char *class = "", *architectures[1];
    int count = 0;
    if (!config)
        return;
    if (!udm_config_string(config, "_class_name", &class, NULL) || !*class)
        if (udm_config_strings(config, "architectures", 1, architectures, &count, NULL) && count == 1)
            class = architectures[0];
    udm_part part = { .name = name, .class_name = class, .weights = udm_weights_total(weights) };
    for (size_t i = 0; i < udm_weights_count(weights); i++)
        part.bytes += udm_weights_at(weights, i)->bytes;
    found(context, &part);
}

void udm_model_parts(const udm_model *model, void (*found)(void *context, const udm_part *part), void *context)
{
    static const char *const helpers[UDM_HELPERS] = { "preview", "trust", "classifier" };
    if (!model || !found)
        return;
    const udm_text_parts *text = udm_model_text(model);
    const udm_film_parts *film = udm_model_film(model);
    tell(text && !udm_model_has_latents(model) ? "decoder" : "unet", udm_model_network_config(model),
         udm_model_network_weights(model), found, context);
    for (int i = 0; i < UDM_HELPERS; i++)
        tell(helpers[i], udm_model_helper_config(model, i), udm_model_helper_weights(model, i), found, context);
    if (film) {
        tell("motion_adapter", film->motion.config, film->motion.weights, found, context);
        tell("vae", film->vae.config, film->vae.weights, found, context);
        tell("text_encoder", film->text.config, film->text.weights, found, context);
    }
    if (!text)
        return;
    tell("text_encoder", text->text.config, text->text.weights, found, context);
    tell("image_encoder", text->vision.config, text->vision.weights, found, context);
    tell("prior", text->prior.config, text->prior.weights, found, context);
    tell("text_proj", text->text_proj.config, text->text_proj.weights, found, context);
    tell("super_res_first", text->super_res[0].config, text->super_res[0].weights, found, context);
    tell("super_res_last", text->super_res[1].config, text->super_res[1].weights, found, context);
    tell("vae", text->vae.config, text->vae.weights, found, context);
    for (int i = 0; i < UDM_FILM_STAGES; i++)
        tell(udm_film_names[i], text->films[i].config, text->films[i].weights, found, context);
}
