// SPDX-License-Identifier: LGPL-2.1-or-later
// The trend x of values p makes least
//
//     sum rho(p_i - x_i) + turn sum |x_{i-1} - 2 x_i + x_{i+1}| + go sum |x_{i+1} - x_i|
//
// (Kim, Koh, Boyd, Gorinevsky, "l1 Trend Filtering", SIAM Review 2009), with Huber's rho, by weighted squares: |d| is
// d^2 / |d| of the round before. What is even stays exactly what it is, and turns stay sharp.
#include "repair/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 24 };

#define FIRST 1e-1 // of a difference that is divided by, as a share of the cost of a turn: the least in the first round
#define LAST 1e-4  // and in the last, as a start from squares gets stuck nowhere
#define FAR 3.0    // times the median of what the trend is missed by: counts as that alone

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double udm_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double udm_trend_unrest(const double *values, int count)
{
    double turns[UDM_TREND_MOST];
    if (count < 5)
        return 0;
    for (int i = 1; i + 1 < count; i++)
        turns[i - 1] = fabs(values[i - 1] - 2 * values[i] + values[i + 1]);
    return udm_median(turns, count - 2);
}

// A symmetric matrix with two bands beside its diagonal: of[k][i] is at (i, i + k). Solved by Cholesky's L D L^T.
typedef struct bands {
    double of[3][UDM_TREND_MOST];
} bands;

static void add(bands *a, int i, int j, double value)
{
    a->of[j - i][i] += value;
}

static void solve(bands *a, double *x, int count)
{
    double *d = a->of[0], *one = a->of[1], *two = a->of[2];
    for (int i = 0; i < count; i++) {
        const double next = one[i] / d[i], after = two[i] / d[i];
        if (i + 1 < count) {
            d[i + 1] -= next * one[i], one[i + 1] -= next * two[i];
            x[i + 1] -= next * x[i];
        }
        if (i + 2 < count) {
            d[i + 2] -= after * two[i];
            x[i + 2] -= after * x[i];
        }
        one[i] = next, two[i] = after;
    }
    for (int i = count - 1; i >= 0; i--) {
        x[i] /= d[i];
        if (i + 1 < count)
            x[i] -= one[i] * x[i + 1];
        if (i + 2 < count)
            x[i] -= two[i] * x[i + 2];
    }
}

double udm_trend_miss(const double *values, const double *trend, int count)
{
    double misses[UDM_TREND_MOST];
    for (int i = 0; i < count; i++)
        misses[i] = fabs(values[i] - trend[i]);
    return udm_median(misses, count);
}

void udm_trend_fit(const double *values, int count, udm_trend_cost cost, double *trend)
{
    double sorted[UDM_TREND_MOST];
    memcpy(sorted, values, (size_t)count * sizeof *values);
    const double middle = udm_median(sorted, count);
    for (int i = 0; i < count; i++)
        trend[i] = middle;
    double least = FIRST * cost.turn;
    for (int round = 0; round < ROUNDS; round++, least *= pow(LAST / FIRST, 1.0 / (ROUNDS - 1))) {
        bands a = { 0 };
        double x[UDM_TREND_MOST];
        const double miss = udm_trend_miss(values, trend, count), far = FAR * miss + least;
        const double share = cost.nearness > 0 ? fmin(cost.nearness * (miss + least) / cost.turn, 1) : 1;
        for (int i = 0; i < count; i++) {
            const double weight = fmin(1, far / fmax(fabs(values[i] - trend[i]), least));
            add(&a, i, i, weight);
            x[i] = weight * values[i];
        }
        for (int i = 0; i + 1 < count; i++) {
            const double w = share * cost.go / fmax(fabs(trend[i + 1] - trend[i]), least);
            add(&a, i, i, w), add(&a, i + 1, i + 1, w), add(&a, i, i + 1, -w);
        }
        for (int i = 1; i + 1 < count; i++) {
            const double w = share * cost.turn / fmax(fabs(trend[i - 1] - 2 * trend[i] + trend[i + 1]), least);
            add(&a, i - 1, i - 1, w), add(&a, i, i, 4 * w), add(&a, i + 1, i + 1, w);
            add(&a, i - 1, i, -2 * w), add(&a, i, i + 1, -2 * w), add(&a, i - 1, i + 1, w);
        }
        solve(&a, x, count);
        memcpy(trend, x, (size_t)count * sizeof *x);
    }
}
