// SPDX-License-Identifier: LGPL-2.1-or-later
// The operations as plain loops, in doubles: the specification, and what splatting.c and blending.c are tested against.
//
// p is a pixel of a picture and q one of the frame at the instant t. F0 is the motion from the first picture to the
// second, F1 that back; d0 = t and d1 = 1 - t are the distances of the pictures from the instant. What is read between
// pixels or outside of a picture is clamped to it first.
#include <math.h>

#include "backend/fusion.h"
#include "base/maths.h"
#include "interp/kernels/kernels.h"

enum { BORDER = UDM_SYNTHESIS_BORDER, TAPS = UDM_SYNTHESIS_TAPS, PHASES = UDM_SYNTHESIS_PHASES };

typedef struct vector {
    double x, y;
} vector;

static double square(double x)
{
    return x * x;
}

static double squared_length(vector v)
{
    return v.x * v.x + v.y * v.y;
}

// Also for what is not a number: 0.
static double clamp(double x, int size)
{
    return x > 0 ? fmin(x, size - 1) : 0;
}

// The four floats of a pixel; x and y may lie in the border.
static float *pixel(const udm_packed *packed, int x, int y)
{
    return packed->at + 4 * (y * packed->stride + x);
}

// Row y is followed by whatever of the border lies nearest to it: the columns on both sides, and for the first and the
// last row also the rows beyond them.
static void repeat_border(const udm_packed *packed, int y)
{
    const int first = y == 0 ? -BORDER : y, last = y == packed->height - 1 ? y + BORDER : y;
    for (int j = first; j <= last; j++)
        for (int i = -BORDER; i < packed->width + BORDER; i++)
            for (int c = 0; c < 4; c++)
                pixel(packed, i, j)[c] = pixel(packed, udm_clamp_index(i, packed->width), y)[c];
}

// A grey picture's plane stands for all three colours, and alpha is the fourth.
static void pack(const udm_synthesis_job *job, int k, int y)
{
    const udm_synthesis_view *view = &job->views[k];
    const size_t n = (size_t)job->width * job->height;
    for (int x = 0; x < job->width; x++) {
        const size_t at = (size_t)y * job->width + x;
        float *colour = pixel(&view->pixels, x, y), *motion = pixel(&view->motion, x, y);
        for (int c = 0; c < 3; c++)
            colour[c] = view->picture[(job->channels > 1 ? c * n : 0) + at];
        colour[3] = job->channels == 4 ? view->picture[3 * n + at] : 0;
        motion[0] = view->flow[at];
        motion[1] = view->flow[n + at];
        motion[2] = view->luma[at];
        motion[3] = 0;
    }
    repeat_border(&view->pixels, y);
    repeat_border(&view->motion, y);
}

// ---- between pixels: x and y are in the picture

static double bilinear(const udm_packed *from, double x, double y, int c)
{
    const int left = (int)x, top = (int)y;
    const double fx = x - left, fy = y - top;
    const double above = (1 - fx) * pixel(from, left, top)[c] + fx * pixel(from, left + 1, top)[c];
    const double below = (1 - fx) * pixel(from, left, top + 1)[c] + fx * pixel(from, left + 1, top + 1)[c];
    return (1 - fy) * above + fy * below;
}

// Lanczos-3 of a fraction of a pixel: linear between the phases that are known.
static double tap_weight(const udm_synthesis_job *job, double fraction, int tap)
{
    const int phase = (int)(fraction * PHASES);
    const double beyond = fraction * PHASES - phase;
    return (1 - beyond) * job->lanczos[phase][tap] + beyond * job->lanczos[phase + 1][tap];
}

static double lanczos(const udm_synthesis_job *job, const udm_packed *from, double x, double y, int c)
{
    const int left = (int)x, top = (int)y;
    double sum = 0;
    for (int j = 0; j < TAPS; j++)
        for (int i = 0; i < TAPS; i++)
            sum += tap_weight(job, y - top, j) * tap_weight(job, x - left, i) *
                   pixel(from, left - TAPS / 2 + 1 + i, top - TAPS / 2 + 1 + j)[c];
    return sum;
}

