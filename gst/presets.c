// SPDX-License-Identifier: LGPL-2.1-or-later
// GStreamer finds presets in its own prefix, the user's folder, GST_PRESET_PATH, and in one folder more, which belongs
// to the application. What it finds comes first; what lies with the plugin, in another prefix or a build, is added
// here.
#include "presets.h"

#include <stdlib.h>
#include <string.h>

#include "udm/udm.h"

static GstPresetInterface found; // what GStreamer does by itself

// In the folder of the plugin, as in a build that was not installed.
static char *beside_plugin(GstPreset *preset, const char *name)
{
    GstElementFactory *factory = gst_element_get_factory(GST_ELEMENT(preset));
    GstPlugin *plugin = factory ? gst_plugin_feature_get_plugin(GST_PLUGIN_FEATURE(factory)) : NULL;
    const char *file = plugin ? gst_plugin_get_filename(plugin) : NULL;
    char *folder = g_path_get_dirname(file ? file : ""), *path = g_build_filename(folder, name, NULL);

    g_free(folder);
    gst_clear_object(&plugin);
    return path;
}

// The installed presets of the element's type, empty where there are none.
static GKeyFile *read_installed(GstPreset *preset)
{
    GKeyFile *installed = g_key_file_new();
    char *data = udm_data_directory(NULL);
    char *name = g_strconcat(G_OBJECT_TYPE_NAME(preset), ".prs", NULL);
    char *path = g_build_filename(data ? data : "", "gstreamer-1.0", "presets", name, NULL);
    char *beside = beside_plugin(preset, name);

    if (!data || !g_key_file_load_from_file(installed, path, G_KEY_FILE_NONE, NULL))
        g_key_file_load_from_file(installed, beside, G_KEY_FILE_NONE, NULL);
    g_free(beside);
    g_free(path);
    g_free(name);
    free(data);
    return installed;
}

static gboolean is_found(GstPreset *preset, const char *name)
{
    char **names = found.get_preset_names(preset);
    gboolean is = names && g_strv_contains((const char *const *)names, name);

    g_strfreev(names);
    return is;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **get_preset_names(GstPreset *preset)
{
    char **names = found.get_preset_names(preset);
    GKeyFile *installed = read_installed(preset);
    char **groups = g_key_file_get_groups(installed, NULL);
    GPtrArray *all = g_ptr_array_new();

    for (char **name = names; name && *name; name++)
        g_ptr_array_add(all, *name);
    for (char **group = groups; *group; group++)
        if (**group != '_' && !(names && g_strv_contains((const char *const *)names, *group)))
            g_ptr_array_add(all, g_strdup(*group));
    g_ptr_array_sort(all, by_name);
    if (all->len > 0)
        g_ptr_array_add(all, NULL);
    g_free(names);
    g_strfreev(groups);
    g_key_file_free(installed);
    return (char **)g_ptr_array_free(all, all->len == 0);
}

static gboolean load_preset(GstPreset *preset, const char *name)
{
    GKeyFile *installed;
    char **keys;

    if (is_found(preset, name))
        return found.load_preset(preset, name);
    installed = read_installed(preset);
    keys = g_key_file_get_keys(installed, name, NULL, NULL);
    for (char **key = keys; key && *key; key++) {
        char *value = g_key_file_get_value(installed, name, *key, NULL);

        if (**key != '_')
            gst_util_set_object_arg(G_OBJECT(preset), *key, value);
        g_free(value);
    }
    g_key_file_free(installed);
    g_strfreev(keys);
    return keys != NULL;
}

static gboolean get_meta(GstPreset *preset, const char *name, const char *tag, char **value)
{
    GKeyFile *installed;
    char *key;

    if (is_found(preset, name))
        return found.get_meta(preset, name, tag, value);
    installed = read_installed(preset);
    key = g_strconcat("_meta/", tag, NULL);
    *value = g_key_file_get_value(installed, name, key, NULL);
    g_free(key);
    g_key_file_free(installed);
    return *value != NULL;
}

void gst_udm_presets_init(gpointer interface, gpointer data)
{
    GstPresetInterface *presets = interface;

    found = *presets;
    presets->get_preset_names = get_preset_names;
    presets->load_preset = load_preset;
    presets->get_meta = get_meta;
}
