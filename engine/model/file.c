// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening files that others wrote.
#include "model/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int udm_file_open(const char *path, size_t *size, udm_error *error)
{
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        udm_fail(error, absent ? UDM_ERROR_NOT_FOUND : UDM_ERROR_UNREADABLE, "%s: %s", path, strerror(errno));
        return -1;
    }
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (uintmax_t)status.st_size <= SIZE_MAX) {
        *size = (size_t)status.st_size;
        return fd;
    }
    close(fd);
    udm_fail(error, UDM_ERROR_UNREADABLE, "%s: this is not a regular file", path);
    return -1;
}

char *udm_file_join(const char *directory, const char *name, udm_error *error)
{
    char *path;
    if (asprintf(&path, "%s/%s", directory, name) >= 0)
        return path;
    udm_fail(error, UDM_ERROR_MEMORY, "no memory for the path of %s", name);
    return NULL;
}
