// SPDX-License-Identifier: LGPL-2.1-or-later
// Opening files that others wrote.
#include "model/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

// Reads `size` bytes, or up to the end of the file, where another process cut it. -1 on failure.
static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(fd, bytes + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

char *udm_file_read(const char *path, size_t most, size_t *size, udm_error *error)
{
    size_t there;
    int fd = udm_file_open(path, &there, error);
    if (fd < 0)
        return NULL;
    char *bytes = there <= most ? malloc(there + 1) : NULL;
    ssize_t got = bytes ? read_all(fd, bytes, there) : -1;
    if (there > most)
        udm_fail(error, UDM_ERROR_CORRUPT, "%s: %zu bytes are too many for such a file, at most %zu", path, there,
                 most);
    else if (!bytes)
        udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for it", path);
    else if (got < 0)
        udm_fail(error, UDM_ERROR_UNREADABLE, "%s: %s", path, strerror(errno));
    close(fd);
    if (got < 0) {
        free(bytes);
        return NULL;
    }
    bytes[got] = 0;
    *size = (size_t)got;
    return bytes;
}

char *udm_file_join(const char *directory, const char *name, udm_error *error)
{
    char *path;
    if (asprintf(&path, "%s/%s", directory, name) >= 0)
        return path;
    udm_fail(error, UDM_ERROR_MEMORY, "no memory for the path of %s", name);
    return NULL;
}
