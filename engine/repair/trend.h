// SPDX-License-Identifier: LGPL-2.1-or-later
// What a number does over time but for what is fast: it stays, or rises and falls evenly, and turns here and there.
#ifndef UDM_REPAIR_TREND_H
#define UDM_REPAIR_TREND_H

enum { UDM_TREND_MOST = 48 };

// How much it costs to turn and to go, in the unit of the values: the more, the more counts as fast. If `nearness` is
// above 0, a turn costs no more than that times the median of what the trend is missed by, and going as much less: then
// what hardly trembles turns as sharply as it does.
typedef struct udm_trend_cost {
    double turn, go, nearness;
} udm_trend_cost;

// values, trend: [count], 1 to UDM_TREND_MOST. Single values that stand out do not pull at it.
void udm_trend_fit(const double *values, int count, udm_trend_cost cost, double *trend);

// The median of how far values are from the trend.
double udm_trend_miss(const double *values, const double *trend, int count);

// How much a number trembles: the median of how much it turns from one value to the next, so that what is even but for
// some turns, steps and flashes does not at all. 0 for fewer than five values.
double udm_trend_unrest(const double *values, int count);

double udm_median(double *values, int count); // sorts them

#endif
