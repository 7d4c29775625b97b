// SPDX-License-Identifier: LGPL-2.1-or-later
// A thread waits until a signal handler posts a semaphore. sigwait() would need all threads to block the signals, and
// libraries may start threads before main().
#include "cli/restore/stop.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

// After a signal: how long encoders are flushed, and when late() is called.
enum { HURRY_MS = 800, LATE_MS = 1300 };

static struct {
    stop_calls calls;
    sem_t signalled;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool over; // stop_end() was called
    atomic_bool asked, hurries;
} stop = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

// With the lock held. True if stop_end() was called in that time.
static bool wait_for_end(int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000, until.tv_nsec %= 1000000000;
    while (!stop.over && pthread_cond_timedwait(&stop.ended, &stop.lock, &until) != ETIMEDOUT)
        ;
    return stop.over;
}

static void handle(int signal)
{
    sem_post(&stop.signalled);
}

static void *watch(void *context)
{
    while (sem_wait(&stop.signalled) != 0)
        ;
    pthread_mutex_lock(&stop.lock);
    atomic_store(&stop.asked, true);
    if (!stop.over)
        stop.calls.asked(stop.calls.context);
    if (!wait_for_end(HURRY_MS)) {
        atomic_store(&stop.hurries, true);
        if (!wait_for_end(LATE_MS - HURRY_MS))
            stop.calls.late(stop.calls.context); // holding the lock, so that stop_end() blocks
    }
    pthread_mutex_unlock(&stop.lock);
    return NULL;
}

bool stop_begin(stop_calls calls)
{
    pthread_t thread;
    stop.calls = calls;
    const struct sigaction ignore = { .sa_handler = SIG_IGN }, end = { .sa_handler = handle, .sa_flags = SA_RESTART };
    struct sigaction was;
    sem_init(&stop.signalled, 0, 0);
    // Writes then fail with an error.
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    if (pthread_create(&thread, NULL, watch, NULL) != 0)
        return false;
    pthread_detach(thread);
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN) // as nohup sets
        sigaction(SIGHUP, &end, NULL);
    return true;
}

bool stop_asked(void)
{
    return atomic_load(&stop.asked);
}

bool stop_hurries(void)
{
    return atomic_load(&stop.hurries);
}

void stop_end(void)
{
    pthread_mutex_lock(&stop.lock);
    stop.over = true;
    pthread_cond_signal(&stop.ended);
    pthread_mutex_unlock(&stop.lock);
}
