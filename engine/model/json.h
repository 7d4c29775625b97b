// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON that others wrote.
#ifndef UDM_MODEL_JSON_H
#define UDM_MODEL_JSON_H

#include <jansson.h>
#include <stddef.h>

#include "udm/error.h"

// The object of JSON that these bytes are, without duplicate keys. path, what: the file that they are of, and what of
// it, such as "its header", for errors. flags: of jansson, beside its JSON_REJECT_DUPLICATES. To be given back by
// json_decref(). NULL with *error set: CORRUPT or MEMORY.
json_t *udm_json_parse(const char *path, const char *what, const char *bytes, size_t size, size_t flags,
                       udm_error *error);

#endif
