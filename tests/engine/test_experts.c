// SPDX-License-Identifier: LGPL-2.1-or-later
// A model that asks one of two experts, by the noise: which one, that a change begins anew, and what is refused.
#include "folder.h"
#include "golden.h"
#include "base/random.h"
#include "udm/udm.h"
#include "yuv.h"

enum { W = 128, H = 96, PIXELS = W * H, SIGMA = 20 };

// The strings of the settings are gone once it is open, while the second expert is not.
static udm_restorer *open(const udm_model *model)
{
    char device[] = "cpu", precision[] = "f32", sampler[] = "model", schedule[] = "model", spacing[] = "model";
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.channels = 3;
    settings.device = device, settings.precision = precision, settings.threads = 1;
    settings.sampler = sampler, settings.schedule = schedule, settings.spacing = spacing;
    udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(restorer, "%s", error.message);
    char *const gone[] = { device, precision, sampler, schedule, spacing };
    for (int i = 0; i < COUNT_OF(gone); i++)
        memset(gone[i], 'x', strlen(gone[i]));
    return restorer;
}

static yuv_picture picture_of(const char *name)
{
    const yuv_format *format = yuv_formats;
    while (strcmp(format->name, name) != 0)
        format++;
    return yuv_new(format, W, H);
}

// A ramp with white noise, as 8 bits of each component.
static void draw(const yuv_picture *picture, uint64_t seed)
{
    const udm_image *image = &picture->image;
    float noise[PIXELS];
    for (int c = 0; c < 3; c++) {
        const int right = c > 0 ? image->subsample_x : 0, down = c > 0 ? image->subsample_y : 0;
        udm_normal(seed, c, 0, 0, PIXELS, noise);
        for (int y = 0; y < H >> down; y++)
            for (int x = 0; x < W >> right; x++)
                ((uint8_t *)image->data[c])[y * image->stride[c] + x * image->step[c]] =
                    (uint8_t)fmin(fmax(100 + x / 4.0 + SIGMA * noise[y * W + x], 0), 255);
    }
}

// Frames through one restorer; the last one is in *out.
static void restore(const char *model, const yuv_picture *const *in, int count, const yuv_picture *out)
{
    udm_error error = { 0 };
    udm_model *opened = golden_model(model);
    udm_restorer *restorer = open(opened);
    for (int n = 0; n < count; n++) {
        const udm_frame frame = { .image = &in[n]->image, .time = udm_model_time(opened, SIGMA), .number = n };
        yuv_picture made = yuv_new(in[n]->format, W, H);
        ck_assert_msg(udm_restorer_push(restorer, &frame, &error) &&
                          udm_restorer_pull(restorer, n == count - 1 ? &out->image : &made.image, &error) ==
                              UDM_PULLED_FRAME,
                      "%s, frame %d: %s", model, n, error.message);
        yuv_free(&made);
    }
    udm_restorer_free(restorer);
    udm_model_free(opened);
}

static const struct {
    const char *format, *expert;
} kinds[] = { { "RGB", "tiny-denoise" }, { "I420", "tiny-temporal" }, { "NV12", "tiny-temporal" } };

START_TEST(each_kind_of_noise_has_its_expert)
{
    yuv_picture in = picture_of(kinds[_i].format), out = picture_of(kinds[_i].format),
                want = picture_of(kinds[_i].format);
    draw(&in, 1);
    restore("tiny-experts", (const yuv_picture *[]){ &in }, 1, &out);
    restore(kinds[_i].expert, (const yuv_picture *[]){ &in }, 1, &want);
    assert_same(out.bytes, want.bytes, in.size);
    yuv_free(&in), yuv_free(&out), yuv_free(&want);
}
END_TEST

// tiny-temporal remembers frames.
START_TEST(another_expert_begins_anew)
{
    yuv_picture first = picture_of("I420"), white = picture_of("RGB"), last = picture_of("I420"),
                out = picture_of("I420"), want = picture_of("I420");
    draw(&first, 1), draw(&white, 1), draw(&last, 1);
    restore("tiny-experts", (const yuv_picture *[]){ &first, &white, &last }, 3, &out);
    restore("tiny-experts", (const yuv_picture *[]){ &last }, 1, &want);
    assert_same(out.bytes, want.bytes, last.size);
    yuv_free(&first), yuv_free(&white), yuv_free(&last), yuv_free(&out), yuv_free(&want);
}
END_TEST

static const struct {
    const char *index, *said;
    udm_error_code code;
} indexes[] = {
    { "{\"_class_name\": \"UdmNoiseExperts\"}", "\"white\" must name a folder beside", UDM_ERROR_CORRUPT },
    { "{\"_class_name\": \"UdmNoiseExperts\", \"white\": \"../b\"}", "must name a folder beside", UDM_ERROR_CORRUPT },
    { "{\"_class_name\": \"UdmNoiseExperts\", \"white\": \"..\"}", "must name a folder beside", UDM_ERROR_CORRUPT },
    { "{\"_class_name\": \"UdmNoiseExperts\", \"white\": \"b\"}", "could not open the model directory",
      UDM_ERROR_NOT_FOUND },
    { "{\"_class_name\": \"UdmNoiseExperts\", \"white\": \"a\", \"other\": \"a\"}", "\"unet\"",
      UDM_ERROR_UNSUPPORTED }, // itself
    { "{\"_class_name\": \"UdmNoiseExperts\", \"white\": \"a\", \"third\": \"a\"}", "\"third\"",
      UDM_ERROR_UNSUPPORTED },
};

START_TEST(choices_that_are_refused)
{
    const folder made = folder_new();
    udm_error error = { 0 };
    folder_make(&made, "a");
    folder_write_text(&made, "a/model_index.json", indexes[_i].index);
    ck_assert_ptr_null(udm_model_open(folder_path(&made, "a"), &error));
    ck_assert_msg(strstr(error.message, indexes[_i].said), "%s: \"%s\"", indexes[_i].index, error.message);
    ck_assert_int_eq(error.code, indexes[_i].code);
    folder_free(&made);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = each_kind_of_noise_has_its_expert, .cases = COUNT_OF(kinds) },
        { .test = another_expert_begins_anew },
        { .test = choices_that_are_refused, .cases = COUNT_OF(indexes) },
    };
    return test_main("experts", tests, COUNT_OF(tests));
}
