// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * What there is to choose from.
 */
#ifndef UDM_LIST_H
#define UDM_LIST_H

#include "udm/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Called once for each entry. @param about one line for people; both strings are valid until the call returns */
typedef void (*udm_found)(void *context, const char *name, const char *about);

UDM_API void udm_list_devices(udm_found found, void *context); /**< opens "auto" to say which it is: takes a moment */
UDM_API void udm_list_precisions(udm_found found, void *context); /**< of udm_settings.precision */
UDM_API void udm_list_samplers(udm_found found, void *context);   /**< of udm_settings.sampler, beside "model" */
UDM_API void udm_list_schedules(udm_found found, void *context);  /**< of udm_settings.schedule, beside "model" */
UDM_API void udm_list_spacings(udm_found found, void *context);   /**< of udm_settings.spacing, beside "model" */
UDM_API void udm_list_processes(udm_found found, void *context);  /**< forward processes of models */

/**
 * Models that are found by their names, in the folders of UDM_MODEL_PATH and among the installed ones: each name once.
 * What they are told of is the first sentence of their cards (README.md), which may be empty.
 */
UDM_API void udm_list_models(udm_found found, void *context);

/** The version of the library in use, "0.2.0"; static. udm/version.h has that of the headers. */
UDM_API const char *udm_version(void);

/**
 * Where data were installed with the library in use, such as "/usr/share": its models are in udm/models there. If the
 * whole prefix was moved since, it is where that is now.
 * @return path, for free(); NULL with MEMORY
 */
UDM_API char *udm_data_directory(udm_error *error);

#ifdef __cplusplus
}
#endif
#endif
