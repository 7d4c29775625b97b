// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills in the caller's error.
#include "udm/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Where a message was cut, half a UTF-8 character may be left at its end, which no user interface would show.
static void drop_half_character(char *message)
{
    size_t length = strlen(message), tail = 0;
    while (tail < 3 && tail < length && ((unsigned char)message[length - 1 - tail] & 0xc0) == 0x80)
        tail++;
    unsigned char lead = tail < length ? (unsigned char)message[length - 1 - tail] : 0;
    size_t expected = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (expected > tail)
        message[length - 1 - tail] = 0;
}

bool udm_fail(udm_error *error, udm_error_code code, const char *format, ...)
{
    if (!error)
        return false;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof error->message)
        drop_half_character(error->message);
    error->code = code;
    return false;
}
