// SPDX-License-Identifier: LGPL-2.1-or-later
// The one comparison of arrays in the tests, of floats, doubles, and pixels of 8 and 16 bits. What is no finite number,
// on either side, is a difference.
#ifndef UDM_TESTS_COMPARE_H
#define UDM_TESTS_COMPARE_H

#include "testing.h"

typedef struct compare_values {
    const void *data;
    enum { COMPARE_FLOAT, COMPARE_DOUBLE, COMPARE_BYTE, COMPARE_WORD } kind;
} compare_values;

// clang-format off
#define COMPARE_VALUES(array)                                                                                          \
    ((compare_values){ (array), _Generic(*(array), float: COMPARE_FLOAT, double: COMPARE_DOUBLE,                       \
                                         uint8_t: COMPARE_BYTE, uint16_t: COMPARE_WORD) })
// clang-format on

static inline double compare_value(compare_values of, size_t i)
{
    switch (of.kind) {
    case COMPARE_FLOAT:
        return ((const float *)of.data)[i];
    case COMPARE_DOUBLE:
        return ((const double *)of.data)[i];
    case COMPARE_BYTE:
        return ((const uint8_t *)of.data)[i];
    default:
        return ((const uint16_t *)of.data)[i];
    }
}

// How far two arrays are apart, and where most.
typedef struct comparison {
    double off;     // NaN if either has there what is no number
    double largest; // of the values that were wanted
    size_t at;
} comparison;

static inline comparison compare_arrays(compare_values got, compare_values want, size_t count)
{
    comparison found = { 0 };
    for (size_t i = 0; i < count; i++) {
        const double a = compare_value(got, i), b = compare_value(want, i), off = fabs(a - b);
        if (!isfinite(a) || !isfinite(b)) {
            if (!isnan(found.off))
                found.off = NAN, found.at = i;
            continue;
        }
        if (off > found.off)
            found.off = off, found.at = i;
        found.largest = fmax(found.largest, fabs(b));
    }
    return found;
}

// Differences below are those of rounding, where values near 1 took part.
#define COMPARE_FLOOR 1e-7

// NULL if the arrays differ by at most `relative` of the largest value that is wanted, or by at most `absolute`;
// otherwise where they differ most, in words.
static inline const char *compare_fault(compare_values got, compare_values want, size_t count, double relative,
                                        double absolute)
{
    static char words[256];
    const comparison found = compare_arrays(got, want, count);
    const double allowed = fmax(relative * found.largest, absolute);
    if (found.off <= allowed)
        return NULL;
    snprintf(words, sizeof words, "[%zu] of %zu is %.9g, not %.9g: off by %g, where %g is allowed", found.at, count,
             compare_value(got, found.at), compare_value(want, found.at), found.off, allowed);
    return words;
}

// The same for arrays of the same type that must have the same bits.
static inline const char *compare_bits(compare_values got, compare_values want, size_t count, size_t size)
{
    static char words[256];
    const unsigned char *a = got.data, *b = want.data;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(compare_value(got, i)) && memcmp(a + i * size, b + i * size, size) == 0)
            continue;
        snprintf(words, sizeof words, "[%zu] of %zu is %.9g, not %.9g to the bit", i, count, compare_value(got, i),
                 compare_value(want, i));
        return words;
    }
    return NULL;
}

#define COMPARE_ASSERT(got, fault)                                                                                     \
    do {                                                                                                               \
        const char *compared = (fault);                                                                                \
        ck_assert_msg(!compared, "%s%s", #got, compared);                                                              \
    } while (0)

// The tolerance is `relative` to the largest value that is wanted, but not below `absolute`.
#define assert_near(got, want, count, relative, absolute)                                                              \
    COMPARE_ASSERT(got, compare_fault(COMPARE_VALUES(got), COMPARE_VALUES(want), (count), (relative), (absolute)))

// A relative tolerance alone, but for rounding.
#define assert_close(got, want, count, tolerance) assert_near(got, want, count, tolerance, COMPARE_FLOOR)

// An absolute one alone: for pixels, and where values have a scale of their own.
#define assert_within(got, want, count, most) assert_near(got, want, count, 0, most)

// To the bit.
#define assert_same(got, want, count)                                                                                  \
    COMPARE_ASSERT(got, compare_bits(COMPARE_VALUES(got), COMPARE_VALUES(want), (count), sizeof *(got)))

// That there is a difference somewhere, and that all are numbers.
#define assert_differ(got, other, count)                                                                               \
    do {                                                                                                               \
        const comparison compared = compare_arrays(COMPARE_VALUES(got), COMPARE_VALUES(other), (count));               \
        ck_assert_msg(compared.off > 0, "%s and %s are the same, or no numbers: at [%zu] off by %g", #got, #other,     \
                      compared.at, compared.off);                                                                      \
    } while (0)

// The largest difference in the unit of the largest value that is wanted; NaN passes no assertion.
#define relative_difference(got, want, count)                                                                          \
    compare_relative(compare_arrays(COMPARE_VALUES(got), COMPARE_VALUES(want), (count)))

static inline double compare_relative(comparison found)
{
    return found.off / found.largest;
}

#endif
