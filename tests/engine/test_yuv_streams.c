// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams of YUV: what is told to be clean comes back bit for bit, networks see what they see of RGB, grey stays grey.
#include "golden.h"
#include "tensor/planes.h"
#include "udm/udm.h"
#include "yuv.h"

enum { W = 91, H = 61, PIXELS = W * H };

static udm_settings settings_for(int channels)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.channels = channels;
    settings.device = "cpu", settings.threads = 2, settings.lookahead = 0;
    return settings;
}

static const yuv_format *format_of(const char *name)
{
    const yuv_format *format = yuv_formats;
    while (strcmp(format->name, name) != 0)
        format++;
    return format;
}

// A picture of W x H of a format, with a matrix and a range.
static yuv_picture picture_of(const char *format, udm_matrix matrix, udm_range range)
{
    yuv_picture picture = yuv_new(format_of(format), W, H);
    if (!picture.format->is_rgb)
        picture.image.matrix = matrix;
    picture.image.range = range;
    return picture;
}

static void restore(const udm_model *model, const yuv_picture *in, double time, const yuv_picture *out)
{
    udm_error error = { 0 };
    const udm_settings settings = settings_for(in->image.channels);
    udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
    const udm_frame frame = { .image = &in->image, .time = time };
    ck_assert_msg(restorer && udm_restorer_push(restorer, &frame, &error) &&
                      udm_restorer_pull(restorer, &out->image, &error) == UDM_PULLED_FRAME,
                  "%s: %s", in->format->name, error.message);
    udm_restorer_free(restorer);
}

START_TEST(a_frame_of_any_format_at_time_0_comes_back_bit_for_bit)
{
    udm_model *model = golden_model("tiny-guess");
    for (int f = 0; f < YUV_FORMATS; f++) {
        yuv_picture in = yuv_new(&yuv_formats[f], W, H), out = yuv_new(&yuv_formats[f], W, H);
        in.image.range = out.image.range = (udm_range)(f % 2);
        in.image.siting = out.image.siting = (udm_siting)(f % 4);
        yuv_fill(&in, (uint32_t)f);
        restore(model, &in, 0, &out);
        assert_same(out.bytes, in.bytes, in.size);
        yuv_free(&in), yuv_free(&out);
    }
    udm_model_free(model);
}
END_TEST

// A picture of smooth colours with noise on it, [3, H, W]; without chroma: the noise too.
static void draw(float *planes, bool grey)
{
    uint32_t seed = 4;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < PIXELS; i++) {
            const int x = i % W, y = i / W;
            const double noise = ((yuv_random(&seed) & 1023) + (yuv_random(&seed) & 1023)) / 1023. - 1;
            planes[c * PIXELS + i] = (float)(0.5 * sin(x * 0.11 + c) * cos(y * 0.09 - c) + 0.3 * noise);
            if (grey)
                planes[c * PIXELS + i] = planes[i];
        }
}

// The same picture as RGB and as YUV of as many samples, restored, is the same picture.
START_TEST(networks_see_of_yuv_what_they_see_of_rgb)
{
    static float planes[3 * PIXELS], from_rgb[3 * PIXELS], from_yuv[3 * PIXELS];
    udm_model *model = golden_model("../../models/denoise");
    draw(planes, false);
    for (int range = 0; range < 2; range++)
        for (int matrix = UDM_MATRIX_BT601; matrix <= UDM_MATRIX_FCC; matrix++) {
            yuv_picture rgb = picture_of("GBR_10LE", 0, UDM_RANGE_FULL);
            yuv_picture yuv = picture_of("Y444_16LE", (udm_matrix)matrix, (udm_range)range);
            udm_image_from_planes(&rgb.image, planes);
            udm_image_to_planes(&rgb.image, from_rgb);
            udm_image_from_planes(&yuv.image, from_rgb);
            restore(model, &rgb, udm_model_time(model, 25), &rgb);
            restore(model, &yuv, udm_model_time(model, 25), &yuv);
            udm_image_to_planes(&rgb.image, from_rgb);
            udm_image_to_planes(&yuv.image, from_yuv);
            double worst = 0, changed = 0;
            for (int i = 0; i < 3 * PIXELS; i++) {
                worst = fmax(worst, fabs(from_rgb[i] - from_yuv[i]) * 1023 / 2);
                changed = fmax(changed, fabs(from_rgb[i] - planes[i]) * 1023 / 2);
            }
            ck_assert_double_lt(worst, 1);
            ck_assert(changed > 20);
            yuv_free(&rgb), yuv_free(&yuv);
        }
    udm_model_free(model);
}
END_TEST

