// SPDX-License-Identifier: LGPL-2.1-or-later
// The pool hands out each index once, to workers that it numbers, run after run.
#include "base/threads.h"

#include <stdatomic.h>

#include "check.h"

enum { COUNT = 1000 };

typedef struct tally {
    atomic_int done[COUNT];
    atomic_int inside[256]; // jobs that run under a worker's number at this moment
    atomic_int faults;
    int threads;
} tally;

static void count_job(void *context, int index, int worker)
{
    tally *t = context;
    if (worker < 0 || worker >= t->threads) {
        atomic_fetch_add(&t->faults, 1);
        return;
    }
    if (atomic_fetch_add(&t->inside[worker], 1) != 0)
        atomic_fetch_add(&t->faults, 1);
    atomic_fetch_add(&t->done[index], 1);
    atomic_fetch_sub(&t->inside[worker], 1);
}

static void check_counts(int threads)
{
    static tally t;
    udm_error error = { 0 };
    udm_pool *pool = udm_pool_new(threads, &error);
    REQUIRE(pool);
    CHECK(udm_pool_threads(pool) == threads);
    memset(&t, 0, sizeof(t));
    t.threads = threads;
    int runs = 0, counts[] = { COUNT, 1, 0, 2, 7, COUNT };
    for (int i = 0; i < 6; i++)
        udm_pool_run(pool, counts[i], count_job, &t);
    for (int i = 0; i < COUNT; i++)
        runs += t.done[i] == 2 + (i < 1) + (i < 2) + (i < 7);
    CHECK(runs == COUNT);
    CHECK(t.faults == 0);
    udm_pool_free(pool);
}

TEST(every_index_once)
{
    for (int threads = 1; threads <= 4; threads++)
        check_counts(threads);
}

typedef struct stopping {
    atomic_bool stop;
    atomic_int done;
} stopping;

static void stop_job(void *context, int index, int worker)
{
    stopping *s = context;
    (void)index, (void)worker;
    if (atomic_fetch_add(&s->done, 1) == 9)
        atomic_store(&s->stop, true);
}

TEST(a_run_that_is_stopped_returns)
{
    for (int threads = 1; threads <= 4; threads++) {
        udm_pool *pool = udm_pool_new(threads, NULL);
        REQUIRE(pool);
        stopping s = { .stop = false };
        udm_pool_watch(pool, &s.stop);
        udm_pool_run(pool, COUNT, stop_job, &s);
        CHECK(s.done >= 10 && s.done < 10 + threads);
        udm_pool_run(pool, COUNT, stop_job, &s);
        CHECK(s.done < 10 + threads);
        atomic_store(&s.stop, false);
        udm_pool_run(pool, 5, stop_job, &s);
        CHECK(s.done >= 15);
        udm_pool_free(pool);
    }
}

static void sum_job(void *context, int index, int worker)
{
    ((int *)context)[index] += index;
}

// What one run wrote with plain stores is seen by the next, and by the caller.
TEST(runs_follow_each_other)
{
    udm_pool *pool = udm_pool_new(3, NULL);
    REQUIRE(pool);
    int values[16] = { 0 }, right = 0;
    for (int run = 0; run < 5000; run++)
        udm_pool_run(pool, 16, sum_job, values);
    for (int i = 0; i < 16; i++)
        right += values[i] == 5000 * i;
    CHECK(right == 16);
    udm_pool_free(pool);
}

TEST(all_processors)
{
    udm_pool *pool = udm_pool_new(0, NULL);
    REQUIRE(pool);
    CHECK(udm_pool_threads(pool) >= 1);
    udm_pool_free(pool);
    udm_pool_free(NULL);
}

TEST(wrong_counts)
{
    udm_error error = { 0 };
    CHECK(!udm_pool_new(-1, &error));
    CHECK(error.code == UDM_ERROR_SETTINGS);
    CHECK(!udm_pool_new(257, NULL));
}

CHECK_MAIN()
