// SPDX-License-Identifier: LGPL-2.1-or-later
// Every operation of frame interpolation, for every instruction set, against `reference`; and the reference against
// what is known without it.
//
// All that a job points to lies in one block of random numbers. An operation runs on two copies of it, and the whole of
// both is compared: also borders, what lies between arrays, and what the operation must leave as it is.
#include <stddef.h>

#include "backend/lanczos.h"
#include "base/isa.h"
#include "base/maths.h"
#include "base/random.h"
#include "compare.h"
#include "interp/kernels/kernels.h"

enum { ROOM = 1 << 18, BETWEEN = 16, MOST_ARRAYS = 64, BORDER = UDM_SYNTHESIS_BORDER };

// A value may differ from the reference's by this much of itself, or by what its operation allows where larger ones
// took part: places are rounded to 4e-6 of a pixel, or 15e-6 from 256 on, and random pictures and motion change by as
// much as they are from one pixel to the next.
#define RELATIVE 1e-4

typedef struct setting {
    int width, height, channels, wide;
    float motion;   // the usual length of a motion, in pixels; it may lead far out of the picture
    float position; // of the instant
    bool accelerated[2];
    bool top;   // the level is the coarsest
    bool known; // the frame has a level
} setting;

// clang-format off
static const setting settings[] = {
    { 1, 1, 1, 1, 0, 0.5f, { false, false }, true, false },
    { 1, 1, 3, 3, 9, 0.3f, { true, true }, false, true },
    { 3, 5, 3, 3, 2, 0.25f, { true, false }, false, false },
    { 5, 3, 1, 3, 40, 0.7f, { false, true }, false, true },
    { 1, 33, 3, 3, 3, 0.5f, { true, true }, false, true },
    { 33, 1, 1, 1, 3, 0.5f, { true, true }, true, false },
    { 16, 16, 1, 3, 1, 0, { false, false }, false, true },
    { 17, 15, 3, 3, 1, 1, { false, false }, false, false },
    { 31, 18, 3, 3, 5, -1.5f, { true, true }, false, true },
    { 21, 34, 3, 3, 5, 2.5f, { true, false }, false, true },
    { 61, 45, 3, 3, 2, 0.4f, { true, true }, false, true },
    { 300, 2, 3, 3, 3, 0.5f, { true, true }, false, true },
    { 61, 45, 1, 3, 200, 0.6f, { true, true }, false, true },
    { 33, 20, 4, 3, 4, 0.5f, { true, true }, false, true },
    { 3, 2, 4, 3, 4, 0.3f, { false, true }, true, false },
};
// clang-format on

// ---- jobs

typedef struct array {
    char name[32];
    size_t first, count; // in the block, and what lies between it and the next
} array;

typedef struct world {
    udm_synthesis_job job;
    udm_blending_job blending;
    udm_packed fine, coarse, filled;
    array arrays[MOST_ARRAYS];
    int count;
    float block[ROOM];
} world;

static float *take(world *w, const char *name, int k, size_t floats)
{
    const size_t first = w->count > 0 ? w->arrays[w->count - 1].first + w->arrays[w->count - 1].count : 0;
    array *next = &w->arrays[w->count++];
    ck_assert_int_le(w->count, MOST_ARRAYS);
    ck_assert_uint_le(first + floats + BETWEEN, ROOM);
    *next = (array){ .first = first, .count = floats + BETWEEN };
    snprintf(next->name, sizeof next->name, "%s of %d", name, k);
    return w->block + first;
}

static udm_packed take_packed(world *w, const char *name, int k, int width, int height, int border)
{
    const ptrdiff_t stride = width + 2 * border;
    float *taken = take(w, name, k, 4 * (size_t)stride * (size_t)(height + 2 * border));
    return (udm_packed){ width, height, stride, taken + 4 * (border * stride + border) };
}

