// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of processes.
#include "process/process.h"

#include <string.h>

const udm_process *const udm_processes[] = { &udm_process_gaussian, NULL };

const udm_process *udm_process_find(const char *name)
{
    for (const udm_process *const *process = udm_processes; *process; process++)
        if (strcmp((*process)->name, name) == 0)
            return *process;
    return NULL;
}
