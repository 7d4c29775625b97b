// SPDX-License-Identifier: LGPL-2.1-or-later
// The options of udm, and the commands that take them.
#ifndef UDM_CLI_OPTIONS_H
#define UDM_CLI_OPTIONS_H

#include "udm/udm.h"

enum { MAX_TIMES = 4096 };

typedef struct options {
    udm_settings settings;
    double times[MAX_TIMES];
    int time_count, frames, repeat;
    double sigma; // negative: not given
    int known[2]; // frames
    bool profile;
} options;

int cli_fail(const char *what, const char *why); // says so; the exit status

// The exit status of each.
int between_command(const char *in, const char *out, options *options);
int motion_command(const char *directory, const udm_model *model, const char *in, const char *out, options *options);
int bench_command(const char *directory, const udm_model *model, options *options);

#endif