static void take_view(world *w, int k, const setting *s)
{
    udm_synthesis_view *view = &w->job.views[k];
    const size_t n = (size_t)s->width * (size_t)s->height, planes = (size_t)s->channels * n;
    view->picture = take(w, "picture", k, planes), view->luma = take(w, "luma", k, n);
    view->flow = take(w, "flow", k, 2 * n), view->outer_flow = take(w, "outer flow", k, 2 * n);
    view->outer_gap = k ? 0.5f : 1.25f, view->accelerated = s->accelerated[k];
    view->acceleration = take_packed(w, "acceleration", k, udm_divide_up(s->width, UDM_SYNTHESIS_BEND),
                                     udm_divide_up(s->height, UDM_SYNTHESIS_BEND), BORDER);
    view->pixels = take_packed(w, "pixels", k, s->width, s->height, BORDER);
    view->motion = take_packed(w, "motion", k, s->width, s->height, BORDER);
    view->splatted = take_packed(w, "splatted", k, udm_divide_up(s->width, 2), udm_divide_up(s->height, 2), 1);
    view->warped = take(w, "warped", k, planes);
    view->variance = take(w, "variance", k, n), view->support = take(w, "support", k, n);
}

static void take_blending(world *w, const setting *s)
{
    const size_t n = (size_t)s->width * (size_t)s->height, wide = (size_t)s->wide * n;
    udm_blending_job *job = &w->blending;
    *job = (udm_blending_job){
        .width = s->width, .height = s->height, .channels = s->channels == 1 ? 1 : 3, .wide = s->wide
    };
    for (int k = 0; k < 2; k++) {
        const udm_synthesis_view *view = &w->job.views[k];
        job->warped[k] = view->warped, job->variance[k] = view->variance;
        job->support[k] = view->support, job->pictures[k] = view->picture;
    }
    job->mean = w->job.mean, job->still = w->job.still, job->position = fminf(fmaxf(s->position, 0), 1);
    job->predicted = take(w, "predicted", 0, wide), job->level = take(w, "level", 0, n);
    job->context = take(w, "context", 0, UDM_BLENDING_CONTEXT * n);
    const float *level = take(w, "level of the frame", 0, n);
    job->frame_level = s->known ? level : NULL;
    job->logits = take(w, "logits", 0, UDM_BLENDING_ESTIMATES * n), job->x0 = take(w, "x0", 0, wide);
}

static void take_all(world *w, const setting *s)
{
    const size_t n = (size_t)s->width * (size_t)s->height;
    udm_synthesis_job *job = &w->job;
    job->width = s->width, job->height = s->height, job->channels = s->channels;
    job->distance[0] = s->position, job->distance[1] = 1 - s->position;
    job->position = s->position, job->curve = s->position * (s->position - 1) / 2;
    for (int phase = 0; phase <= UDM_SYNTHESIS_PHASES; phase++)
        udm_lanczos_weights((double)phase / UDM_SYNTHESIS_PHASES, job->lanczos[phase]);
    for (int k = 0; k < 2; k++)
        take_view(w, k, s);
    w->fine = take_packed(w, "fine level", 0, udm_divide_up(s->width, 2), udm_divide_up(s->height, 2), 0);
    w->coarse = take_packed(w, "coarse level", 0, udm_divide_up(s->width, 4), udm_divide_up(s->height, 4), 0);
    w->filled = take_packed(w, "filled motion", 0, udm_divide_up(s->width, 2), udm_divide_up(s->height, 2), 0);
    job->fine = &w->fine, job->coarse = &w->coarse, job->filled = &w->filled;
    job->cells = take_packed(w, "cells", 0, udm_divide_up(s->width, UDM_SYNTHESIS_CELL),
                             udm_divide_up(s->height, UDM_SYNTHESIS_CELL), 0);
    job->tints = take_packed(w, "tints", 0, job->cells.width, job->cells.height, 0);
    job->mean = take(w, "mean", 0, (size_t)s->channels * n), job->still = take(w, "still", 0, n);
    take_blending(w, s);
}

// ---- what is in them

static float as_is(float x)
{
    return x;
}

static float share(float x)
{
    return fmodf(fabsf(x), 1);
}

// Of a variance: from near 0 to beyond what is unknown.
static float spread(float x)
{
    return expf(4 * x - 2);
}

static float count(float x)
{
    return 1 + floorf(100 * share(x));
}

// A weight, which is often none.
static float often_none(float x)
{
    return x > 0 ? x : 0;
}

