// SPDX-License-Identifier: LGPL-2.1-or-later
// Memory that runs out when a test asks for it: this program's own malloc and its relatives, which hand on to the C
// library's. Not with a sanitizer, which needs its own before anybody can ask for it. All that is asked for is counted,
// by the engine, by the libraries that it uses, and by the C library itself, on any thread; from failing_arm(n) on, the
// n-th request gets nothing.
#ifndef UDM_TESTS_FAILING_H
#define UDM_TESTS_FAILING_H

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define FAILING_WORKS 0
#else
#define FAILING_WORKS 1
#endif

static atomic_long failing_countdown = -1; // requests until the one that fails; below 0: none does
static atomic_long failing_requests;       // since it was armed
static atomic_long failing_live;           // blocks that are not freed

static _Thread_local volatile bool failing_paused; // volatile, as compilers know what malloc does

// The function of the next library that has this name.
#define FAILING_NEXT(name)                                                                                             \
    static __typeof__(&name) next;                                                                                     \
    if (!next)                                                                                                         \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

// From now on counts requests, and lets the n-th get nothing (0 the first; -1: none).
static inline void failing_arm(long n)
{
    atomic_store(&failing_requests, 0);
    atomic_store(&failing_countdown, n);
}

// Whether the request that was to fail has come.
static inline bool failing_disarm(void)
{
    return atomic_exchange(&failing_countdown, -1) < 0;
}

// Whether what this thread asks for meanwhile is neither counted nor fails.
static inline void failing_pause(bool pause)
{
    failing_paused = pause;
}

static inline bool failing_now(void)
{
    if (failing_paused)
        return false;
    atomic_fetch_add(&failing_requests, 1);
    long left = atomic_load(&failing_countdown);
    while (left >= 0 && !atomic_compare_exchange_weak(&failing_countdown, &left, left - 1))
        ;
    if (left == 0)
        errno = ENOMEM;
    return left == 0;
}

static inline void *failing_count(void *block)
{
    if (block)
        atomic_fetch_add(&failing_live, 1);
    return block;
}

#if FAILING_WORKS
#pragma GCC visibility push(default) // libraries are to find them

void *malloc(size_t size)
{
    FAILING_NEXT(malloc);
    return failing_now() ? NULL : failing_count(next(size));
}

void *calloc(size_t count, size_t size)
{
    FAILING_NEXT(calloc);
    return failing_now() ? NULL : failing_count(next(count, size));
}

void *realloc(void *old, size_t size)
{
    FAILING_NEXT(realloc);
    if (failing_now())
        return NULL;
    void *block = next(old, size);
    if (block && !old)
        atomic_fetch_add(&failing_live, 1);
    return block;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    FAILING_NEXT(aligned_alloc);
    return failing_now() ? NULL : failing_count(next(alignment, size));
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    FAILING_NEXT(posix_memalign);
    const int status = failing_now() ? ENOMEM : next(block, alignment, size);
    if (status == 0)
        failing_count(*block);
    return status;
}

void free(void *block)
{
    FAILING_NEXT(free);
    if (block)
        atomic_fetch_sub(&failing_live, 1);
    next(block);
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset)
{
    FAILING_NEXT(mmap);
    if (failing_now())
        return MAP_FAILED;
    void *map = next(address, length, protection, flags, file, offset);
    if (map != MAP_FAILED)
        atomic_fetch_add(&failing_live, 1);
    return map;
}

int munmap(void *address, size_t length)
{
    FAILING_NEXT(munmap);
    const int status = next(address, length);
    if (status == 0)
        atomic_fetch_sub(&failing_live, 1);
    return status;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    FAILING_NEXT(pthread_create);
    return failing_now() ? EAGAIN : next(thread, attributes, start, argument);
}

#pragma GCC visibility pop
#endif

#endif
