// SPDX-License-Identifier: LGPL-2.1-or-later
// Scenes, and the noise of each as a running mean of the estimates of its frames.
#include "stream/blind.h"

#include <stdlib.h>

#include "stream/estimate.h"
#include "stream/scene.h"

// The first frames of a scene are all estimated, then one in EVERY; the mean forgets what is older than some EVERY
// estimates, so that it follows a lens that is stopped down.
enum { EVERY = 8 };

struct udm_blind {
    int channels, width, height;
    udm_scene *scene;
    uint64_t frame, estimates; // in this scene
    double sigma;
};

udm_blind *udm_blind_new(int channels, int width, int height, udm_error *error)
{
    udm_blind *blind = calloc(1, sizeof *blind);
    if (!blind) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
        return NULL;
    }
    blind->channels = channels, blind->width = width, blind->height = height;
    blind->scene = udm_scene_new(channels, width, height, error);
    if (!blind->scene) {
        free(blind);
        return NULL;
    }
    return blind;
}

void udm_blind_free(udm_blind *blind)
{
    if (!blind)
        return;
    udm_scene_free(blind->scene);
    free(blind);
}

void udm_blind_reset(udm_blind *blind)
{
    udm_scene_reset(blind->scene);
}

static void estimate(udm_blind *blind, const float *planes)
{
    double sigma;
    // With no memory for an estimate, the one before has to do.
    if (!udm_estimate_sigma(planes, blind->channels, blind->width, blind->height, &sigma, NULL))
        return;
    blind->estimates++;
    blind->sigma += (sigma - blind->sigma) / (blind->estimates < EVERY ? blind->estimates : EVERY);
}

bool udm_blind_look(udm_blind *blind, const float *planes, double sigma)
{
    bool begins = udm_scene_begins(blind->scene, planes, sigma < 0 ? blind->sigma : sigma);
    if (begins)
        blind->frame = blind->estimates = 0;
    if (sigma < 0 && (blind->frame < EVERY || blind->frame % EVERY == 0))
        estimate(blind, planes);
    blind->frame++;
    return begins;
}

double udm_blind_sigma(const udm_blind *blind)
{
    return blind->sigma;
}
