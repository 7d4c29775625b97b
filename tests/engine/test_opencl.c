// SPDX-License-Identifier: LGPL-2.1-or-later
// What the opencl backend does beside its operations, which test_ops.c has: names, the cache of programs, faults, and
// times. Skipped where there is no device.
#include "backend/opencl/half.h"
#include "backend/opencl/opencl.h"
#include "backend/trial.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare.h"
#include "folder.h"
#include "needs_opencl.h"
#include "ops.h"

static const conv_case small = { 1, { 20 }, 36, 3, 1, 1, 9, 13, UDM_SILU, true, NO_RESIDUAL, 0 };

// Few, since oclgrind is a hundred times slower, but with every edge: partial tiles, blocks, groups and batches.
static const conv_case conv_cases[] = {
    { 1, { 20 }, 36, 3, 1, 1, 9, 13, UDM_SILU, true, NO_RESIDUAL, 0 },
    { 2, { 17, 3 }, 12, 3, 1, 1, 6, 5, UDM_RELU, true, IN_PLACE, 0 },
    { 1, { 18 }, 20, 2, 2, 0, 8, 10, UDM_LINEAR, true, NO_RESIDUAL, 0 },
    { 3, { 5, 16, 1 }, 49, 1, 1, 0, 7, 11, UDM_LINEAR, false, RESIDUAL, 0 },
    { 1, { 4 }, 70, 3, 2, 1, 7, 9, UDM_LINEAR, true, NO_RESIDUAL, 0 },
};
static const patch_case patch_cases[] = {
    { .channels = 3, .height = 6, .width = 10, .patch = 2, .addend = true },
    { .channels = 17, .height = 4, .width = 6, .patch = 1, .beyond = 1 },
};

static const norm_case norm_cases[] = {
    { 1, { 20 }, 5, 6, 7, UDM_EMBED_ADD, 3, UDM_SILU, 0 },
    { 2, { 12, 8 }, 4, 25, 23, UDM_EMBED_SCALE, 1, UDM_LINEAR, 1 },
    { 3, { 16, 32, 3 }, 3, 3, 5, UDM_EMBED_NONE, 0, UDM_RELU, 0 },
};
static const attention_case attention_cases[] = {
    { 18, 3, 5, 7, 5, 7, 3, false },
    { 20, 1, 4, 4, 3, 9, 1, false },
};
static const layer_norm_case layer_norm_cases[] = { { 3, 2, 3, 0 }, { 84, 3, 5, 1 } };
static const warp_case warp_cases[] = {
    { 3, 9, 21, UDM_LANCZOS_3, 5, true },
    { 1, 4, 6, UDM_BILINEAR, 2, false },
};

// NULL, and a skip, where there is no device at all, or it lacks the variant.
static udm_device *open_opencl(const char *name, int threads)
{
    udm_error error = { 0 };
    if (lacks_opencl())
        return NULL;
    udm_device *device = udm_device_open(name, threads, &error);
    if (error.code == UDM_ERROR_UNSUPPORTED)
        test_skip("%s", error.message);
    else
        ck_assert_msg(device, "%s: %s", name, error.message);
    return device;
}

typedef float *(*run_case)(udm_device *device, const void *of);

typedef struct two_devices {
    udm_device *device, *other;
    double tolerance;
} two_devices;

static void compare(const two_devices *both, const char *label, int number, run_case run, const void *of,
                    udm_shape shape)
{
    float *want = run(both->other, of), *got = run(both->device, of);
    test_at("%s, case %d", label, number);
    assert_close(got, want, udm_shape_elements(shape), both->tolerance);
    free(want);
    free(got);
}

