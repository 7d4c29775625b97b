// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens models, and lists them if one is not found.
#include "cli/restore/models.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct names {
    char all[320]; // "a, b, c"
    size_t used;
} names;

// folder: its first `length` bytes.
static void list_folder(const char *folder, size_t length, names *names)
{
    char path[PATH_MAX], index[PATH_MAX + 300];
    struct dirent **entries;
    snprintf(path, sizeof path, "%.*s", (int)length, folder);
    const int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(index, sizeof index, "%s/%s/model_index.json", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && access(index, R_OK) == 0 && names->used < sizeof names->all)
            names->used += snprintf(names->all + names->used, sizeof names->all - names->used, "%s%s",
                                    names->used ? ", " : "", entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

// All in UDM_MODEL_PATH and among the installed models.
static void list_all(names *names)
{
    const char *folder = getenv("UDM_MODEL_PATH");
    char *data = udm_data_directory(NULL), installed[PATH_MAX];
    for (size_t length; folder && *folder; folder += length + (folder[length] == ':')) {
        length = strcspn(folder, ":");
        list_folder(folder, length, names);
    }
    snprintf(installed, sizeof installed, "%s/udm/models", data ? data : "");
    list_folder(installed, strlen(installed), names);
    free(data);
}

udm_model *models_open(const char *name, udm_error *error)
{
    udm_model *model = udm_model_open(name, error);
    names names = { 0 };
    if (!model && error->code == UDM_ERROR_NOT_FOUND && !strchr(name, '/'))
        list_all(&names);
    if (names.used)
        udm_fail(error, UDM_ERROR_NOT_FOUND, "no model \"%s\" found: choose from %s", name, names.all);
    return model;
}
