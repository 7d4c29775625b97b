// SPDX-License-Identifier: LGPL-2.1-or-later
// The command line of udm-restore.
#ifndef UDM_CLI_RESTORE_OPTIONS_H
#define UDM_CLI_RESTORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "udm/udm.h"

typedef enum deinterlace {
    DEINTERLACE_AUTO,
    DEINTERLACE_OFF,
    DEINTERLACE_FRAMES,
    DEINTERLACE_FIELDS,
    DEINTERLACE_TELECINE,
} deinterlace;

typedef struct options {
    const char *input, *output;
    const char *model;      // a directory, or a name
    double noise_level;     // -1: estimated
    double amount;          // for models that undo something else than noise; -1: the usual amount of the model
    double strength, grain; // 0 to 1
    int upscale;            // how many times as wide and high frames become: 1, 2 or 4
    const char *codec;      // NULL: by depth and container
    double crf;             // -1: the codec's own
    int64_t start, end;     // microseconds from the start of the file; end: INT64_MAX if not given
    udm_settings settings;  // of the engine: device, precision, threads, steps, lookahead, ensemble, seed
    deinterlace deinterlace;
    bool force, quiet;
} options;

typedef enum options_parsed {
    OPTIONS_RUN,
    OPTIONS_DONE,  // --help or --version was printed
    OPTIONS_WRONG, // and the error was printed
} options_parsed;

options_parsed options_parse(int argc, char **argv, options *options);

#endif
