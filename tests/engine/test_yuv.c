// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures of every layout, matrix, range and siting to planes and back: against a second implementation in double
// precision, which filters by whole matrices; bit for bit where nothing changed; and the same on every processor.
#include "tensor/convert/convert.h"

#include "compare.h"
#include "tensor/planes.h"
#include "yuv_double.h"

enum { MATRICES = UDM_MATRIX_FCC + 1, SITINGS = UDM_SITING_TOP + 1 };

// ---- against it

// Calls check for a format in every colour and siting that it can have.
static void for_all(const yuv_format *format, int width, int height, void (*check)(yuv_picture *picture))
{
    for (int range = 0; range < 2; range++)
        for (int matrix = 1; matrix < (format->is_rgb ? 2 : MATRICES); matrix++)
            for (int siting = 0; siting < (format->subsample_x || format->subsample_y ? SITINGS : 1); siting++) {
                yuv_picture picture = yuv_new(format, width, height);
                picture.image.range = (udm_range)range, picture.image.siting = (udm_siting)siting;
                picture.image.matrix = format->is_rgb ? UDM_MATRIX_RGB : (udm_matrix)matrix;
                test_at("%dx%d, range %d, matrix %d, siting %d", width, height, range, matrix, siting);
                ck_assert(udm_image_check(&picture.image, NULL));
                check(&picture);
                yuv_free(&picture);
            }
}

// Fails with where the bytes of two pictures differ, those between samples too.
static void assert_alike(const yuv_picture *got, const yuv_picture *want)
{
    assert_same(got->bytes, want->bytes, want->size);
}

static void check_to_planes(yuv_picture *picture)
{
    const udm_image *image = &picture->image;
    static plane want[3];
    static float planes[3 * MOST * MOST];
    double worst = 0;
    yuv_fill(picture, 7);
    udm_image_to_planes(image, planes);
    planes_of(image, want);
    for (int c = 0, i = 0; c < image->channels; c++)
        for (int y = 0; y < image->height; y++)
            for (int x = 0; x < image->width; x++, i++)
                worst = fmax(worst, fabs(planes[i] - (2 * want[c].at[y][x] - 1)));
    ck_assert_double_lt(worst, 2e-6);
}

// Values are right to half a level, and by what floats err (0.02 levels at 16 bits).
static void check_from_planes(yuv_picture *picture)
{
    const udm_image *image = &picture->image;
    static plane want[3];
    static float planes[3 * MOST * MOST];
    uint32_t seed = 3;
    double worst = 0, top = ldexp(1, image->bits) - 1;
    for (int c = 0, i = 0; c < image->channels; c++) {
        want[c].width = image->width, want[c].height = image->height;
        for (int y = 0; y < image->height; y++)
            for (int x = 0; x < image->width; x++, i++) {
                planes[i] = (float)(yuv_random(&seed) & 0xffff) / 0x7fff * 1.25f - 1.25f;
                want[c].at[y][x] = (planes[i] + 1.) / 2;
            }
    }
    udm_image_from_planes(image, planes);
    components_of(image, want);
    for (int c = 0; c < image->channels; c++)
        for (int y = 0; y < want[c].height; y++)
            for (int x = 0; x < want[c].width; x++) {
                const bool chroma = c > 0 && image->matrix != UDM_MATRIX_RGB;
                const double value = want[c].at[y][x] * unit_of(image, chroma) + black_of(image, chroma);
                worst = fmax(worst, fabs(yuv_get(image, c, x, y) - fmin(fmax(value, 0), top)));
            }
    ck_assert_double_lt(worst, 0.52);
}

START_TEST(planes_are_those_of_double_precision)
{
    test_case("%s", yuv_formats[_i].name);
    for_all(&yuv_formats[_i], 37, 23, check_to_planes);
    for_all(&yuv_formats[_i], 6, 10, check_to_planes);
}
END_TEST

START_TEST(pictures_are_those_of_double_precision)
{
    test_case("%s", yuv_formats[_i].name);
    for_all(&yuv_formats[_i], 37, 23, check_from_planes);
    for_all(&yuv_formats[_i], 6, 10, check_from_planes);
}
END_TEST

// ---- what is known of it

