// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds models by name: in the folders of UDM_MODEL_PATH, among those that were installed, and in the working
// directory.
#include "udm/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/file.h"
#include "udm/list.h"

static const char hint[] = "set the model to its directory, or to its name with the folder above it in UDM_MODEL_PATH";

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static char *find_path(const char *path, udm_error *error)
{
    char *found = realpath(path, NULL);
    if (found && is_directory(found))
        return found;
    const bool absent = found || errno == ENOENT || errno == ENOTDIR;
    udm_fail(error, absent ? UDM_ERROR_NOT_FOUND : UDM_ERROR_UNREADABLE,
             "could not open the model directory \"%s\" (%s): %s", path, strerror(found ? ENOTDIR : errno), hint);
    free(found);
    return NULL;
}

// The canonical path of folder/name, to be freed with free(), or NULL. folder: its first `length` bytes.
static char *in_folder(const char *folder, size_t length, const char *name)
{
    char *path, *found = NULL;
    if (length == 0 || asprintf(&path, "%.*s/%s", (int)length, folder, name) < 0)
        return NULL;
    if (is_directory(path))
        found = realpath(path, NULL);
    free(path);
    return found;
}

static char *find_name(const char *name, const char *installed, udm_error *error)
{
    const char *path = getenv("UDM_MODEL_PATH"), *folder = path ? path : "";
    char *found = NULL;
    for (size_t length; *folder && !found; folder += length + (folder[length] == ':')) {
        length = strcspn(folder, ":");
        found = in_folder(folder, length, name);
    }
    if (!found)
        found = in_folder(installed, strlen(installed), name);
    if (!found)
        found = in_folder(".", 1, name);
    if (!found)
        udm_fail(error, UDM_ERROR_NOT_FOUND, "no model \"%s\" found in UDM_MODEL_PATH (%s) or in %s: %s", name,
                 path && *path ? path : "not set", installed, hint);
    return found;
}

char *udm_model_find(const char *name, udm_error *error)
{
    if (!name || !*name) {
        udm_fail(error, UDM_ERROR_SETTINGS, "no model is set: %s", hint);
        return NULL;
    }
    if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return find_path(name, error);
    char *data = udm_data_directory(error);
    char *installed = data ? udm_file_join(data, "udm/models", error) : NULL;
    char *found = installed ? find_name(name, installed, error) : NULL;
    free(installed);
    free(data);
    return found;
}
