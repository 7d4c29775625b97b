// SPDX-License-Identifier: LGPL-2.1-or-later
// Dirt is in one frame alone: around it all is as both neighbours say, they agree on what is below it, and nothing of
// its shape is near in either. A thing that moves on its own is in both, on either side of where it is; where motion is
// not known the surroundings differ, too. Specks are mostly even, and nearly black or white. None of these alone
// decides: models/train/dirt.py weighs them.
#include "repair/evidence.h"

#include <math.h>
#include <string.h>

#include "base/maths.h"
#include "repair/judgement.h"

enum {
    SEEN = 64, // pixels of a region, or of its surroundings, that are looked for
    FAR = 16,  // how far a thing may have moved beside what is around it, in steps
    SIDE = 2 * FAR + 1,
    APART = 1,     // by how many steps more or less to the other side
    MOST_STEP = 4, // pixels
};

#define LEVEL (2 / 255.f)
#define LEAST_CONTRAST LEVEL

static float difference(const udm_around *a, size_t i)
{
    return a->luma[1][i] - a->light[i] - (a->moved[0][i] + a->moved[1][i]) / 2;
}

// ---- things that move on their own

typedef struct sought {
    int count;
    int x[2 * SEEN], y[2 * SEEN];
    float value[2 * SEEN];
    float here;                   // how much differs what lies in the same place along motion
    int step, mx, my;             // of the search, and the motion that it begins at
    float misfit[2][SIDE * SIDE]; // of before and after, as shares of `here`
} sought;

static void seek(const udm_around *a, sought *s, const uint32_t *pixels, size_t count)
{
    const size_t step = count / SEEN + 1;
    for (size_t k = 0; k < count; k += step, s->count++) {
        const size_t i = pixels[k];
        s->x[s->count] = (int)(i % (size_t)a->width), s->y[s->count] = (int)(i / (size_t)a->width);
        s->value[s->count] = a->luma[1][i] - a->light[i];
        s->here += fabsf(difference(a, i));
    }
}

// The search of one place ends where it is worse than the one along motion.
static float misfit(const udm_around *a, const sought *s, const float *luma, int dx, int dy)
{
    float sum = 0;
    for (int k = 0; k < s->count && sum < s->here; k++) {
        const int x = udm_clamp_index(s->x[k] + dx, a->width), y = udm_clamp_index(s->y[k] + dy, a->height);
        sum += fabsf(s->value[k] - luma[(size_t)y * (size_t)a->width + (size_t)x]);
    }
    return sum < s->here ? sum / s->here : 1;
}

static void search(const udm_around *a, sought *s)
{
    for (int j = 0; j < SIDE; j++)
        for (int i = 0; i < SIDE; i++) {
            const int dx = s->mx + s->step * (i - FAR), dy = s->my + s->step * (j - FAR);
            s->misfit[0][j * SIDE + i] = misfit(a, s, a->luma[0], -dx, -dy);
            s->misfit[1][j * SIDE + i] = misfit(a, s, a->luma[2], dx, dy);
        }
}

static float least_around(const float *misfit, int i, int j)
{
    float least = 1;
    for (int y = udm_max(j - APART, 0); y <= udm_min(j + APART, SIDE - 1); y++)
        for (int x = udm_max(i - APART, 0); x <= udm_min(i + APART, SIDE - 1); x++)
            least = fminf(least, misfit[y * SIDE + x]);
    return least;
}

// The least misfit before, after, and of both along one motion: of the worse one, and of their mean.
static void find_moving(const udm_around *a, const udm_region *region, float least[4])
{
    sought s;
    double u = 0, v = 0;
    s.count = 0, s.here = 1e-6f;
    seek(a, &s, region->pixels, region->count);
    for (int k = 0; k < s.count; k++) {
        const size_t i = (size_t)s.y[k] * (size_t)a->width + (size_t)s.x[k];
        u += a->u[i], v += a->v[i];
    }
    s.mx = (int)lround(u / s.count), s.my = (int)lround(v / s.count);
    seek(a, &s, region->ring, region->ring_count);
    s.step = udm_max(udm_min((int)sqrtf((float)region->count) / 6, MOST_STEP), 1);
    search(a, &s);
    for (int k = 0; k < 4; k++)
        least[k] = 1;
    for (int j = 0; j < SIDE; j++)
        for (int i = 0; i < SIDE; i++) {
            const float before = s.misfit[0][j * SIDE + i], after = s.misfit[1][j * SIDE + i];
            const float other = least_around(s.misfit[1], i, j);
            least[0] = fminf(least[0], before), least[1] = fminf(least[1], after);
            least[2] = fminf(least[2], fmaxf(before, other)), least[3] = fminf(least[3], (before + other) / 2);
        }
}