// ---- acceleration

// With the position of a pixel x(s) = v s + a s^2 / 2 after s gaps, x(1) = F its motion to the other picture and
// x(-g) = G that to the picture on the other side, g gaps away: a = 2 (F + G / g) / (1 + g). Its mean over a square.
static void accelerate(const udm_synthesis_job *job, int k, int y)
{
    enum { SIDE = UDM_SYNTHESIS_BEND };
    const udm_synthesis_view *view = &job->views[k];
    const size_t n = (size_t)job->width * job->height;
    const double g = view->outer_gap;
    for (int x = 0; x < view->acceleration.width; x++) {
        float *mean = pixel(&view->acceleration, x, y);
        for (int c = 0; c < 4; c++) {
            double sum = 0;
            int count = 0;
            for (int j = y * SIDE; j < (y + 1) * SIDE && j < job->height; j++)
                for (int i = x * SIDE; i < (x + 1) * SIDE && i < job->width; i++, count++) {
                    const size_t at = (size_t)j * job->width + i;
                    sum += c < 2 ? 2 * (view->flow[c * n + at] + view->outer_flow[c * n + at] / g) / (1 + g) : 0;
                }
            mean[c] = (float)(sum / count);
        }
    }
    repeat_border(&view->acceleration, y);
}

// At a place of a picture; bilinear between the middles of squares. 0 where there is no picture on its other side.
static vector acceleration_at(const udm_synthesis_view *view, double x, double y)
{
    if (!view->accelerated)
        return (vector){ 0 };
    const udm_packed *squares = &view->acceleration;
    const double at_x = clamp((x + 0.5) / UDM_SYNTHESIS_BEND - 0.5, squares->width);
    const double at_y = clamp((y + 0.5) / UDM_SYNTHESIS_BEND - 0.5, squares->height);
    return (vector){ bilinear(squares, at_x, at_y, 0), bilinear(squares, at_x, at_y, 1) };
}

// ---- the motion at the instant

// Square (x, y) of 2x2 pixels; where there are fewer, the border repeats them.
static double mean_of_square(const udm_packed *from, int x, int y, int c)
{
    return 0.25 * ((double)pixel(from, 2 * x, 2 * y)[c] + pixel(from, 2 * x + 1, 2 * y)[c] +
                   pixel(from, 2 * x, 2 * y + 1)[c] + pixel(from, 2 * x + 1, 2 * y + 1)[c]);
}

// Of p with F to p' = p + F(p) in the other picture, where G leads back: e^Z + a little,
//
//     Z = -10 (luma(p') - luma(p))^2 - 0.3 min(|F(p) + G(p')|^2, 16)
//
// the metric of softmax splatting, with brightness constancy and forward-backward consistency. p is the middle of a
// square of 2x2 pixels, of which it has the mean luma and motion; all of them are as important.
static void importance(const udm_synthesis_job *job, int k, int y)
{
    const udm_packed *here = &job->views[k].motion, *there = &job->views[!k].motion;
    for (int x = 0; 2 * x < job->width; x++) {
        const vector own = { mean_of_square(here, x, y, 0), mean_of_square(here, x, y, 1) };
        const double to_x = clamp(2 * x + 0.5 + own.x, job->width), to_y = clamp(2 * y + 0.5 + own.y, job->height);
        const vector miss = { own.x + bilinear(there, to_x, to_y, 0), own.y + bilinear(there, to_x, to_y, 1) };
        const double luma = bilinear(there, to_x, to_y, 2) - mean_of_square(here, x, y, 2);
        const double exponent = -UDM_IMPORTANCE_LUMA * square(luma) -
                                UDM_IMPORTANCE_CONSISTENCY * fmin(squared_length(miss), UDM_MOST_INCONSISTENCY);
        for (int j = 2 * y; j <= 2 * y + 1 && j < job->height; j++)
            for (int i = 2 * x; i <= 2 * x + 1 && i < job->width; i++)
                pixel(here, i, j)[3] = (float)(UDM_LEAST_IMPORTANCE + exp(exponent));
    }
}

