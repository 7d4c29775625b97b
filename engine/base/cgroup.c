// SPDX-License-Identifier: LGPL-2.1-or-later
// The quotas of control groups. /proc/self/cgroup has a line for each hierarchy, "number:controllers:path". That of
// version 2 has no controllers, and its groups a file cpu.max, "quota period" or "max period". In version 1 the
// controller is called cpu, and each group has a file for either number, the quota being -1 where there is none.
// A container sees its own group as the root of the hierarchy, or the whole path, of which only the end is there; so
// every group from there up to the root is looked at, and what cannot be read limits nothing.
#include "base/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_ROOM = 4096, LINE_ROOM = 4096 };

// Where hierarchies are mounted: of version 2, alone or beside version 1; and of version 1.
static const char *const mounts_v2[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL };
static const char *const mounts_v1[] = { "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", NULL };

// The first line of a file.
static bool read_line(const char *group, const char *file, char *line, int room)
{
    char path[PATH_ROOM];
    const int length = snprintf(path, sizeof path, "%s/%s", group, file);
    FILE *from = length < (int)sizeof path ? fopen(path, "r") : NULL;
    const bool read = from && fgets(line, room, from);
    if (from)
        fclose(from);
    return read;
}

// quota and period in microseconds, as texts.
static int processors_of(const char *quota, const char *period)
{
    char *quota_end, *period_end;
    const long long time = strtoll(quota, &quota_end, 10), of = strtoll(period, &period_end, 10);
    if (quota_end == quota || period_end == period || time <= 0 || of <= 0)
        return UDM_CGROUP_UNLIMITED;
    const long long whole = time / of + (time % of != 0);
    return whole < UDM_CGROUP_UNLIMITED ? (int)whole : UDM_CGROUP_UNLIMITED;
}

static int of_group_v2(const char *group)
{
    char line[128];
    if (!read_line(group, "cpu.max", line, sizeof line))
        return UDM_CGROUP_UNLIMITED;
    const char *period = strchr(line, ' ');
    return period ? processors_of(line, period) : UDM_CGROUP_UNLIMITED;
}

static int of_group_v1(const char *group)
{
    char quota[64], period[64];
    return read_line(group, "cpu.cfs_quota_us", quota, sizeof quota) &&
                   read_line(group, "cpu.cfs_period_us", period, sizeof period)
               ? processors_of(quota, period)
               : UDM_CGROUP_UNLIMITED;
}

// Of the group at `path` in what is mounted there, and of all above it.
static int of_path(const char *root, const char *mount, const char *path, int (*of_group)(const char *group))
{
    char group[PATH_ROOM];
    int least = UDM_CGROUP_UNLIMITED;
    const int first = snprintf(group, sizeof group, "%s%s", root, mount);
    if (first + strlen(path) >= sizeof group)
        return least;
    strcpy(group + first, path);
    for (char *end = group + strlen(group); end; end = strrchr(group + first, '/')) {
        *end = 0;
        const int found = of_group(group);
        least = found < least ? found : least;
    }
    return least;
}

static bool has_controller(const char *controllers, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = controllers; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == 0))
            return true;
    }
    return false;
}

static int of_line(const char *root, char *line)
{
    int least = UDM_CGROUP_UNLIMITED;
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return least;
    *path++ = 0;
    controllers++;
    const bool v2 = !*controllers;
    const char *const *mount = v2 ? mounts_v2 : mounts_v1;
    for (; (v2 || has_controller(controllers, "cpu")) && *mount; mount++) {
        const int found = of_path(root, *mount, path, v2 ? of_group_v2 : of_group_v1);
        least = found < least ? found : least;
    }
    return least;
}

int udm_cgroup_processors(const char *root)
{
    char path[PATH_ROOM], line[LINE_ROOM];
    int least = UDM_CGROUP_UNLIMITED;
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *groups = fopen(path, "r");
    while (groups && fgets(line, sizeof line, groups)) {
        const int found = of_line(root, line);
        least = found < least ? found : least;
    }
    if (groups)
        fclose(groups);
    return least;
}
