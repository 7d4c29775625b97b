// SPDX-License-Identifier: LGPL-2.1-or-later
// Spacings: at which times the steps of a sampler stand. To add one: a file schedule/NAME.c with a const udm_spacing
// udm_spacing_NAME, an extern below and a line in spacing.c.
#ifndef UDM_SCHEDULE_SPACING_H
#define UDM_SCHEDULE_SPACING_H

#include "schedule/schedule.h"

// A time, and what is left of the signal there.
typedef struct udm_timestep {
    double time, alpha_bar;
} udm_timestep;

typedef struct udm_spacing udm_spacing;

// The way from a starting time down to 0 in `steps` steps.
typedef struct udm_timesteps {
    const udm_spacing *spacing;
    const udm_noise *noise;
    int steps;          // 1 and more
    int skipped;        // that many more steps stand before them, above where it begins: part of the way is made
    int offset;         // "leading": the last step stands that many steps of the schedule higher (steps_offset)
    int grid;           // "trailing": timesteps are among that many equal steps (original_inference_steps); 0: anywhere
    bool whole;         // times are whole steps of the schedule, also where alpha_bar lies between two
    bool wide;          // the line has one point more, of which the last is not used, as in DPM-Solver's code
    bool short_of_zero; // ends at the first step of the schedule, not at 0 (set_alpha_to_one = false)
} udm_timesteps;

struct udm_spacing {
    const char *name; // also the value of timestep_spacing in scheduler_config.json, where it has one
    const char *about;
    // After k steps, for what entered at `start`: start at k = 0. 0 <= k < steps and start >
    // 0; k need not be whole, as some methods look at the middle of a step.
    udm_timestep (*timestep)(const udm_timesteps *timesteps, double start, double k);
    // The highest time it begins at, where pure noise enters.
    double (*first)(const udm_timesteps *timesteps);
};

extern const udm_spacing udm_spacing_trailing, udm_spacing_leading, udm_spacing_linspace, udm_spacing_karras,
    udm_spacing_log_snr;

extern const udm_spacing *const udm_spacings[]; // NULL-ended

const udm_spacing *udm_spacing_find(const char *name); // NULL if there is none

// timestep() for k up to and including `steps`, and for a start of 0.
udm_timestep udm_timesteps_at(const udm_timesteps *timesteps, double start, double k);
double udm_timesteps_first(const udm_timesteps *timesteps);

// For the spacings themselves. Steps of the schedule are counted from 0, as diffusers has it: step i is at time
// (i + 1) / total. Continuous time counts as 1000.
int udm_timesteps_total(const udm_timesteps *timesteps);
udm_timestep udm_timesteps_at_step(const udm_timesteps *timesteps,
                                   double step); // rounded, unless the noise is interpolated
// On the line from `start` to step `last`.
udm_timestep udm_timesteps_on_line(const udm_timesteps *timesteps, double start, double last, double k);
// Where noise / signal is sigma.
udm_timestep udm_timesteps_at_ratio(const udm_timesteps *timesteps, double sigma);
double udm_timestep_ratio(udm_timestep timestep); // noise / signal
// How far step k is on the way to the schedule's first step, in [0, 1], and the ratio there.
double udm_timesteps_share(const udm_timesteps *timesteps, double k);
double udm_timesteps_least_ratio(const udm_timesteps *timesteps, double start);
double udm_timesteps_time_one(const udm_timesteps *timesteps); // a `first` for those that begin at 1

#endif
