// SPDX-License-Identifier: LGPL-2.1-or-later
// A JSON object with typed, checked access. Immutable once open, so threads may share it.
#ifndef UDM_MODEL_CONFIG_H
#define UDM_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "udm/error.h"

typedef struct udm_config udm_config;

// Reads a file (at most 1 MiB) that holds one object; duplicate keys are an error.
udm_config *udm_config_open(const char *path, udm_error *error);
void udm_config_free(udm_config *config); // NULL is fine

const char *udm_config_path(const udm_config *config);
bool udm_config_has(const udm_config *config, const char *key); // present and not null

// Each reads `key` into *value. A missing or null key leaves *value, which holds the default, as it is. False with
// *error (which names file, key and what was expected) for a wrong type (CORRUPT) or a number outside [low, high]
// (UNSUPPORTED).
bool udm_config_int(const udm_config *config, const char *key, int low, int high, int *value, udm_error *error);
bool udm_config_double(const udm_config *config, const char *key, double low, double high, double *value,
                       udm_error *error);
bool udm_config_bool(const udm_config *config, const char *key, bool *value, udm_error *error);
// *value is owned by the config.
bool udm_config_string(const udm_config *config, const char *key, const char **value, udm_error *error);
// An array of at most `max` integers into values[], its length into *count.
bool udm_config_ints(const udm_config *config, const char *key, int low, int high, int max, int *values, int *count,
                     udm_error *error);
// An array of at most `max` strings, which are owned by the config.
bool udm_config_strings(const udm_config *config, const char *key, int max, const char **values, int *count,
                        udm_error *error);
bool udm_config_is_null(const udm_config *config, const char *key); // present, and null

// And of numbers.
bool udm_config_doubles(const udm_config *config, const char *key, double low, double high, int max, double *values,
                        int *count, udm_error *error);

// The key after `key`, in the order of the file; the first for NULL; NULL after the last.
const char *udm_config_next(const udm_config *config, const char *key);

// True if `key` is an array of two strings, as the parts in model_index.json are. They are owned by the config.
bool udm_config_pair(const udm_config *config, const char *key, const char *pair[2]);

// For networks, where a key that is not implemented would change the maths: UNSUPPORTED, with the name of the key,
// unless all that are not null are in the NULL-ended list. Keys that begin with "_", which are notes, need not be.
bool udm_config_only(const udm_config *config, const char *const known[], udm_error *error);

#endif
