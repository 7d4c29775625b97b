// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages, and those of libav* that explain them.
#include "cli/restore/say.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/avutil.h>
#include <libavutil/log.h>

enum { MAX_LINE = 240 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last_of_libav[MAX_LINE];
static bool be_quiet, progress_stands;

// The callback of av_log(), from any thread.
static void keep_error(void *context, int level, const char *format, va_list arguments)
{
    if (level > AV_LOG_ERROR)
        return;
    pthread_mutex_lock(&lock);
    vsnprintf(last_of_libav, sizeof last_of_libav, format, arguments);
    last_of_libav[strcspn(last_of_libav, "\r\n")] = 0;
    pthread_mutex_unlock(&lock);
}

void say_begin(bool quiet)
{
    be_quiet = quiet;
    av_log_set_callback(keep_error);
}

static void print(const char *kind, const char *format, va_list arguments)
{
    if (progress_stands)
        fputs("\n", stderr);
    progress_stands = false;
    fprintf(stderr, "udm-restore: %s", kind);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
}

void say_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print("", format, arguments);
    va_end(arguments);
}

void say_note(const char *format, ...)
{
    if (be_quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    print("", format, arguments);
    va_end(arguments);
}

void say_progress(const char *line)
{
    if (be_quiet)
        return;
    if (!isatty(STDERR_FILENO)) {
        if (*line)
            fprintf(stderr, "udm-restore: %s\n", line);
        return;
    }
    if (*line)
        fprintf(stderr, "\r\033[Kudm-restore: %s", line);
    else if (progress_stands)
        fputs("\n", stderr);
    progress_stands = *line;
    fflush(stderr);
}

bool say_why(udm_error *error, int number, const char *format, ...)
{
    char what[MAX_LINE], why[AV_ERROR_MAX_STRING_SIZE], said[MAX_LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    snprintf(said, sizeof said, "%s", last_of_libav);
    *last_of_libav = 0;
    pthread_mutex_unlock(&lock);
    av_strerror(number, why, sizeof why);
    // These need no explanation, and the last message may be about something else.
    const bool plain = !*said || number == AVERROR(ENOSPC) || number == AVERROR(EACCES) || number == AVERROR(ENOENT);
    return udm_fail(error, UDM_ERROR_UNREADABLE, plain ? "%s: %s" : "%s: %s (%s)", what, why, said);
}
