// SPDX-License-Identifier: LGPL-2.1-or-later
// On a terminal a line that is updated twice a second, else a line every ten seconds.
#include "cli/restore/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/restore/say.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

void progress_begin(progress *p, int64_t total)
{
    *p = (progress){ .total = total, .began = now() };
    p->said = p->began;
}

double progress_rate(const progress *p)
{
    const double seconds = now() - p->began;
    return seconds > 0 ? p->done / seconds : 0;
}

void progress_step(progress *p)
{
    const double at = now(), rate = ++p->done / (at - p->began + 1e-9);
    char line[120];
    if (at - p->said < (isatty(STDERR_FILENO) ? 0.5 : 10))
        return;
    p->said = at;
    int n = snprintf(line, sizeof line, "%" PRId64, p->done);
    if (p->total >= p->done)
        n += snprintf(line + n, sizeof line - n, "/%" PRId64, p->total);
    n += snprintf(line + n, sizeof line - n, " frames, %.*f per second", rate < 10 ? 2 : 1, rate);
    if (p->total >= p->done) {
        const int64_t left = (int64_t)((p->total - p->done) / rate + 0.5);
        snprintf(line + n, sizeof line - n, ", %" PRId64 ":%02d:%02d left", left / 3600, (int)(left / 60 % 60),
                 (int)(left % 60));
    }
    say_progress(line);
}

void progress_end(progress *p)
{
    say_progress("");
}
