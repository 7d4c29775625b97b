// SPDX-License-Identifier: LGPL-2.1-or-later
// Programs as the driver built them, on disk: $XDG_CACHE_HOME/udm/opencl-HASH, or below $HOME/.cache. A file is a
// header, the whole key, and the binary. It is written under another name and renamed, so that a reader sees all or
// nothing.
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/opencl/opencl.h"

typedef struct header {
    char magic[8];
    uint64_t key_bytes, binary_bytes, hash; // of all that follows
} header;

static const char magic[8] = "udm-cl1";

enum { MOST_BYTES = 1 << 28 };

// FNV-1a: against damage, not against attackers, who could as well replace the program.
static uint64_t hash_of(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * 0x100000001b3;
    return hash;
}

static const uint64_t hash_start = 0xcbf29ce484222325;

// The folder of the cache, made if it is not there.
static bool cache_folder(char *path, size_t room)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = 0;
    if (cache && cache[0] == '/')
        length = snprintf(path, room, "%s", cache);
    else if (home && home[0] == '/')
        length = snprintf(path, room, "%s/.cache", home);
    if (length <= 0 || (size_t)length + sizeof "/udm" > room)
        return false;
    mkdir(path, 0700);
    strcat(path, "/udm");
    return mkdir(path, 0700) == 0 || access(path, R_OK | X_OK) == 0;
}

bool udm_opencl_cache_path(const char *key, char *path, size_t room)
{
    if (!cache_folder(path, room))
        return false;
    size_t used = strlen(path);
    unsigned long long hash = hash_of(hash_start, key, strlen(key));
    return snprintf(path + used, room - used, "/opencl-%016llx", hash) < (int)(room - used);
}

static unsigned char *read_binary(FILE *file, const char *key, size_t *bytes)
{
    header head;
    size_t key_bytes = strlen(key);
    if (fread(&head, sizeof head, 1, file) != 1 || memcmp(head.magic, magic, sizeof magic) != 0 ||
        head.key_bytes != key_bytes || head.binary_bytes == 0 || head.binary_bytes > MOST_BYTES)
        return NULL;
    size_t all = key_bytes + head.binary_bytes;
    unsigned char *content = malloc(all);
    if (!content || fread(content, all, 1, file) != 1 || fgetc(file) != EOF || memcmp(content, key, key_bytes) != 0 ||
        hash_of(hash_start, content, all) != head.hash) {
        free(content);
        return NULL;
    }
    memmove(content, content + key_bytes, head.binary_bytes);
    *bytes = head.binary_bytes;
    return content;
}

unsigned char *udm_opencl_cache_read(const char *key, size_t *bytes)
{
    char path[PATH_MAX];
    FILE *file = udm_opencl_cache_path(key, path, sizeof path) ? fopen(path, "rb") : NULL;
    if (!file)
        return NULL;
    unsigned char *binary = read_binary(file, key, bytes);
    fclose(file);
    return binary;
}

static bool write_binary(FILE *file, const char *key, const unsigned char *binary, size_t bytes)
{
    header head = { .key_bytes = strlen(key), .binary_bytes = bytes };
    memcpy(head.magic, magic, sizeof magic);
    head.hash = hash_of(hash_of(hash_start, key, head.key_bytes), binary, bytes);
    return fwrite(&head, sizeof head, 1, file) == 1 && fwrite(key, head.key_bytes, 1, file) == 1 &&
           fwrite(binary, bytes, 1, file) == 1 && fflush(file) == 0;
}

void udm_opencl_cache_write(const char *key, const unsigned char *binary, size_t bytes)
{
    char path[PATH_MAX], temporary[PATH_MAX];
    if (bytes == 0 || bytes > MOST_BYTES || !udm_opencl_cache_path(key, path, sizeof path) ||
        snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary)
        return;
    int descriptor = mkstemp(temporary);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    bool good = file && write_binary(file, key, binary, bytes);
    if (file)
        good &= fclose(file) == 0;
    else if (descriptor >= 0)
        close(descriptor);
    if (descriptor >= 0 && (!good || rename(temporary, path) != 0))
        unlink(temporary);
}