// Every `step`-th value of an array from `first` on.
static void shape(world *w, const char *name, int first, int step, float (*of)(float), float scale)
{
    for (int i = 0; i < w->count; i++) {
        float *values = w->block + w->arrays[i].first;
        if (strncmp(w->arrays[i].name, name, strlen(name)) != 0)
            continue;
        for (size_t j = (size_t)first; j + BETWEEN < w->arrays[i].count; j += (size_t)step)
            values[j] = scale * of(values[j]);
    }
}

static void fill(world *w, const setting *s)
{
    const array *last = &w->arrays[w->count - 1];
    const size_t used = last->first + last->count;
    udm_normal(11, (uint64_t)(s - settings), 0, 0, used, w->block);
    for (size_t i = 0; i < used; i++)
        w->block[i] *= 0.5f;
    shape(w, "flow", 0, 1, as_is, s->motion), shape(w, "outer flow", 0, 1, as_is, s->motion);
    for (int c = 0; c < 2; c++)
        shape(w, "motion", c, 4, as_is, s->motion), shape(w, "filled motion", c + 1, 4, as_is, s->motion);
    shape(w, "motion", 3, 4, share, 1);
    shape(w, "fine level", 0, 4, often_none, 0.1f), shape(w, "coarse level", 0, 4, often_none, 1);
    shape(w, "filled motion", 0, 4, share, 1), shape(w, "filled motion", 3, 4, share, 1);
    for (int c = 0; c < 2; c++)
        shape(w, "cells", c, 4, share, 1), shape(w, "tints", c, 4, share, 1);
    shape(w, "cells", 2, 4, count, 1), shape(w, "cells", 3, 4, share, 1);
    shape(w, "tints", 2, 4, count, 1), shape(w, "tints", 3, 4, share, 1);
    shape(w, "variance", 0, 1, spread, 1), shape(w, "support", 0, 1, share, 2);
    shape(w, "still", 0, 1, share, 1), shape(w, "level", 0, 1, share, 1);
    shape(w, "context", 0, 1, share, 1), shape(w, "logits", 0, 1, as_is, 4);
}

static world *world_new(const setting *s)
{
    world *w = calloc(1, sizeof *w);
    ck_assert_ptr_nonnull(w);
    take_all(w, s);
    fill(w, s);
    return w;
}

// ---- operations

static int rows(const world *w)
{
    return w->job.height;
}

static int rows_of_squares(const world *w)
{
    return w->job.views[0].acceleration.height;
}

static int rows_of_fine(const world *w)
{
    return w->fine.height;
}

static int rows_of_coarse(const world *w)
{
    return w->coarse.height;
}

static int rows_of_cells(const world *w)
{
    return w->job.cells.height;
}

typedef struct operation {
    const char *name;
    size_t at; // in udm_synthesis_ops
    int views; // it runs for each of them
    int (*rows)(const world *w);
    double absolute; // what it may be off by; 0: not in a single bit, as it computes nothing or adds two numbers
} operation;

#define OPERATION(id, ...)                                                                                             \
    {                                                                                                                  \
#id, offsetof(udm_synthesis_ops, id), __VA_ARGS__                                                              \
    }

// clang-format off
static const operation operations[] = {
    OPERATION(pack, 2, rows, 0),
    OPERATION(accelerate, 2, rows_of_squares, 1e-6),
    OPERATION(importance, 2, rows_of_fine, 5e-5),
    OPERATION(splat, 2, rows_of_fine, 1e-4),
    OPERATION(merge, 1, rows_of_fine, 0),
    OPERATION(pull, 1, rows_of_coarse, 1e-6),
    OPERATION(push, 1, rows_of_fine, 1e-6),
    OPERATION(warp, 1, rows, 1e-4),
    OPERATION(weigh_still, 1, rows_of_cells, 1e-6),
    OPERATION(blend_still, 1, rows, 1e-6),
    OPERATION(blend, 0, rows, 1e-6),
    OPERATION(reblend, 0, rows, 1e-6),
};
// clang-format on

_Static_assert(sizeof(udm_synthesis_ops) == sizeof(char *) + COUNT_OF(operations) * sizeof(udm_synthesis_row),
               "every operation is tested");

