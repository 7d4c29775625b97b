// SPDX-License-Identifier: LGPL-2.1-or-later
// A temporary folder for the files that a test makes.
#ifndef UDM_TESTS_FOLDER_H
#define UDM_TESTS_FOLDER_H

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>

#include "testing.h"

typedef struct folder {
    char path[256];
} folder;

static inline folder folder_new(void)
{
    folder made;
    const char *parent = getenv("TMPDIR");
    snprintf(made.path, sizeof made.path, "%s/udm-test-XXXXXX", parent ? parent : "/tmp");
    ck_assert_msg(mkdtemp(made.path), "%s: %s", made.path, strerror(errno));
    return made;
}

static inline int folder_remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

static inline void folder_free(const folder *made)
{
    nftw(made->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// "folder/name" in one of a few buffers that are used in turn.
static inline const char *folder_path(const folder *made, const char *name)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", made->path, name);
    return path;
}

static inline const char *folder_write(const folder *made, const char *name, const void *bytes, size_t size)
{
    const char *path = folder_path(made, name);
    remove(path); // ext4 syncs a file that is cut and written again, but not a new one
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file && (size == 0 || fwrite(bytes, size, 1, file) == 1) && fclose(file) == 0, "%s: %s", path,
                  strerror(errno));
    return path;
}

static inline const char *folder_write_text(const folder *made, const char *name, const char *text)
{
    return folder_write(made, name, text, strlen(text));
}

static inline const char *folder_make(const folder *made, const char *name)
{
    const char *path = folder_path(made, name);
    ck_assert_msg(mkdir(path, 0700) == 0, "%s: %s", path, strerror(errno));
    return path;
}

// A safetensors file: the header and then the tensors' bytes. Returns how many bytes it put into `bytes`.
static inline size_t folder_safetensors(unsigned char *bytes, const char *header, const void *data, size_t size)
{
    uint64_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(length >> (8 * i));
    memcpy(bytes + 8, header, length);
    if (size > 0)
        memcpy(bytes + 8 + length, data, size);
    return 8 + length + size;
}

#endif
