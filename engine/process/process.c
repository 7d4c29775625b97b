// SPDX-License-Identifier: LGPL-2.1-or-later
// The list of processes.
#include "process/process.h"

#include <stddef.h>

const udm_process *const udm_processes[] = { &udm_process_gaussian, NULL };