static void run(const udm_synthesis_ops *ops, const operation *operation, world *w)
{
    const char *entry = (const char *)ops + operation->at;
    for (int y = 0; operation->views == 0 && y < operation->rows(w); y++)
        (*(const udm_blending_row *)(const void *)entry)(&w->blending, y);
    for (int k = 0; k < operation->views; k++)
        for (int y = 0; y < operation->rows(w); y++)
            (*(const udm_synthesis_row *)(const void *)entry)(&w->job, k, y);
}

static void run_alone(const udm_synthesis_ops *ops, const operation *operation, const setting *s, world *w)
{
    if (s->top && operation->at == offsetof(udm_synthesis_ops, push))
        w->job.coarse = NULL;
    run(ops, operation, w);
}

// NULL if this machine has not got it.
static const udm_synthesis_ops *find_ops(const char *name)
{
    for (const udm_synthesis_ops *const *ops = udm_synthesis_ops_list(); *ops; ops++)
        if (strcmp((*ops)->name, name) == 0)
            return *ops;
    return NULL;
}

static void compare_worlds(const world *got, const world *want, const operation *operation, const char *label)
{
    const double relative = operation->absolute > 0 ? RELATIVE : 0;
    for (int i = 0; i < got->count; i++) {
        const array *a = &got->arrays[i];
        for (size_t j = 0; j < a->count; j++) {
            const float *here = got->block + a->first + j, *there = want->block + a->first + j;
            const char *fault =
                compare_fault(COMPARE_VALUES(here), COMPARE_VALUES(there), 1, relative, operation->absolute);
            if (fault) // each assertion that holds is told to another process
                ck_abort_msg("%s, %s[%zu]: %s", label, a->name, j, fault);
        }
    }
}

START_TEST(as_reference)
{
    const operation *operation = &operations[_i / UDM_ISA_LISTED];
    const char *set = udm_isa_name((udm_isa)(_i % UDM_ISA_LISTED));
    const udm_synthesis_ops *ops = find_ops(set), *reference = find_ops("reference");
    test_case("%s, %s", operation->name, set);
    if (!ops) {
        test_skip("this processor has no %s", set);
        return;
    }
    for (int i = 0; i < COUNT_OF(settings); i++) {
        const setting *s = &settings[i];
        char label[128];
        snprintf(label, sizeof label, "%s of %s, setting %d (%dx%d, %d channels, at %g)", operation->name, set, i,
                 s->width, s->height, s->channels, (double)s->position);
        world *got = world_new(s), *want = world_new(s), *before = world_new(s);
        run_alone(ops, operation, s, got);
        run_alone(reference, operation, s, want);
        compare_worlds(got, want, operation, label);
        ck_assert_msg(memcmp(got->block, before->block, sizeof got->block) != 0, "%s does nothing", label);
        free(got);
        free(want);
        free(before);
    }
}
END_TEST

// What finds no motion may hand on anything; it must not be read as an address.
START_TEST(not_a_number)
{
    static const float broken[] = { NAN, INFINITY, -INFINITY, 1e30f };
    const udm_synthesis_ops *const *list = udm_synthesis_ops_list();
    for (int i = 0; list[i]; i++)
        for (int j = 0; j < COUNT_OF(operations) * COUNT_OF(broken); j++) {
            world *w = world_new(&settings[10]);
            for (size_t at = 0; at < ROOM; at += 5)
                w->block[at] = broken[j % COUNT_OF(broken)];
            test_at("%s of %s, %g", operations[j / COUNT_OF(broken)].name, list[i]->name, broken[j % COUNT_OF(broken)]);
            run(list[i], &operations[j / COUNT_OF(broken)], w);
            free(w);
        }
}
END_TEST

// ---- what is known without a reference

START_TEST(reference_is_last)
{
    const udm_synthesis_ops *const *list = udm_synthesis_ops_list();
    const int length = list_length(list);
    ck_assert_int_ge(length, 2); // so that it is never the first, which is chosen
    ck_assert_str_eq(list[length - 1]->name, "reference");
}
END_TEST

static void run_named(const udm_synthesis_ops *ops, const char *name, world *w)
{
    for (int i = 0; i < COUNT_OF(operations); i++)
        if (strcmp(operations[i].name, name) == 0)
            run(ops, &operations[i], w);
}

