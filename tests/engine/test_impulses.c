// SPDX-License-Identifier: LGPL-2.1-or-later
// Impulses: what is one, what is none, and what becomes of them in a stream.
#include "analysis/impulses.h"

#include "base/random.h"
#include "golden.h"
#include "udm/udm.h"
#include "yuv.h"

enum { W = 128, H = 96, PLANE = W * H };

static float picture(int x, int y)
{
    return 0.5f * sinf(0.1f * (float)x) * cosf(0.13f * (float)y);
}

// -1 and 1 for a share of 1 / `one_in` of all pixels, as they fall; 0 for the others.
static int impulse(int i, unsigned one_in)
{
    uint32_t bits = ((uint32_t)i + 1) * 0x7feb352du;
    bits = (bits ^ (bits >> 15)) * 0x846ca68bu;
    bits ^= bits >> 16;
    return bits % one_in != 0 ? 0 : bits / one_in % 2 ? 1 : -1;
}

static size_t clean(float *plane, int threads)
{
    udm_pool *pool = udm_pool_new(threads, NULL);
    udm_impulses *impulses = udm_impulses_new(1, W, H, pool, NULL);
    ck_assert_ptr_nonnull(impulses);
    const size_t found = udm_impulses_remove(impulses, plane);
    udm_impulses_free(impulses);
    udm_pool_free(pool);
    return found;
}

static double rms(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < PLANE; i++)
        sum += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
    return sqrt(sum / PLANE);
}

static const struct {
    unsigned one_in;
    float sigma;
} densities[] = { { 200, 0 }, { 100, 0 }, { 20, 0 }, { 100, 0.04f }, { 20, 0.04f } };

START_TEST(impulses_go)
{
    static float noise[PLANE], want[PLANE], plane[PLANE];
    const unsigned one_in = densities[_i].one_in;
    const float sigma = densities[_i].sigma;
    test_case("one in %u, noise of %g", one_in, (double)sigma);
    udm_normal(3, 0, 0, 0, PLANE, noise);
    size_t impulses = 0;
    for (int i = 0; i < PLANE; i++) {
        want[i] = picture(i % W, i / W) + sigma * noise[i];
        plane[i] = impulse(i, one_in) ? (float)impulse(i, one_in) : want[i];
        impulses += impulse(i, one_in) != 0;
    }
    const double before = rms(plane, want);
    const size_t found = clean(plane, 2);
    test_note("%zu of %zu, %.4f to %.4f", found, impulses, before, rms(plane, want));
    ck_assert_uint_ge(found, impulses * 9 / 10);
    ck_assert_uint_le(found, impulses * 11 / 10);
    ck_assert_double_lt(rms(plane, want), before / 3);
}
END_TEST

// What has single pixels that stand out, and is right.
static float texture(int kind, int i)
{
    const int x = i % W, y = i / W;
    switch (kind) {
    case 0: // strokes and dots, as of text
        return (x / 2 % 3 == 0 && y % 8 < 6) || (x % 7 == 0 && y % 11 == 0) ? -1 : 1;
    case 1: // ... on a dark page
        return -texture(0, i);
    case 2: // stars
        return impulse(i, 200) ? 0.9f : -0.95f;
    case 3: // chequers
        return (x + y) % 2 ? 0.8f : -0.8f;
    default: { // noise
        float e;
        udm_normal(4, 0, 0, (uint64_t)i, 1, &e);
        return 0.3f * e;
    }
    }
}

enum { TEXTURES = 5 };

START_TEST(texture_stays)
{
    static float want[PLANE], plane[PLANE];
    test_case("kind %d", _i);
    for (int i = 0; i < PLANE; i++)
        want[i] = plane[i] = texture(_i, i);
    ck_assert_uint_eq(clean(plane, 2), 0);
    assert_same(plane, want, PLANE);
}
END_TEST

enum { FRAMES = 12, HOT = 3 };

static const int hot[HOT][2] = { { 20, 30 }, { 71, 50 }, { 100, 12 } };

// A picture of waves as large as some pixels, and what moves or stands before it.
static const struct {
    const char *what;
    float speed; // of the waves, pixels a frame
    float sigma; // of noise
    bool stays;  // what stands out stays where it is
    bool stroke; // ... and is the dot of a letter
    bool goes;   // it is to be taken for hot
} shots[] = {
    { "hot pixels before what moves", 3, 0, true, false, true },
    { "the same in noise", 3, 0.05f, true, false, true },
    { "single pixels of what stands still", 0, 0, true, false, false },
    { "the same in noise", 0, 0.05f, true, false, false },
    { "single pixels that move along", 1, 0, false, false, false },
    { "letters before what moves", 3, 0, true, true, false },
};

static void shoot(int kind, int frame, float *plane)
{
    static float noise[PLANE];
    const float shift = shots[kind].speed * (float)frame;
    udm_normal(5, 0, (uint64_t)frame, 0, PLANE, noise);
    for (int i = 0; i < PLANE; i++)
        plane[i] = 0.4f * sinf(0.3f * ((float)(i % W) + shift)) - 0.3f + shots[kind].sigma * noise[i];
    for (int k = 0; k < HOT; k++) {
        const int at = hot[k][1] * W + hot[k][0] - (shots[kind].stays ? 0 : (int)shift);
        plane[at] = 1;
        if (shots[kind].stroke)
            plane[at - 2] = plane[at + 2 * W] = 1;
    }
}

