// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/model.h: what a model is for.
#include "api/purpose.h"

#include "api/redraw.h"
#include "api/settings.h"
#include "interp/blending.h"

static bool check_drawn(const udm_network *network, const char *directory, int width, int height, int channels,
                        udm_error *error)
{
    const udm_window_shape *shape = &network->window;
    if (shape->frames == 0 || (width == shape->width && height == shape->height && channels == network->channels))
        return true;
    return udm_fail(error, UDM_ERROR_SETTINGS,
                    "%s draws frames of %dx%d with %d channels only, not %dx%d with %d: scale and convert them first",
                    directory, shape->width, shape->height, network->channels, width, height, channels);
}

bool udm_network_restores(const udm_network *network, const udm_model *model, int width, int height, int channels,
                          udm_error *error)
{
    const udm_process *process = udm_model_scheduler(model)->process;
    const char *directory = udm_model_directory(model);
    if (network->channels != 1 && network->channels != 3)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s has %d channels, and frames have 1 or 3", directory,
                        network->channels);
    if (network->context > 0 && !network->chroma_level)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s makes frames between others: udminterp runs it", directory);
    if (network->channels < channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s restores grey frames only, not colour", directory);
    if (process->symbols)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s makes symbols (process \"%s\"), and restores no frames",
                        directory, process->name);
    return check_drawn(network, directory, width, height, channels, error);
}

bool udm_network_interpolates(const udm_network *network, const udm_model *model, int channels, udm_error *error)
{
    const char *directory = udm_model_directory(model);
    if (udm_model_scheduler(model)->prediction != UDM_PREDICT_X0)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s does not predict x0, as an interpolation model must",
                        directory);
    if (udm_model_scheduler(model)->process != &udm_process_gaussian || !network->uses_prediction)
        return udm_fail(
            error, UDM_ERROR_UNSUPPORTED,
            "%s takes no prediction, or undoes something other than noise: it is not an interpolation model",
            directory);
    if (network->channels < channels)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s makes grey frames only, not colour", directory);
    return udm_blending_check(network, error);
}

bool udm_model_draws_texts(const udm_model *model, udm_error *error)
{
    if (!udm_model_text(model) && !udm_model_has_latents(model))
        return false;
    udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s draws what a text says: udmsrc runs it", udm_model_directory(model));
    return true;
}

// A model's network, on the processor, for as long as it takes to look at it; NULL with the error of that, or if the
// model draws.
static udm_network *open_to_look(const udm_model *model, udm_device **device, udm_error *error)
{
    udm_settings settings;
    udm_network *network;
    *device = NULL;
    if (!udm_check_argument(model, "the model", error) || udm_model_draws_texts(model, error))
        return NULL;
    udm_settings_init(&settings, sizeof settings);
    settings.device = "reference", settings.threads = 1;
    udm_open_network(model, &settings, device, &network, error);
    return network;
}

bool udm_model_restores(const udm_model *model, int width, int height, int channels, udm_error *error)
{
    if (model && udm_redraws(model))
        return true;
    udm_device *device;
    udm_network *network = open_to_look(model, &device, error);
    const bool does = network && udm_network_restores(network, model, width, height, channels, error);
    udm_network_free(network);
    udm_device_close(device);
    return does;
}

bool udm_model_interpolates(const udm_model *model, int channels, udm_error *error)
{
    udm_device *device;
    udm_network *network = open_to_look(model, &device, error);
    const bool does = network && udm_network_interpolates(network, model, channels, error);
    udm_network_free(network);
    udm_device_close(device);
    return does;
}
