// SPDX-License-Identifier: LGPL-2.1-or-later
// Progress: frames done, frames per second, time left.
#ifndef UDM_CLI_RESTORE_PROGRESS_H
#define UDM_CLI_RESTORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    int64_t total, done; // frames; total 0: unknown
    double began, said;  // seconds
} progress;

void progress_begin(progress *progress, int64_t total);
void progress_step(progress *progress);         // a frame is done
double progress_rate(const progress *progress); // frames per second
void progress_end(progress *progress);

#endif
