// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs udm-trial and reads what it says.
#include "backend/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prefix.h"

extern char **environ;

int udm_trial_seconds = 60;

enum { SAYS_ROOM = 2048 };

// What it has said so far, and how it ended.
typedef struct running {
    pid_t pid;
    int pipe; // that it says it through
    char says[SAYS_ROOM];
    size_t used;
    bool late;  // it was stopped, as it took too long
    int signal; // that ended it, or 0
} running;

static long long now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000LL + at.tv_nsec / 1000000;
}

// The rest of the line that begins with the word, in buffer; NULL where there is no whole one.
static const char *find_line(const running *trial, const char *word, char *buffer, size_t room)
{
    const size_t length = strlen(word);
    for (const char *line = trial->says, *end; (end = strchr(line, '\n')); line = end + 1) {
        if (strncmp(line, word, length) != 0 || (line[length] != ' ' && line[length] != '\n'))
            continue;
        const char *rest = line + length + (line[length] == ' ');
        snprintf(buffer, room, "%.*s", (int)(end - rest), rest);
        return buffer;
    }
    return NULL;
}

static bool has_verdict(const running *trial)
{
    char rest[SAYS_ROOM];
    return find_line(trial, "passed", rest, sizeof rest) || find_line(trial, "slower", rest, sizeof rest) ||
           find_line(trial, "failed", rest, sizeof rest);
}

// The child has the pipe as its standard output, the standard error of this process, and nothing else of what is open
// here; signals are as they are for a new program.
static int spawn(const char *program, char *const *arguments, int out, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&how) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    int code = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&files, out, 1);
#ifdef UDM_HAS_CLOSEFROM
    if (code == 0)
        code = posix_spawn_file_actions_addclosefrom_np(&files, 3);
#endif
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (code == 0)
        code = posix_spawn(pid, program, &files, &how, arguments, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return code;
}

static bool start(running *trial, const char *device, int threads)
{
    const char *named = secure_getenv("UDM_TRIAL");
    char *program = named ? strdup(named) : udm_installed_program("udm-trial");
    char count[16], limit[16];
    int ends[2];
    snprintf(count, sizeof count, "%d", threads);
    snprintf(limit, sizeof limit, "%d", udm_trial_seconds);
    char *const arguments[] = { (char *)"udm-trial", (char *)device, count, limit, NULL };
    *trial = (running){ .pid = -1, .pipe = -1 };
    if (program && pipe2(ends, O_CLOEXEC) == 0) {
        if (spawn(program, arguments, ends[1], &trial->pid) != 0)
            trial->pid = -1;
        trial->pipe = ends[0];
        close(ends[1]);
    }
    free(program);
    return trial->pid >= 0;
}

// Reads until there is a verdict, or no more can come, or time is up.
static void listen_to(running *trial)
{
    const long long deadline = now_ms() + udm_trial_seconds * 1000LL;
    while (!has_verdict(trial) && trial->used < SAYS_ROOM - 1) {
        const long long left = deadline - now_ms();
        struct pollfd waits = { .fd = trial->pipe, .events = POLLIN };
        trial->late = left <= 0;
        if (trial->late)
            return;
        const int found = poll(&waits, 1, left < INT_MAX ? (int)left : INT_MAX);
        if (found == 0 || (found < 0 && errno == EINTR))
            continue;
        const ssize_t got = read(trial->pipe, trial->says + trial->used, SAYS_ROOM - 1 - trial->used);
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
        trial->used += got > 0 ? (size_t)got : 0;
    }
}

// What it had to say it has said; a driver may hang even in a process that ends. The application may have waited for
// all its children itself, or have told the system to, and then the signal remains unknown.
static void stop(running *trial)
{
    int status = 0;
    pid_t waited;
    close(trial->pipe);
    if (trial->late || has_verdict(trial))
        kill(trial->pid, SIGKILL);
    while ((waited = waitpid(trial->pid, &status, 0)) < 0 && errno == EINTR)
        ;
    trial->signal = waited == trial->pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    trial->late |= trial->signal == SIGALRM; // it has a clock of its own
}

static udm_verdict judge(const running *trial, const char *device, udm_error *error)
{
    char rest[SAYS_ROOM], name[SAYS_ROOM];
    if (!find_line(trial, "ready", rest, sizeof rest) && !trial->late)
        return UDM_TRIAL_NOT_RUN;
    if (find_line(trial, "passed", rest, sizeof rest))
        return *rest ? UDM_TRIAL_PASSED_F32 : UDM_TRIAL_PASSED;
    if (find_line(trial, "slower", rest, sizeof rest))
        return UDM_TRIAL_SLOWER;
    if (find_line(trial, "failed", rest, sizeof rest)) {
        char *message;
        const long code = strtol(rest, &message, 10);
        udm_fail(error, (udm_error_code)code, "%s", message + (*message == ' '));
        return UDM_TRIAL_FAILED;
    }
    const bool named = find_line(trial, "name", name, sizeof name);
    const char *what = named ? name : device, *when = named ? "in a trial" : "while it was loaded";
    if (trial->late)
        udm_fail(error, UDM_ERROR_DEVICE, "%s: its driver hung %s, which was stopped after %d seconds", what, when,
                 udm_trial_seconds);
    else
        udm_fail(error, UDM_ERROR_DEVICE, "%s: its driver crashed %s (%s)", what, when,
                 trial->signal ? strsignal(trial->signal) : "its process ended");
    return UDM_TRIAL_FAILED;
}

static udm_verdict run(const char *device, int threads, udm_error *error)
{
    running trial;
    const bool started = start(&trial, device, threads);
    if (started) {
        listen_to(&trial);
        stop(&trial);
        return judge(&trial, device, error);
    }
    if (trial.pipe >= 0)
        close(trial.pipe);
    return UDM_TRIAL_NOT_RUN;
}

udm_verdict udm_trial_apart(const char *device, int threads, udm_error *error)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char last_device[64];
    static int last_threads;
    static udm_verdict last;
    static udm_error last_error;
    pthread_mutex_lock(&lock);
    if (strcmp(device, last_device) != 0 || threads != last_threads) {
        last_error = (udm_error){ 0 };
        last = run(device, threads, &last_error);
        snprintf(last_device, sizeof last_device, "%s", device);
        last_threads = threads;
    }
    const udm_verdict verdict = last;
    if (verdict == UDM_TRIAL_FAILED)
        udm_fail(error, last_error.code, "%s", last_error.message);
    pthread_mutex_unlock(&lock);
    return verdict;
}
