// SPDX-License-Identifier: LGPL-2.1-or-later
// Video without end. The frames of a window stand at rising times: the anchor and the context are known, the last frame
// is pure noise. Each turn brings all of them one place nearer to time 0; then the first is done and leaves, and one of
// pure noise enters (Rolling Diffusion Models, Ruhe et al. 2024; FIFO-Diffusion, Kim et al. 2024). The anchor, a frame
// of the beginning, keeps what is shown from drifting (Rolling Forcing, Liu et al. 2025).
#ifndef UDM_DIFFUSION_ROLLING_WINDOW_H
#define UDM_DIFFUSION_ROLLING_WINDOW_H

#include "sampler/prediction.h"
#include "sampler/track.h"
#include "runner/window.h"

// The parameters of a frame. By default: from pure noise, of no class, guidance 1, and its number as `name`.
typedef struct udm_rolling_frame {
    bool over;            // there is no such frame, nor any after it
    int class;            // any that the network does not have: one drawn for the scene
    double guidance;      // scale of classifier-free guidance: 1 is the conditional estimate, 0 the unconditional
    double rescale;       // how much of the contrast that this adds is taken back (udm_guide())
    uint64_t name;        // of its noise
    const float *picture; // [C, H, W]: it is drawn anew from this picture, beginning at `time` (SDEdit, Meng et al.
    double time, own;     // 2022), the picture having the noise of the time `own`. NULL: from nothing, at time 1
} udm_rolling_frame;

typedef struct udm_rolling_settings {
    const udm_network *network; // outlives it; so do the next three
    const udm_sampler *sampler;
    const udm_spacing *spacing;
    const udm_noise *noise;
    udm_prediction prediction;
    udm_bounds bounds; // of estimates of x0
    int steps;         // that each frame takes; rounded up to whole turns, or fewer than the ramp has places
    uint64_t seed;
    double rate;    // frames a second
    uint64_t scene; // frames after which the video begins anew; 0: never
    // The frames before frame 0, [known_count, C, H, W], from which the first scene goes on; copied. The first becomes
    // the anchor. At most as many as the window has frames count. 0: the first scene begins with nothing known, too.
    const float *known;
    int known_count;
    bool residual;   // the unconditional estimate is made once a frame and kept
    bool recalls;    // layers along time see the known frames as they were at the first evaluation of a turn
    bool keeps_path; // udm_rolling_path() is wanted
    bool classless;  // scenes draw no class
    // Called once for each frame, when it enters.
    void (*frame_params)(void *context, uint64_t number, udm_rolling_frame *frame_params);
    void *context;
} udm_rolling_settings;

typedef struct udm_rolling udm_rolling;

// Errors: MEMORY; UNSUPPORTED, for a sampler that no track takes.
udm_rolling *udm_rolling_new(const udm_rolling_settings *settings, udm_error *error);
void udm_rolling_free(udm_rolling *rolling); // NULL is fine

void udm_rolling_restart(udm_rolling *rolling); // frame 0 begins a scene when it is next asked for

int udm_rolling_ahead(const udm_rolling *rolling);       // how many frames enter before one is made
size_t udm_rolling_memory(const udm_rolling *rolling);   // bytes, all of them
int udm_rolling_steps(const udm_rolling *rolling);       // that a frame really takes
uint64_t udm_rolling_scenes(const udm_rolling *rolling); // begun so far

// Frame `number`, [C, H, W] in [-1, 1], valid until the next call; NULL with *error. It is the same wherever playing
// started. The frame after the last one costs one turn; any other costs what lies between it and the last, if that is
// before it in its scene, or else the beginning of its scene. After CANCELLED it may be asked for again, or another.
const float *udm_rolling_make(udm_rolling *rolling, uint64_t number, const atomic_bool *cancel, udm_error *error);
// That frame after `step` + 1 of its steps; the last is the frame itself.
const float *udm_rolling_path(const udm_rolling *rolling, int step);

#endif
