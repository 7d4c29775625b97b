// SPDX-License-Identifier: LGPL-2.1-or-later
// The pool hands out each index once, to workers that it numbers, run after run.
#include "base/threads.h"

#include <stdatomic.h>

#include "testing.h"

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

START_TEST(every_index_once)
{
    const int threads = 1 + _i;
    test_case("%d threads", threads);
    static tally t;
    udm_error error = { 0 };
    udm_pool *pool = udm_pool_new(threads, &error);
    ck_assert_msg(pool, "%s", error.message);
    ck_assert_int_eq(udm_pool_threads(pool), threads);
    memset(&t, 0, sizeof(t));
    t.threads = threads;
    const int counts[] = { COUNT, 1, 0, 2, 7, COUNT };
    for (int i = 0; i < 6; i++)
        udm_pool_run(pool, counts[i], count_job, &t);
    for (int i = 0; i < COUNT; i++) {
        test_at("index %d", i);
        ck_assert_int_eq(t.done[i], 2 + (i < 1) + (i < 2) + (i < 7));
    }
    ck_assert_int_eq(t.faults, 0);
    udm_pool_free(pool);
}
END_TEST

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

START_TEST(a_run_that_is_stopped_returns)
{
    const int threads = 1 + _i;
    test_case("%d threads", threads);
    udm_pool *pool = udm_pool_new(threads, NULL);
    ck_assert_ptr_nonnull(pool);
    stopping s = { .stop = false };
    udm_pool_watch(pool, &s.stop);
    udm_pool_run(pool, COUNT, stop_job, &s);
    ck_assert_int_ge(s.done, 10);
    ck_assert_int_lt(s.done, 10 + threads);
    udm_pool_run(pool, COUNT, stop_job, &s);
    ck_assert_int_lt(s.done, 10 + threads);
    atomic_store(&s.stop, false);
    udm_pool_run(pool, 5, stop_job, &s);
    ck_assert_int_ge(s.done, 15);
    udm_pool_free(pool);
}
END_TEST

static void sum_job(void *context, int index, int worker)
{
    ((int *)context)[index] += index;
}

// What one run wrote with plain stores is seen by the next, and by the caller.
START_TEST(runs_follow_each_other)
{
    udm_pool *pool = udm_pool_new(3, NULL);
    ck_assert_ptr_nonnull(pool);
    int values[16] = { 0 };
    for (int run = 0; run < 5000; run++)
        udm_pool_run(pool, 16, sum_job, values);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(values[i], 5000 * i);
    udm_pool_free(pool);
}
END_TEST

START_TEST(all_processors)
{
    udm_pool *pool = udm_pool_new(0, NULL);
    ck_assert_ptr_nonnull(pool);
    ck_assert_int_ge(udm_pool_threads(pool), 1);
    udm_pool_free(pool);
    udm_pool_free(NULL);
}
END_TEST

START_TEST(wrong_counts)
{
    udm_error error = { 0 };
    ck_assert_ptr_null(udm_pool_new(-1, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "");
    ck_assert_ptr_null(udm_pool_new(257, NULL));
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = every_index_once, .cases = 4 },
        { .test = a_run_that_is_stopped_returns, .cases = 4 },
        { .test = runs_follow_each_other },
        { .test = all_processors },
        { .test = wrong_counts },
    };
    return test_main("threads", tests, COUNT_OF(tests));
}