enum { SHIFT = 6, MOVED_WIDTH = 61, MOVED_HEIGHT = 45 };

static float texture(float x, float y)
{
    return 0.4f * sinf(0.5f * x) + 0.3f * cosf(0.4f * y + 0.1f * x);
}

// A picture that moves by SHIFT pixels to the right, with its motion.
static world *moving_world(void)
{
    static const setting s = { MOVED_WIDTH, MOVED_HEIGHT, 1, 1, 1, 1 / 3.f, { false, false }, false, false };
    world *w = calloc(1, sizeof *w);
    ck_assert_ptr_nonnull(w);
    take_all(w, &s);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < MOVED_WIDTH * MOVED_HEIGHT; i++) {
            const udm_synthesis_view *view = &w->job.views[k];
            const float x = (float)(i % MOVED_WIDTH - k * SHIFT), y = (float)(i / MOVED_WIDTH);
            w->block[view->picture - w->block + i] = w->block[view->luma - w->block + i] = texture(x, y);
            w->block[view->flow - w->block + i] = k ? -SHIFT : SHIFT;
        }
    return w;
}

// A third of the way, what moves by 6 pixels was moved by 2: both pictures say so, away from the borders.
START_TEST(uniform_motion)
{
    const udm_synthesis_ops *ops = udm_synthesis_ops_list()[_i];
    world *w = moving_world();
    test_case("%s", ops->name);
    run_named(ops, "pack", w), run_named(ops, "importance", w);
    const float *importance = w->job.views[0].motion.at + 4 * (20 * w->job.views[0].motion.stride + 20) + 3;
    ck_assert_float_eq_tol(*importance, 1 + UDM_LEAST_IMPORTANCE, 1e-6f);
    run_named(ops, "splat", w), run_named(ops, "merge", w), run_named(ops, "pull", w);
    w->job.fine = &w->coarse, w->job.coarse = NULL; // of two levels, the second is the top
    for (int y = 0; y < w->coarse.height; y++)
        ops->push(&w->job, 0, y);
    w->job.fine = &w->fine, w->job.coarse = &w->coarse, w->job.filled = &w->fine;
    run_named(ops, "push", w), run_named(ops, "warp", w), run_named(ops, "weigh_still", w);
    for (int y = 0; y < MOVED_HEIGHT; y += 4)
        for (int x = 2 * SHIFT; x < MOVED_WIDTH - 2 * SHIFT; x += 3) {
            const float *motion = w->fine.at + 4 * (y / 2 * w->fine.stride + x / 2);
            const float want = texture((float)x - 2, (float)y);
            test_at("(%d, %d)", x, y);
            ck_assert_float_eq_tol(motion[1], SHIFT, 1e-4f);
            ck_assert_float_eq_tol(motion[2], 0, 1e-4f);
            for (int k = 0; k < 2; k++) {
                ck_assert_float_eq_tol(w->job.views[k].warped[y * MOVED_WIDTH + x], want, 1e-4f);
                ck_assert_float_eq_tol(w->job.views[k].support[y * MOVED_WIDTH + x], 1, 1e-3f);
            }
            ck_assert_float_eq_tol(w->job.mean[y * MOVED_WIDTH + x], want, 1e-4f);
            // The variances are (1/3)^2 and (2/3)^2 hundredths.
            ck_assert_float_eq_tol(w->job.views[0].variance[y * MOVED_WIDTH + x], 0.01f / 9, 1e-6f);
            ck_assert_float_eq_tol(w->job.views[1].variance[y * MOVED_WIDTH + x], 0.04f / 9, 1e-6f);
        }
    const float *middle = w->job.cells.at + 4 * (w->job.cells.stride + 1);
    ck_assert_float_lt(middle[3], 0.01f); // nothing there is better left still
    free(w);
}
END_TEST