START_TEST(hot_pixels_are_what_stays_while_the_picture_moves)
{
    static float came[PLANE], plane[PLANE];
    test_case("%s", shots[_i].what);
    udm_pool *pool = udm_pool_new(2, NULL);
    udm_impulses *impulses = udm_impulses_new(1, W, H, pool, NULL);
    for (int frame = 0; frame < 2 * FRAMES; frame++) {
        if (frame == FRAMES)
            udm_impulses_reset(impulses);
        shoot(_i, frame, came);
        memcpy(plane, came, sizeof came);
        const size_t filled = udm_impulses_remove(impulses, plane);
        const bool known = frame % FRAMES >= FRAMES / 2;
        if (shots[_i].goes && known)
            ck_assert_uint_eq(filled, HOT);
        else if (!shots[_i].goes || frame % FRAMES == 0)
            ck_assert_uint_eq(filled, 0);
        for (int i = 0; i < PLANE; i++) {
            const bool spoiled = shots[_i].goes && known && came[i] == 1;
            if (spoiled)
                ck_assert_float_lt(plane[i], 0.6f);
            else if (filled == 0 || came[i] != 1)
                ck_assert_float_eq(plane[i], came[i]);
        }
    }
    udm_impulses_free(impulses);
    udm_pool_free(pool);
}
END_TEST

START_TEST(threads_change_nothing)
{
    static float one[PLANE], four[PLANE];
    for (int i = 0; i < PLANE; i++)
        one[i] = four[i] = impulse(i, 50) ? (float)impulse(i, 50) : picture(i % W, i / W);
    ck_assert_uint_eq(clean(one, 1), clean(four, 4));
    assert_same(four, one, PLANE);
}
END_TEST

START_TEST(pictures_may_be_as_small_as_they_come)
{
    float plane[6] = { 0, 1, 0, -1, 0, 0 };
    const int sizes[][2] = { { 1, 1 }, { 6, 1 }, { 1, 6 }, { 3, 2 } };
    udm_pool *pool = udm_pool_new(1, NULL);
    for (int i = 0; i < COUNT_OF(sizes); i++) {
        udm_impulses *impulses = udm_impulses_new(1, sizes[i][0], sizes[i][1], pool, NULL);
        ck_assert_uint_eq(udm_impulses_remove(impulses, plane), 0);
        udm_impulses_free(impulses);
    }
    udm_pool_free(pool);
}
END_TEST

static const char *const formats[] = { "RGB", "GRAY8", "I420", "I420_10LE", "Y444_16LE" };

// The picture in a format, and one pixel in a hundred of its first component, or all of RGB, at either end.
static void paint(udm_image *image, bool spoiled)
{
    const int most = (1 << image->bits) - 1;
    for (int c = 0; c < image->channels; c++)
        for (int y = 0; y < yuv_rows(image, c); y++)
            for (int x = 0; x < yuv_columns(image, c); x++) {
                const int bad = c == 0 || image->matrix == UDM_MATRIX_RGB ? impulse(y * W + x, 100) : 0;
                const float value = c > 0 && image->matrix != UDM_MATRIX_RGB ? 0.1f : picture(x, y);
                yuv_put(image, c, x, y, spoiled && bad ? (bad > 0) * most : (int)((0.5f + value / 2) * (float)most));
            }
}

static double psnr(const udm_image *a, const udm_image *b)
{
    static float planes[2][3 * PLANE];
    double sum = 0;
    udm_image_to_planes(a, planes[0]);
    udm_image_to_planes(b, planes[1]);
    for (int i = 0; i < a->channels * PLANE; i++)
        sum += pow((double)(planes[0][i] - planes[1][i]) / 2, 2);
    return 10 * log10(a->channels * PLANE / sum);
}

START_TEST(a_stream_loses_its_impulses)
{
    const yuv_format *format = yuv_formats;
    while (strcmp(format->name, formats[_i]) != 0)
        format++;
    test_case("%s", format->name);
    yuv_picture in = yuv_new(format, W, H), want = yuv_new(format, W, H), out = yuv_new(format, W, H);
    paint(&want.image, false);
    paint(&in.image, true);
    udm_error error = { 0 };
    udm_model *model = udm_model_open(golden_path("../../models/denoise"), &error);
    ck_assert_msg(model, "%s", error.message);
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.channels = format->channels, settings.lookahead = 0;
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    const udm_frame frames[] = { { .image = &in.image, .time = UDM_TIME_ESTIMATE },
                                 { .image = &in.image, .time = 0, .discontinuity = true } };
    for (int f = 0; f < COUNT_OF(frames); f++) {
        assert_ok(udm_restorer_push(stream, &frames[f], &error), &error);
        assert_ok(udm_restorer_pull(stream, &out.image, &error) == UDM_PULLED_FRAME, &error);
        test_note("%.2f to %.2f dB", psnr(&in.image, &want.image), psnr(&out.image, &want.image));
        if (f == 0)
            ck_assert_double_gt(psnr(&out.image, &want.image), psnr(&in.image, &want.image) + 12);
        else // it is said to be clean
            ck_assert_double_gt(psnr(&out.image, &in.image), 90);
    }
    udm_restorer_free(stream);
    udm_model_free(model);
    yuv_free(&in), yuv_free(&want), yuv_free(&out);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = impulses_go, .cases = COUNT_OF(densities) },
        { .test = texture_stays, .cases = TEXTURES },
        { .test = hot_pixels_are_what_stays_while_the_picture_moves, .cases = COUNT_OF(shots) },
        { .test = threads_change_nothing },
        { .test = pictures_may_be_as_small_as_they_come },
        { .test = a_stream_loses_its_impulses, .cases = COUNT_OF(formats) },
    };
    return test_main("impulses", tests, COUNT_OF(tests));
}
