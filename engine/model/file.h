// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening files that others wrote.
#ifndef UDM_MODEL_FILE_H
#define UDM_MODEL_FILE_H

#include <stddef.h>

#include "udm/error.h"

// Opens a regular file for reading, and says how large it is. Never waits, as for a pipe. -1 with *error set: NOT_FOUND
// or UNREADABLE.
int udm_file_open(const char *path, size_t *size, udm_error *error);

// All bytes of a regular file of at most `most`, and a zero after them, to be freed with free(); fewer than it had
// where another process cuts it meanwhile. NULL with *error set: as above, CORRUPT where it is larger, or MEMORY.
char *udm_file_read(const char *path, size_t most, size_t *size, udm_error *error);

// "directory/name", to be freed with free(). NULL with *error set where there is no memory.
char *udm_file_join(const char *directory, const char *name, udm_error *error);

#endif
