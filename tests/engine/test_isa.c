// SPDX-License-Identifier: LGPL-2.1-or-later
// The name of a device limits the instruction sets of all that an object runs, and of that object alone.
#include "base/isa.h"

#include "api/restorer.h"
#include "flow/level.h"
#include "golden.h"
#include "interp/kernels/kernels.h"
#include "lists.h"
#include "tensor/convert/convert.h"
#include "testing.h"

enum { SETS = COUNT_OF(instruction_sets), SIDE = 64, ALL = SIDE * SIDE * 3 };

// Whether this machine has it; else the case is skipped.
static bool has(const char *set, udm_isa *isa)
{
    if (udm_isa_find(set, isa, NULL))
        return true;
    test_skip("this processor has no %s", set);
    return false;
}

static const char *device_of(const char *set)
{
    static char name[64];
    snprintf(name, sizeof name, "cpu:%s", set);
    return name;
}

START_TEST(names_of_devices)
{
    udm_isa isa;
    udm_error error = { 0 };
    static const char *const unlimited[] = { "auto", "cpu", "reference", "opencl:0", "cpu:profile" };
    for (int i = 0; i < COUNT_OF(unlimited); i++) {
        ck_assert_msg(udm_device_isa(unlimited[i], &isa, &error), "%s: %s", unlimited[i], error.message);
        ck_assert_int_eq(isa, udm_isa_best());
    }
    ck_assert(udm_device_isa(device_of(instruction_sets[0]), &isa, &error));
    ck_assert_int_eq(isa, UDM_ISA_BASELINE);
    char timed[64];
    snprintf(timed, sizeof timed, "cpu:%s:profile", instruction_sets[0]);
    ck_assert(udm_device_isa(timed, &isa, &error));
    ck_assert_int_eq(isa, UDM_ISA_BASELINE);
    ck_assert(!udm_device_isa("cpu:mmx", &isa, &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND,
                 "no device 'cpu:mmx', as there is no instruction set of that name; have: cpu:");
    ck_assert(!udm_device_isa("cpu:avx2avx2avx2avx2avx2avx2avx2avx2avx2", &isa, &error));
}
END_TEST

// Asked of a process whose UDM_ISA allows the least.
START_TEST(what_is_not_there_is_refused)
{
    udm_isa isa;
    udm_error error = { 0 };
    setenv("UDM_ISA", instruction_sets[0], 1);
    ck_assert_int_eq(udm_isa_best(), UDM_ISA_BASELINE);
    ck_assert(!udm_isa_find("avx512bf16", &isa, &error));
    assert_contains(error.message, "; have: cpu:");
    assert_error(&error, UDM_ERROR_NOT_FOUND, "no device 'cpu:avx512bf16', as ");
    setenv("UDM_ISA", "mmx", 1);
    ck_assert(!udm_isa_find("", &isa, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "UDM_ISA is 'mmx'");
    unsetenv("UDM_ISA");
}
END_TEST

START_TEST(a_pool_chooses_the_kernels)
{
    const char *set = instruction_sets[_i];
    udm_isa isa;
    test_case("%s", set);
    if (!has(set, &isa))
        return;
    udm_pool *pool = udm_pool_new(1, NULL);
    ck_assert_int_eq(udm_pool_isa(pool), udm_isa_best());
    udm_pool_limit(pool, isa);
    ck_assert_str_eq(udm_flow_ops_for(pool)->name, set);
    ck_assert_str_eq(udm_synthesis_ops_for(pool)->name, set);
    ck_assert_str_eq(udm_convert_ops_for(pool)->name, set);
    ck_assert_str_eq(udm_convert_ops_for(NULL)->name, udm_convert_ops_list()[0]->name);
    udm_pool_free(pool);
}
END_TEST

static udm_settings settings_for(const char *device)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = SIDE, settings.channels = 3, settings.device = device, settings.threads = 1,
    settings.lookahead = 0;
    return settings;
}

static udm_model *shipped(const char *name)
{
    char path[4096];
    const char *folder = getenv("UDM_SHIPPED_MODELS");
    udm_error error = { 0 };
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "models", name);
    udm_model *model = udm_model_open(path, &error);
    ck_assert_msg(model, "%s: %s", path, error.message);
    return model;
}

// The three objects, and one that has no network.
static const char *const objects[] = { "denoise", "interp", "digits", "" };
enum { RESTORER, INTERPOLATOR, GENERATOR, MOTION, OBJECTS };

typedef struct opened {
    udm_model *model;
    udm_restorer *restorer;
    udm_interpolator *interpolator;
    udm_generator *generator;
} opened;

static bool open_object(opened *o, int which, const char *device, udm_error *error)
{
    const udm_settings settings = settings_for(device);
    const udm_generation generation = { .size = sizeof generation, .rate = 25 };
    *o = (opened){ .model = *objects[which] ? shipped(objects[which]) : NULL };
    if (which == RESTORER)
        return (o->restorer = udm_restorer_open(o->model, &settings, error)) != NULL;
    if (which == GENERATOR)
        return (o->generator = udm_generator_open(o->model, &settings, &generation, error)) != NULL;
    return (o->interpolator = udm_interpolator_open(o->model, &settings, error)) != NULL;
}

