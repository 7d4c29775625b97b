// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of networks.
#include "network/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/fallback.h"
#include "network/unet2d.h"

const udm_network_class *const udm_network_classes[] = {
    &udm_network_unet,   &udm_network_unet2d, &udm_network_unet2d_condition,   &udm_network_pseudo3d,
    &udm_network_motion, &udm_network_3d,     &udm_network_pseudo3d_condition, NULL
};

// "UdmUNet, UNet2DModel, ..."
static const char *names(char *text, size_t room)
{
    size_t used = 0;
    for (const udm_network_class *const *class = udm_network_classes; *class && used < room; class ++)
        used += (size_t)snprintf(text + used, room - used, used ? ", %s" : "%s", (*class)->name);
    return text;
}

static udm_network *open_on(const udm_adapter *adapter, const udm_config *config, const udm_weights *weights,
                            udm_device *device, udm_error *error)
{
    const char *name = "";
    if (!udm_config_string(config, "_class_name", &name, error))
        return NULL;
    if (adapter->config && strcmp(name, udm_network_unet2d_condition.name) != 0) {
        udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: motion modules are inserted into a UNet2DConditionModel only",
                 udm_config_path(config));
        return NULL;
    }
    if (adapter->config) {
        udm_network *network = udm_unet2d_open_adapted(adapter, config, weights, device, error);
        if (network)
            network->config = config, network->parameters = weights, network->adapter = *adapter;
        return network;
    }
    if (adapter->told_config && strcmp(name, udm_network_unet2d_condition.name) == 0) {
        udm_network *network = udm_unet2d_open_told(adapter, config, weights, device, error);
        if (network)
            network->config = config, network->parameters = weights, network->adapter = *adapter;
        return network;
    }
    for (const udm_network_class *const *class = udm_network_classes; *class; class ++)
        if (strcmp((*class)->name, name) == 0) {
            udm_network *network = (*class)->open(config, weights, device, error);
            if (network)
                network->config = config, network->parameters = weights;
            return network;
        }
    char all[256];
    udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: there is no network \"%s\" here; have: %s", udm_config_path(config),
             name, names(all, sizeof all));
    return NULL;
}

// A network that is being opened, where it can be.
typedef struct opening {
    udm_adapter adapter;
    const udm_config *config;
    const udm_weights *weights;
    udm_device *device;
    udm_network *network;
} opening;

static bool try_to_open(void *context, udm_error *error)
{
    opening *o = context;
    o->network = open_on(&o->adapter, o->config, o->weights, o->device, error);
    return o->network != NULL;
}

static bool open_elsewhere(void *context, udm_device *to, udm_error *error)
{
    ((opening *)context)->device = to;
    return true;
}

udm_network *udm_network_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                              udm_error *error)
{
    return udm_network_open_adapted(&(udm_adapter){ 0 }, config, weights, device, error);
}

udm_network *udm_network_open_adapted(const udm_adapter *adapter, const udm_config *config, const udm_weights *weights,
                                      udm_device *device, udm_error *error)
{
    opening o = { *adapter, config, weights, device, NULL };
    const udm_fallback calls = { &o, try_to_open, open_elsewhere };
    return udm_fallback_run(device, &calls, error) ? o.network : NULL;
}

udm_network *udm_network_reopen(const udm_network *network, udm_device *device, udm_error *error)
{
    return open_on(&network->adapter, network->config, network->parameters, device, error);
}

void udm_network_free(udm_network *network)
{
    if (network)
        network->class->free(network);
}

int udm_network_outputs(const udm_network *network)
{
    return network->channels * (1 + network->spreads) + network->predicts_log_variance + network->mixes;
}

int udm_network_seen_tokens(const udm_network *network, const float *embedding)
{
    const udm_embedding_shape *told = &network->told;
    if (!told->counted)
        return network->tokens;
    const double count = ceil(embedding[network->embedding - 1] - 1e-3); // of a mixture: all that one of them sees
    return network->tokens - told->tokens + (count >= 1 && count <= told->tokens ? (int)count : told->tokens);
}
