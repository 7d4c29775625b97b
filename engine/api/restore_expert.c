// SPDX-License-Identifier: LGPL-2.1-or-later
// What a restorer runs on its frames: a model's networks, its reverse loop and its temporal filter.
#include <math.h>

#include "api/purpose.h"
#include "api/restorer.h"

bool udm_restorer_open_network(udm_restorer *restorer, udm_error *error)
{
    udm_expert *expert = restorer->expert;
    expert->model = udm_model_expert(restorer->model, expert == restorer->experts ? UDM_NOISE_WHITE : UDM_NOISE_OTHER);
    if (udm_model_draws_texts(expert->model, error))
        return false;
    expert->network = udm_network_open(udm_model_network_config(expert->model),
                                       udm_model_network_weights(expert->model), restorer->device, error);
    const udm_settings *s = &restorer->settings;
    if (!expert->network ||
        !udm_network_restores(expert->network, expert->model, s->width, s->height, s->channels, error))
        return false;
    restorer->channels = expert->network->channels;
    return true;
}

static bool open_reverse(udm_restorer *restorer, udm_error *error)
{
    const udm_scheduler *scheduler = restorer->scheduler;
    udm_expert *expert = restorer->expert;
    udm_reverse_settings reverse;
    if (!udm_settings_reverse(&restorer->settings, expert->model, expert->network, restorer->noise, &reverse, error))
        return false;
    reverse.denoiser.workspace = restorer->workspace;
    reverse.denoiser.process = scheduler->process;
    reverse.extent = scheduler->extent;
    reverse.most = scheduler->process->factors
                       ? udm_noise_time(restorer->noise, expert->network->max_level)
                       : udm_restorer_own_time(restorer, udm_model_time(expert->model, INFINITY));
    expert->reverse = udm_reverse_new(&reverse, error);
    return expert->reverse != NULL;
}

// *network stays NULL where the model has no such helper.
static bool open_helper(udm_restorer *restorer, udm_helper helper, udm_network **network, udm_error *error)
{
    const udm_expert *expert = restorer->expert;
    const udm_config *config = udm_model_helper_config(expert->model, helper);
    if (!config)
        return true;
    *network = udm_network_open(config, udm_model_helper_weights(expert->model, helper), restorer->device, error);
    if (!*network)
        return false;
    if (!expert->network->uses_prediction || (*network)->channels != expert->network->channels)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "%s: this is for a network that takes a prediction, with as many channels",
                        udm_config_path(config));
    if (helper == UDM_HELPER_TRUST && !(*network)->predicts_log_variance)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"predict_log_variance\" must be true",
                        udm_config_path(config));
    return true;
}

// A model with a preview is shown a prediction of each frame.
static bool open_temporal(udm_restorer *restorer, udm_error *error)
{
    const udm_settings *settings = &restorer->settings;
    udm_expert *expert = restorer->expert;
    if (!open_helper(restorer, UDM_HELPER_PREVIEW, &expert->preview, error) ||
        !open_helper(restorer, UDM_HELPER_TRUST, &expert->trust, error))
        return false;
    if (!expert->preview)
        return settings->lookahead == 0 ||
               udm_fail(error, UDM_ERROR_SETTINGS,
                        "lookahead is %d, but %s has no temporal filter, and sees each frame alone: it must be 0",
                        settings->lookahead, udm_model_directory(expert->model));
    expert->temporal =
        udm_temporal_filter_new(expert->preview, expert->trust, restorer->workspace, settings->width, settings->height,
                                settings->lookahead, restorer->pool, udm_settings_memory(settings), error);
    return expert->temporal != NULL;
}

bool udm_restorer_open_loop(udm_restorer *restorer, udm_error *error)
{
    return open_reverse(restorer, error) && open_temporal(restorer, error);
}

static void free_expert(udm_expert *expert)
{
    udm_reverse_free(expert->reverse);
    udm_temporal_filter_free(expert->temporal);
    udm_network_free(expert->trust);
    udm_network_free(expert->preview);
    udm_network_free(expert->network);
    *expert = (udm_expert){ 0 };
}

void udm_restorer_free_experts(udm_restorer *restorer)
{
    for (int i = 0; i < UDM_EXPERTS; i++)
        free_expert(&restorer->experts[i]);
}

static bool check_alike(const udm_expert *a, const udm_expert *b, udm_error *error)
{
    return (a->network->channels == b->network->channels && !a->temporal == !b->temporal) ||
           udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s and %s are experts of one model: they must have as many channels, and both a preview or none",
                    udm_model_directory(a->model), udm_model_directory(b->model));
}

bool udm_restorer_ask(udm_restorer *restorer, udm_noise_kind kind, udm_error *error)
{
    udm_expert *expert = restorer->experts + (udm_model_has_experts(restorer->model) && kind == UDM_NOISE_OTHER);
    if (expert == restorer->expert)
        return true;
    udm_expert *before = restorer->expert;
    restorer->expert = expert;
    if (expert->reverse || (udm_restorer_open_network(restorer, error) && udm_restorer_open_loop(restorer, error) &&
                            check_alike(before, expert, error)))
        return true;
    free_expert(expert);
    restorer->expert = before;
    return false;
}
