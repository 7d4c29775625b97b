// SPDX-License-Identifier: LGPL-2.1-or-later
// The rows that a field lacks, by the kernels of each instruction set, beside plain loops of the equations.
#include "compare.h"
#include "fields/kernels/kernels.h"
#include "lists.h"

enum { SETS = COUNT_OF(instruction_sets), MOST_WIDTH = 131, MOST_HEIGHT = 37, MOST = MOST_WIDTH * MOST_HEIGHT };

static const struct {
    int width, height, parity;
    bool sides[UDM_FIELD_SIDES];
} settings[] = { { 131, 37, 0, { true, true } }, { 64, 36, 1, { true, true } },  { 66, 8, 1, { true, false } },
                 { 5, 9, 0, { false, true } },   { 3, 2, 0, { true, true } },    { 1, 4, 1, { true, true } },
                 { 70, 1, 0, { true, true } },   { 33, 12, 0, { false, false } } };

static float hash(unsigned a, unsigned b)
{
    unsigned h = a * 2654435761u ^ (b + 77) * 2246822519u;
    h ^= h >> 15, h *= 2246822519u, h ^= h >> 13;
    return (float)(h >> 8) * 0x1p-23f - 1;
}

// What a job reads. Motion is 0 here and there, and leads beyond the border elsewhere.
typedef struct world {
    float here[MOST], beside[UDM_FIELD_SIDES][MOST], beyond[UDM_FIELD_SIDES][MOST];
    float motion[UDM_FIELD_SIDES][2 * MOST], scratch[UDM_GUESS_MAPS * MOST + UDM_GUESS_LINES * MOST_WIDTH], out[MOST];
    udm_guess guess;
} world;

static void fill(world *w, int setting)
{
    w->guess = (udm_guess){ .width = settings[setting].width,
                            .height = settings[setting].height,
                            .parity = settings[setting].parity,
                            .here = w->here,
                            .scratch = w->scratch };
    for (int i = 0; i < MOST; i++) {
        w->here[i] = w->out[i] = hash((unsigned)i, 0);
        for (int s = 0; s < UDM_FIELD_SIDES; s++) {
            w->beside[s][i] = hash((unsigned)i, 1 + (unsigned)s);
            w->beyond[s][i] = w->here[i] + 0.2f * hash((unsigned)i, 3 + (unsigned)s);
        }
    }
    for (int s = 0; s < UDM_FIELD_SIDES; s++) {
        for (int i = 0; i < 2 * MOST; i++)
            w->motion[s][i] = i % 5 == 0 ? 0 : 0.3f * hash((unsigned)i, 5 + (unsigned)s) * (float)(i % 37);
        w->guess.motion[s] = w->motion[s], w->guess.part[s] = s ? 0.5f : 1;
        if (settings[setting].sides[s])
            w->guess.beside[s] = w->beside[s], w->guess.beyond[s] = w->beyond[s];
    }
}

// ---- plain loops