// Grey is restored as grey, whatever it is sent as.
START_TEST(restored_grey_has_no_chroma)
{
    static float planes[3 * PIXELS], want[PIXELS], got[3 * PIXELS];
    static const char *const formats[] = { "RGB", "GBR_10LE", "I420", "NV12", "YUY2", "Y444", "P010_10LE" };
    udm_model *model = golden_model("../../models/denoise");
    const double time = udm_model_time(model, 25);
    draw(planes, true);
    yuv_picture grey = picture_of("GRAY8", 0, UDM_RANGE_FULL);
    udm_image_from_planes(&grey.image, planes);
    udm_image_to_planes(&grey.image, planes);
    restore(model, &grey, time, &grey);
    udm_image_to_planes(&grey.image, want);
    memcpy(planes + PIXELS, planes, PIXELS * sizeof *planes);
    memcpy(planes + 2 * PIXELS, planes, PIXELS * sizeof *planes);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (int range = 0; range < 2; range++) {
            yuv_picture in = picture_of(formats[f], UDM_MATRIX_BT709, (udm_range)range);
            udm_image_from_planes(&in.image, planes);
            restore(model, &in, time, &in);
            ck_assert(udm_image_is_grey(&in.image));
            udm_image_to_planes(&in.image, got);
            for (int i = 0; i < PIXELS; i++)
                ck_assert_double_eq_tol(got[i], want[i], 3 / 255.); // half a level in, and twice that out
            yuv_free(&in);
        }
    yuv_free(&grey);
    udm_model_free(model);
}
END_TEST

// A logo in the corner of a grey picture, and single pixels that are of one colour, far from it and from each other.
enum { LOGO_W = 12, LOGO_H = 10 };
static const int odd_pixels[][2] = { { 70, 40 }, { 70, 25 }, { 50, 40 } };

static bool is_logo(int i)
{
    return i % W < LOGO_W && i / W < LOGO_H;
}

static void put_colours(float *planes)
{
    for (int i = 0; i < PIXELS; i++)
        if (is_logo(i))
            planes[i] = 0.6f, planes[PIXELS + i] = -0.2f, planes[2 * PIXELS + i] = -0.5f;
    for (int k = 0; k < COUNT_OF(odd_pixels); k++)
        planes[k % 3 * PIXELS + odd_pixels[k][1] * W + odd_pixels[k][0]] = 1;
}

// Whether the chroma of a coloured pixel may reach this one, so many pixels away.
static bool is_reached(int i, int across, int down)
{
    const int x = i % W, y = i / W;
    bool reached = x < LOGO_W + 8 + across && y < LOGO_H + 8 + down;
    for (int k = 0; k < COUNT_OF(odd_pixels); k++)
        reached |= abs(x - odd_pixels[k][0]) < across && abs(y - odd_pixels[k][1]) < down;
    return reached;
}

static double mean_chroma(const float *planes)
{
    double sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += is_logo(i) ? fabs(planes[i] - planes[2 * PIXELS + i]) : 0;
    return sum / (LOGO_W * LOGO_H);
}

