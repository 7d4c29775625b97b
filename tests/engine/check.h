// SPDX-License-Identifier: LGPL-2.1-or-later
// The smallest test frame: TEST(name) { ... CHECK(x) ... }, and CHECK_MAIN() at the end of the file runs them in order.
#ifndef UDM_TESTS_CHECK_H
#define UDM_TESTS_CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_test {
    const char *name;
    void (*run)(void);
    struct check_test *next;
} check_test;

static check_test *check_first;
static check_test **check_last __attribute__((unused)) = &check_first; // bench_ops.c has no tests
static bool check_failed;

#define TEST(id)                                                                                                       \
    static void test_##id(void);                                                                                       \
    __attribute__((constructor)) static void test_##id##_add(void)                                                     \
    {                                                                                                                  \
        static check_test entry = { #id, test_##id, NULL };                                                            \
        *check_last = &entry;                                                                                          \
        check_last = &entry.next;                                                                                      \
    }                                                                                                                  \
    static void test_##id(void)

// Notes the failure and goes on, so that one run shows all of them.
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("    %s:%d: %s\n", __FILE__, __LINE__, #condition);                                                 \
            check_failed = true;                                                                                       \
        }                                                                                                              \
    } while (0)

// Ends the test: for what the rest of it stands on.
#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("    %s:%d: %s\n", __FILE__, __LINE__, #condition);                                                 \
            check_failed = true;                                                                                       \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

#define CHECK_CLOSE(got, want, tolerance)                                                                              \
    do {                                                                                                               \
        double check_got = (got), check_want = (want);                                                                 \
        if (!(fabs(check_got - check_want) <= (tolerance))) {                                                          \
            printf("    %s:%d: %s is %.9g, not %.9g\n", __FILE__, __LINE__, #got, check_got, check_want);              \
            check_failed = true;                                                                                       \
        }                                                                                                              \
    } while (0)

#define CHECK_STRING(got, want)                                                                                        \
    do {                                                                                                               \
        const char *check_got = (got), *check_want = (want);                                                           \
        if (strcmp(check_got, check_want) != 0) {                                                                      \
            printf("    %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got, check_got, check_want);          \
            check_failed = true;                                                                                       \
        }                                                                                                              \
    } while (0)

// Runs the tests, or only those whose name contains the first argument.
static inline int check_run(int argc, char **argv)
{
    int passed = 0, failed = 0;
    for (check_test *test = check_first; test; test = test->next) {
        if (argc > 1 && !strstr(test->name, argv[1]))
            continue;
        check_failed = false;
        test->run();
        printf("%s %s\n", check_failed ? "FAIL" : "ok  ", test->name);
        fflush(stdout);
        *(check_failed ? &failed : &passed) += 1;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0 || passed == 0;
}

#define CHECK_MAIN()                                                                                                   \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        return check_run(argc, argv);                                                                                  \
    }

#endif
