// SPDX-License-Identifier: LGPL-2.1-or-later
// Formats messages for the callback.
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void udm_log_write(const udm_log *log, udm_log_level level, const char *format, ...)
{
    if (!log->callback)
        return;
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    log->callback(log->context, level, message);
}
