// SPDX-License-Identifier: LGPL-2.1-or-later
/** @file
 * Messages of an object while it works. Errors are returned, not logged.
 */
#ifndef UDM_LOG_H
#define UDM_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum udm_log_level {
    UDM_LOG_WARNING, /**< frames come all the same, but not as they would: another device went on, say */
    UDM_LOG_INFO,    /**< once for an object: the device, the tiles */
    UDM_LOG_DEBUG,   /**< now and then: where scenes begin, and how noisy they are */
} udm_log_level;

/**
 * Set in udm_settings, one for each object. Called from the thread that opens the object or runs a frame, never at the
 * same time from two of one object. It must not call functions of the same object.
 * @param message one sentence without a newline, valid until the call returns
 */
typedef void (*udm_log_callback)(void *context, udm_log_level level, const char *message);

#ifdef __cplusplus
}
#endif
#endif
