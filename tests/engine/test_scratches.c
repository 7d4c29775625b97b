// SPDX-License-Identifier: LGPL-2.1-or-later
// Scratches that stay, and upright lines that are none.
#include "repair/scratches.h"

#include "base/maths.h"
#include "base/random.h"
#include "compare.h"

enum { W = 240, H = 160, FRAMES = 5 };

#define LEVEL (2 / 255.f)

typedef struct film {
    int width, height, channels;
    size_t floats;
    float *clean, *given;
} film;

static film open_film(int width, int height, int channels)
{
    film f = { width, height, channels, (size_t)width * (size_t)height * (size_t)channels, NULL, NULL };
    f.clean = malloc(f.floats * sizeof *f.clean);
    f.given = malloc(f.floats * sizeof *f.given);
    return f;
}

static void close_film(film *f)
{
    free(f->clean);
    free(f->given);
}

static int column_of(const film *f, size_t i)
{
    return (int)(i % (size_t)f->width);
}

static int row_of(const film *f, size_t i)
{
    return (int)(i / (size_t)f->width) % f->height;
}

// A picture with texture that moves to the side.
static void draw(film *f, int frame)
{
    for (size_t i = 0; i < f->floats; i++) {
        const double scale = f->width / (double)W, x = column_of(f, i) / scale - 1.7 * frame, y = row_of(f, i) / scale;
        f->clean[i] = (float)(0.3 * sin(0.11 * x + sin(0.04 * y)) + 0.2 * sin(0.19 * y) +
                              0.1 * sin(0.6 * x + 0.2 * y) * sin(0.45 * y - 0.3 * x));
    }
    memcpy(f->given, f->clean, f->floats * sizeof *f->given);
}

// A bell from row `first` to `last`, in levels.
static void scratch(film *f, double middle, double lean, double width, double levels, int first, int last)
{
    for (size_t i = 0; i < f->floats; i++) {
        const int y = row_of(f, i);
        const double x = (column_of(f, i) - middle - lean * y) / width;
        if (y >= first && y < last)
            f->given[i] = udm_clamp(f->given[i] + LEVEL * (float)(levels * exp(-0.5 * x * x)), -1, 1);
    }
}

static double square(const film *f, const float *a)
{
    double sum = 0;
    for (size_t i = 0; i < f->floats; i++)
        sum += (double)(a[i] - f->clean[i]) * (double)(a[i] - f->clean[i]);
    return sum;
}

static udm_scratches *open_scratches(const film *f, double amount, udm_pool **pool)
{
    udm_error error = { 0 };
    *pool = udm_pool_new(2, &error);
    udm_scratches *s = udm_scratches_new(f->channels, f->width, f->height, amount, *pool, &error);
    ck_assert_msg(s, "%s", error.message);
    ck_assert_uint_gt(udm_scratches_memory(s), 0);
    return s;
}

static void close_scratches(udm_scratches *s, udm_pool *pool)
{
    udm_scratches_free(s);
    udm_pool_free(pool);
}

static const struct {
    const char *name;
    int size, channels; // size times W x H
    double lean, width, levels;
} kinds[] = {
    { "bright", 1, 1, 0.004, 0.7, 40 },   { "dark", 1, 3, -0.01, 0.6, -40 },  { "faint", 1, 1, 0, 0.9, 25 },
    { "of colour", 1, 3, 0.02, 0.8, 60 }, { "broad", 4, 1, 0.003, 2.5, -40 }, { "blown out", 1, 1, 0, 0.8, 200 },
};

START_TEST(scratches_go_and_what_is_below_stays)
{
    film f = open_film(kinds[_i].size * W, kinds[_i].size * H, kinds[_i].channels);
    udm_pool *pool;
    udm_scratches *s = open_scratches(&f, 0.7, &pool);
    for (int n = 0; n < FRAMES; n++) {
        draw(&f, n);
        scratch(&f, f.width * 0.31 + 0.3 * n, kinds[_i].lean, kinds[_i].width, kinds[_i].levels, 0, f.height);
        const double before = square(&f, f.given);
        ck_assert_uint_gt(udm_scratches_remove(s, f.given, n == 0), (size_t)f.height);
        ck_assert_double_lt(square(&f, f.given), 0.1 * before);
        size_t beside = 0;
        for (size_t i = 0; i < f.floats; i++)
            beside += abs(column_of(&f, i) - (int)(f.width * 0.31)) > 20 * kinds[_i].size && f.given[i] != f.clean[i];
        ck_assert_uint_eq(beside, 0);
    }
    close_scratches(s, pool);
    close_film(&f);
}
END_TEST

