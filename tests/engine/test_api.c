// SPDX-License-Identifier: LGPL-2.1-or-later
// What holds for all objects of the API: arguments that are NULL, structs of another size, the log, the version.
#include "golden.h"
#include "testing.h"
#include "udm/udm.h"

enum { WIDTH = 16, HEIGHT = 12 };

typedef struct heard {
    int info, debug;
    char first[256];
} heard;

static void hear(void *context, udm_log_level level, const char *message)
{
    heard *all = context;
    if (all->info + all->debug == 0)
        snprintf(all->first, sizeof all->first, "%s", message);
    *(level == UDM_LOG_INFO ? &all->info : &all->debug) += 1;
}

static udm_settings settings_for(void)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT;
    settings.device = "cpu", settings.threads = 1;
    return settings;
}

static udm_model *open_model(void)
{
    udm_error error = { 0 };
    udm_model *model = udm_model_open(golden_path("tiny-denoise"), &error);
    ck_assert_msg(model, "%s", error.message);
    return model;
}

START_TEST(the_log_is_told_of_the_device_and_of_scenes)
{
    udm_model *model = open_model();
    udm_error error = { 0 };
    heard all = { 0 };
    udm_settings settings = settings_for();
    settings.log = hear, settings.log_context = &all;
    udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(restorer, "%s", error.message);
    ck_assert_int_eq(all.info, 1);
    assert_contains(all.first, "16x12");
    assert_contains(all.first, "cpu (");
    uint8_t pixels[HEIGHT * WIDTH * 3] = { 0 };
    const udm_image image = { .width = WIDTH,
                              .height = HEIGHT,
                              .channels = 3,
                              .bits = 8,
                              .data = { pixels, pixels + 1, pixels + 2 },
                              .stride = { 3 * WIDTH, 3 * WIDTH, 3 * WIDTH },
                              .step = { 3, 3, 3 } };
    const udm_frame frame = { .image = &image, .time = udm_model_time(model, 10) };
    assert_ok(udm_restorer_push(restorer, &frame, &error), &error);
    ck_assert_int_eq(udm_restorer_pull(restorer, &image, &error), UDM_PULLED_FRAME);
    ck_assert_int_eq(all.debug, 1);
    udm_restorer_free(restorer);
    udm_model_free(model);
}
END_TEST

