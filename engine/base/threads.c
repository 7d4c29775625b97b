// SPDX-License-Identifier: LGPL-2.1-or-later
// The pool: workers take the next index from an atomic counter, and sleep on a condition variable between runs.
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cgroup.h"
#include "base/maths.h"

enum { MAX_THREADS = 256, SPINS = 2000 };

typedef struct worker {
    udm_pool *pool;
    pthread_t thread;
    int number;
} worker;

struct udm_pool {
    int threads, started; // started: workers, without the caller's own thread
    udm_isa isa;          // of the kernels that run on it
    pthread_mutex_t mutex;
    pthread_cond_t begin, idle;
    atomic_uint run;   // counts the runs; written under the mutex, and watched by the workers that spin
    bool open, stop;   // open: a worker may still join the current run
    atomic_int active; // workers that joined it; written under the mutex, and watched by the caller that spins
    udm_job job;
    void *context;
    int count;
    const atomic_bool *watched; // or NULL
    atomic_int next;            // the next index to hand out
    worker workers[];
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static bool is_stopped(const udm_pool *pool)
{
    return pool->watched && atomic_load_explicit(pool->watched, memory_order_relaxed);
}

static void work(udm_pool *pool, int number)
{
    int count = pool->count;
    for (int i; (i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < count && !is_stopped(pool);)
        pool->job(pool->context, i, number);
}

// Layers follow each other closely, so a worker looks for the next run for a moment before it sleeps.
static void await_run(udm_pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->run, memory_order_relaxed) == seen; i++)
        pause_briefly();
}

// The others end at nearly the same time, so the caller waits for a moment before it sleeps.
static void await_others(const udm_pool *pool)
{
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->active, memory_order_relaxed) > 0; i++)
        pause_briefly();
}

static void *worker_main(void *context)
{
    worker *self = context;
    udm_pool *pool = self->pool;
    unsigned seen = 0;
    for (;;) {
        await_run(pool, seen);
        pthread_mutex_lock(&pool->mutex);
        while (!pool->stop && !(pool->open && atomic_load(&pool->run) != seen))
            pthread_cond_wait(&pool->begin, &pool->mutex);
        if (pool->stop)
            break;
        seen = atomic_load(&pool->run);
        atomic_fetch_add(&pool->active, 1);
        pthread_mutex_unlock(&pool->mutex);

        work(pool, self->number);

        pthread_mutex_lock(&pool->mutex);
        if (atomic_fetch_sub(&pool->active, 1) == 1)
            pthread_cond_signal(&pool->idle);
        pthread_mutex_unlock(&pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

// How many processors this process may run on, or use the time of.
static int usable_processors(void)
{
    cpu_set_t set;
    const int present = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    const int count = udm_min(present, udm_cgroup_processors(""));
    return udm_max(1, udm_min(count, MAX_THREADS));
}

// Signals belong to the application's threads: the workers inherit a mask that blocks them all.
static void start_workers(udm_pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < pool->threads - 1; i++) {
        worker *w = &pool->workers[i];
        *w = (worker){ .pool = pool, .number = i + 1 };
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            break;
        pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

udm_pool *udm_pool_new(int threads, udm_error *error)
{
    if (threads < 0 || threads > MAX_THREADS) {
        udm_fail(error, UDM_ERROR_SETTINGS, "threads is %d; it must be 0 (all) to %d", threads, MAX_THREADS);
        return NULL;
    }
    if (threads == 0)
        threads = usable_processors();
    udm_pool *pool = calloc(1, sizeof(*pool) + (size_t)threads * sizeof(worker));
    if (!pool) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a pool of %d threads", threads);
        return NULL;
    }
    pool->threads = threads;
    pool->isa = udm_isa_best();
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->begin, NULL);
    pthread_cond_init(&pool->idle, NULL);
    start_workers(pool);
    if (pool->started < threads - 1) {
        udm_fail(error, UDM_ERROR_MEMORY, "only %d of %d threads could be started: set a lower number",
                 pool->started + 1, threads);
        udm_pool_free(pool);
        return NULL;
    }
    return pool;
}

void udm_pool_free(udm_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->begin);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

int udm_pool_threads(const udm_pool *pool)
{
    return pool->threads;
}

void udm_pool_limit(udm_pool *pool, udm_isa most)
{
    pool->isa = most < udm_isa_best() ? most : udm_isa_best();
}

udm_isa udm_pool_isa(const udm_pool *pool)
{
    return pool ? pool->isa : udm_isa_best();
}

void udm_pool_watch(udm_pool *pool, const atomic_bool *stop)
{
    pool->watched = stop;
}

void udm_pool_run(udm_pool *pool, int count, udm_job job, void *context)
{
    if (!pool || pool->threads == 1 || count <= 1) {
        for (int i = 0; i < count && !(pool && is_stopped(pool)); i++)
            job(context, i, 0);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->job = job;
    pool->context = context;
    pool->count = count;
    atomic_store(&pool->next, 0);
    pool->open = true;
    atomic_fetch_add(&pool->run, 1);
    pthread_cond_broadcast(&pool->begin);
    pthread_mutex_unlock(&pool->mutex);

    work(pool, 0);

    // Whoever did not wake in time is not waited for.
    pthread_mutex_lock(&pool->mutex);
    pool->open = false;
    pthread_mutex_unlock(&pool->mutex);
    await_others(pool);
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->active) > 0)
        pthread_cond_wait(&pool->idle, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

typedef struct copying {
    char *to;
    const char *from;
    size_t bytes;
} copying;

enum { COPY_PART = 1 << 16 };

static void copy_part(void *context, int index, int worker)
{
    const copying *c = context;
    const size_t first = (size_t)index * COPY_PART, left = c->bytes - first;
    memcpy(c->to + first, c->from + first, left < COPY_PART ? left : COPY_PART);
}

void udm_pool_copy(udm_pool *pool, void *to, const void *from, size_t bytes)
{
    udm_pool_run(pool, (int)((bytes + COPY_PART - 1) / COPY_PART), copy_part, &(copying){ to, from, bytes });
}