static void compare_small_cases(const two_devices *both)
{
    for (int i = 0; i < COUNT_OF(conv_cases); i++)
        compare(both, "conv", i, run_conv, &conv_cases[i], conv_shape(&conv_cases[i]));
    for (int i = 0; i < COUNT_OF(patch_cases); i++) {
        const patch_case *c = &patch_cases[i];
        compare(both, "observe", i, run_observe, c, observe_shape(c));
        compare(both, "restore", i, run_restore, c, restore_shape(c));
        compare(both, "shuffle_add", i, run_shuffle, c, frame_shape(c));
        compare(both, "copy", i, run_copy, c, frame_shape(c));
        compare(both, "copy between layouts", i, run_convert, c, frame_shape(c));
        compare(both, "resample", i, run_resample, c, resample_shape(c));
    }
    for (int i = 0; i < COUNT_OF(norm_cases); i++)
        compare(both, "norm", i, run_norm, &norm_cases[i], norm_shape(&norm_cases[i]));
    for (int i = 0; i < COUNT_OF(attention_cases); i++)
        compare(both, "attention", i, run_attention, &attention_cases[i], attention_shape(&attention_cases[i]));
    for (int i = 0; i < COUNT_OF(layer_norm_cases); i++)
        compare(both, "layer norm", i, run_layer_norm, &layer_norm_cases[i], layer_norm_shape(&layer_norm_cases[i]));
    for (int i = 0; i < COUNT_OF(warp_cases); i++)
        compare(both, "warp", i, run_warp, &warp_cases[i], warp_shape(&warp_cases[i]));
    ck_assert(both->device->ops->finish(both->device, NULL));
}

static const char *const variants[] = { "opencl:0:vec4", "opencl:0:vec8",  "opencl:0:vec16", "opencl:0:gpu",
                                        "opencl:0:gpu8", "opencl:0:gpu16", "opencl:0:gpu32" };

// Each variant of the kernels, also those that this device would not choose. oclgrind.sh runs this alone.
START_TEST(small_cases)
{
    test_case("%s", variants[_i]);
    two_devices both = { .device = open_opencl(variants[_i], 0), .tolerance = 5e-5 };
    if (!both.device)
        return;
    both.other = udm_device_open("reference", 1, NULL);
    compare_small_cases(&both);
    udm_device_close(both.other);
    udm_device_close(both.device);
}
END_TEST

static const char *const with_sub_groups[] = { "opencl:0:gpu8", "opencl:0:gpu16", "opencl:0:gpu32" };

// What goes from register to register comes out as what goes through local memory.
START_TEST(sub_groups_change_nothing)
{
    test_case("%s", with_sub_groups[_i]);
    two_devices both = { .device = open_opencl(with_sub_groups[_i], 0), .tolerance = 1e-5 };
    if (!both.device)
        return;
    both.other = open_opencl("opencl:0:gpu", 0);
    ck_assert_int_gt(udm_opencl_of(both.device)->sub_group, 0);
    ck_assert_int_eq(udm_opencl_of(both.other)->sub_group, 0);
    compare_small_cases(&both);
    static const conv_case large = { 2, { 40, 24 }, 72, 3, 1, 1, 37, 41, UDM_SILU, true, RESIDUAL, 0 };
    static const attention_case heads = { 80, 2, 9, 11, 12, 7, 2, true };
    static const norm_case groups = { 2, { 40, 24 }, 8, 61, 47, UDM_EMBED_SCALE, 1, UDM_SILU, 0 };
    compare(&both, "conv", -1, run_conv, &large, conv_shape(&large));
    compare(&both, "attention", -1, run_attention, &heads, attention_shape(&heads));
    compare(&both, "norm", -1, run_norm, &groups, norm_shape(&groups));
    udm_device_close(both.other);
    udm_device_close(both.device);
}
END_TEST

// What `auto` would have to see of a GPU before it takes it.
START_TEST(stands_the_trial)
{
    test_case("%s", variants[_i]);
    udm_error error = { 0 };
    udm_device *device = open_opencl(variants[_i], 0);
    if (!device)
        return;
    udm_device *processor = udm_device_open("cpu", 1, NULL);
    udm_trial(device, processor, &error); // how fast it is does not matter here
    ck_assert_msg(error.code == UDM_OK, "%s", error.message);
    udm_device_close(device);
    udm_device_close(processor);
}
END_TEST