// The nearer picture knows better how things move at the instant.
static double nearness(const udm_synthesis_job *job, int k)
{
    return fmax(1 - fabs(job->distance[k]), UDM_LEAST_NEARNESS);
}

// p, a square of 2x2 pixels, goes to p' = p + d F(p) / 2, and is added to the four squares q around it, which may lie
// in the border:
//
//     splatted(q) += w (1, F0(p), 0),  w = nearness importance(p) (1 - |q.x - p'.x|) (1 - |q.y - p'.y|)
//
// F0 being -F1 for the second picture. What lands further outside is lost.
static void splat(const udm_synthesis_job *job, int k, int y)
{
    const udm_synthesis_view *view = &job->views[k];
    const udm_packed *splatted = &view->splatted;
    for (int x = 0; x < splatted->width; x++) {
        const vector own = { mean_of_square(&view->motion, x, y, 0), mean_of_square(&view->motion, x, y, 1) };
        const vector to = { x + 0.5 * job->distance[k] * own.x, y + 0.5 * job->distance[k] * own.y };
        if (!(to.x > -1 && to.x < splatted->width && to.y > -1 && to.y < splatted->height))
            continue;
        const int left = (int)floor(to.x), top = (int)floor(to.y);
        for (int j = top; j <= top + 1; j++)
            for (int i = left; i <= left + 1; i++) {
                const double weight = nearness(job, k) * pixel(&view->motion, 2 * x, 2 * y)[3] * (1 - fabs(i - to.x)) *
                                      (1 - fabs(j - to.y));
                float *sum = pixel(splatted, i, j);
                sum[0] += (float)weight;
                sum[1] += (float)(weight * (k ? -own.x : own.x));
                sum[2] += (float)(weight * (k ? -own.y : own.y));
            }
    }
}

// Sums of weights, of motion times them, and of the second picture's weights alone.
static void merge(const udm_synthesis_job *job, int k, int y)
{
    for (int x = 0; x < job->fine->width; x++) {
        const float *first = pixel(&job->views[0].splatted, x, y), *second = pixel(&job->views[1].splatted, x, y);
        float *both = pixel(job->fine, x, y);
        for (int c = 0; c < 3; c++)
            both[c] = first[c] + second[c];
        both[3] = second[0];
    }
}

// coarse(x, y) = the sum of fine over the pixels 2x, 2x + 1 of the rows 2y, 2y + 1 that there are.
static void pull(const udm_synthesis_job *job, int k, int y)
{
    for (int x = 0; x < job->coarse->width; x++)
        for (int c = 0; c < 4; c++) {
            double sum = 0;
            for (int j = 2 * y; j <= 2 * y + 1 && j < job->fine->height; j++)
                for (int i = 2 * x; i <= 2 * x + 1 && i < job->fine->width; i++)
                    sum += pixel(job->fine, i, j)[c];
            pixel(job->coarse, x, y)[c] = (float)sum;
        }
}

// With the weight W that a pixel got, and the motion M of the coarser level, which is done, or 0 at the top:
//
//     motion = (sum of weighted motion + lack M) / (W + lack),  lack = max(0.01 - W, 0) + a little
//
// Weights stay sums.
static void push(const udm_synthesis_job *job, int k, int y)
{
    for (int x = 0; x < job->fine->width; x++) {
        float *fine = pixel(job->fine, x, y);
        const double lack = fmax((double)UDM_LEAST_SUPPORT - fine[0], 0) + UDM_TINY;
        for (int c = 1; c <= 2; c++) {
            const double around = job->coarse ? pixel(job->coarse, x / 2, y / 2)[c] : 0;
            fine[c] = (float)((fine[c] + lack * around) / (fine[0] + lack));
        }
    }
}

// ---- the pictures at the instant

