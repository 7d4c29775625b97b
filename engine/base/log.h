// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages of an object to its caller while it works.
#ifndef UDM_BASE_LOG_H
#define UDM_BASE_LOG_H

#include "udm/error.h"
#include "udm/log.h"

typedef struct udm_log {
    udm_log_callback callback; // NULL: nobody listens
    void *context;
} udm_log;

void udm_log_write(const udm_log *log, udm_log_level level, const char *format, ...) UDM_PRINTF(3, 4);

#endif
