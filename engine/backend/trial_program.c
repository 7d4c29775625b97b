// SPDX-License-Identifier: LGPL-2.1-or-later
// udm-trial DEVICE THREADS SECONDS: the trial of a device in this process, which a driver may take down; apart.h says
// what it writes. It is not for people.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/trial.h"

// On one line.
static void say(int out, const char *word, const char *text)
{
    char line[1024];
    int length = snprintf(line, sizeof line - 1, "%s%s%s", word, *text ? " " : "", text);
    length = length < (int)sizeof line - 1 ? length : (int)sizeof line - 2;
    for (int i = 0; i < length; i++)
        line[i] = line[i] == '\n' ? ' ' : line[i];
    line[length++] = '\n';
    for (ssize_t done = 0, wrote; done < length; done += wrote)
        if ((wrote = write(out, line + done, (size_t)(length - done))) <= 0)
            _exit(EXIT_FAILURE);
}

static bool try(const char *name, int threads, bool *only_f32, udm_error *error)
{
    udm_device *processor = udm_device_open("cpu", threads, error);
    udm_device *device = processor ? udm_device_open(name, threads, error) : NULL;
    const bool passed = device && udm_trial(device, processor, error);
    *only_f32 = passed && !udm_trial_auto(device, processor);
    udm_device_close(device);
    udm_device_close(processor);
    return passed;
}

// A driver that ends this process is no news worth a file, nor does it hang for longer than it is waited for; what it
// prints is no verdict.
static int settle(unsigned seconds)
{
    const struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    alarm(seconds);
    const int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    return out;
}

int main(int argc, char **argv)
{
    udm_error error = { 0 };
    bool only_f32 = false;
    char name[sizeof((udm_device *)NULL)->name];
    if (argc != 4) {
        fputs("udm-trial is run by libudm, to find out whether a device can be relied on\n", stderr);
        return EXIT_FAILURE;
    }
    const int threads = atoi(argv[2]), out = settle((unsigned)atoi(argv[3]));
    say(out, "ready", "");
    if (udm_device_name(argv[1], name, &error)) {
        say(out, "name", name);
        if (try(argv[1], threads, &only_f32, &error))
            say(out, "passed", only_f32 ? "f32" : "");
        else if (error.code == UDM_OK)
            say(out, "slower", "");
    }
    if (error.code != UDM_OK) {
        char failed[sizeof error.message + 32];
        snprintf(failed, sizeof failed, "%d %s", error.code, error.message);
        say(out, "failed", failed);
    }
    _exit(EXIT_SUCCESS); // drivers that crash at the end of a process would do so in the application's, too late to
                         // matter
}