// ---- sums

typedef struct sums {
    float difference, apart, between, value, square, fill, motion, spread;
} sums;

static sums sum_over(const udm_around *a, const uint32_t *pixels, size_t count)
{
    double d = 0, apart = 0, between = 0, value = 0, square = 0, fill = 0, motion = 0, spread = 0;
    for (size_t k = 0; k < count; k++) {
        const size_t i = pixels[k];
        const float mean = (a->moved[0][i] + a->moved[1][i]) / 2, is = a->luma[1][i] - a->light[i];
        d += (double)(is - mean), apart += (double)fabsf(is - mean);
        between += (double)fabsf(a->moved[0][i] - a->moved[1][i]);
        value += (double)is, square += (double)(is * is), fill += (double)mean;
        motion += (double)hypotf(a->u[i], a->v[i]), spread += (double)a->spread[i];
    }
    const double n = count > 0 ? (double)count : 1;
    const double variance = square / n - value / n * (value / n);
    return (sums){ (float)(d / n),
                   (float)(apart / n),
                   (float)(between / n),
                   (float)(value / n),
                   (float)sqrt(variance > 0 ? variance : 0),
                   (float)(fill / n),
                   (float)(motion / n),
                   (float)(spread / n) };
}

// How much the motion differs within the surroundings.
static float unrest_of_motion(const udm_around *a, const udm_region *region)
{
    float least[2] = { 1e6f, 1e6f }, most[2] = { -1e6f, -1e6f };
    for (size_t k = 0; k < region->ring_count; k++) {
        const float m[] = { a->u[region->ring[k]], a->v[region->ring[k]] };
        for (int c = 0; c < 2; c++)
            least[c] = fminf(least[c], m[c]), most[c] = fmaxf(most[c], m[c]);
    }
    return region->ring_count > 0 ? most[0] - least[0] + most[1] - least[1] : 0;
}

void udm_evidence_of(const udm_around *a, const udm_region *region, const udm_crowd *crowd,
                     float evidence[UDM_EVIDENCE])
{
    const sums in = sum_over(a, region->pixels, region->count), out = sum_over(a, region->ring, region->ring_count);
    const float contrast = fmaxf(in.apart, LEAST_CONTRAST);
    const float width = (float)(region->right - region->left + 1), height = (float)(region->bottom - region->top + 1);
    const float share = 1e4f / (float)a->pixels;
    float moving[4];
    find_moving(a, region, moving);
    const float of[UDM_EVIDENCE] = {
        logf(contrast / LEVEL),
        logf((float)region->count),
        out.apart / contrast,
        in.between / contrast,
        out.between / contrast,
        in.spread / contrast,
        in.square / contrast,
        out.square / contrast,
        fabsf(in.fill - out.fill) / contrast,
        fabsf(in.value - out.value) / contrast,
        fabsf(in.value),
        in.difference > 0 ? 1.f : 0.f,
        moving[0],
        moving[1],
        moving[2],
        moving[3],
        logf(1 + in.motion),
        logf(1 + unrest_of_motion(a, region)),
        logf(width / height),
        logf(1 + share * (float)(in.difference > 0 ? crowd->bright : crowd->count - crowd->bright)),
    };
    memcpy(evidence, of, sizeof of);
}

// ---- judgement

float udm_evidence_judge(const float evidence[UDM_EVIDENCE])
{
    float odds = judgement_last_bias;
    for (int k = 0; k < JUDGEMENT_HIDDEN; k++) {
        float sum = judgement_bias[k];
        for (int i = 0; i < UDM_EVIDENCE; i++)
            sum += judgement_weight[k][i] * (evidence[i] - judgement_mean[i]) * judgement_scale[i];
        odds += sum > 0 ? judgement_last[k] * sum : 0;
    }
    return odds;
}
