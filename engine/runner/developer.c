// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runner/developer.h"

#include "backend/fallback.h"
#include "base/maths.h"

bool udm_developer_open(udm_developer *developer, const udm_config *config, const udm_weights *weights,
                        udm_device *device, int latents, udm_error *error)
{
    *developer = (udm_developer){ .config = config, .weights = weights, .device = device };
    return udm_autoencoder_describe(&developer->about, config, error) &&
           ((developer->about.latents == latents && developer->about.channels == 3) ||
            udm_fail(error, UDM_ERROR_CORRUPT,
                     "%s: it makes pictures of %d channels of latents of %d, where the model draws latents of %d",
                     udm_config_path(config), developer->about.channels, developer->about.latents, latents));
}

void udm_developer_close(udm_developer *developer)
{
    udm_autoencoder_free(developer->decoder);
    *developer = (udm_developer){ 0 };
}

typedef struct work {
    udm_developer *developer;
    const udm_coding *coding;
    const float *in;
    float *out;
} work;

// udm_fallback.run
static bool develop(void *context, udm_error *error)
{
    const work *w = context;
    udm_developer *own = w->developer;
    if (!own->decoder)
        own->decoder = udm_autoencoder_open(own->config, own->weights, false, own->device, error);
    return own->decoder && udm_coder_run(own->decoder, w->coding, w->in, w->out, error);
}

// udm_fallback.run
static bool encode(void *context, udm_error *error)
{
    const work *w = context;
    const udm_developer *own = w->developer;
    udm_autoencoder *encoder = udm_autoencoder_open(own->config, own->weights, true, own->device, error);
    const bool good = encoder && udm_coder_run(encoder, w->coding, w->in, w->out, error);
    udm_autoencoder_free(encoder);
    return good;
}

static bool move(void *context, udm_device *to, udm_error *error)
{
    udm_developer *own = ((const work *)context)->developer;
    (void)error;
    udm_autoencoder_free(own->decoder);
    own->decoder = NULL, own->device = to;
    return true;
}

bool udm_developer_run(udm_developer *developer, const udm_coding *coding, const float *latents, float *picture,
                       udm_error *error)
{
    const int scale = developer->about.scale;
    const size_t count = 3 * (size_t)coding->width * coding->height * scale * scale;
    work w = { developer, coding, latents, picture };
    if (!udm_fallback_run(developer->device, &(udm_fallback){ &w, develop, move }, error))
        return false;
    for (size_t i = 0; i < count; i++)
        picture[i] = udm_clamp(picture[i], -1, 1);
    return true;
}

bool udm_developer_encode(udm_developer *developer, const udm_coding *coding, const float *picture, float *latents,
                          udm_error *error)
{
    work w = { developer, coding, picture, latents };
    return udm_fallback_run(developer->device, &(udm_fallback){ &w, encode, move }, error);
}