// All halves there are, what lies between two, and what there is beyond.
START_TEST(halves)
{
    for (int bits = 0; bits < 0x7c00; bits++) {
        const float value = udm_from_half((uint16_t)bits), next = udm_from_half((uint16_t)(bits + 1));
        ck_assert_uint_eq(udm_to_half(value), bits);
        ck_assert_uint_eq(udm_to_half(-value), bits | 0x8000);
        if (bits == 0x7bff)
            break;
        ck_assert_uint_eq(udm_to_half((value + next) / 2), bits + bits % 2);
        ck_assert_uint_eq(udm_to_half(nextafterf((value + next) / 2, 0)), bits);
        ck_assert_uint_eq(udm_to_half(nextafterf((value + next) / 2, next)), bits + 1);
    }
    ck_assert_float_eq(udm_from_half(0x3c00), 1);
    ck_assert_float_eq(udm_from_half(0xc100), -2.5f);
    ck_assert_float_eq(udm_from_half(udm_to_half(1e6f)), 65504);
    ck_assert_float_eq(udm_from_half(udm_to_half(-INFINITY)), -65504);
    ck_assert(isnan(udm_from_half(udm_to_half(NAN))));
    ck_assert(isinf(udm_from_half(0x7c00)));
}
END_TEST

// Half of the bytes; larger than the largest half is that; and f32 again afterwards. A processor computes in f16 only
// where it is asked to.
START_TEST(precisions)
{
    udm_error error = { 0 };
    udm_device *device = open_opencl("opencl:0", 0);
    if (!device)
        return;
    const udm_shape shape = { 16, 3, 5 };
    const udm_opencl_device *cl = udm_opencl_of(device);
    const size_t bytes = device->ops->bytes(device, shape, UDM_FEATURES), count = udm_shape_elements(shape);
    assert_ok(device->ops->set_precision(device, UDM_PRECISION_AUTO, &error), &error);
    ck_assert(!cl->half);
    assert_ok(device->ops->set_precision(device, UDM_PRECISION_F16, &error), &error);
    assert_contains(device->name, "units, f16)");
    ck_assert_uint_eq(device->ops->bytes(device, shape, UDM_FEATURES), bytes / 2);
    ck_assert_uint_eq(device->ops->bytes(device, shape, UDM_PLANAR), bytes);
    float values[16 * 3 * 5], got[16 * 3 * 5];
    for (size_t i = 0; i < count; i++)
        values[i] = i % 2 ? 300 : -400;
    udm_tensor a = tensor_new(device, shape, UDM_FEATURES, values), b = blank_tensor(device, shape, UDM_FEATURES);
    device->ops->multiply(device, &b, &a, &a);
    device->ops->download(device, &(float *){ got }, &b, 1);
    assert_ok(device->ops->finish(device, &error), &error);
    for (size_t i = 0; i < count; i++)
        ck_assert_float_eq(got[i], 65504);
    tensor_free(device, &a);
    tensor_free(device, &b);
    ck_assert(!device->ops->set_precision(device, UDM_PRECISION_BF16, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "set precision to f32, f16 or auto, or device to cpu");
    assert_ok(device->ops->set_precision(device, UDM_PRECISION_F32, &error), &error);
    ck_assert_uint_eq(device->ops->bytes(device, shape, UDM_FEATURES), bytes);
    udm_device_close(device);
}
END_TEST

// The one program in a cache of its own, NULL where there is none.
static const char *find_cached(const folder *cache)
{
    static char path[512];
    char command[320];
    snprintf(command, sizeof command, "ls %s/udm/opencl-*", cache->path);
    FILE *names = popen(command, "r");
    bool found = names && fgets(path, sizeof path, names);
    if (names)
        pclose(names);
    path[strcspn(path, "\n")] = 0;
    return found ? path : NULL;
}

static folder new_cache(void)
{
    folder cache = folder_new();
    setenv("XDG_CACHE_HOME", cache.path, 1);
    return cache;
}

static void check_choice(udm_opencl_device *cl, int sub_group, int pixels)
{
    udm_opencl_choose_sub_group(cl);
    ck_assert_int_eq(cl->sub_group, sub_group);
    ck_assert_int_eq(cl->pixels, pixels);
}

// What was found once is kept, and what cannot be is looked for again. Without sub-groups nothing is looked for.
START_TEST(sub_groups_are_chosen)
{
    udm_device *device = open_opencl("opencl:0", 0);
    if (!device)
        return;
    udm_opencl_device *cl = udm_opencl_of(device);
    folder cache = new_cache();
    cl->lanes = 0;
    udm_opencl_choose_sub_group(cl);
    if (!udm_opencl_offers(cl, 16)) {
        ck_assert_int_eq(cl->sub_group, 0);
        ck_assert_ptr_null(find_cached(&cache));
    } else {
        char *key = udm_opencl_key(cl, "sub-groups", udm_opencl_source());
        const int found = cl->sub_group, pixels = cl->pixels;
        ck_assert(found == 0 || (udm_opencl_offers(cl, found) && pixels > 0));
        check_choice(cl, found, pixels);
        udm_opencl_cache_write(key, (const unsigned char *)"16 16", 5);
        check_choice(cl, 16, 16);
        udm_opencl_cache_write(key, (const unsigned char *)"17 16", 5);
        udm_opencl_choose_sub_group(cl);
        ck_assert_int_ne(cl->sub_group, 17);
        setenv("XDG_CACHE_HOME", "/dev/null", 1);
        check_choice(cl, 16, UDM_CL_PIXELS); // Intel's, whose driver it is here
        free(key);
    }
    folder_free(&cache);
    udm_device_close(device);
}
END_TEST

static const char *const unknown[] = { "opencl:31", "opencl:-1", "opencl:x", "opencl:0:fast", "opencl:0x" };

START_TEST(names_that_there_are_not)
{
    test_case("%s", unknown[_i]);
    udm_error error = { 0 };
    if (lacks_opencl())
        return;
    ck_assert_ptr_null(udm_device_open(unknown[_i], 0, &error));
    assert_error(&error, UDM_ERROR_NOT_FOUND, "have: opencl:0");
}
END_TEST

START_TEST(the_name_of_a_device)
{
    udm_device *device = open_opencl("opencl", 0);
    if (!device)
        return;
    assert_begins(device->name, "opencl (");
    udm_device_close(device);
}
END_TEST

static void check_opens(void)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("opencl:0", 1, &error);
    ck_assert_msg(device, "%s", error.message);
    udm_device_close(device);
}

