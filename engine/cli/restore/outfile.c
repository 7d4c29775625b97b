// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks, creates, renames and deletes the output.
#include "cli/restore/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail_system(udm_error *error, const char *what)
{
    return udm_fail(error, errno == ENOENT ? UDM_ERROR_NOT_FOUND : UDM_ERROR_UNREADABLE, "%s: %s", what,
                    strerror(errno));
}

// Resolves symbolic links, so that their target is replaced and not the link.
static bool follow(const char *output, char name[PATH_MAX], udm_error *error)
{
    struct stat about;
    char folder[PATH_MAX], whole[PATH_MAX];
    if (realpath(output, name))
        return true;
    if (errno != ENOENT)
        return fail_system(error, output);
    if (lstat(output, &about) == 0)
        return udm_fail(error, UDM_ERROR_NOT_FOUND, "%s is a dangling symbolic link", output);
    const char *slash = strrchr(output, '/');
    const char *last = slash ? slash + 1 : output;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - output) + 1 : 1, slash ? output : ".");
    if (!realpath(folder, whole))
        return fail_system(error, folder);
    if (snprintf(name, PATH_MAX, "%s/%s", strcmp(whole, "/") == 0 ? "" : whole, last) < PATH_MAX)
        return true;
    errno = ENAMETOOLONG;
    return fail_system(error, output);
}

bool outfile_find(outfile *p, const char *input, const char *output, bool force, udm_error *error)
{
    struct stat in, out;
    *p = (outfile){ 0 };
    if (stat(input, &in) < 0)
        return fail_system(error, input);
    if (!follow(output, p->name, error))
        return false;
    p->exists = stat(p->name, &out) == 0;
    if (!p->exists)
        return true;
    if (S_ISDIR(out.st_mode))
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s is a directory", output);
    if (!force && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s is the input itself: choose another output, or use --force",
                        output);
    if (!force)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s exists: choose another output, or use --force to overwrite it",
                        output);
    p->direct = !S_ISREG(out.st_mode);
    return true;
}

// "/a/film.mp4" -> "/a/film.part-XXXXXX.mp4"; *tail: the length after the X.
static bool name_temporary(outfile *p, int *tail)
{
    const char *last = strrchr(p->name, '/') + 1, *dot = strrchr(last, '.');
    const int stem = dot ? (int)(dot - p->name) : (int)strlen(p->name);
    *tail = dot ? (int)strlen(dot) : 0;
    errno = ENAMETOOLONG;
    return snprintf(p->temporary, PATH_MAX, "%.*s.part-XXXXXX%s", stem, p->name, dot ? dot : "") < PATH_MAX;
}

static mode_t mode_of_new(const outfile *p)
{
    struct stat about;
    if (p->exists && stat(p->name, &about) == 0)
        return about.st_mode & 0777;
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

bool outfile_make(outfile *p, udm_error *error)
{
    int tail;
    if (p->direct) {
        strcpy(p->temporary, p->name);
        return true;
    }
    if (!name_temporary(p, &tail))
        return fail_system(error, p->name);
    const int file = mkstemps(p->temporary, tail);
    if (file < 0)
        return udm_fail(error, UDM_ERROR_UNREADABLE, "could not write %s: %s", p->name, strerror(errno));
    p->made = true;
    fchmod(file, mode_of_new(p));
    close(file);
    return true;
}

// Flushes the file to the disk, as it is about to replace another.
static bool settle(const char *path)
{
    const int file = open(path, O_RDONLY);
    if (file < 0)
        return false;
    const bool settled = fsync(file) == 0 || errno == EINVAL;
    return close(file) == 0 && settled;
}

// 0, or errno: EEXIST if the file was created in the meantime.
static int rename_anew(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != ENOSYS && errno != EINVAL) // not supported by the file system
        return errno;
    return rename(from, to) == 0 ? 0 : errno;
}

static int rename_over(const char *from, const char *to)
{
    return settle(from) && rename(from, to) == 0 ? 0 : errno;
}

bool outfile_keep(outfile *p, bool replace, udm_error *error)
{
    if (p->direct || !p->made)
        return true;
    const int failed = !p->exists ? rename_anew(p->temporary, p->name)
                       : replace  ? rename_over(p->temporary, p->name)
                                  : EEXIST;
    if (failed && failed != EEXIST)
        return udm_fail(error, UDM_ERROR_UNREADABLE, "could not write %s: %s", p->name, strerror(failed));
    p->other = failed == EEXIST;
    if (p->other)
        strcpy(p->name, p->temporary);
    p->made = false;
    return true;
}

void outfile_drop(outfile *p)
{
    if (p->made)
        unlink(p->temporary);
    p->made = false;
}