// A hole has the motion around it.
START_TEST(hole)
{
    const udm_synthesis_ops *ops = udm_synthesis_ops_list()[_i];
    world *w = world_new(&settings[10]);
    test_case("%s", ops->name);
    for (int i = 0; i < w->fine.width * w->fine.height; i++) {
        const bool empty = i % w->fine.width % 2 == 0 && i / w->fine.width % 2 == 0;
        const float sum[4] = { empty ? 0 : 0.5f, empty ? 0 : 1, empty ? 0 : -2, 0 }; // motion (2, -4)
        memcpy(w->fine.at + 4 * i, sum, sizeof sum);
    }
    run_named(ops, "pull", w);
    w->job.fine = &w->coarse, w->job.coarse = NULL;
    for (int y = 0; y < w->coarse.height; y++)
        ops->push(&w->job, 0, y);
    w->job.fine = &w->fine, w->job.coarse = &w->coarse;
    run_named(ops, "push", w);
    for (int i = 0; i < (w->fine.width - 1) * (w->fine.height - 1); i += 7) {
        const int x = i % (w->fine.width - 1), y = i / (w->fine.width - 1);
        const float *motion = w->fine.at + 4 * (y * w->fine.stride + x);
        test_at("(%d, %d)", x, y);
        ck_assert_float_eq_tol(motion[1], 2, 1e-5f);
        ck_assert_float_eq_tol(motion[2], -4, 1e-5f);
    }
    free(w);
}
END_TEST

// Something that speeds up by 3 pixels a gap and gap: 5 pixels to the next picture, and 2 from the one before.
START_TEST(constant_acceleration)
{
    const udm_synthesis_ops *ops = udm_synthesis_ops_list()[_i];
    world *w = world_new(&settings[10]);
    udm_synthesis_view *view = &w->job.views[0];
    test_case("%s", ops->name);
    shape(w, "flow of 0", 0, 1, as_is, 0), shape(w, "outer flow of 0", 0, 1, as_is, 0);
    for (int i = 0; i < w->job.width * w->job.height; i++) {
        w->block[view->flow - w->block + i] = 5;
        w->block[view->outer_flow - w->block + i] = -2;
    }
    view->outer_gap = 1;
    run_named(ops, "accelerate", w);
    for (int i = 0; i < view->acceleration.width; i++) {
        ck_assert_float_eq_tol(view->acceleration.at[4 * i], 3, 1e-5f);
        ck_assert_float_eq_tol(view->acceleration.at[4 * i + 1], 0, 1e-5f);
    }
    free(w);
}
END_TEST

// Where the network is sure of an estimate, x0 moves by the prediction's whole part towards it: nearly to the estimate
// itself where nothing else is known of the frame.
START_TEST(sure_of_one)
{
    const udm_synthesis_ops *ops = udm_synthesis_ops_list()[_i];
    world *w = world_new(&settings[2]);
    const int n = w->job.width * w->job.height;
    test_case("%s", ops->name);
    ck_assert_ptr_null(w->blending.frame_level);
    shape(w, "context", 0, 1, as_is, 0);
    for (int i = 0; i < n; i++) {
        w->blending.level[i] = 0.3f;
        for (int k = 0; k < 3; k++) {
            w->block[w->blending.logits - w->block + k * n + i] = k == 1 ? 2 : -2;
            w->blending.context[(3 + k) * n + i] = 1 / 3.f;
        }
    }
    for (int i = 0; i < 3 * n; i++) {
        const float still = w->blending.pictures[0][i] +
                            w->blending.position * (w->blending.pictures[1][i] - w->blending.pictures[0][i]);
        w->blending.x0[i] = (w->blending.warped[0][i] + w->blending.warped[1][i] + still) / 3;
    }
    run_named(ops, "reblend", w);
    assert_within(w->blending.x0, w->blending.warped[1], (size_t)(3 * n), 5e-3);
    free(w);
}
END_TEST

int main(void)
{
    const int all = list_length(udm_synthesis_ops_list());
    const test_entry tests[] = {
        { .test = reference_is_last },
        { .test = as_reference, .cases = COUNT_OF(operations) * UDM_ISA_LISTED },
        { .test = not_a_number },
        { .test = uniform_motion, .cases = all },
        { .test = hole, .cases = all },
        { .test = constant_acceleration, .cases = all },
        { .test = sure_of_one, .cases = all },
    };
    return test_main("interp_kernels", tests, COUNT_OF(tests));
}
