// SPDX-License-Identifier: LGPL-2.1-or-later
// SIGINT, SIGTERM and SIGHUP: the program stops within two seconds.
#ifndef UDM_CLI_RESTORE_STOP_H
#define UDM_CLI_RESTORE_STOP_H

#include <stdbool.h>

enum { STOP_STATUS = 130 }; // exit status of a stopped program

typedef struct stop_calls {
    void (*asked)(void *context); // at once
    void (*late)(void *context);  // if stop_end() was not called in time: must end the program
    void *context;
} stop_calls;

// Both are called from a thread of their own.
bool stop_begin(stop_calls calls);
bool stop_asked(void);
bool stop_hurries(void); // ... so long ago that encoders are not flushed any more
// From now on neither is called. Does not return if late() was called already.
void stop_end(void);

#endif