static size_t removed(film *f, int frames, void (*spoil)(film *f, int frame))
{
    udm_pool *pool;
    udm_scratches *s = open_scratches(f, 1, &pool);
    size_t sum = 0;
    for (int n = 0; n < frames; n++) {
        draw(f, n);
        spoil(f, n);
        sum += udm_scratches_remove(s, f->given, n == 0);
    }
    close_scratches(s, pool);
    return sum;
}

static void nothing(film *f, int frame)
{
    (void)f, (void)frame;
}

static void fence(film *f, int frame)
{
    (void)frame;
    for (int x = 12; x < f->width; x += 13)
        scratch(f, x, 0, 0.8, 50, 0, f->height);
}

static void pole(film *f, int frame)
{
    (void)frame;
    scratch(f, 100, 0, 1, 60, f->height / 2, f->height);
}

// Each edge is in more of the height than a scratch must be.
static void door(film *f, int frame)
{
    (void)frame;
    scratch(f, 60, 0, 0.8, -60, 0, f->height * 21 / 25);
    scratch(f, 120, 0.01, 0.8, 60, f->height * 4 / 25, f->height);
}

static void rope(film *f, int frame)
{
    (void)frame;
    scratch(f, 60, 0.3, 1, 60, 0, f->height);
}

static void grain(film *f, int frame)
{
    float *noise = malloc(f->floats * sizeof *noise);
    udm_normal(3, (uint64_t)frame, 0, 0, f->floats, noise);
    for (size_t i = 0; i < f->floats; i++)
        f->given[i] += 25 * LEVEL * noise[i];
    free(noise);
}

static void (*const none[])(film *, int) = { nothing, fence, pole, door, rope, grain };

START_TEST(other_lines_are_left_alone)
{
    film f = open_film(W, H, 1);
    ck_assert_uint_eq(removed(&f, FRAMES, none[_i]), 0);
    close_film(&f);
}
END_TEST

static void half(film *f, int frame)
{
    scratch(f, 100, 0, 0.8, 50, frame % 2 ? f->height * 2 / 5 : 0, f->height);
}

static void half_at_first(film *f, int frame)
{
    (void)frame;
    half(f, 1);
}

// Six tenths of one are not enough for it to be taken for one, but for one that is known.
START_TEST(a_scratch_that_is_known_is_found_again)
{
    film f = open_film(W, H, 1);
    const size_t whole = removed(&f, 1, half), both = removed(&f, 2, half);
    ck_assert_uint_gt(whole, 0);
    ck_assert_uint_gt(both, whole + whole / 3);
    ck_assert_uint_eq(removed(&f, 2, half_at_first), 0);
    close_film(&f);
}
END_TEST

START_TEST(a_cut_forgets_it)
{
    film f = open_film(W, H, 1);
    udm_pool *pool;
    udm_scratches *s = open_scratches(&f, 1, &pool);
    for (int n = 0; n < 2; n++) {
        draw(&f, n);
        half(&f, n);
        ck_assert_int_eq(udm_scratches_remove(s, f.given, true) > 0, n == 0);
    }
    close_scratches(s, pool);
    close_film(&f);
}
END_TEST

START_TEST(small_pictures_have_none)
{
    for (int side = 1; side < 24; side++) {
        film f = open_film(side, 24 - side, 1);
        ck_assert_uint_eq(removed(&f, 2, nothing), 0);
        close_film(&f);
    }
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = scratches_go_and_what_is_below_stays, .cases = COUNT_OF(kinds) },
        { .test = other_lines_are_left_alone, .cases = COUNT_OF(none) },
        { .test = a_scratch_that_is_known_is_found_again },
        { .test = a_cut_forgets_it },
        { .test = small_pictures_have_none },
    };
    return test_main("scratches", tests, COUNT_OF(tests));
}
