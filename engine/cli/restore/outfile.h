// SPDX-License-Identifier: LGPL-2.1-or-later
// The output file: a temporary file beside it, which is renamed when it is complete, so that a failure loses nothing.
#ifndef UDM_CLI_RESTORE_OUTFILE_H
#define UDM_CLI_RESTORE_OUTFILE_H

#include <limits.h>
#include <stdbool.h>

#include "udm/error.h"

typedef struct outfile {
    char name[PATH_MAX];      // final, symbolic links resolved
    char temporary[PATH_MAX]; // until then, with the same extension; `name` itself if `direct`
    bool exists;              // before it is written, so that it will be replaced
    bool direct;              // a pipe or a device, written in place
    bool made;                // the temporary file exists
    bool other;               // it kept the temporary name, which is now in `name`
} outfile;

// Refuses an output that exists, or is the input, unless forced. Creates nothing yet.
bool outfile_find(outfile *file, const char *input, const char *output, bool force, udm_error *error);
// Creates the temporary file, with the mode of the file that it replaces, or the default mode.
bool outfile_make(outfile *file, udm_error *error);
// Renames it; or leaves it under the temporary name, if a file of that name must not be replaced.
bool outfile_keep(outfile *file, bool replace, udm_error *error);
void outfile_drop(outfile *file);

#endif
