// SPDX-License-Identifier: LGPL-2.1-or-later
// What a model is, and what it undoes.
#include <math.h>

#include "api/settings.h"

static double max_sigma(const udm_model *model)
{
    double sigma = 255;
    udm_config_double(udm_model_network_config(model), "max_sigma", 1, 1e6, &sigma, NULL);
    return sigma;
}

udm_degradation udm_model_degradation(const udm_model *model)
{
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_process *process = scheduler->process;
    if (process->factors)
        return (udm_degradation){ process->name, "standard deviation of the noise, 0-255 scale", -1, max_sigma(model),
                                  false };
    if (process->sized)
        return (udm_degradation){ process->name, process->measure, scheduler->amount, scheduler->most, false };
    return (udm_degradation){ process->name, "share that is lost", process->lost ? 1 : 0, 1, process->lost != NULL };
}

double udm_model_time(const udm_model *model, double amount)
{
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_process *process = scheduler->process;
    amount = fmin(fmax(amount, 0), udm_model_degradation(model).most); // NaN too
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

bool udm_model_info(const udm_model *model, udm_info *info, udm_error *error)
{
    static const char *const predictions[] = {
        [UDM_PREDICT_EPSILON] = "epsilon",
        [UDM_PREDICT_X0] = "x0",
        [UDM_PREDICT_V] = "v",
    };
    udm_device *device;
    udm_network *network;
    udm_settings settings = udm_settings_default();
    settings.device = "reference", settings.threads = 1;
    udm_open_network(model, &settings, &device, &network, error);
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    const udm_degradation degradation = udm_model_degradation(model);
    if (network)
        *info = (udm_info){
            .network = network->class->name,
            .prediction = predictions[scheduler->prediction],
            .schedule = scheduler->noise.schedule->name,
            .steps = scheduler->noise.steps,
            .channels = network->channels,
            .stride = network->stride,
            .reach = network->reach,
            .memory_frames = network->memory_frames,
            .predicted = udm_model_helper_config(model, UDM_HELPER_PREVIEW) != NULL,
            .weights = network->weights,
            .process = degradation.process,
            .measure = degradation.measure,
            .max_amount = degradation.most,
            .width = network->window.frames ? network->window.width : network->width,
            .height = network->window.frames ? network->window.height : network->height,
            .frames = network->window.frames,
            .classes = network->window.frames ? network->window.classes : network->classes,
            .symbols = scheduler->process->symbols,
        };
    udm_network_free(network);
    udm_device_close(device);
    return network != NULL;
}