// A byte of the file; it is changed if asked for.
static int byte_at(const char *path, long at, bool change)
{
    FILE *file = fopen(path, "r+b");
    int byte = -1;
    if (file && fseek(file, at, SEEK_SET) == 0)
        byte = fgetc(file);
    if (change && byte >= 0 && fseek(file, at, SEEK_SET) == 0)
        fputc(byte ^ 1, file);
    if (file)
        fclose(file);
    return byte;
}

static long size_of(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? (long)about.st_size : -1;
}

// A program that is cut, or has another byte, is built again, and the file is whole afterwards.
START_TEST(cache_damaged)
{
    if (lacks_opencl())
        return;
    folder cache = new_cache();
    check_opens();
    const char *path = find_cached(&cache);
    ck_assert_ptr_nonnull(path);
    const long whole = size_of(path);
    ck_assert_int_gt(whole, 1000);
    ck_assert_int_eq(truncate(path, whole / 2), 0);
    check_opens();
    ck_assert_int_eq(size_of(path), whole);
    const int byte = byte_at(path, whole - 100, true);
    check_opens();
    ck_assert_int_eq(byte_at(path, whole - 100, false), byte);
    folder_free(&cache);
}
END_TEST

// True, and a skip, for a driver that ends the process where a program is none; only a damaged driver makes such.
static bool aborts_on_damage(void)
{
    char name[64] = "";
    cl_platform_id platform = NULL;
    clGetPlatformIDs(1, &platform, NULL);
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    const bool aborts = strcmp(name, "rusticl") == 0;
    if (aborts)
        test_skip("rusticl of Mesa 22.3 aborts");
    return aborts;
}

