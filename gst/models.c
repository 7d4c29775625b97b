// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps one of each model per process: editors create several instances of an effect at once.
#include "models.h"

#include <stdlib.h>

struct GstUdmModel {
    char *path; // canonical
    char *key;  // path and LoRAs
    udm_model *model;
    int users; // under the lock
};

// Held while a model loads, so that elements that start at the same time load it once.
static GMutex lock;
static GHashTable *models; // key -> GstUdmModel, NULL when there are none

// Under the lock.
static GstUdmModel *load(const char *path, const char *loras, const char *key, udm_error *error)
{
    udm_model *model = udm_model_open(path, error);
    GstUdmModel *shared;
    udm_info info;

    // So that a network that cannot be built fails here, and not at the first frame.
    if (!model || (loras && !udm_model_add_loras(model, loras, error)) ||
        !udm_model_info(model, &info, sizeof info, error)) {
        udm_model_free(model);
        return NULL;
    }
    shared = g_new0(GstUdmModel, 1);
    shared->path = g_strdup(path);
    shared->key = g_strdup(key);
    shared->model = model;
    if (!models)
        models = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(models, shared->key, shared);
    return shared;
}

GstUdmModel *gst_udm_model_acquire(const char *name, const char *loras, udm_error *error)
{
    char *path = udm_model_find(name, error), *key;
    GstUdmModel *shared;

    if (!path)
        return NULL;
    key = g_strconcat(path, "\n", loras, NULL);
    g_mutex_lock(&lock);
    shared = models ? g_hash_table_lookup(models, key) : NULL;
    if (!shared)
        shared = load(path, loras, key, error);
    if (shared)
        shared->users++;
    g_mutex_unlock(&lock);
    g_free(key);
    free(path);
    return shared;
}

void gst_udm_model_release(GstUdmModel *shared)
{
    if (!shared)
        return;
    g_mutex_lock(&lock);
    if (--shared->users == 0) {
        g_hash_table_remove(models, shared->key);
        if (g_hash_table_size(models) == 0)
            g_clear_pointer(&models, g_hash_table_unref);
        udm_model_free(shared->model);
        g_free(shared->path);
        g_free(shared->key);
        g_free(shared);
    }
    g_mutex_unlock(&lock);
}

const udm_model *gst_udm_model_get(const GstUdmModel *shared)
{
    return shared->model;
}

const char *gst_udm_model_path(const GstUdmModel *shared)
{
    return shared->path;
}