// One coloured pixel used to give chroma to all of a picture.
START_TEST(few_coloured_pixels_leave_the_rest_grey)
{
    const yuv_format *format = &yuv_formats[_i];
    static float planes[3 * PIXELS], in[3 * PIXELS], got[3 * PIXELS];
    test_case("%s", format->name);
    if (format->channels == 1)
        return;
    udm_model *model = golden_model("../../models/denoise");
    draw(planes, true);
    put_colours(planes);
    yuv_picture picture = picture_of(format->name, UDM_MATRIX_BT709, UDM_RANGE_FULL);
    udm_image_from_planes(&picture.image, planes);
    udm_image_to_planes(&picture.image, in);
    restore(model, &picture, udm_model_time(model, 25), &picture);
    udm_image_to_planes(&picture.image, got);
    int grey = 0;
    static const int reach[] = { 1, 17, 33 }; // of a sample of chroma that is upsampled, downsampled, and upsampled
    for (int i = 0; i < PIXELS; i++) {
        if (is_reached(i, reach[format->subsample_x], reach[format->subsample_y]))
            continue;
        test_at("pixel (%d, %d)", i % W, i / W);
        ck_assert_float_eq(got[PIXELS + i], got[i]);
        ck_assert_float_eq(got[2 * PIXELS + i], got[i]);
        grey++;
    }
    ck_assert_int_gt(grey, PIXELS / 20);
    ck_assert_double_eq_tol(mean_chroma(got), mean_chroma(in), 0.1 * mean_chroma(in));
    yuv_free(&picture);
    udm_model_free(model);
}
END_TEST

// Noise of three colours is what most pictures have: nothing changes there. Nor does weak colour go: the share of a
// change that a pixel takes has no jumps.
START_TEST(colour_is_left_alone)
{
    enum { SIDE = 40, N = SIDE * SIDE };
    static float in[3 * N], out[3 * N], before[3 * N];
    udm_pool *pool = udm_pool_new(2, NULL);
    uint32_t seed = 7;
    for (int share = 0; share <= 100; share += 5) { // of coloured pixels, by 1 level
        double most = 0, least = 1e9;
        for (int i = 0; i < N; i++) {
            const bool coloured = (int)(yuv_random(&seed) % 100) < share;
            for (int c = 0; c < 3; c++) {
                in[c * N + i] = coloured && c == 0 ? 2 / 255.f : 0;
                out[c * N + i] = before[c * N + i] = c == 0 ? 6 / 255.f : 0;
            }
        }
        udm_planes_keep_grey(in, out, SIDE, SIDE, pool);
        for (int i = 0; i < N; i++) {
            const double chroma = (out[i] - out[N + i]) / (6 / 255.);
            most = fmax(most, chroma), least = fmin(least, chroma);
            ck_assert_double_ge(chroma, in[i] / (6 / 255.f) - 1e-6); // what it had, it has
        }
        test_at("%d of 100", share);
        ck_assert_double_le(share <= 5 ? least : 0, 1e-6);
        ck_assert_double_ge(share >= 90 ? least : 1, 1);
        ck_assert_double_le(most, 1 + 1e-6);
        if (share == 100)
            ck_assert_mem_eq(out, before, sizeof out);
    }
    udm_pool_free(pool);
}
END_TEST

