// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages on stderr, each one line.
#ifndef UDM_CLI_RESTORE_SAY_H
#define UDM_CLI_RESTORE_SAY_H

#include <stdbool.h>

#include "udm/error.h"

// From now on messages of libav* are kept for say_why() instead of printed. quiet: no notes, no progress.
void say_begin(bool quiet);

void say_error(const char *format, ...) UDM_PRINTF(1, 2); // always
void say_note(const char *format, ...) UDM_PRINTF(1, 2);

// On a terminal each line overwrites the last; "" ends it.
void say_progress(const char *line);

// Fills *error: the text, the reason of libav's error number, and the last message of libav*. Returns false.
bool say_why(udm_error *error, int number, const char *format, ...) UDM_PRINTF(3, 4);

#endif
