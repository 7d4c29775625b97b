// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the files of a part of a model.
#include "model/part.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/file.h"

#define WEIGHTS "diffusion_pytorch_model"
#define TRANSFORMERS "model" // how files of transformers are called

static bool is_pickle(const char *name)
{
    static const char *const endings[] = { ".bin", ".ckpt", ".pt", ".pth" };
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++)
        if (strcmp(ending, endings[i]) == 0)
            return true;
    return false;
}

// A file in the folder that is a pickle by its name, to be freed with free(), or NULL.
char *udm_part_pickle(const char *folder)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return NULL;
    char *found = NULL;
    for (struct dirent *entry; !found && (entry = readdir(entries));)
        if (is_pickle(entry->d_name))
            found = strdup(entry->d_name);
    closedir(entries);
    return found;
}

// Says why there are no weights in the folder. Pickles can run programs, so they are not read.
bool udm_part_fail(const char *folder, udm_error *error)
{
    char *pickle = udm_part_pickle(folder);
    if (!pickle)
        return udm_fail(error, UDM_ERROR_NOT_FOUND, "%s: there is no " WEIGHTS ".safetensors here", folder);
    // The command is meant for a shell, so it must not repeat a name that a shell reads as more than a name.
    bool plain = strspn(pickle, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == strlen(pickle);
    udm_fail(error, UDM_ERROR_UNSUPPORTED,
             "%s: %s is a pickle, which is not safe to read. Convert it, in that folder: python3 -c \"import torch, "
             "safetensors.torch as s; d = torch.load('%s', 'cpu', weights_only=True); s.save_file({k: "
             "v.clone().contiguous() for k, v in d.get('state_dict', d).items()}, '" WEIGHTS ".safetensors')\"",
             folder, pickle, plain ? pickle : "FILE");
    free(pickle);
    return false;
}

// The folder's weights file, or the index of several, to be freed with free(), or NULL with *error set.
static char *find_weights(const char *folder, udm_error *error)
{
    static const char *const names[] = { ".safetensors", ".fp16.safetensors", ".safetensors.index.json",
                                         ".safetensors.index.fp16.json" };
    static const char *const stems[] = { WEIGHTS, TRANSFORMERS };
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", stems[i % 2], names[i / 2]);
        char *path = udm_file_join(folder, name, error);
        if (!path || access(path, F_OK) == 0)
            return path;
        free(path);
    }
    udm_part_fail(folder, error);
    return NULL;
}

udm_config *udm_part_config(const char *folder, const char *name, udm_error *error)
{
    char *path = udm_file_join(folder, name, error);
    udm_config *config = path ? udm_config_open(path, error) : NULL;
    free(path);
    return config;
}

bool udm_part_has(const char *folder, const char *name)
{
    char *path = udm_file_join(folder, name, NULL);
    bool there = path && access(path, F_OK) == 0;
    free(path);
    return there;
}

// Frees folder, which may be NULL.
bool udm_part_open(char *folder, udm_text_part *part, udm_error *error)
{
    if (!folder)
        return false;
    char *weights = NULL;
    part->config = udm_part_config(folder, "config.json", error);
    if (part->config)
        weights = find_weights(folder, error);
    if (weights)
        part->weights = udm_weights_open(weights, error);
    free(weights);
    free(folder);
    return part->weights != NULL;
}

void udm_part_close(udm_text_part *part)
{
    udm_config_free(part->config);
    udm_weights_free(part->weights);
}