// Bilinear between the middles of squares.
static double filled_at(const udm_synthesis_job *job, int x, int y, int c)
{
    const udm_packed *from = job->filled;
    const int left = (x + 1) / 2 - 1, top = (y + 1) / 2 - 1;
    const double fx = x % 2 ? 0.25 : 0.75, fy = y % 2 ? 0.25 : 0.75;
    double sum = 0;
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++)
            sum += (i ? fx : 1 - fx) * (j ? fy : 1 - fy) *
                   pixel(from, udm_clamp_index(left + i, from->width), udm_clamp_index(top + j, from->height))[c];
    return sum;
}

// How far off its straight way a pixel is at the instant: (t^2 - t) / 2 accelerations. Both pictures know one, and
// their mean m = (a + b) / 2 counts as far as they agree on it, by |m|^2 / (|m|^2 + |a - b|^2 / 4 + a little). If only
// one knows it, it counts by half of |a|^2 / (|a|^2 + |t^2 - t| / 2). Four pixels beside each other have that of the
// third.
static vector curve_at(const udm_synthesis_job *job, int x, int y)
{
    const int third = x - x % 4 + 2;
    const double u = filled_at(job, third, y, 1), v = filled_at(job, third, y, 2), t = job->distance[0];
    const vector a = acceleration_at(&job->views[0], third - t * u, y - t * v);
    const vector b = acceleration_at(&job->views[1], third + job->distance[1] * u, y + job->distance[1] * v);
    const vector sum = { a.x + b.x, a.y + b.y }, difference = { a.x - b.x, a.y - b.y };
    double trust;
    if (job->views[0].accelerated && job->views[1].accelerated)
        trust =
            squared_length(sum) / (squared_length(sum) + squared_length(difference) + 4 * UDM_LEAST_ACCELERATION) / 2;
    else
        trust = UDM_ONE_SIDED * squared_length(sum) / (squared_length(sum) + fabs(job->curve) + UDM_TINY);
    return (vector){ job->curve * trust * sum.x, job->curve * trust * sum.y };
}

// Where picture k shows the pixel (x, y) of the instant: q - d0 F0 in the first and q + d1 F0 in the second, both less
// by the curve.
static vector place_in(const udm_synthesis_job *job, int k, int x, int y, const double *motion)
{
    const double way = k ? job->distance[1] : -job->distance[0];
    const vector curve = curve_at(job, x, y);
    return (vector){ x - curve.x + way * motion[1], y - curve.y + way * motion[2] };
}

// The variance of what a picture shows at a place: d^2 (0.01 + 0.003 min(|F0 at the place - F0 at q|^2, 16)), since a
// pixel that moves otherwise is occluded at the instant, or occludes what is there. Outside of the picture it says
// next to nothing. Between pixels, the nearest one's motion counts.
static double variance_of(const udm_synthesis_job *job, int k, vector place, const double *motion)
{
    const udm_packed *flow = &job->views[k].motion;
    const double x = clamp(place.x, job->width), y = clamp(place.y, job->height), sign = k ? -1 : 1;
    if (x != place.x || y != place.y)
        return UDM_OUTSIDE_VARIANCE;
    const float *there = pixel(flow, (int)(x + 0.5), (int)(y + 0.5));
    const vector apart = { sign * there[0] - motion[1], sign * there[1] - motion[2] };
    return square(job->distance[k]) *
           (UDM_WARP_VARIANCE + UDM_OCCLUSION_VARIANCE * fmin(squared_length(apart), UDM_MOST_INCONSISTENCY));
}

// Of a pixel's differences, squared: that of grey, the mean of its colours, three times, and alpha; and of the colours
// what differs from it. A third of each.
static void add_to_cell(const udm_synthesis_job *job, int x, int y, int c, const double change[4])
{
    float *cell = pixel(&job->cells, x / UDM_SYNTHESIS_CELL, y / UDM_SYNTHESIS_CELL);
    float *tint = pixel(&job->tints, x / UDM_SYNTHESIS_CELL, y / UDM_SYNTHESIS_CELL);
    const double grey = (change[0] + change[1] + change[2]) / 3;
    cell[c] += (float)(square(grey) + square(change[3]) / 3);
    for (int i = 0; i < 3; i++)
        tint[c] += (float)(square(change[i] - grey) / 3);
}

