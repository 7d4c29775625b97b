// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of networks.
#include "network/network.h"

#include <string.h>

const udm_network_class *const udm_network_classes[] = { &udm_network_unet, &udm_network_unet2d, &udm_network_pseudo3d,
                                                         NULL };

static udm_network *open_on(const udm_config *config, const udm_weights *weights, udm_device *device, udm_error *error)
{
    const char *name = "";
    if (!udm_config_string(config, "_class_name", &name, error))
        return NULL;
    for (const udm_network_class *const *class = udm_network_classes; *class; class ++)
        if (strcmp((*class)->name, name) == 0) {
            udm_network *network = (*class)->open(config, weights, device, error);
            if (network)
                network->config = config, network->parameters = weights;
            return network;
        }
    udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: there is no network \"%s\" here; have: %s, %s, %s",
             udm_config_path(config), name, udm_network_unet.name, udm_network_unet2d.name, udm_network_pseudo3d.name);
    return NULL;
}

udm_network *udm_network_open(const udm_config *config, const udm_weights *weights, udm_device *device,
                              udm_error *error)
{
    udm_error fault = { 0 };
    if (device->failed)
        return open_on(config, weights, device->stand_in, error);
    udm_network *network = open_on(config, weights, device, &fault);
    if (network)
        return network;
    udm_device *other = udm_device_replace(device, &fault, error);
    return other ? open_on(config, weights, other, error) : NULL;
}

udm_network *udm_network_move(const udm_network *network, const udm_error *fault, udm_error *error)
{
    udm_device *other = udm_device_replace(network->device, fault, error);
    return other ? open_on(network->config, network->parameters, other, error) : NULL;
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