static void close_object(opened *o)
{
    udm_restorer_free(o->restorer);
    udm_interpolator_free(o->interpolator);
    udm_generator_free(o->generator);
    udm_model_free(o->model);
}

static udm_image image_of(uint8_t *bytes)
{
    udm_image image = { .width = SIDE, .height = SIDE, .channels = 3, .bits = 8 };
    for (int c = 0; c < 3; c++)
        image.data[c] = bytes + c, image.stride[c] = SIDE * 3, image.step[c] = 3;
    return image;
}

static void draw(uint8_t *bytes, int frame)
{
    for (int i = 0; i < ALL; i++) {
        const double x = i / 3 % SIDE - 1.3 * frame, y = i / 3 / SIDE;
        bytes[i] = (uint8_t)(128 + 60 * sin(0.3 * x + i % 3) * cos(0.2 * y) + 13 * sin(5.1 * i + frame));
    }
}

// Frame n of any of them.
static void make(const opened *o, int n, uint8_t *bytes)
{
    static uint8_t next[ALL];
    udm_error error = { 0 };
    draw(bytes, n);
    draw(next, n + 1);
    const udm_image image = image_of(bytes), after = image_of(next);
    const udm_frame frame = { .image = &image, .time = 0.1, .number = (uint64_t)n };
    const bool good = o->restorer ? udm_restorer_push(o->restorer, &frame, &error) &&
                                        udm_restorer_pull(o->restorer, &image, &error) == UDM_PULLED_FRAME
                      : o->generator ? udm_generator_make(o->generator, (uint64_t)n, &image, &error)
                                     : udm_interpolator_pair(o->interpolator, &image, &after, 0.04, &error) &&
                                           udm_interpolator_make(o->interpolator, 0.4, (uint64_t)n, &image, &error);
    ck_assert_msg(good, "%s", error.message);
}

static void stats_of(const opened *o, udm_stats *stats)
{
    udm_restorer_stats(o->restorer, stats, sizeof *stats);
    udm_interpolator_stats(o->interpolator, stats, sizeof *stats);
    udm_generator_stats(o->generator, stats, sizeof *stats);
}

START_TEST(an_object_is_limited)
{
    const char *set = instruction_sets[_i % SETS];
    const int which = _i / SETS;
    udm_isa isa;
    test_case("%s, %s", which == MOTION ? "motion" : objects[which], set);
    if (!has(set, &isa))
        return;
    opened o;
    udm_error error = { 0 };
    udm_stats stats = { 0 };
    ck_assert_msg(open_object(&o, which, device_of(set), &error), "%s", error.message);
    stats_of(&o, &stats);
    char want[64];
    snprintf(want, sizeof want, "cpu (%s, 1 thread)", udm_isa_title(isa));
    ck_assert_str_eq(stats.device, want);
    if (which == RESTORER)
        ck_assert_int_eq(udm_pool_isa(o.restorer->pool), isa);
    close_object(&o);
}
END_TEST

// Two objects of one process, in turns, do what each does alone. Networks of SSE2 and AVX2 differ in the last bits.
START_TEST(objects_do_not_limit_each_other)
{
    udm_isa isa;
    test_case("%s", objects[_i]);
    enum { FRAMES = 2 };
    static uint8_t alone[2][FRAMES][ALL], here[ALL];
    opened both[2];
    const char *const devices[] = { instruction_sets[0], instruction_sets[SETS > 1] };
    for (int k = 0; k < 2; k++) {
        if (!has(devices[k], &isa))
            return;
        ck_assert(open_object(&both[k], _i, device_of(devices[k]), NULL));
        for (int n = 0; n < FRAMES; n++)
            make(&both[k], n, alone[k][n]);
        close_object(&both[k]);
    }
    for (int k = 0; k < 2; k++)
        ck_assert(open_object(&both[k], _i, device_of(devices[k]), NULL));
    for (int n = 0; n < FRAMES; n++)
        for (int k = 0; k < 2; k++) {
            make(&both[k], n, here);
            ck_assert_mem_eq(here, alone[k][n], ALL);
        }
    for (int k = 0; k < 2; k++)
        close_object(&both[k]);
}
END_TEST

START_TEST(an_object_says_what_there_is)
{
    opened o;
    udm_error error = { 0 };
    ck_assert(!open_object(&o, _i, "cpu:mmx", &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND,
                 "no device 'cpu:mmx', as there is no instruction set of that name; have: cpu:");
    close_object(&o);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = names_of_devices },
        { .test = what_is_not_there_is_refused },
        { .test = a_pool_chooses_the_kernels, .cases = SETS },
        { .test = an_object_is_limited, .cases = OBJECTS * SETS },
        { .test = objects_do_not_limit_each_other, .cases = OBJECTS },
        { .test = an_object_says_what_there_is, .cases = OBJECTS },
    };
    return test_main("isa", tests, COUNT_OF(tests));
}