// The pictures warped, and as they are.
static void note_change(const udm_synthesis_job *job, int x, int y, const double warped[2][4])
{
    const float *first = pixel(&job->views[0].pixels, x, y), *second = pixel(&job->views[1].pixels, x, y);
    double moved[4], still[4];
    for (int c = 0; c < 4; c++)
        moved[c] = warped[1][c] - warped[0][c], still[c] = (double)second[c] - first[c];
    add_to_cell(job, x, y, 0, moved);
    add_to_cell(job, x, y, 1, still);
    pixel(&job->cells, x / UDM_SYNTHESIS_CELL, y / UDM_SYNTHESIS_CELL)[2] += 1;
    pixel(&job->tints, x / UDM_SYNTHESIS_CELL, y / UDM_SYNTHESIS_CELL)[2] += 1;
}

// Both pictures are warped backwards; their mean is by precision: (v1 I0 + v0 I1) / (v0 + v1). Support is what was
// splatted of each, over its nearness.
static void warp(const udm_synthesis_job *job, int k, int y)
{
    const size_t n = (size_t)job->width * job->height;
    for (int x = 0; y % UDM_SYNTHESIS_CELL == 0 && x < job->cells.width; x++)
        for (int c = 0; c < 4; c++)
            pixel(&job->cells, x, y / UDM_SYNTHESIS_CELL)[c] = pixel(&job->tints, x, y / UDM_SYNTHESIS_CELL)[c] = 0;
    for (int x = 0; x < job->width; x++) {
        const size_t at = (size_t)y * job->width + x;
        double warped[2][4], variance[2], motion[4];
        for (int c = 0; c < 4; c++)
            motion[c] = filled_at(job, x, y, c);
        for (int i = 0; i < 2; i++) {
            const udm_synthesis_view *view = &job->views[i];
            const vector place = place_in(job, i, x, y, motion);
            const double from_x = clamp(place.x, job->width), from_y = clamp(place.y, job->height);
            for (int c = 0; c < 4; c++)
                warped[i][c] = lanczos(job, &view->pixels, from_x, from_y, c);
            for (int c = 0; c < job->channels; c++)
                view->warped[c * n + at] = (float)warped[i][c];
            variance[i] = variance_of(job, i, place, motion);
            view->variance[at] = (float)variance[i];
            view->support[at] = (float)((i ? motion[3] : motion[0] - motion[3]) / nearness(job, i));
        }
        const double second = variance[0] / (variance[0] + variance[1] + UDM_TINY);
        for (int c = 0; c < job->channels; c++)
            job->mean[c * n + at] = (float)((1 - second) * warped[0][c] + second * warped[1][c]);
        note_change(job, x, y, warped);
    }
}

// ---- what lies still

// Where motion brings the pictures no closer to each other than they are without it, it is as likely wrong. Over the
// cells around one, by binomial weights (1 2 1), are the mean squared differences M moved and S still, and a little
// each:
//
//     share of still = M^1.5 / (M^1.5 + (cost S)^1.5),  cost = 0.5
//
// of grey, and of tints, at a cost of 0.2, apart: cameras and codecs leave colours that stay while what has them moves.
static void weigh_cells(const udm_packed *cells, int y, double cost)
{
    static const double binomial[3] = { 1, 2, 1 };
    for (int x = 0; x < cells->width; x++) {
        double moved = 0, still = 0, pixels = 0;
        for (int j = y > 0 ? y - 1 : 0; j <= y + 1 && j < cells->height; j++)
            for (int i = x > 0 ? x - 1 : 0; i <= x + 1 && i < cells->width; i++) {
                const double weight = binomial[i - x + 1] * binomial[j - y + 1];
                moved += weight * pixel(cells, i, j)[0];
                still += weight * pixel(cells, i, j)[1];
                pixels += weight * pixel(cells, i, j)[2];
            }
        const double by_motion = pow(moved / pixels + UDM_LEAST_CHANGE, 1.5);
        const double by_still = pow(cost * (still / pixels + UDM_LEAST_CHANGE), 1.5);
        pixel(cells, x, y)[3] = (float)(by_motion / (by_motion + by_still));
    }
}

