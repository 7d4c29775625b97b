// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds models by name, and lists them: in the folders of UDM_MODEL_PATH, among those that were installed, and in the
// working directory.
#include "udm/model.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

typedef struct names {
    char all[256]; // "a, b, c"
    size_t used;
} names;

static void add_name(void *context, const char *name, const char *about)
{
    names *to = context;
    const size_t left = sizeof to->all - to->used;
    if (strlen(name) + 3 <= left)
        to->used += (size_t)snprintf(to->all + to->used, left, "%s%s", to->used ? ", " : "", name);
}

static void fail_to_find(const char *name, const char *installed, udm_error *error)
{
    const char *path = getenv("UDM_MODEL_PATH");
    names names = { 0 };
    udm_list_models(add_name, &names);
    if (names.used)
        udm_fail(error, UDM_ERROR_NOT_FOUND, "no model \"%s\" found: choose from %s, or set the model to a directory",
                 name, names.all);
    else
        udm_fail(error, UDM_ERROR_NOT_FOUND, "no model \"%s\" found in UDM_MODEL_PATH (%s) or in %s: %s", name,
                 path && *path ? path : "not set", installed, hint);
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
        fail_to_find(name, installed, error);
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

// ---- the list

#define SENTENCE 120 // bytes of a card's first sentence, at most

// The first sentence of a model card: what follows the front matter and the title.
static void read_card(const char *directory, char sentence[SENTENCE + 1])
{
    char path[PATH_MAX + 16], line[1024];
    bool matter = false;
    *sentence = '\0';
    snprintf(path, sizeof path, "%s/README.md", directory);
    FILE *card = fopen(path, "r");
    while (card && !*sentence && fgets(line, sizeof line, card)) {
        if (strncmp(line, "---", 3) == 0)
            matter = !matter;
        else if (!matter && *line != '#' && *line != '\n')
            snprintf(sentence, SENTENCE + 1, "%.*s", SENTENCE, line);
    }
    if (card)
        fclose(card);
    sentence[strcspn(sentence, "\n")] = '\0';
    for (char *at = sentence; (at = strpbrk(at, ".:")); at++)
        if (at[1] == ' ' || at[1] == '\0') {
            *at = '\0';
            break;
        }
}

// A list of names that were found, so that none is twice: the first one hides those in later folders.
typedef struct listing {
    udm_found found;
    void *context;
    char **names;
    size_t count;
} listing;

static bool is_listed(const listing *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0)
            return true;
    return false;
}

static void list_one(listing *list, const char *folder, const char *name)
{
    char path[PATH_MAX], index[PATH_MAX + 32], sentence[SENTENCE + 1];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || is_listed(list, name))
        return;
    snprintf(index, sizeof index, "%s/model_index.json", path);
    char **more = access(index, R_OK) == 0 ? realloc(list->names, (list->count + 1) * sizeof *more) : NULL;
    if (!more)
        return;
    list->names = more;
    if (!(more[list->count] = strdup(name)))
        return;
    list->count++;
    read_card(path, sentence);
    list->found(list->context, name, sentence);
}

// folder: its first `length` bytes.
static void list_folder(listing *list, const char *folder, size_t length)
{
    char path[PATH_MAX];
    struct dirent **entries;
    if (length >= sizeof path)
        return;
    snprintf(path, sizeof path, "%.*s", (int)length, folder);
    const int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.')
            list_one(list, path, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

void udm_list_models(udm_found found, void *context)
{
    const char *folder = getenv("UDM_MODEL_PATH");
    listing list = { found, context, NULL, 0 };
    for (size_t length; folder && *folder; folder += length + (folder[length] == ':')) {
        length = strcspn(folder, ":");
        list_folder(&list, folder, length);
    }
    char *data = udm_data_directory(NULL);
    char *installed = data ? udm_file_join(data, "udm/models", NULL) : NULL;
    if (installed)
        list_folder(&list, installed, strlen(installed));
    free(installed);
    free(data);
    for (size_t i = 0; i < list.count; i++)
        free(list.names[i]);
    free(list.names);
}
