// SPDX-License-Identifier: LGPL-2.1-or-later
// The frame of the engine's tests around libcheck: every case runs in a process of its own, under a name, and is told
// in TAP, where a test that cannot run here is a skip. A file ends with a table of its tests:
//
//     int main(void)
//     {
//         const test_entry tests[] = {
//             { .test = a_start_test },
//             { .test = another, .cases = COUNT_OF(table) }, // is run with _i = 0, 1, ...
//         };
//         return test_main("topic", tests, COUNT_OF(tests));
//     }
//
// CK_RUN_CASE=another runs that test alone; with CK_FORK=no as well it runs in this process, for debuggers.
#ifndef UDM_TESTS_TESTING_H
#define UDM_TESTS_TESTING_H

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "udm/error.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof *(array)))

// Fails with what the error says.
#define assert_ok(call, error) ck_assert_msg(call, "%s: %s", #call, (error)->message)

// That a call failed with this code, and its message contains `says`. The error is clear afterwards, for the next call.
#define assert_error(error, wanted, says)                                                                              \
    do {                                                                                                               \
        ck_assert_msg((error)->code == (wanted) && strstr((error)->message, (says)),                                   \
                      "error %d \"%s\", not %s (%d) with \"%s\"", (error)->code, (error)->message, #wanted, (wanted),  \
                      (says));                                                                                         \
        *(error) = (udm_error){ 0 };                                                                                   \
    } while (0)

#define assert_contains(text, part)                                                                                    \
    do {                                                                                                               \
        const char *test_text = (text), *test_part = (part);                                                           \
        ck_assert_msg(strstr(test_text, test_part), "%s is \"%s\", without \"%s\"", #text, test_text, test_part);      \
    } while (0)

#define assert_begins(text, start)                                                                                     \
    do {                                                                                                               \
        const char *test_text = (text), *test_start = (start);                                                         \
        ck_assert_msg(strncmp(test_text, test_start, strlen(test_start)) == 0, "%s is \"%s\", not \"%s...\"", #text,   \
                      test_text, test_start);                                                                          \
    } while (0)

enum { TEST_TIMEOUT = 600 }; // what hangs is found; what is slow, on a machine that is busy, is no fault

typedef struct test_entry {
    const TTest *test;
    int cases;   // how many times it runs, each with another _i; 0: once
    int timeout; // in seconds; 0: TEST_TIMEOUT
} test_entry;

// What the test that runs says of itself, in memory that its process shares with the one that tells of it.
typedef struct test_words {
    char name[192], at[256], skip[256];
} test_words;

static test_words *test_said;

// Memory, of zeros, for what one test computes for those that follow. To be asked for before they run.
static inline void *test_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("memory that tests share");
        exit(EXIT_FAILURE);
    }
    return memory;
}

// The name of the case, for tests with several: it is told with the result, whatever that is.
static inline void __attribute__((format(printf, 1, 2))) test_case(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(test_said->name, sizeof test_said->name, format, values);
    va_end(values);
}

// Where in its loops a test is: it is told if the test fails there.
static inline void __attribute__((format(printf, 1, 2))) test_at(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(test_said->at, sizeof test_said->at, format, values);
    va_end(values);
}

// Why this test cannot run here. It has to return by itself, and to have failed in nothing.
static inline void __attribute__((format(printf, 1, 2))) test_skip(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(test_said->skip, sizeof test_said->skip, format, values);
    va_end(values);
}

// What is worth a line in the log.
static inline void __attribute__((format(printf, 1, 2))) test_note(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    printf("# ");
    vprintf(format, values);
    printf("\n");
    va_end(values);
    fflush(stdout);
}

// The length of a list of pointers that ends with NULL.
static inline int list_length(const void *list)
{
    const void *const *entries = list;
    int count = 0;
    while (entries[count])
        count++;
    return count;
}

// Lines of text as comments of TAP.
static inline void test_comment(const char *text)
{
    while (*text) {
        const int length = (int)strcspn(text, "\n");
        printf("#   %.*s\n", length, text);
        text += length + (text[length] != 0);
    }
}

// A name, in which # would begin a directive.
static inline void test_print_name(const char *test, const char *name)
{
    printf(" - %s%s", test, *name ? ": " : "");
    for (; *name; name++)
        putchar(*name == '#' || (unsigned char)*name < ' ' ? '?' : *name);
}

typedef struct test_counts {
    int told, failed;
} test_counts;

static inline void test_tell(const char *test, TestResult *result, test_counts *counts)
{
    const bool passed = tr_rtype(result) == CK_PASS;
    printf("%sok %d", passed ? "" : "not ", ++counts->told);
    test_print_name(test, test_said->name);
    if (passed && *test_said->skip)
        printf(" # SKIP %s", test_said->skip);
    printf("\n");
    if (!passed) {
        printf("# %s:%d:\n", tr_lfile(result), tr_lno(result));
        test_comment(tr_msg(result));
        if (*test_said->at)
            printf("#   at %s\n", test_said->at);
        counts->failed++;
    }
    fflush(stdout);
}

// A runner for each case, so that results are told as they come.
static inline void test_run(const char *suite_name, const test_entry *entry, int number, test_counts *counts)
{
    Suite *suite = suite_create(suite_name);
    TCase *tcase = tcase_create(entry->test->name);
    SRunner *runner = srunner_create(suite);
    memset(test_said, 0, sizeof *test_said);
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, entry->timeout ? entry->timeout : TEST_TIMEOUT);
    tcase_add_loop_test(tcase, entry->test, number, number + 1);
    srunner_run_all(runner, CK_SILENT);
    TestResult **results = srunner_results(runner); // none where the environment asks for another test
    for (int i = 0; i < srunner_ntests_run(runner); i++)
        test_tell(entry->test->name, results[i], counts);
    free(results);
    srunner_free(runner);
}

static inline int test_main(const char *suite_name, const test_entry *tests, int count)
{
    test_counts counts = { 0 };
    test_said = test_shared(sizeof *test_said);
    for (int i = 0; i < count; i++)
        for (int number = 0; number < (tests[i].cases ? tests[i].cases : 1); number++)
            test_run(suite_name, &tests[i], number, &counts);
    if (counts.told == 0)
        printf("Bail out! no test has this name\n");
    else
        printf("1..%d\n", counts.told);
    return counts.failed > 0 || counts.told == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