static void weigh_still(const udm_synthesis_job *job, int k, int y)
{
    weigh_cells(&job->cells, y, UDM_STILL_COST);
    weigh_cells(&job->tints, y, UDM_STILL_COST_OF_TINTS);
}

// Bilinear between the middles of cells, which have no border.
static double still_at(const udm_packed *cells, int x, int y)
{
    const double at_x = clamp((x + 0.5) / UDM_SYNTHESIS_CELL - 0.5, cells->width);
    const double at_y = clamp((y + 0.5) / UDM_SYNTHESIS_CELL - 0.5, cells->height);
    const int left = (int)at_x, top = (int)at_y;
    const int right = udm_clamp_index(left + 1, cells->width), bottom = udm_clamp_index(top + 1, cells->height);
    const double fx = at_x - left, fy = at_y - top;
    return (1 - fy) * ((1 - fx) * pixel(cells, left, top)[3] + fx * pixel(cells, right, top)[3]) +
           fy * ((1 - fx) * pixel(cells, left, bottom)[3] + fx * pixel(cells, right, bottom)[3]);
}

// still is that share of grey, and mean = (1 - still) mean + still ((1 - t) I0 + t I1), t being 0 to 1; likewise what
// colours differ from their grey, by its own share.
static void blend_still(const udm_synthesis_job *job, int k, int y)
{
    const size_t n = (size_t)job->width * job->height;
    const double t = fmin(fmax(job->position, 0), 1);
    for (int x = 0; x < job->width; x++) {
        const size_t at = (size_t)y * job->width + x;
        const double share = still_at(&job->cells, x, y), of_tint = still_at(&job->tints, x, y);
        double change[4], grey = 0;
        for (int c = 0; c < job->channels; c++) {
            const double fade = (1 - t) * job->views[0].picture[c * n + at] + t * job->views[1].picture[c * n + at];
            change[c] = fade - job->mean[c * n + at];
            grey += c < 3 ? change[c] / (job->channels == 1 ? 1 : 3) : 0;
        }
        job->still[at] = (float)share;
        for (int c = 0; c < job->channels; c++)
            job->mean[c * n + at] += (float)(c == 3 ? share * change[c] : share * grey + of_tint * (change[c] - grey));
    }
}

// ---- blending. The estimates e_k of a frame: I0 and I1 warped, and both cross-faded where they are.

enum { ESTIMATES = UDM_BLENDING_ESTIMATES };

// Of a frame's plane that stands for channel c of the network.
static size_t plane_of(const udm_blending_job *job, int c)
{
    return (c < job->channels ? c : 0) * (size_t)job->width * job->height;
}

static void find_estimates(const udm_blending_job *job, int c, size_t at, double estimates[ESTIMATES])
{
    const size_t i = plane_of(job, c) + at;
    estimates[0] = job->warped[0][i];
    estimates[1] = job->warped[1][i];
    estimates[2] = (1 - (double)job->position) * job->pictures[0][i] + job->position * (double)job->pictures[1][i];
}

// 1 / variance; a picture that is not there has none.
static double precision_of(double variance)
{
    return variance < UDM_BLENDING_UNKNOWN ? 1 / fmax(variance, UDM_BLENDING_LEAST_VARIANCE) : 0;
}