static int limited(int i, int size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

static double cubic(int tap, double t)
{
    const double x = fabs(t - (tap - 1));
    return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

// Of rows first, first + step, ... of a plane.
static double sample(const float *plane, int width, int rows, int first, int step, double x, double y)
{
    x = fmin(fmax(x, 0), width - 1), y = fmin(fmax(y, 0), rows - 1);
    double sum = 0;
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 4; i++)
            sum += cubic(k, y - floor(y)) * cubic(i, x - floor(x)) *
                   plane[(first + limited((int)y - 1 + k, rows) * step) * width + limited((int)x - 1 + i, width)];
    return sum;
}

static double row_value(const udm_guess *g, int r, int x)
{
    return g->here[udm_field_row(limited(r, udm_field_rows(g->height)), g->parity, g->height) * g->width + x];
}

static double between(const udm_guess *g, int first, int step, int x)
{
    return (9 * (row_value(g, first + step, x) + row_value(g, first + 2 * step, x)) - row_value(g, first, x) -
            row_value(g, first + 3 * step, x)) /
           16;
}

// p, n or s, at row r of the field.
static double difference(const udm_guess *g, int map, int r, int x)
{
    double sum = 0;
    const int rows = (g->height - g->parity + 1) / 2, plane = udm_field_rows(g->height) * g->width;
    for (int i = -3; i <= 3; i++) {
        const int at = limited(x + i, g->width), here = r * g->width + at;
        const double other = map == UDM_FIELD_SIDES
                                 ? between(g, r - 3, 2, at)
                                 : sample(g->beyond[map], g->width, rows, g->height > g->parity ? g->parity : 0, 2,
                                          at + (double)g->motion[map][here], r + (double)g->motion[map][here + plane]);
        sum += (other - row_value(g, r, at)) * (other - row_value(g, r, at));
    }
    return sum / 7;
}

static double error_at(const udm_guess *g, int map, int above, int x)
{
    const int rows = udm_field_rows(g->height);
    return 0.5 * (difference(g, map, limited(above, rows), x) + difference(g, map, limited(above + 1, rows), x));
}

// P or N; *rest becomes less where it moves.
static double follow(const udm_guess *g, int side, int y, int above, int x, double *rest)
{
    const int rows = udm_field_rows(g->height), plane = rows * g->width;
    const float *a = g->motion[side] + limited(above, rows) * g->width + x;
    const float *b = g->motion[side] + limited(above + 1, rows) * g->width + x;
    const double u = (double)a[0] + b[0], v = (double)a[plane] + b[plane];
    *rest *= fmin(fmax(1 - 4 * (u * u + v * v), 0), 1);
    return sample(g->beside[side], g->width, g->height, 0, 1, x + g->part[side] * 0.5 * u, y + g->part[side] * v);
}

static double guess_at(const udm_guess *g, int y, int x)
{
    const int above = g->parity == 0 ? y / 2 : y / 2 - 1;
    const double space = g->here[y * g->width + x], least = 2e-5;
    double side[2] = { 0 }, rest = 1, apart = 0, t = 0, mean;
    for (int s = 0; s < 2; s++)
        side[s] = g->beside[s] ? follow(g, s, y, above, x, &rest) : 0;
    if (!g->beside[0] && !g->beside[1])
        return space;
    if (g->beside[0] && g->beside[1]) {
        const double p = error_at(g, 0, above, x) + least, n = error_at(g, 1, above, x) + least;
        const double share = n / (p + n), other = 1 - share;
        for (int i = -3; i <= 3; i++) {
            const int at = limited(x + i, g->width);
            double none = 1;
            const double off = follow(g, 0, y, above, at, &none) - follow(g, 1, y, above, at, &none);
            apart += off * off / 7;
        }
        mean = share * side[0] + other * side[1];
        t = p * n / (p + n) + 0.5 * apart * (share * share + other * other);
    } else {
        const int s = g->beside[0] ? 0 : 1;
        mean = side[s], t = 2 * (error_at(g, s, above, x) + least);
    }
    const double s = 0.25 * error_at(g, 2, above, x) + least + 0.1 * rest * (mean - space) * (mean - space);
    return space + (mean - space) * s / (s + t);
}

// ---- cases

// A pool that has this instruction set at the most, or NULL, and the case is skipped.
static udm_pool *pool_of(const char *set)
{
    udm_isa isa;
    if (!udm_isa_find(set, &isa, NULL)) {
        test_skip("this processor has no %s", set);
        return NULL;
    }
    udm_pool *pool = udm_pool_new(1, NULL);
    udm_pool_limit(pool, isa);
    ck_assert_str_eq(udm_field_ops_for(pool)->name, set);
    return pool;
}

START_TEST(as_by_plain_loops)
{
    static world w;
    static float first[MOST];
    static double want[MOST];
    udm_pool *pool = pool_of(instruction_sets[_i]), *least = pool_of(instruction_sets[0]);
    test_case("%s", instruction_sets[_i]);
    for (int i = 0; pool && i < COUNT_OF(settings); i++) {
        fill(&w, i);
        const udm_guess *g = &w.guess;
        test_at("%dx%d", g->width, g->height);
        for (int k = 0; k < g->width * g->height; k++)
            want[k] = k / g->width % 2 == g->parity ? w.out[k] : guess_at(g, k / g->width, k % g->width);
        udm_guess_fill(g, w.out, least);
        memcpy(first, w.out, sizeof first);
        fill(&w, i);
        udm_guess_fill(g, w.out, pool);
        assert_within(w.out, want, (size_t)(g->width * g->height), 1e-4);
        assert_same(w.out, first, (size_t)(g->width * g->height));
    }
    udm_pool_free(pool);
    udm_pool_free(least);
}
END_TEST

START_TEST(rows_between)
{
    static world w;
    static double want[MOST];
    udm_pool *pool = pool_of(instruction_sets[_i]);
    test_case("%s", instruction_sets[_i]);
    for (int i = 0; pool && i < COUNT_OF(settings); i++) {
        fill(&w, i);
        const udm_guess *g = &w.guess;
        test_at("%dx%d", g->width, g->height);
        for (int y = 0; y < g->height; y++)
            for (int x = 0; x < g->width; x++)
                want[y * g->width + x] = y % 2 == g->parity
                                             ? w.here[y * g->width + x]
                                             : between(g, (g->parity == 0 ? y / 2 : y / 2 - 1) - 1, 1, x);
        udm_guess_in_space(g->width, g->height, g->parity, w.out, pool);
        assert_within(w.out, want, (size_t)(g->width * g->height), 1e-6);
    }
    udm_pool_free(pool);
}
END_TEST

static const struct {
    int full, all, width, rows, across, down;
} kinds[] = { { 10, 6, 5, 3, 2, 2 }, { 11, 7, 6, 4, 2, 2 }, { 70, 5, 35, 5, 2, 1 }, { 13, 8, 4, 8, 4, 1 } };

// The mean of the motion of the samples that share one, those at the border counting for what lies beyond it.
START_TEST(motion_of_fewer_samples)
{
    static world w;
    static double want[2 * MOST];
    udm_pool *pool = pool_of(instruction_sets[_i]);
    test_case("%s", instruction_sets[_i]);
    for (int i = 0; pool && i < COUNT_OF(kinds); i++) {
        fill(&w, 0);
        const int across = kinds[i].across, down = kinds[i].down, full = kinds[i].full, all = kinds[i].all;
        udm_narrowing_job job = { full, all, kinds[i].width, kinds[i].rows, w.motion[0], w.out };
        for (int k = 0; k < 2 * job.rows * job.width; k++) {
            const int part = k / (job.rows * job.width), r = k / job.width % job.rows, x = k % job.width;
            want[k] = 0;
            for (int n = 0; n < across * down; n++)
                want[k] += w.motion[0][(part * all + limited(r * down + n / across, all)) * full +
                                       limited(x * across + n % across, full)];
            want[k] /= across * down * (part ? down : across);
        }
        for (int r = 0; r < job.rows; r++)
            udm_field_ops_for(pool)->narrow(&job, r, 0);
        test_at("%d of %d", job.width, full);
        assert_within(w.out, want, (size_t)(2 * job.rows * job.width), 1e-5);
    }
    udm_pool_free(pool);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = as_by_plain_loops, .cases = SETS },
        { .test = rows_between, .cases = SETS },
        { .test = motion_of_fewer_samples, .cases = SETS },
    };
    return test_main("field_kernels", tests, COUNT_OF(tests));
}
