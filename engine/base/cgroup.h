// SPDX-License-Identifier: LGPL-2.1-or-later
// What a container may use of the machine.
#ifndef UDM_BASE_CGROUP_H
#define UDM_BASE_CGROUP_H

#include <limits.h>

enum { UDM_CGROUP_UNLIMITED = INT_MAX };

// How many processors the control groups of this process may use the time of, a part of one counting as a whole: the
// least of its group's and those above it; UDM_CGROUP_UNLIMITED where nothing limits it, or nothing can be read. root:
// what stands before /proc and /sys, "" but for tests.
int udm_cgroup_processors(const char *root);

#endif