// Whatever the tiles and the threads, it is what a plain loop finds.
START_TEST(surroundings_are_counted_right)
{
    enum { WIDE = 300, HIGH = 150, N = WIDE * HIGH, REACH = 8 };
    static float in[3 * N], out[3 * N];
    udm_pool *pool = udm_pool_new(3, NULL);
    uint32_t seed = 9;
    for (int i = 0; i < N; i++) {
        const bool coloured = yuv_random(&seed) % 300 < (uint32_t)(i % WIDE);
        for (int c = 0; c < 3; c++)
            in[c * N + i] = coloured && c == 1 ? 1.f : 0, out[c * N + i] = c == 2 ? 0.3f : 0;
    }
    udm_planes_keep_grey(in, out, WIDE, HIGH, pool);
    for (int i = 0; i < N; i += 7) {
        int coloured = 0, all = 0;
        for (int y = i / WIDE - REACH; y <= i / WIDE + REACH; y++)
            for (int x = i % WIDE - REACH; x <= i % WIDE + REACH; x++)
                if (x >= 0 && y >= 0 && x < WIDE && y < HIGH)
                    all++, coloured += in[N + y * WIDE + x] > 0;
        const double t = fmin(fmax(((double)coloured / all - 0.25) / 0.5, 0), 1), share = t * t * (3 - 2 * t);
        const double want = in[N + i] > 0 ? 0.3 : 0.3 * share;
        if (fabs(out[2 * N + i] - out[i] - want) > 1e-5)
            ck_abort_msg("(%d, %d): %g, not %g", i % WIDE, i / WIDE, (double)(out[2 * N + i] - out[i]), want);
    }
    udm_pool_free(pool);
}
END_TEST

static void between(const udm_model *model, const yuv_picture *first, const yuv_picture *second, const yuv_picture *out)
{
    udm_error error = { 0 };
    const udm_settings settings = settings_for(first->image.channels);
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
    ck_assert_msg(interpolator && udm_interpolator_pair(interpolator, &first->image, &second->image, 0.04, &error) &&
                      udm_interpolator_make(interpolator, 0.5, 0, &out->image, &error),
                  "%s: %s", first->format->name, error.message);
    udm_interpolator_free(interpolator);
}

START_TEST(between_grey_pictures_are_grey_ones)
{
    static float planes[3 * PIXELS + 3 * W];
    udm_model *models[] = { NULL, golden_model("../../models/interp") };
    draw(planes, true);
    for (int m = 0; m < 2; m++)
        for (int f = 0; f < 2; f++) {
            yuv_picture a = picture_of(f ? "I420" : "RGB", UDM_MATRIX_BT709, UDM_RANGE_LIMITED);
            yuv_picture b = picture_of(f ? "NV12" : "BGRx", UDM_MATRIX_BT601, UDM_RANGE_FULL);
            udm_image_from_planes(&a.image, planes);
            udm_image_from_planes(&b.image, planes + 3 * W); // moved
            for (int c = 1; c < 3; c++)                      // its lower end, which is another plane's upper one
                for (int y = 0; y < yuv_rows(&b.image, c); y++)
                    for (int x = 0; x < yuv_columns(&b.image, c); x++)
                        yuv_put(&b.image, c, x, y, f ? 128 : yuv_get(&b.image, 0, x, y));
            ck_assert(udm_image_is_grey(&a.image) && udm_image_is_grey(&b.image));
            between(models[m], &a, &b, &a);
            ck_assert(udm_image_is_grey(&a.image));
            yuv_free(&a), yuv_free(&b);
        }
    udm_model_free(models[1]);
}
END_TEST

// Between a picture and itself is that picture, in the bits that it had.
START_TEST(between_a_picture_and_itself_is_that_picture)
{
    static float planes[3 * PIXELS];
    draw(planes, false);
    for (int f = 0; f < YUV_FORMATS; f++) {
        if (yuv_formats[f].channels == 1)
            continue;
        yuv_picture in = yuv_new(&yuv_formats[f], W, H), out = yuv_new(&yuv_formats[f], W, H);
        udm_image_from_planes(&in.image, planes);
        between(NULL, &in, &in, &out);
        assert_same(out.bytes, in.bytes, in.size);
        yuv_free(&in), yuv_free(&out);
    }
}
END_TEST