// One pixel of RGB, in 8 or 10 bits, as tables and other programs have it.
START_TEST(known_colours)
{
    static const struct {
        udm_matrix matrix;
        udm_range range;
        int bits;
        float rgb[3];
        int yuv[3];
    } cases[] = {
        { UDM_MATRIX_BT601, UDM_RANGE_LIMITED, 8, { 1, 1, 1 }, { 235, 128, 128 } },
        { UDM_MATRIX_BT601, UDM_RANGE_LIMITED, 8, { 1, 0, 0 }, { 81, 90, 240 } },
        { UDM_MATRIX_BT601, UDM_RANGE_LIMITED, 8, { 0, 1, 0 }, { 145, 54, 34 } },
        { UDM_MATRIX_BT601, UDM_RANGE_LIMITED, 8, { 0, 0, 1 }, { 41, 240, 110 } },
        { UDM_MATRIX_BT709, UDM_RANGE_LIMITED, 8, { 1, 0, 0 }, { 63, 102, 240 } },
        { UDM_MATRIX_BT709, UDM_RANGE_LIMITED, 8, { 0, 1, 0 }, { 173, 42, 26 } },
        { UDM_MATRIX_BT709, UDM_RANGE_LIMITED, 8, { 0, 0, 1 }, { 32, 240, 118 } },
        { UDM_MATRIX_BT601, UDM_RANGE_FULL, 8, { 1, 0, 0 }, { 76, 85, 255 } },
        { UDM_MATRIX_BT601, UDM_RANGE_FULL, 8, { 0, 0, 1 }, { 29, 255, 107 } },
        { UDM_MATRIX_BT2020, UDM_RANGE_LIMITED, 10, { 1, 0, 0 }, { 294, 387, 960 } },
        { UDM_MATRIX_BT2020, UDM_RANGE_LIMITED, 10, { 0, 0, 0 }, { 64, 512, 512 } },
        { UDM_MATRIX_SMPTE240M, UDM_RANGE_LIMITED, 8, { 1, 0, 0 }, { 62, 102, 240 } },
        { UDM_MATRIX_FCC, UDM_RANGE_LIMITED, 8, { 1, 0, 0 }, { 82, 90, 240 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t words[3];
        uint8_t bytes[3];
        udm_image image = { .width = 1, .height = 1, .channels = 3, .bits = cases[i].bits };
        image.matrix = cases[i].matrix, image.range = cases[i].range;
        float planes[3];
        for (int c = 0; c < 3; c++) {
            image.data[c] = image.bits == 8 ? bytes + c : (uint8_t *)(words + c);
            image.stride[c] = image.step[c] = 2;
            planes[c] = 2 * cases[i].rgb[c] - 1;
        }
        udm_image_from_planes(&image, planes);
        for (int c = 0; c < 3; c++)
            ck_assert_int_eq(yuv_get(&image, c, 0, 0), cases[i].yuv[c]);
    }
}
END_TEST

// Chroma that rises evenly is the same ramp for pixels, from where the siting says that samples lie.
static void check_ramp(int siting, int subsample_x, int subsample_y)
{
    enum { W = 40, H = 32, EDGE = 12 };
    const yuv_format format = { "", 3, 16, 0, subsample_x, subsample_y, false, YUV_PLANAR };
    static float planes[3 * W * H];
    yuv_picture picture = yuv_new(&format, W, H);
    udm_image *image = &picture.image;
    image->siting = (udm_siting)siting;
    const double amid_x = cosited_x(image) ? 0 : ((1 << subsample_x) - 1) / 2.0;
    const double amid_y = cosited_y(image) ? 0 : ((1 << subsample_y) - 1) / 2.0;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < yuv_rows(image, c); y++)
            for (int x = 0; x < yuv_columns(image, c); x++) {
                const double px = (x << subsample_x) + amid_x, py = (y << subsample_y) + amid_y;
                yuv_put(image, c, x, y, c == 2 ? (int)(32768 + 100 * px + 200 * py) : 32768);
            }
    udm_image_to_planes(image, planes);
    double worst = 0;
    for (int y = EDGE; y < H - EDGE; y++)
        for (int x = EDGE; x < W - EDGE; x++) {
            const double cr = (planes[y * W + x] - planes[2 * W * H + y * W + x]) / (4 * (1 - 0.2126)) * 65535;
            worst = fmax(worst, fabs(cr - (100 * x + 200 * y)));
        }
    ck_assert_double_lt(worst, 0.1);
    yuv_free(&picture);
}

START_TEST(chroma_lies_where_its_siting_says)
{
    for (int siting = 0; siting < SITINGS; siting++)
        for (int x = 0; x < 3; x++)
            for (int y = 0; y < 2; y++)
                check_ramp(siting, x, y);
}
END_TEST

// ---- bit for bit

static void check_round_trip(yuv_picture *picture)
{
    const udm_image *image = &picture->image;
    float *planes = malloc(3 * (size_t)image->width * image->height * sizeof *planes);
    yuv_picture out = yuv_new(picture->format, image->width, image->height);
    udm_image to = out.image;
    to.matrix = image->matrix, to.range = image->range, to.siting = image->siting;
    yuv_fill(picture, (uint32_t)image->width);
    udm_image_to_planes(image, planes);
    udm_image_from_planes(&to, planes);
    assert_alike(&out, picture);
    yuv_free(&out);
    free(planes);
}

START_TEST(what_nobody_changed_comes_back_bit_for_bit)
{
    test_case("%s", yuv_formats[_i].name);
    static const int sizes[][2] = { { 1, 1 }, { 2, 1 },   { 1, 2 },   { 3, 5 },
                                    { 5, 3 }, { 353, 7 }, { 513, 4 }, { 1030, 9 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for_all(&yuv_formats[_i], sizes[i][0], sizes[i][1], check_round_trip);
}
END_TEST

// Samples may lie as far apart as they like, and run backwards.
START_TEST(any_step_will_do)
{
    enum { W = 40, ROOM = 2 * 24 * W };
    static const int steps[2][8] = { { 1, 5, 18, 20, 24, -1, -4, -18 }, { 2, 6, 10, 17, 24, -2, -12, -14 } };
    const int bits = 8 + 2 * _i;
    float want[W], planes[W];
    test_case("%d bits", bits);
    for (int k = 0; k < 8; k++) {
        static uint8_t bytes[ROOM], out[ROOM];
        udm_image image = { .width = W, .height = 1, .channels = 1, .bits = bits };
        image.step[0] = steps[_i][k], image.stride[0] = ROOM;
        test_at("step %d", steps[_i][k]);
        memset(bytes, YUV_PAD, ROOM), memset(out, YUV_PAD, ROOM);
        image.data[0] = bytes + ROOM / 2;
        for (int x = 0; x < W; x++) {
            yuv_put(&image, 0, x, 0, 6 * x + 1);
            want[x] = (float)(6 * x + 1) * (2.f / (float)((1 << bits) - 1)) - 1;
        }
        udm_image_to_planes(&image, planes);
        assert_same(planes, want, W);
        image.data[0] = out + ROOM / 2;
        udm_image_from_planes(&image, planes);
        assert_same(out, bytes, ROOM);
    }
}
END_TEST

// Values beyond black and white of the limited range: brighter than white, and not cut off.
START_TEST(brighter_than_white_is_kept)
{
    static const uint8_t luma[4] = { 254, 235, 16, 1 };
    uint8_t bytes[3][4], out[3][4];
    float planes[12];
    memcpy(bytes[0], luma, 4), memset(bytes[1], 128, 8);
    udm_image image = { .width = 4, .height = 1, .channels = 3, .bits = 8, .matrix = UDM_MATRIX_BT709 };
    image.range = UDM_RANGE_LIMITED;
    for (int c = 0; c < 3; c++)
        image.data[c] = bytes[c], image.step[c] = 1, image.stride[c] = 4;
    udm_image_to_planes(&image, planes);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 4; i++)
            ck_assert_double_eq_tol(planes[4 * c + i], 2 * (luma[i] - 16) / 219. - 1, 1e-6);
    for (int c = 0; c < 3; c++)
        image.data[c] = out[c];
    udm_image_from_planes(&image, planes);
    assert_same(*out, *bytes, sizeof out);
    const float beyond[12] = { -9, 9, NAN, -1, -9, 9, NAN, -1, -9, 9, NAN, -1 };
    udm_image_from_planes(&image, beyond);
    ck_assert(out[0][0] == 0 && out[0][1] == 255 && out[0][2] == 0 && out[0][3] == 16);
    ck_assert(out[1][0] == 128 && out[2][1] == 128);
}
END_TEST

// A change of luma leaves all chroma alone; one of a pixel's colour, the chroma 5 samples away.
START_TEST(a_change_stays_where_it_is)
{
    enum { W = 64, H = 48 };
    static float planes[3 * W * H];
    for (int siting = 0; siting < SITINGS; siting++)
        for (int colour = 0; colour < 2; colour++) {
            yuv_picture before = yuv_new(&yuv_formats[0], W, H), after = yuv_new(&yuv_formats[0], W, H);
            before.image.siting = after.image.siting = (udm_siting)siting;
            yuv_fill(&before, 5);
            udm_image_to_planes(&before.image, planes);
            for (int c = 0; c < (colour ? 1 : 3); c++)
                planes[c * W * H + 24 * W + 32] += 0.3f;
            udm_image_from_planes(&after.image, planes);
            int changed = 0;
            for (int c = 1; c < 3; c++)
                for (int y = 0; y < H / 2; y++)
                    for (int x = 0; x < W / 2; x++) {
                        const bool same = yuv_get(&before.image, c, x, y) == yuv_get(&after.image, c, x, y);
                        changed += !same;
                        ck_assert(same || (colour && abs(x - 16) <= 4 && abs(y - 12) <= 4));
                    }
            ck_assert((changed > 0) == (colour == 1));
            yuv_free(&before), yuv_free(&after);
        }
}
END_TEST

// ---- the same everywhere

static udm_pool *pools[2];

// By all operations and on several threads, as by the first.
static void check_sameness(yuv_picture *picture)
{
    const udm_convert_ops *const *ops = udm_convert_ops_list();
    const udm_image *image = &picture->image;
    const size_t bytes = 3 * (size_t)image->width * image->height * sizeof(float);
    float *want = malloc(bytes), *got = malloc(bytes);
    yuv_picture out = yuv_new(picture->format, image->width, image->height);
    udm_image to = out.image;
    to.matrix = image->matrix, to.range = image->range, to.siting = image->siting;
    yuv_fill(picture, 11);
    memset(want, 0, bytes), memset(got, 0, bytes);
    udm_convert_to_planes(ops[0], image, want, NULL);
    for (int i = 0; ops[i]; i++) {
        udm_convert_to_planes(ops[i], image, got, pools[i % 2]);
        assert_same(got, want, bytes / sizeof *want);
    }
    for (size_t i = 0; i < bytes / sizeof *want; i++) // what was in no image
        want[i] = want[i] * 0.9f + (float)(i % 7) * 0.013f;
    udm_convert_from_planes(ops[0], image, want, NULL);
    for (int i = 0; ops[i]; i++) {
        udm_convert_from_planes(ops[i], &to, want, pools[i % 2]);
        assert_alike(&out, picture);
    }
    free(want), free(got);
    yuv_free(&out);
}

START_TEST(all_processors_and_threads_make_the_same_bits)
{
    test_case("%s", yuv_formats[_i].name);
    static const int sizes[][2] = { { 1, 1 }, { 2, 3 }, { 35, 78 }, { 519, 5 } };
    for (int i = 0; i < 2; i++)
        ck_assert_ptr_nonnull((pools[i] = udm_pool_new(2 * i + 2, NULL)));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for_all(&yuv_formats[_i], sizes[i][0], sizes[i][1], check_sameness);
    for (int i = 0; i < 2; i++)
        udm_pool_free(pools[i]);
}
END_TEST

// ---- grey

static void check_grey(yuv_picture *picture)
{
    const udm_image *image = &picture->image;
    const int middle = 1 << (image->bits - 1), columns = yuv_columns(image, 1), rows = yuv_rows(image, 1);
    const int pixels = image->width * image->height;
    float *planes = malloc(3 * (size_t)pixels * sizeof *planes);
    yuv_fill(picture, 2);
    ck_assert(udm_image_is_grey(image) == (image->channels == 1));
    for (int c = 1; c < image->channels; c++)
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < columns; x++)
                yuv_put(image, c, x, y, picture->format->is_rgb ? yuv_get(image, 0, x, y) : middle);
    ck_assert(udm_image_is_grey(image));
    udm_image_to_planes(image, planes);
    for (int i = 0; image->channels == 3 && i < pixels; i++) // in every bit
        ck_assert(planes[i] == planes[pixels + i] && planes[i] == planes[2 * pixels + i]);
    for (int c = 1; c < image->channels; c++) {
        const int value = yuv_get(image, c, columns - 1, rows - 1);
        yuv_put(image, c, columns - 1, rows - 1, value ^ 1);
        ck_assert(!udm_image_is_grey(image));
        yuv_put(image, c, columns - 1, rows - 1, value);
    }
    // What a network says of it: made grey, it has no chroma in any format.
    uint32_t seed = 9;
    for (int i = 0; i < image->channels * pixels; i++)
        planes[i] += (float)(yuv_random(&seed) & 255) / 2550;
    if (image->channels == 3)
        udm_planes_make_grey(planes, (size_t)pixels);
    udm_image_from_planes(image, planes);
    ck_assert(udm_image_is_grey(image));
    free(planes);
}

START_TEST(grey_stays_grey)
{
    test_case("%s", yuv_formats[_i].name);
    for_all(&yuv_formats[_i], 19, 7, check_grey);
}
END_TEST

// ---- refusals

START_TEST(what_is_no_picture_is_refused)
{
    static uint8_t bytes[64];
    const udm_image good = { .width = 4,
                             .height = 4,
                             .channels = 3,
                             .bits = 10,
                             .data = { bytes, bytes, bytes },
                             .stride = { 8, 8, 8 },
                             .step = { 2, -2, 2 },
                             .shift = 6,
                             .matrix = UDM_MATRIX_BT709,
                             .subsample_x = 1,
                             .subsample_y = 1 };
    udm_error error = { 0 };
    assert_ok(udm_image_check(&good, &error), &error);
    ck_assert(!udm_image_check(NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "no image");
#define REFUSED(change, words)                                                                                         \
    do {                                                                                                               \
        udm_image bad = good;                                                                                          \
        bad.change;                                                                                                    \
        ck_assert(!udm_image_check(&bad, NULL) && !udm_image_check(&bad, &error));                                     \
        assert_error(&error, UDM_ERROR_SETTINGS, words);                                                               \
    } while (0)
    REFUSED(width = 0, "0x4");
    REFUSED(width = 65537, "65537x4");
    REFUSED(height = -1, "4x-1");
    REFUSED(channels = 2, "1 or 3");
    REFUSED(bits = 7, "8 to 16");
    REFUSED(bits = 17, "8 to 16");
    REFUSED(bits = 8, "shifted by 6");
    REFUSED(shift = 7, "shifted by 7");
    REFUSED(shift = -1, "shifted by -1");
    REFUSED(matrix = (udm_matrix)6, "matrix is 6");
    REFUSED(range = (udm_range)2, "range is 2");
    REFUSED(siting = (udm_siting)4, "siting is 4");
    REFUSED(subsample_x = 3, "2^3");
    REFUSED(subsample_y = 2, "2^2");
    REFUSED(matrix = UDM_MATRIX_RGB, "RGB: set its matrix");
    REFUSED(channels = 1, "grey");
    REFUSED(data[2] = NULL, "third component has no memory");
    REFUSED(step[1] = 0, "second component are 0 bytes apart");
    REFUSED(stride[0] = 0, "first component has a stride of 0");
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = planes_are_those_of_double_precision, .cases = YUV_FORMATS },
        { .test = pictures_are_those_of_double_precision, .cases = YUV_FORMATS },
        { .test = known_colours },
        { .test = chroma_lies_where_its_siting_says },
        { .test = what_nobody_changed_comes_back_bit_for_bit, .cases = YUV_FORMATS },
        { .test = any_step_will_do, .cases = 2 },
        { .test = brighter_than_white_is_kept },
        { .test = a_change_stays_where_it_is },
        { .test = all_processors_and_threads_make_the_same_bits, .cases = YUV_FORMATS },
        { .test = grey_stays_grey, .cases = YUV_FORMATS },
        { .test = what_is_no_picture_is_refused },
    };
    return test_main("yuv", tests, COUNT_OF(tests));
}
