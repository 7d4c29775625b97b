// SPDX-License-Identifier: LGPL-2.1-or-later
// Scenes, and the noise of each as a running mean of the estimates of its frames.
#include "analysis/noise_tracker.h"

#include <stdint.h>
#include <stdlib.h>

#include "analysis/noise_estimation.h"
#include "analysis/scene.h"

// The first frames of a scene are all estimated, then one in EVERY; the mean forgets what is older than some EVERY
// estimates, so that it follows a lens that is stopped down.
enum { EVERY = 8 };

struct udm_noise_tracker {
    int channels, width, height;
    udm_scene *scene;
    bool scenes_given, began;
    uint64_t frame, estimates; // in this scene
    udm_noise_estimate noise;
};

udm_noise_tracker *udm_noise_tracker_new(int channels, int width, int height, udm_error *error)
{
    udm_noise_tracker *tracker = calloc(1, sizeof *tracker);
    if (!tracker) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
        return NULL;
    }
    tracker->channels = channels, tracker->width = width, tracker->height = height;
    tracker->scene = udm_scene_new(channels, width, height, error);
    if (!tracker->scene) {
        free(tracker);
        return NULL;
    }
    return tracker;
}

void udm_noise_tracker_free(udm_noise_tracker *tracker)
{
    if (!tracker)
        return;
    udm_scene_free(tracker->scene);
    free(tracker);
}

void udm_noise_tracker_reset(udm_noise_tracker *tracker)
{
    udm_scene_reset(tracker->scene);
    tracker->began = false;
}

void udm_noise_tracker_give_scenes(udm_noise_tracker *tracker)
{
    tracker->scenes_given = true;
}

static void estimate(udm_noise_tracker *tracker, const float *planes)
{
    double sigma;
    udm_noise_estimate *noise = &tracker->noise;
    // Without memory for a new estimate, the previous one is kept.
    if (!udm_estimate_sigma(planes, tracker->channels, tracker->width, tracker->height, &sigma, NULL))
        return;
    tracker->estimates++;
    noise->sigma += (sigma - noise->sigma) / (tracker->estimates < EVERY ? tracker->estimates : EVERY);
    noise->finding = noise->sigma > 0 ? UDM_NOISE_FOUND : UDM_NOISE_WEAK;
}

bool udm_noise_tracker_look(udm_noise_tracker *tracker, const float *planes, udm_noise_hint hint)
{
    const bool given = hint.sigma >= 0;
    const bool begins = tracker->scenes_given
                            ? !tracker->began
                            : udm_scene_begins(tracker->scene, planes, given ? hint.sigma : tracker->noise.sigma);
    tracker->began = true;
    if (begins)
        tracker->frame = tracker->estimates = 0;
    if (!given && !hint.repeats && (tracker->frame < EVERY || tracker->frame % EVERY == 0))
        estimate(tracker, planes);
    tracker->frame++;
    return begins;
}

const udm_noise_estimate *udm_noise_tracker_noise(const udm_noise_tracker *tracker)
{
    return &tracker->noise;
}
