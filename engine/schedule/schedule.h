// SPDX-License-Identifier: LGPL-2.1-or-later
// Noise schedules: how much of the signal, alpha_bar, is left at time t, in continuous and in discrete time. To add
// one: a file schedule/NAME.c with a const udm_schedule udm_schedule_NAME, an extern below and a line in schedule.c.
#ifndef UDM_SCHEDULE_SCHEDULE_H
#define UDM_SCHEDULE_SCHEDULE_H

#include <stdbool.h>

#include "udm/error.h"

typedef struct udm_betas {
    double start, end; // of the discrete schedule with 1000 steps: 0.0001 and 0.02 in DDPM; not used by cosine
} udm_betas;

typedef struct udm_schedule {
    const char *name;
    const char *diffusers_name; // the value of beta_schedule in scheduler_config.json
    const char *about;
    udm_betas defaults;
    // Continuous: alpha_bar(t), t in [0, 1], falling from 1; the limit of the discrete schedule for many steps.
    double (*alpha_bar)(udm_betas betas, double t);
    // Discrete: beta of step i of n, i in [0, n).
    double (*beta)(udm_betas betas, int i, int n);
} udm_schedule;

extern const udm_schedule udm_schedule_linear, udm_schedule_cosine, udm_schedule_scaled_linear, udm_schedule_sigmoid,
    udm_schedule_flow;

extern const udm_schedule *const udm_schedules[]; // NULL-ended

const udm_schedule *udm_schedule_find(const char *name); // by either name; NULL if there is none

// A schedule made concrete. steps = 0 is continuous time; otherwise alpha_bars[i] after steps i + 1 of `steps`.
typedef struct udm_noise {
    const udm_schedule *schedule;
    udm_betas betas;
    int steps;
    double *alpha_bars;
    bool
        interpolated; // noise / signal between two discrete steps lies on the line between theirs; else time is rounded
} udm_noise;

// Below it log(signal / noise) is out of what a float can tell; the lowest of the schedules with 1000 steps, cosine's,
// is above it.
#define UDM_LEAST_ALPHA_BAR 1e-9

bool udm_noise_init(udm_noise *noise, const udm_schedule *schedule, udm_betas betas, int steps, udm_error *error);
void udm_noise_clear(udm_noise *noise);

// Rescales a discrete schedule so that nothing is left of the signal after its last step, and the first stays. Lin et
// al., "Common Diffusion Noise Schedules and Sample Steps are Flawed", 2023, algorithm 1.
void udm_noise_end_without_signal(udm_noise *noise);

// t in [0, 1]; t = 0 has alpha_bar = 1. Discrete time rounds t * steps to a step, or is interpolated.
double udm_noise_alpha_bar(const udm_noise *noise, double t);

// t on the scale of a network that counts the steps of discrete time from 0: t * steps - 1, at least 0, which need not
// be a whole number; t itself in continuous time.
double udm_noise_timestep(const udm_noise *noise, double t);

// sqrt(1 - alpha_bar), the level of the noise at t, and the t of a level (bisection; level in [0, 1]).
double udm_noise_level(const udm_noise *noise, double t);
double udm_noise_time(const udm_noise *noise, double level);

// The level of noise that has the standard deviation sigma on the 0-255 scale of pictures, which are in [-1, 1] here:
// its ratio to the signal is 2 sigma / 255. And back; infinite for level 1.
double udm_level_of_sigma(double sigma);
double udm_sigma_of_level(double level);

// The level of that share of the sigma of a level; of 1, where nothing is known, that is 1 again.
double udm_level_of_share(double share, double level);

#endif
