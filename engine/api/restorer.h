// SPDX-License-Identifier: LGPL-2.1-or-later
// A restorer and the frames that it holds: what restore_open.c and restore.c share.
#ifndef UDM_API_RESTORER_H
#define UDM_API_RESTORER_H

#include <stdatomic.h>

#include "api/redraw.h"
#include "api/settings.h"
#include "analysis/impulses.h"
#include "analysis/noise_tracker.h"
#include "model/model.h"
#include "repair/repair.h"
#include "temporal/temporal_filter.h"
#include "temporal/tone.h"
#include "diffusion/sdedit.h"
#include "diffusion/reverse.h"
#include "diffusion/hole_filling.h"

// A frame that was pushed and not yet pulled.
typedef struct queued {
    struct queued *next;
    float *planes; // [channels of the network, height, width]
    float *times;  // [height, width]
    float filled;  // that all of times and level hold; negative: not one for all
    float *known;  // how likely a pixel is known, [height, width], where holes are filled, and
    bool mixed;    // whether that matters
    float *level;  // of its noise, [height, width]; only for the temporal filter
    double time, strength, grain, chroma_sigma;
    uint64_t number;
    bool discontinuity, looked_at;
    bool even;                // one time and no holes
    bool repeats;             // the frame before, exactly: so does what comes out
    bool impulsive;           // may have impulses: it was not said to be clean
    bool whole;               // not to be repaired
    udm_repaired repaired;    // what was done to it, where frames are repaired
    bool begins;              // a scene, which nobody was told yet
    uint64_t place;           // in its scene, from 0
    bool subsampled;          // some pixels share chroma
    udm_noise_estimate noise; // in it: of a given level only sigma, unless more was needed
    double chroma_share;      // udm_side_information
    udm_noise_kind kind;      // of it; JUDGED until it was looked at
    udm_temporal_input input; // of the temporal filter, where there is one; its planes belong to this
} queued;

// A model, and what runs it.
typedef struct udm_expert {
    const udm_model *model;
    udm_network *network, *preview, *trust; // the last two and the filter: NULL where the model has none
    udm_reverse *reverse;
    udm_temporal_filter *temporal;
} udm_expert;

struct udm_restorer {
    const udm_model *model;
    const udm_scheduler *scheduler; // its
    udm_settings settings;
    size_t pixels;
    udm_pool *pool; // of what is not the device's work
    udm_device *device;
    udm_noise own_noise; // where settings.schedule is not the model's
    const udm_noise *noise;
    udm_workspace *workspace;        // what all networks compute in
    int channels;                    // of the networks; those of frames, settings.channels, may be fewer
    udm_expert experts[UDM_EXPERTS]; // one for each kind of noise where the model has that, otherwise one; those
                                     // that no frame needed yet are not open
    udm_expert *expert;              // in use
    udm_sdedit *sdedit;              // instead of its reverse loop, where the model makes video
    udm_redraw *redraw;              // instead of experts, where the model is told in words what to draw
    udm_noise_tracker *tracker;
    uint64_t place; // in its scene, of the next frame that it looks at
    udm_tone *tone;
    udm_impulses *impulses;  // NULL where the model undoes something else than noise
    udm_hole_filler *filler; // of holes; NULL where the model fills none, or draws them
    bool holes;              // frames say what of them is known
    udm_repair *repair;      // of old film and tape; NULL unless the settings ask for it
    queued *unseen;          // the first frame that it was not given, and
    queued *unrepaired;      // the first that it did not return; NULL: none is left
    float *work;             // the frame in the making: [channels of the network, height, width]
    float *times;            // of it, [height, width]
    queued *first, *last, *spare;
    float *before;         // room for the planes of the frame that was pulled last,
    bool has_before;       // and whether there is one
    udm_frame last_pushed; // what it was said to be: pointers only tell whether there was something
    int waiting;           // frames from first to last
    bool ended;
    bool warned; // the log was told of the device that goes on
    atomic_bool cancelled;
    udm_stats stats;
};

int udm_restorer_tiles(const udm_restorer *restorer); // that a frame is computed in

void udm_restorer_free_frames(queued *first); // and those that follow it; NULL is fine

// A time of the model's schedule as one of the restorer's: that with the same noise.
float udm_restorer_own_time(const udm_restorer *restorer, double time);

// Scene and noise of a frame, once, however often it is pulled, and in the order of the frames.
void udm_restorer_analyse(udm_restorer *restorer, queued *frame);

// restore_repair.c. Frames that are repaired before they are looked at, where the settings ask for that: what is opened
// for it; a frame that was pushed; all frames that can be, false if cancelled; and nothing is left of any frame.
bool udm_restorer_open_repair(udm_restorer *restorer, udm_error *error);
void udm_restorer_repair_later(udm_restorer *restorer, queued *frame);
bool udm_restorer_repair(udm_restorer *restorer, udm_error *error);
void udm_restorer_forget_repair(udm_restorer *restorer);
void udm_restorer_count_repaired(udm_stats *stats, const udm_repaired *repaired); // of the next frame

// What is done to the planes of a frame, repaired or not, before noise is looked for.
void udm_restorer_settle(udm_restorer *restorer, queued *frame);

// restore_expert.c. The network of the expert in use, then what runs it; false with *error. What was opened until then
// is freed with the restorer.
bool udm_restorer_open_network(udm_restorer *restorer, udm_error *error);
bool udm_restorer_open_loop(udm_restorer *restorer, udm_error *error);
void udm_restorer_free_experts(udm_restorer *restorer);
// Makes the expert for that kind of noise the one in use, if the model has one; it knows of no frame before. False with
// *error: the one that was in use stays.
bool udm_restorer_ask(udm_restorer *restorer, udm_noise_kind kind, udm_error *error);

#endif