// A sound entry of what the driver takes for no program: the same.
START_TEST(cache_refused)
{
    if (lacks_opencl() || aborts_on_damage())
        return;
    enum { HEADER = 32, KEY_BYTES_AT = 8 };
    folder cache = new_cache();
    check_opens();
    const char *path = find_cached(&cache);
    ck_assert_ptr_nonnull(path);
    const long whole = size_of(path);
    FILE *file = fopen(path, "rb");
    uint64_t key_bytes = 0;
    fseek(file, KEY_BYTES_AT, SEEK_SET);
    ck_assert_uint_eq(fread(&key_bytes, sizeof key_bytes, 1, file), 1);
    ck_assert_int_lt((long)key_bytes, whole);
    char *key = calloc(1, key_bytes + 1);
    fseek(file, HEADER, SEEK_SET);
    ck_assert_uint_eq(fread(key, key_bytes, 1, file), 1);
    fclose(file);
    udm_opencl_cache_write(key, (const unsigned char *)"no program", 10);
    const long refused = size_of(path);
    ck_assert_int_lt(refused, whole);
    check_opens();
    ck_assert_int_gt(size_of(path), refused + 1000); // not always the same: what PoCL has cached itself goes into it
    free(key);
    folder_free(&cache);
}
END_TEST

START_TEST(cache_entries)
{
    folder cache = new_cache();
    const unsigned char binary[] = "what a driver built";
    size_t bytes = 0;
    ck_assert_ptr_null(udm_opencl_cache_read("a key", &bytes));
    udm_opencl_cache_write("a key", binary, sizeof binary);
    unsigned char *read = udm_opencl_cache_read("a key", &bytes);
    ck_assert_ptr_nonnull(read);
    ck_assert_uint_eq(bytes, sizeof binary);
    assert_same(read, binary, bytes);
    free(read);
    ck_assert_ptr_null(udm_opencl_cache_read("b key", &bytes));

    // As if the other key had the same hash.
    char one[PATH_MAX], other[PATH_MAX];
    ck_assert(udm_opencl_cache_path("a key", one, sizeof one));
    ck_assert(udm_opencl_cache_path("b key", other, sizeof other));
    ck_assert_int_eq(rename(one, other), 0);
    ck_assert_ptr_null(udm_opencl_cache_read("b key", &bytes));
    folder_free(&cache);
}
END_TEST

// No room and no folder: nothing is kept, nothing is left, and the device opens.
START_TEST(cache_without_room)
{
    if (lacks_opencl())
        return;
    folder cache = new_cache();
    struct rlimit before, tight;
    unsigned char *large = calloc(1, 1 << 20);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &tight);
    udm_opencl_cache_write("a key", large, 1 << 20);
    setrlimit(RLIMIT_FSIZE, &before);
    free(large);
    size_t bytes;
    ck_assert_ptr_null(udm_opencl_cache_read("a key", &bytes));
    ck_assert_int_eq(rmdir(folder_path(&cache, "udm")), 0); // it is empty
    folder_free(&cache);

    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    check_opens();
}
END_TEST

START_TEST(build_failure)
{
    udm_error error = { 0 };
    udm_device *device = open_opencl("opencl:0", 1);
    udm_opencl_device *cl = (udm_opencl_device *)device;
    if (!device)
        return;
    ck_assert(!udm_opencl_build(cl, "kernel void broken(global float *to) { to[0] = nothing; }", &error));
    assert_error(&error, UDM_ERROR_DEVICE, "nothing");
    ck_assert(!udm_opencl_build(cl, "kernel void lonely(global float *to) { to[0] = 1; }", &error));
    assert_error(&error, UDM_ERROR_DEVICE, "a kernel is missing");
    udm_device_close(device);
}
END_TEST

