// SPDX-License-Identifier: LGPL-2.1-or-later
// The trial of an accelerator (trial.h) in a process of its own, udm-trial, so that a driver that crashes or hangs ends
// that process and not the application.
//
// The program lies beside the library (LIBDIR/udm/udm-trial), or where UDM_TRIAL says. It is told the device and the
// threads, and writes lines: "ready", when it runs at all; "name NAME", as soon as the drivers are loaded and the
// device is known; then "passed", "passed f32", "slower", or "failed CODE MESSAGE".
//
// A sandbox may forbid to run programs, and a library may have been copied without this one. The trial is done in the
// application's process then, as a driver that breaks is rarer than one that works.
#ifndef UDM_BACKEND_APART_H
#define UDM_BACKEND_APART_H

#include "backend/backend.h"

typedef enum udm_verdict {
    UDM_TRIAL_PASSED,
    UDM_TRIAL_PASSED_F32, // but what it computes in precision auto is wrong
    UDM_TRIAL_SLOWER,     // than the processor
    UDM_TRIAL_FAILED,     // with *error: it computes something else, or its driver fails, crashes or hangs
    UDM_TRIAL_NOT_RUN,    // the program cannot be run here
} udm_verdict;

// device: as for udm_device_open(). A verdict is kept for the life of the process, in which drivers do not change.
udm_verdict udm_trial_apart(const char *device, int threads, udm_error *error);

extern int udm_trial_seconds; // that a trial may take; 60, as drivers compile all kernels when they are new

#endif
