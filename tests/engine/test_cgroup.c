// SPDX-License-Identifier: LGPL-2.1-or-later
// How many processors a container leaves, read from a copy of what the kernel shows of its control groups.
#include "base/cgroup.h"

#include "folder.h"

// Files of a control group, by their names and contents; what they are in follows from the names.
typedef struct group_file {
    const char *name, *text;
} group_file;

static const struct {
    const char *what;
    int want;
    group_file files[5];
} cases[] = {
    { "no /proc at all", UDM_CGROUP_UNLIMITED, { { 0 } } },
    { "version 2, a group of its own",
      2,
      { { "proc/self/cgroup", "0::/box\n" }, { "sys/fs/cgroup/box/cpu.max", "200000 100000\n" } } },
    { "version 2, a container that is its own root",
      3,
      { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "300000 100000\n" } } },
    { "version 2, a path of which the container does not see the beginning",
      1,
      { { "proc/self/cgroup", "0::/system.slice/docker-0123.scope\n" }, { "sys/fs/cgroup/cpu.max", "50000 100000" } } },
    { "version 2, a part of a processor counts",
      2,
      { { "proc/self/cgroup", "0::/box\n" }, { "sys/fs/cgroup/box/cpu.max", "150000 100000\n" } } },
    { "version 2, the group above allows less",
      2,
      { { "proc/self/cgroup", "0::/pod/box\n" },
        { "sys/fs/cgroup/pod/box/cpu.max", "800000 100000\n" },
        { "sys/fs/cgroup/pod/cpu.max", "20000 10000\n" } } },
    { "version 2, no limit",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "0::/box\n" }, { "sys/fs/cgroup/box/cpu.max", "max 100000\n" } } },
    { "version 1",
      4,
      { { "proc/self/cgroup", "7:memory:/box\n3:cpu,cpuacct:/box\n" },
        { "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "400000\n" },
        { "sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n" } } },
    { "version 1, the controller alone",
      1,
      { { "proc/self/cgroup", "3:cpu:/\n" },
        { "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "1000" },
        { "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000" } } },
    { "version 1, no limit",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "3:cpu:/\n" },
        { "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n" },
        { "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n" } } },
    { "version 1, a controller that only begins like it",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "3:cpuset:/\n" },
        { "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n" },
        { "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n" } } },
    { "both versions",
      2,
      { { "proc/self/cgroup", "1:name=systemd:/a\n2:cpuacct,cpu:/a\n0::/a\n" },
        { "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "500000\n" },
        { "sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n" },
        { "sys/fs/cgroup/unified/a/cpu.max", "200000 100000\n" } } },
    { "an empty list", UDM_CGROUP_UNLIMITED, { { "proc/self/cgroup", "" } } },
    { "a list that is none",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "0:\n:\n\n::\nbox\n0::box" }, { "sys/fs/cgroup/box/cpu.max", "100000 100000\n" } } },
    { "an empty file", UDM_CGROUP_UNLIMITED, { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "" } } },
    { "words",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "lots and lots\n" } } },
    { "no period",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "100000\n" } } },
    { "a period of 0",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "100000 0\n" } } },
    { "a quota of 0",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "0 100000\n" } } },
    { "less than nothing",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "-100000 -100000\n" } } },
    { "more than there are numbers for",
      UDM_CGROUP_UNLIMITED,
      { { "proc/self/cgroup", "0::/\n" }, { "sys/fs/cgroup/cpu.max", "99999999999999999999999 1\n" } } },
};

// A file, and the folders that it is in.
static void put_file(const folder *root, const group_file *file)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root->path, file->name);
    for (char *end = strchr(path + strlen(root->path) + 1, '/'); end; end = strchr(end + 1, '/')) {
        *end = 0;
        ck_assert_msg(mkdir(path, 0700) == 0 || errno == EEXIST, "%s: %s", path, strerror(errno));
        *end = '/';
    }
    folder_write_text(root, file->name, file->text);
}

START_TEST(a_container_says_how_much)
{
    test_case("%s", cases[_i].what);
    const folder root = folder_new();
    for (const group_file *file = cases[_i].files; file->name; file++)
        put_file(&root, file);
    const int got = udm_cgroup_processors(root.path);
    folder_free(&root);
    ck_assert_int_eq(got, cases[_i].want);
}
END_TEST

// Longer than any path may be, in a list that goes on behind it.
START_TEST(a_path_without_end)
{
    const folder root = folder_new();
    static char list[10000];
    memset(list, 'x', sizeof list);
    memcpy(list, "0::/", 4);
    strcpy(list + sizeof list - 16, "\n0::/box\n");
    put_file(&root, &(group_file){ "proc/self/cgroup", list });
    put_file(&root, &(group_file){ "sys/fs/cgroup/box/cpu.max", "200000 100000\n" });
    const int got = udm_cgroup_processors(root.path);
    folder_free(&root);
    ck_assert_int_eq(got, 2);
}
END_TEST

START_TEST(this_machine_can_be_asked)
{
    ck_assert_int_ge(udm_cgroup_processors(""), 1);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = a_container_says_how_much, .cases = COUNT_OF(cases) },
        { .test = a_path_without_end },
        { .test = this_machine_can_be_asked },
    };
    return test_main("cgroup", tests, COUNT_OF(tests));
}
