// SPDX-License-Identifier: LGPL-2.1-or-later
// udm/analyse.h: the noise tracker of a restorer, without a restorer.
#include "udm/analyse.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/noise_tracker.h"
#include "api/settings.h"
#include "tensor/planes.h"

struct udm_analyser {
    int width, height, channels;
    udm_pool *pool;
    udm_noise_tracker *tracker;
    float *planes; // [channels, height, width]
};

udm_analyser *udm_analyser_open(const udm_settings *settings, udm_error *error)
{
    udm_settings own;
    if (!udm_settings_read(&own, settings, error) || !udm_settings_unlimited(&own, error) ||
        !udm_settings_check(&own, error))
        return NULL;
    udm_analyser *analyser = calloc(1, sizeof *analyser);
    if (!analyser) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for an analyser");
        return NULL;
    }
    analyser->width = own.width, analyser->height = own.height, analyser->channels = own.channels;
    analyser->pool = udm_settings_pool(&own, error);
    analyser->tracker = analyser->pool ? udm_noise_tracker_new(own.channels, own.width, own.height, error) : NULL;
    analyser->planes = analyser->tracker ? malloc((size_t)own.width * own.height * own.channels * sizeof(float)) : NULL;
    if (analyser->tracker && !analyser->planes)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame of %dx%d", own.width, own.height);
    if (!analyser->planes) {
        udm_analyser_free(analyser);
        return NULL;
    }
    udm_noise_tracker_use(analyser->tracker, analyser->pool);
    return analyser;
}

void udm_analyser_free(udm_analyser *analyser)
{
    if (!analyser)
        return;
    free(analyser->planes);
    udm_noise_tracker_free(analyser->tracker);
    udm_pool_free(analyser->pool);
    free(analyser);
}

bool udm_analyser_look(udm_analyser *analyser, const udm_image *image, double sigma, bool discontinuity,
                       udm_finding *finding, udm_error *error)
{
    if (!udm_check_argument(analyser, "the analyser", error) || !udm_check_argument(finding, "the finding", error) ||
        !udm_check_image(image, "the image", analyser->width, analyser->height, analyser->channels, error))
        return false;
    if (sigma != sigma)
        return udm_fail(error, UDM_ERROR_SETTINGS, "sigma is not a number");
    if (discontinuity)
        udm_noise_tracker_reset(analyser->tracker);
    udm_planes_of_image(analyser->planes, image, analyser->pool);
    const udm_noise_hint hint = { .sigma = sigma, .subsampled = image->subsample_x > 0 || image->subsample_y > 0 };
    const udm_noise_estimate *noise = udm_noise_tracker_noise(analyser->tracker);
    finding->begins = udm_noise_tracker_look(analyser->tracker, analyser->planes, hint);
    finding->sigma = sigma < 0 ? noise->sigma : sigma;
    finding->real_sigma = sigma < 0 ? noise->real_sigma : sigma;
    finding->apart_sigma = sigma < 0 ? noise->apart_sigma : sigma;
    finding->chroma_sigma = noise->real_sigma > 0 ? fmax(noise->half_chroma, UDM_NOISE_LEAST_CHROMA) : 0;
    finding->kind = noise->white ? UDM_NOISE_WHITE : UDM_NOISE_OTHER;
    return true;
}

double udm_finding_sigma(const udm_finding *finding, const udm_model *model)
{
    const udm_model *asked = udm_model_expert(model, finding->kind);
    return udm_model_told(asked, finding->sigma, finding->real_sigma, finding->apart_sigma);
}
