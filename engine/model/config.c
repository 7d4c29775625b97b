// SPDX-License-Identifier: LGPL-2.1-or-later
// A JSON object with typed, checked access.
#include "model/config.h"

#include <stdlib.h>
#include <string.h>

#include "model/file.h"
#include "model/json.h"

enum { MAX_BYTES = 1 << 20 };

struct udm_config {
    char *path;
    json_t *root;
};

// Python writes infinities as "Infinity", which JSON does not know; diffusers have one in "lambda_min_clipped". Outside
// strings it becomes 1e308, as long as it was.
static void tame_infinities(char *bytes, size_t size)
{
    static const char word[] = "Infinity", number[] = "1e308   ";
    const size_t length = sizeof word - 1;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\\' && quoted)
            i++;
        else if (bytes[i] == '"')
            quoted = !quoted;
        else if (!quoted && size - i >= length && memcmp(bytes + i, word, length) == 0)
            memcpy(bytes + i, number, length);
    }
}

static json_t *load(const char *path, udm_error *error)
{
    size_t size;
    char *bytes = udm_file_read(path, MAX_BYTES, &size, error);
    if (bytes)
        tame_infinities(bytes, size);
    json_t *root = bytes ? udm_json_parse(path, "this", bytes, size, 0, error) : NULL;
    free(bytes);
    return root;
}

udm_config *udm_config_open(const char *path, udm_error *error)
{
    json_t *root = load(path, error);
    if (!root)
        return NULL;
    udm_config *config = calloc(1, sizeof *config);
    char *copy = strdup(path);
    if (!config || !copy) {
        udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for it", path);
        json_decref(root);
        free(config);
        free(copy);
        return NULL;
    }
    *config = (udm_config){ copy, root };
    return config;
}

void udm_config_free(udm_config *config)
{
    if (!config)
        return;
    json_decref(config->root);
    free(config->path);
    free(config);
}

const char *udm_config_path(const udm_config *config)
{
    return config->path;
}

// NULL where the key is missing or null.
static const json_t *get(const udm_config *config, const char *key)
{
    const json_t *value = json_object_get(config->root, key);
    return json_is_null(value) ? NULL : value;
}

bool udm_config_has(const udm_config *config, const char *key)
{
    return get(config, key) != NULL;
}

static bool wrong_type(const udm_config *config, const char *key, const char *expected, udm_error *error)
{
    return udm_fail(error, UDM_ERROR_CORRUPT, "%s: \"%s\" must be %s", config->path, key, expected);
}

static bool to_int(const udm_config *config, const char *key, const json_t *json, int low, int high, int *value,
                   udm_error *error)
{
    if (!json_is_integer(json))
        return wrong_type(config, key, "an integer", error);
    json_int_t number = json_integer_value(json);
    if (number < low || number > high)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"%s\" is %" JSON_INTEGER_FORMAT ", but must be %d to %d",
                        config->path, key, number, low, high);
    *value = (int)number;
    return true;
}

bool udm_config_int(const udm_config *config, const char *key, int low, int high, int *value, udm_error *error)
{
    const json_t *json = get(config, key);
    return !json || to_int(config, key, json, low, high, value, error);
}

static bool to_double(const udm_config *config, const char *key, const json_t *json, double low, double high,
                      double *value, udm_error *error)
{
    if (!json_is_number(json))
        return wrong_type(config, key, "a number", error);
    double number = json_number_value(json);
    if (!(number >= low && number <= high))
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"%s\" is %g, but must be %g to %g", config->path, key,
                        number, low, high);
    *value = number;
    return true;
}

bool udm_config_double(const udm_config *config, const char *key, double low, double high, double *value,
                       udm_error *error)
{
    const json_t *json = get(config, key);
    return !json || to_double(config, key, json, low, high, value, error);
}

bool udm_config_bool(const udm_config *config, const char *key, bool *value, udm_error *error)
{
    const json_t *json = get(config, key);
    if (!json)
        return true;
    if (!json_is_boolean(json))
        return wrong_type(config, key, "true or false", error);
    *value = json_is_true(json);
    return true;
}

bool udm_config_string(const udm_config *config, const char *key, const char **value, udm_error *error)
{
    const json_t *json = get(config, key);
    if (!json)
        return true;
    if (!json_is_string(json))
        return wrong_type(config, key, "a string", error);
    *value = json_string_value(json);
    return true;
}

// An array of at most `max` entries, or NULL with *error set.
static const json_t *to_array(const udm_config *config, const char *key, const json_t *json, int max,
                              const char *expected, udm_error *error)
{
    if (!json_is_array(json)) {
        wrong_type(config, key, expected, error);
        return NULL;
    }
    if (json_array_size(json) > (size_t)max) {
        udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: \"%s\" has %zu entries, at most %d are supported", config->path,
                 key, json_array_size(json), max);
        return NULL;
    }
    return json;
}

bool udm_config_ints(const udm_config *config, const char *key, int low, int high, int max, int *values, int *count,
                     udm_error *error)
{
    const json_t *json = get(config, key);
    if (!json)
        return true;
    if (!to_array(config, key, json, max, "an array of integers", error))
        return false;
    const int length = (int)json_array_size(json);
    for (int i = 0; i < length; i++)
        if (!to_int(config, key, json_array_get(json, i), low, high, &values[i], error))
            return false;
    *count = length;
    return true;
}

bool udm_config_doubles(const udm_config *config, const char *key, double low, double high, int max, double *values,
                        int *count, udm_error *error)
{
    const json_t *json = get(config, key);
    if (!json)
        return true;
    if (!to_array(config, key, json, max, "an array of numbers", error))
        return false;
    const int length = (int)json_array_size(json);
    for (int i = 0; i < length; i++)
        if (!to_double(config, key, json_array_get(json, i), low, high, &values[i], error))
            return false;
    *count = length;
    return true;
}

bool udm_config_strings(const udm_config *config, const char *key, int max, const char **values, int *count,
                        udm_error *error)
{
    const json_t *json = get(config, key);
    if (!json)
        return true;
    if (!to_array(config, key, json, max, "an array of strings", error))
        return false;
    const int length = (int)json_array_size(json);
    for (int i = 0; i < length; i++) {
        values[i] = json_string_value(json_array_get(json, i));
        if (!values[i])
            return wrong_type(config, key, "an array of strings", error);
    }
    *count = length;
    return true;
}

bool udm_config_is_null(const udm_config *config, const char *key)
{
    return json_is_null(json_object_get(config->root, key));
}

const char *udm_config_next(const udm_config *config, const char *key)
{
    void *at = key ? json_object_iter_next(config->root, json_object_iter_at(config->root, key))
                   : json_object_iter(config->root);
    return at ? json_object_iter_key(at) : NULL;
}

bool udm_config_pair(const udm_config *config, const char *key, const char *pair[2])
{
    const json_t *json = get(config, key);
    if (!json_is_array(json) || json_array_size(json) != 2)
        return false;
    const char *first = json_string_value(json_array_get(json, 0));
    const char *second = json_string_value(json_array_get(json, 1));
    if (!first || !second)
        return false;
    pair[0] = first;
    pair[1] = second;
    return true;
}

static bool contains(const char *const list[], const char *key)
{
    for (; *list; list++)
        if (strcmp(*list, key) == 0)
            return true;
    return false;
}

bool udm_config_only(const udm_config *config, const char *const known[], udm_error *error)
{
    for (const char *key = NULL; (key = udm_config_next(config, key));)
        if (key[0] != '_' && udm_config_has(config, key) && !contains(known, key))
            return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: this key is not implemented: \"%s\"", config->path, key);
    return true;
}