// What a model of one channel makes has no chroma, and the luma of its grey.
START_TEST(generators_make_yuv)
{
    enum { SIZE = 64 };
    udm_error error = { 0 };
    udm_model *model = golden_model("../../models/digits");
    udm_settings settings = settings_for(3);
    settings.width = settings.height = SIZE, settings.steps = 2;
    yuv_picture rgb = yuv_new(format_of("RGB"), SIZE, SIZE), yuv = yuv_new(format_of("NV12"), SIZE, SIZE);
    yuv.image.range = UDM_RANGE_LIMITED;
    udm_generation params;
    udm_generation_init(&params, sizeof params);
    udm_generator *generator = udm_generator_open(model, &settings, &params, &error);
    ck_assert_msg(generator, "%s", error.message);
    static float planes[3 * SIZE * SIZE];
    ck_assert(udm_generator_make(generator, 0, &rgb.image, &error) &&
              udm_generator_make(generator, 0, &yuv.image, &error));
    udm_image_to_planes(&rgb.image, planes);
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) {
            const float *at = planes + y * SIZE + x;
            const double luma = 0.2126 * at[0] + 0.7152 * at[SIZE * SIZE] + 0.0722 * at[2 * SIZE * SIZE];
            ck_assert_double_eq_tol(yuv_get(&yuv.image, 0, x, y), 16 + 219 * (luma + 1) / 2, 1);
        }
    yuv.image.stride[1] = 0;
    ck_assert(!udm_generator_make(generator, 0, &yuv.image, &error) && strstr(error.message, "stride"));
    udm_generator_free(generator);
    yuv_free(&rgb), yuv_free(&yuv);
    udm_model_free(model);
}
END_TEST

// Every call that takes a picture makes sure that it is one.
START_TEST(what_is_no_picture_is_refused)
{
    udm_error error = { 0 };
    udm_model *model = golden_model("tiny-guess");
    const udm_settings settings = settings_for(3);
    yuv_picture picture = picture_of("I420", UDM_MATRIX_BT709, UDM_RANGE_FULL);
    const udm_image *good = &picture.image;
    udm_image bad = *good;
    bad.siting = (udm_siting)9;
    udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
    udm_interpolator *interpolator = udm_interpolator_open(NULL, &settings, &error);
    ck_assert_msg(restorer && interpolator, "%s", error.message);
#define REFUSED(call) ck_assert(!(call) && error.code == UDM_ERROR_SETTINGS && strstr(error.message, "siting is 9"))
    REFUSED(udm_restorer_push(restorer, &(udm_frame){ .image = &bad }, &error));
    ck_assert(udm_restorer_push(restorer, &(udm_frame){ .image = good }, &error));
    REFUSED(udm_restorer_pull(restorer, &bad, &error) != UDM_PULLED_FAILED);
    ck_assert(udm_restorer_pull(restorer, good, &error) == UDM_PULLED_FRAME);
    REFUSED(udm_interpolator_pair(interpolator, &bad, good, 0, &error));
    REFUSED(udm_interpolator_pair(interpolator, good, &bad, 0, &error));
    ck_assert(udm_interpolator_pair(interpolator, good, good, 0, &error));
    REFUSED(udm_interpolator_follow(interpolator, &bad, 0, &error));
    REFUSED(udm_interpolator_make(interpolator, 0.5, 0, &bad, &error));
    bad.width--;
    ck_assert(!udm_interpolator_make(interpolator, 0.5, 0, &bad, &error) && strstr(error.message, "91x61"));
    udm_restorer_free(restorer);
    udm_interpolator_free(interpolator);
    yuv_free(&picture);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = a_frame_of_any_format_at_time_0_comes_back_bit_for_bit },
        { .test = networks_see_of_yuv_what_they_see_of_rgb },
        { .test = restored_grey_has_no_chroma },
        { .test = few_coloured_pixels_leave_the_rest_grey, .cases = YUV_FORMATS },
        { .test = colour_is_left_alone },
        { .test = surroundings_are_counted_right },
        { .test = between_grey_pictures_are_grey_ones },
        { .test = between_a_picture_and_itself_is_that_picture },
        { .test = generators_make_yuv },
        { .test = what_is_no_picture_is_refused },
    };
    return test_main("yuv_streams", tests, COUNT_OF(tests));
}
