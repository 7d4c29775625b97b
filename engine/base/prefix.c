// SPDX-License-Identifier: LGPL-2.1-or-later
// Where this library was installed: the prefix it was built for, or another one that it was moved to as a whole. That
// is known from the file this code was loaded from, the library itself or the plugin that carries it.
#include "base/prefix.h"

#include "udm/list.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BELOW_PREFIX "/" UDM_LIBDIR "/" // where libraries lie

// The prefix that this code was loaded from, to be freed with free(); NULL where the file lies outside of one.
static char *loaded_prefix(void)
{
    static const char here = 0;
    Dl_info object;
    char *path = dladdr(&here, &object) ? realpath(object.dli_fname, NULL) : NULL;
    char *end = NULL;
    for (char *at = path; at && (at = strstr(at, BELOW_PREFIX)); at++)
        end = at; // the last one
    if (end) {
        *end = 0;
        return path;
    }
    free(path);
    return NULL;
}

char *udm_data_directory(udm_error *error)
{
    char *prefix = loaded_prefix(), *folder = NULL, own[PATH_MAX];
    // A library alone that was copied elsewhere still has its data where it was built for.
    const bool moved = prefix && snprintf(own, sizeof own, "%s/" UDM_DATADIR "/udm", prefix) < (int)sizeof own &&
                       access(own, F_OK) == 0;
    if (asprintf(&folder, "%s/" UDM_DATADIR, moved ? prefix : UDM_PREFIX) < 0) {
        folder = NULL;
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for the path of the installed data");
    }
    free(prefix);
    return folder;
}

char *udm_installed_program(const char *name)
{
    char *prefix = loaded_prefix(), *path = NULL;
    const char *const places[] = { prefix, UDM_PREFIX };
    for (int i = 0; i < 2 && !path; i++)
        if (places[i] && asprintf(&path, "%s/" UDM_LIBDIR "/udm/%s", places[i], name) < 0) {
            path = NULL;
        } else if (path && access(path, X_OK) != 0) {
            free(path);
            path = NULL;
        }
    free(prefix);
    return path;
}
