// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses JSON by jansson, and says what is wrong with it.
#include "model/json.h"

json_t *udm_json_parse(const char *path, const char *what, const char *bytes, size_t size, size_t flags,
                       udm_error *error)
{
    json_error_t fault;
    json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES | flags, &fault);
    if (json_is_object(root))
        return root;
    const bool told = *fault.text; // jansson has no words for some of what it has no memory for
    if (root)
        udm_fail(error, UDM_ERROR_CORRUPT, "%s: %s is JSON, but not an object { }", path, what);
    else if (!told || json_error_code(&fault) == json_error_out_of_memory)
        udm_fail(error, UDM_ERROR_MEMORY, "%s: no memory for it", path);
    else
        udm_fail(error, UDM_ERROR_CORRUPT, "%s: %s is not valid JSON: line %d: %s", path, what, fault.line, fault.text);
    json_decref(root);
    return NULL;
}
