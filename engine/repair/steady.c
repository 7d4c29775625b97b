// SPDX-License-Identifier: LGPL-2.1-or-later
// Both are ways that the changes from frame to frame add up to: of the light, of parts of it, and of the place. Each
// has a trend, which is where it is brought to. Fades and pans are trends; flashes and lightning stand out too far to
// be flicker; and where a way does not tremble there is nothing to be brought anywhere, so that what is steady stays as
// it is, bit for bit.
#include "repair/steady.h"

#include <math.h>
#include <string.h>

#include "repair/trend.h"
#include "base/maths.h"

// A way that trembles by less than the first is left alone, by more than the second is brought to its trend.
typedef struct doubt {
    double least, most;
} doubt;

static const doubt of_light = { 0.004, 0.009 }, of_parts = { 0.008, 0.016 }, of_place = { 0.08, 0.2 };
static const udm_trend_cost light_cost = { .turn = 1.5, .go = 0.1 }, place_cost = { .turn = 30, .go = 2 };
static const udm_trend_cost fade_cost = { .turn = 1.5, .go = 0.1, .nearness = 12 };

// Times by which a trend that turns sharply has to be nearer to the light, to be its trend. Where much moves the light
// trembles, and what rounds the turns of a fade misses it by far more than that, 5 to 40 times on clips; light that
// flickers is missed by either, at most 1.9 times.
static const doubt of_fades = { 2, 3 };

#define FLASH 5.0         // times the usual tremble: no flicker any more, from here
#define FLASH_CERTAIN 7.0 // to here
#define MOST_GAIN 1.5
#define MOST_LOCAL 1.25
#define MOST_WAY 24.0 // pixels

static double sure(doubt d, double value)
{
    return fmin(fmax((value - d.least) / (d.most - d.least), 0), 1);
}

// The trend of light: slow, or that of a fade.
static void find_trend(const double *values, int count, double *trend)
{
    double sharp[UDM_STEADY_WINDOW];
    udm_trend_fit(values, count, light_cost, trend);
    udm_trend_fit(values, count, fade_cost, sharp);
    const double nearer = udm_trend_miss(values, trend, count) / (udm_trend_miss(values, sharp, count) + 1e-9);
    for (int i = 0; i < count; i++)
        trend[i] += sure(of_fades, nearer) * (sharp[i] - trend[i]);
}

// How far the trend is from value `at`, which is where the flicker, or the weave, is gone.
static double correction(const double *values, int count, int at, doubt d, bool is_place)
{
    double trend[UDM_STEADY_WINDOW];
    const double amount = sure(d, udm_trend_unrest(values, count));
    if (amount == 0)
        return 0;
    if (is_place) {
        udm_trend_fit(values, count, place_cost, trend);
        return amount * (trend[at] - values[at]);
    }
    find_trend(values, count, trend);
    const double by = trend[at] - values[at], usual = 1.4826 * udm_trend_miss(values, trend, count) + 1e-9;
    return amount * by * (1 - sure((doubt){ FLASH, FLASH_CERTAIN }, fabs(by) / usual));
}

typedef double (*gain_of)(const udm_change *change, int cell);

static double whole_gain(const udm_change *change, int cell)
{
    (void)cell;
    return change->gain;
}

static double local_gain(const udm_change *change, int cell)
{
    return change->local[cell];
}

// The light of all frames, if that of frame `at` is 1; what frame `at` is to be multiplied by.
static double steady_gain(const udm_change *const changes[], int count, int at, gain_of of, int cell, doubt d)
{
    double light[UDM_STEADY_WINDOW];
    light[at] = 1;
    for (int i = at; i > 0; i--)
        light[i - 1] = light[i] / fmax(of(changes[i], cell), 0.05);
    for (int i = at + 1; i < count; i++)
        light[i] = light[i - 1] * of(changes[i], cell);
    for (int i = 0; i < count; i++)
        light[i] = fmin(light[i], 8); // a fade from black
    return 1 + correction(light, count, at, d, false);
}

static void find_way(const udm_change *const changes[], udm_steady_frame *f)
{
    f->way_x[f->at] = f->way_y[f->at] = 0;
    for (int i = f->at; i > 0; i--)
        f->way_x[i - 1] = f->way_x[i] - changes[i]->x, f->way_y[i - 1] = f->way_y[i] - changes[i]->y;
    for (int i = f->at + 1; i < f->count; i++)
        f->way_x[i] = f->way_x[i - 1] + changes[i]->x, f->way_y[i] = f->way_y[i - 1] + changes[i]->y;
}

void udm_steady_find(const udm_change *const changes[], int count, int at, double deflicker, double stabilize,
                     udm_steady_frame *f)
{
    f->gain = 1, f->x = f->y = 0;
    f->at = at, f->count = count;
    for (int i = 0; i < UDM_CHANGE_CELLS; i++)
        f->local[i] = 1;
    find_way(changes, f);
    if (deflicker > 0) {
        const double gain = steady_gain(changes, count, at, whole_gain, 0, of_light);
        f->gain = 1 + deflicker * (fmin(fmax(gain, 1 / MOST_GAIN), MOST_GAIN) - 1);
        for (int i = 0; i < UDM_CHANGE_CELLS; i++) {
            const double local = steady_gain(changes, count, at, local_gain, i, of_parts);
            f->local[i] = (float)(1 + deflicker * (fmin(fmax(local, 1 / MOST_LOCAL), MOST_LOCAL) - 1));
        }
    }
    if (stabilize > 0) { // the picture belongs where its way has its trend, and is where it is
        f->x = -stabilize * correction(f->way_x, count, at, of_place, true);
        f->y = -stabilize * correction(f->way_y, count, at, of_place, true);
        if (hypot(f->x, f->y) > MOST_WAY)
            f->x = f->y = 0;
    }
}