START_TEST(null_is_an_error_that_says_what)
{
    udm_model *model = open_model();
    udm_error error = { 0 };
    const udm_settings settings = settings_for();
    udm_info info;
    ck_assert_ptr_null(udm_restorer_open(NULL, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "model");
    ck_assert_ptr_null(udm_restorer_open(model, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "settings");
    ck_assert_ptr_null(udm_generator_open(model, &settings, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "parameters");
    ck_assert(!udm_restorer_push(NULL, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "restorer");
    ck_assert(!udm_interpolator_make(NULL, 0.5, 0, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "interpolator");
    ck_assert(!udm_generator_make(NULL, 0, NULL, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "generator");
    ck_assert(!udm_model_info(NULL, &info, sizeof info, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "model");
    ck_assert(!udm_model_restores(NULL, WIDTH, HEIGHT, 3, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "model");
    ck_assert(!udm_model_interpolates(NULL, 3, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "model");
    udm_model_free(model);
}
END_TEST

START_TEST(structs_may_be_of_another_size)
{
    udm_model *model = open_model();
    udm_error error = { 0 };
    udm_settings settings = settings_for();
    settings.size = 8; // never filled in
    ck_assert_ptr_null(udm_restorer_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "udm_settings_init");
    struct {
        udm_settings known;
        int later;
    } newer;
    udm_settings_init(&newer.known, sizeof newer);
    newer.known.width = WIDTH, newer.known.height = HEIGHT, newer.known.device = "cpu";
    ck_assert_int_eq(newer.later, 0);
    udm_restorer *restorer = udm_restorer_open(model, &newer.known, &error);
    ck_assert_msg(restorer, "%s", error.message);
    udm_stats stats;
    memset(&stats, 0x5a, sizeof stats);
    udm_restorer_stats(restorer, &stats, offsetof(udm_stats, sigma)); // an older one, which ends there
    ck_assert_uint_eq(stats.frames, 0);
    ck_assert_int_eq(((const uint8_t *)&stats)[offsetof(udm_stats, sigma)], 0x5a);
    udm_restorer_free(restorer);
    udm_model_free(model);
}
END_TEST

static const struct {
    const char *model;
    int channels;
    bool restores, interpolates;
} purposes[] = {
    { "tiny-denoise", 3, true, true }, { "tiny-grey", 3, false, false },    { "tiny-grey", 1, true, true },
    { "tiny-interp", 3, false, true }, { "tiny-chroma", 3, true, false },   { "tiny-experts", 3, true, true },
    { "tiny-video", 1, false, false }, { "tiny-symbols", 1, false, false }, { "tiny-text", 3, false, false },
};

// By a look, and by what opens.
START_TEST(what_a_model_is_for_is_told)
{
    udm_error error = { 0 }, opening = { 0 };
    udm_model *model = udm_model_open(golden_path(purposes[_i].model), &error);
    ck_assert_msg(model, "%s", error.message);
    udm_settings settings = settings_for();
    settings.channels = purposes[_i].channels;
    ck_assert_int_eq(udm_model_restores(model, WIDTH, HEIGHT, settings.channels, &error), purposes[_i].restores);
    udm_restorer *restorer = udm_restorer_open(model, &settings, &opening);
    ck_assert_int_eq(restorer != NULL, purposes[_i].restores);
    ck_assert_str_eq(error.message, opening.message);
    udm_restorer_free(restorer);
    ck_assert_int_eq(udm_model_interpolates(model, settings.channels, &error), purposes[_i].interpolates);
    udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &opening);
    ck_assert_int_eq(interpolator != NULL, purposes[_i].interpolates);
    ck_assert_str_eq(error.message, opening.message);
    udm_interpolator_free(interpolator);
    udm_model_free(model);
}
END_TEST

START_TEST(amounts_of_memory)
{
    const struct {
        const char *text;
        double mib; // 0: it is none
    } amounts[] = {
        { "1", 1 },     { "400", 400 }, { "400M", 400 }, { "400MiB", 400 }, { "1G", 1024 }, { "1.5GiB", 1536 },
        { ".5G", 512 }, { "2.", 2 },    { "", 0 },       { "0", 0 },        { "-1", 0 },    { "1TB", 0 },
        { "1 G", 0 },   { "1GB", 0 },   { "1,5G", 0 },   { "0x10", 0 },     { "inf", 0 },   { ".", 0 },
        { "1e3", 0 },   { "1M1", 0 },   { "1.5.5", 0 },  { "G", 0 },        { NULL, 0 },    { "99999999999G", 0 },
    };
    for (int i = 0; i < COUNT_OF(amounts); i++) {
        udm_error error = { 0 };
        size_t bytes = 7;
        test_at("%s", amounts[i].text ? amounts[i].text : "NULL");
        ck_assert_int_eq(udm_memory_parse(amounts[i].text, &bytes, &error), amounts[i].mib > 0);
        ck_assert_uint_eq(bytes, amounts[i].mib > 0 ? (size_t)(amounts[i].mib * (1 << 20)) : 7);
        if (amounts[i].mib == 0)
            assert_error(&error, UDM_ERROR_SETTINGS, "such as 400M or 1.5G");
    }
}
END_TEST

// What follows no limit says so.
START_TEST(a_limit_that_nothing_follows)
{
    static const char *const films[] = { "tiny-cascade", "tiny-video" };
    udm_model *model = open_model();
    udm_settings settings = settings_for();
    udm_error error = { 0 };
    settings.total_memory = (size_t)8 << 30;
    ck_assert_ptr_null(udm_restorer_open(model, &settings, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "limit to all memory");
    ck_assert_ptr_null(udm_interpolator_open(NULL, &settings, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "limit to all memory");
    ck_assert_ptr_null(udm_deinterlacer_open(&settings, 0, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "limit to all memory");
    ck_assert_ptr_null(udm_analyser_open(&settings, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "limit to all memory");
    udm_model_free(model);
    for (int i = 0; i < COUNT_OF(films); i++) {
        udm_generation generation;
        udm_generation_init(&generation, sizeof generation);
        test_at("%s", films[i]);
        model = golden_model(films[i]);
        ck_assert_ptr_null(udm_generator_open(model, &settings, &generation, &error));
        assert_error(&error, UDM_ERROR_UNSUPPORTED, "limit to all memory");
        udm_model_free(model);
    }
}
END_TEST

START_TEST(headers_and_library_have_one_version)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", UDM_VERSION_MAJOR, UDM_VERSION_MINOR, UDM_VERSION_PATCH);
    ck_assert_str_eq(udm_version(), version);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = the_log_is_told_of_the_device_and_of_scenes },
        { .test = null_is_an_error_that_says_what },
        { .test = structs_may_be_of_another_size },
        { .test = what_a_model_is_for_is_told, .cases = COUNT_OF(purposes) },
        { .test = amounts_of_memory },
        { .test = a_limit_that_nothing_follows },
        { .test = headers_and_library_have_one_version },
    };
    return test_main("api", tests, COUNT_OF(tests));
}