// Context: 8 sum_c luma_c (e_k - mean) for each estimate; their weights in the mean, of the pictures warped
// (1 - still) v1 / (v0 + v1) and (1 - still) v0 / (v0 + v1), and still; the support of both pictures, s / (1 + s).
static void fill_context(const udm_blending_job *job, size_t at)
{
    static const double luma[3] = { 0.299, 0.587, 0.114 };
    const size_t n = (size_t)job->width * job->height;
    const double v0 = job->variance[0][at], v1 = job->variance[1][at], still = job->still[at];
    const double second = v0 / (v0 + v1 + 1e-12);
    double differences[ESTIMATES] = { 0 };
    for (int c = 0; c < job->channels; c++) {
        double estimates[ESTIMATES];
        find_estimates(job, c, at, estimates);
        for (int k = 0; k < ESTIMATES; k++)
            differences[k] += (job->channels == 3 ? luma[c] : 1) * (estimates[k] - job->mean[c * n + at]);
    }
    const double weights[ESTIMATES] = { (1 - still) * (1 - second), (1 - still) * second, still };
    for (int k = 0; k < ESTIMATES; k++) {
        job->context[k * n + at] = (float)(UDM_BLENDING_CONTRAST * differences[k]);
        job->context[(ESTIMATES + k) * n + at] = (float)weights[k];
    }
    for (int k = 0; k < 2; k++) {
        const double support = job->support[k][at];
        job->context[(2 * ESTIMATES + k) * n + at] = (float)(support / (1 + support));
    }
}

// The prediction is the mean of the estimates as an x_t of its level g: sqrt(1 - g^2) mean. Its variance is the
// pictures' precisions added, 1 / (1 / v0 + 1 / v1), so its level is
//
//     g = sqrt(variance / (1 + variance)) = 1 / sqrt(1 + 1 / v0 + 1 / v1),  at most 0.7
static void blend(const udm_blending_job *job, int y)
{
    const size_t n = (size_t)job->width * job->height;
    for (int x = 0; x < job->width; x++) {
        const size_t at = (size_t)y * job->width + x;
        const double precision = precision_of(job->variance[0][at]) + precision_of(job->variance[1][at]);
        const double level = fmin(1 / sqrt(1 + precision), UDM_BLENDING_MOST_LEVEL);
        job->level[at] = (float)level;
        for (int c = 0; c < job->wide; c++)
            job->predicted[c * n + at] = (float)(sqrt(1 - level * level) * job->mean[plane_of(job, c) + at]);
        fill_context(job, at);
    }
}

// With the weights w_k of the context and the logits l_k of the network, both within reason:
//
//     x0 += part (sum_k w_k e^(8 l_k) e_k / sum_k w_k e^(8 l_k) - sum_k w_k e_k / sum_k w_k)
//
// so that where it says nothing, the mean stays, in which rest weighs otherwise for tints. part is the prediction's in
// the x0 that frame and prediction were fused to (backend/fusion.h).
static void reblend(const udm_blending_job *job, int y)
{
    const double most = UDM_BLENDING_MOST_POWER;
    const size_t n = (size_t)job->width * job->height;
    for (int x = 0; x < job->width; x++) {
        const size_t at = (size_t)y * job->width + x;
        const udm_fusion fusion = udm_fusion_at(job->frame_level ? job->frame_level[at] : 1, job->level[at]);
        const double part = (double)fusion.predicted * fusion.predicted_gain;
        double before[ESTIMATES], after[ESTIMATES], sum_before = 0, sum_after = 0;
        for (int k = 0; k < ESTIMATES; k++) {
            const double power = fmin(fmax(UDM_BLENDING_CONVICTION * job->logits[k * n + at], -most), most);
            before[k] = fmax(job->context[(ESTIMATES + k) * n + at], UDM_BLENDING_LEAST_WEIGHT);
            after[k] = before[k] * exp(power);
            sum_before += before[k], sum_after += after[k];
        }
        for (int c = 0; c < job->wide; c++) {
            double estimates[ESTIMATES], better = 0;
            find_estimates(job, c, at, estimates);
            for (int k = 0; k < ESTIMATES; k++)
                better += (after[k] / sum_after - before[k] / sum_before) * estimates[k];
            job->x0[c * n + at] += (float)(part * better);
        }
    }
}

extern const udm_synthesis_ops udm_synthesis_ops_reference;

const udm_synthesis_ops udm_synthesis_ops_reference = {
    .name = "reference",
    .pack = pack,
    .accelerate = accelerate,
    .importance = importance,
    .splat = splat,
    .merge = merge,
    .pull = pull,
    .push = push,
    .warp = warp,
    .weigh_still = weigh_still,
    .blend_still = blend_still,
    .blend = blend,
    .reblend = reblend,
};
