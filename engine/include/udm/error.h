// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * How calls fail. A call that can fail returns false or NULL and fills the caller's error; nothing aborts.
 */
#ifndef UDM_ERROR_H
#define UDM_ERROR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define UDM_API __attribute__((visibility("default")))
#define UDM_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define UDM_API
#define UDM_PRINTF(text, first)
#endif

typedef enum udm_error_code {
    UDM_OK = 0,
    UDM_ERROR_NOT_FOUND,   /**< a model, a file, a device or a name that is not there */
    UDM_ERROR_UNREADABLE,  /**< it is there, but cannot be read */
    UDM_ERROR_CORRUPT,     /**< it was read, and is broken or truncated */
    UDM_ERROR_UNSUPPORTED, /**< it is sound, but asks for something that is not implemented */
    UDM_ERROR_SETTINGS,    /**< an argument is NULL, out of range, or does not fit the others */
    UDM_ERROR_MEMORY,      /**< out of memory, here or on the device, or sizes that overflow */
    UDM_ERROR_DEVICE,      /**< the device failed while it worked */
    UDM_ERROR_CANCELLED,   /**< a *_cancel() function was called */
} udm_error_code;

/** What went wrong. Owned by the caller, who starts with { 0 }; wherever one is taken, NULL will do. */
typedef struct udm_error {
    udm_error_code code;
    char message[512]; /**< one sentence in English, UTF-8, that says what to do */
} udm_error;

/**
 * Fills an error, for callbacks and wrappers that report theirs in the same way.
 * @param error NULL, or what is filled; a message that is too long is cut at a character
 * @param format as printf() has it
 * @return false, so that a function can end with `return udm_fail(...)`
 */
UDM_API bool udm_fail(udm_error *error, udm_error_code code, const char *format, ...) UDM_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
