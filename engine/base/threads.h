// SPDX-License-Identifier: LGPL-2.1-or-later
// A pool of worker threads. The caller's thread works too, so a pool of 1 has no thread of its own.
#ifndef UDM_BASE_THREADS_H
#define UDM_BASE_THREADS_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/isa.h"

typedef struct udm_pool udm_pool;

// threads: 1 to 256, or 0 for as many as the process may run on: its affinity, and the quota of its container. NULL
// with *error set when none can be started.
udm_pool *udm_pool_new(int threads, udm_error *error);
void udm_pool_free(udm_pool *pool); // NULL is fine

int udm_pool_threads(const udm_pool *pool);

// Which kernels run on it: those of an instruction set, the best that there is, or `most` at the most. Whatever has a
// choice of kernels makes it by its pool, so that an object's device limits all of it ("cpu:avx2").
void udm_pool_limit(udm_pool *pool, udm_isa most);
udm_isa udm_pool_isa(const udm_pool *pool); // NULL: the best that there is

// While *stop is true, runs hand out no more indices and return: whoever set it takes nothing for computed.
void udm_pool_watch(udm_pool *pool, const atomic_bool *stop);

// Calls job(context, index, worker) once for each index in [0, count), in any order, on all threads, and returns when
// all are done. worker is in [0, threads): the number of the thread, for scratch memory. One caller at a time. A pool
// of NULL is the caller's thread alone.
typedef void (*udm_job)(void *context, int index, int worker);
void udm_pool_run(udm_pool *pool, int count, udm_job job, void *context);

// memcpy(), in parts.
void udm_pool_copy(udm_pool *pool, void *to, const void *from, size_t bytes);

#endif