START_TEST(too_much_memory)
{
    udm_device *device = open_opencl("opencl:0", 1);
    if (!device)
        return;
    udm_error error = { 0 };
    ck_assert_ptr_null(device->ops->alloc(device, SIZE_MAX, &error));
    assert_error(&error, UDM_ERROR_MEMORY, "MiB of memory");
    ck_assert(device->ops->finish(device, NULL)); // it is no fault of the device
    udm_device_close(device);
}
END_TEST

// A buffer that is gone: the first fault is what finish() says, and what follows does nothing.
START_TEST(fault)
{
    udm_device *device = open_opencl("opencl:0", 1);
    if (!device)
        return;
    const udm_shape shape = { 3, 4, 5 };
    udm_tensor a = blank_tensor(device, shape, UDM_PLANAR), b = blank_tensor(device, shape, UDM_PLANAR);
    const cl_mem kept = a.memory->pieces[0];
    a.memory->pieces[0] = NULL;
    device->ops->copy(device, &b, &a);
    a.memory->pieces[0] = kept;
    device->ops->clear(device, b.memory, 4);
    udm_error error = { 0 };
    ck_assert(!device->ops->finish(device, &error));
    assert_error(&error, UDM_ERROR_DEVICE, "\"copy\"");
    free(run_conv(device, &small)); // goes nowhere
    ck_assert(!device->ops->finish(device, &error));
    assert_error(&error, UDM_ERROR_DEVICE, "\"copy\"");
    tensor_free(device, &a);
    tensor_free(device, &b);
    udm_device_close(device);
}
END_TEST

typedef struct profiled {
    udm_timing convs, products, memory;
    int others;
} profiled;

static void note_timing(void *context, const char *operation, const udm_timing *timing)
{
    profiled *p = context;
    ck_assert_double_gt(timing->ms, 0);
    if (strcmp(operation, UDM_PEAK_PRODUCTS) == 0)
        p->products = *timing;
    else if (strcmp(operation, UDM_PEAK_MEMORY) == 0)
        p->memory = *timing;
    else if (strncmp(operation, "conv 3x3, 20 to 36, 13x9", 24) == 0)
        p->convs = *timing;
    else if (strcmp(operation, "upload") != 0 && strcmp(operation, "download") != 0)
        p->others++;
}

static const char *const profiling[] = { "opencl:0:profile", "opencl:0:gpu:profile" };

// What was multiplied, and what the device could do; measuring that is not among what it did.
START_TEST(profile)
{
    test_case("%s", profiling[_i]);
    udm_device *device = open_opencl(profiling[_i], 0);
    if (!device)
        return;
    free(run_conv(device, &small));
    free(run_conv(device, &small));
    for (int turn = 0; turn < 2; turn++) {
        profiled p = { .others = 0 };
        device->ops->profile(device, note_timing, &p);
        ck_assert_int_eq(p.convs.runs, 2);
        ck_assert_int_eq(p.others, 0);
        ck_assert_double_gt(p.convs.bytes, 0);
        // 12 tiles of Winograd's products, or a GPU's two blocks of inputs for each tap; three blocks of outputs
        ck_assert_double_eq(p.convs.flops, _i ? 2. * 2 * 117 * 9 * 32 * 48 : 2. * 2 * 12 * 36 * 20 * 48);
        ck_assert_double_gt(p.products.flops, 0);
        ck_assert_double_gt(p.memory.bytes, 0);
    }
    udm_device_close(device);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = small_cases, .cases = COUNT_OF(variants) },
        { .test = sub_groups_change_nothing, .cases = COUNT_OF(with_sub_groups) },
        { .test = stands_the_trial, .cases = COUNT_OF(variants) },
        { .test = halves },
        { .test = precisions },
        { .test = sub_groups_are_chosen },
        { .test = names_that_there_are_not, .cases = COUNT_OF(unknown) },
        { .test = the_name_of_a_device },
        { .test = cache_damaged },
        { .test = cache_refused },
        { .test = cache_entries },
        { .test = cache_without_room },
        { .test = build_failure },
        { .test = too_much_memory },
        { .test = fault },
        { .test = profile, .cases = COUNT_OF(profiling) },
    };
    return test_main("opencl", tests, COUNT_OF(tests));
}
