// SPDX-License-Identifier: LGPL-2.1-or-later
// What the opencl backend does beside its operations, which test_ops.c has: names, the cache of programs, faults, and
// times. Skipped where there is no device.
#include "backend/opencl/opencl.h"
#include "backend/trial.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "folder.h"
#include "ops.h"

enum { SKIPPED = 77 };

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
    { 18, 3, 5, 7, 5, 7, 3 },
    { 20, 1, 4, 4, 3, 9, 1 },
};
static const warp_case warp_cases[] = {
    { 3, 9, 21, UDM_LANCZOS_3, 5, true },
    { 1, 4, 6, UDM_BILINEAR, 2, false },
};

typedef float *(*run_case)(udm_device *device, const void *of);

static void compare(udm_device *device, run_case run, const void *of, udm_shape shape)
{
    const size_t count = udm_shape_elements(shape);
    udm_device *reference = udm_device_open("reference", 1, NULL);
    float *want = run(reference, of), *got = run(device, of);
    double worst = 0;
    for (size_t i = 0; i < count; i++)
        worst = fabs(got[i] - want[i]) <= worst ? worst : fabs(got[i] - want[i]);
    CHECK_CLOSE(worst, 0, 1e-4);
    free(want);
    free(got);
    udm_device_close(reference);
}

static void compare_variant(const char *name)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open(name, 0, &error);
    if (!device)
        printf("    %s: %s\n", name, error.message);
    REQUIRE(device);
    for (size_t i = 0; i < sizeof conv_cases / sizeof conv_cases[0]; i++)
        compare(device, run_conv, &conv_cases[i], conv_shape(&conv_cases[i]));
    for (size_t i = 0; i < sizeof patch_cases / sizeof patch_cases[0]; i++) {
        const patch_case *c = &patch_cases[i];
        compare(device, run_observe, c, observe_shape(c));
        compare(device, run_restore, c, (udm_shape){ c->channels + c->beyond, c->height, c->width });
        compare(device, run_shuffle, c, frame_shape(c));
        compare(device, run_copy, c, frame_shape(c));
        compare(device, run_convert, c, frame_shape(c));
        compare(device, run_resample, c, resample_shape(c));
    }
    for (size_t i = 0; i < sizeof norm_cases / sizeof norm_cases[0]; i++)
        compare(device, run_norm, &norm_cases[i], norm_shape(&norm_cases[i]));
    for (size_t i = 0; i < sizeof attention_cases / sizeof attention_cases[0]; i++)
        compare(device, run_attention, &attention_cases[i], attention_shape(&attention_cases[i]));
    for (size_t i = 0; i < sizeof warp_cases / sizeof warp_cases[0]; i++)
        compare(device, run_warp, &warp_cases[i], warp_shape(&warp_cases[i]));
    CHECK(device->ops->finish(device, NULL));
    udm_device_close(device);
}

// Each variant of the kernels, also those that this device would not choose. oclgrind.sh runs this alone.
TEST(small_cases)
{
    compare_variant("opencl:0:vec4");
    compare_variant("opencl:0:vec8");
    compare_variant("opencl:0:vec16");
    compare_variant("opencl:0:gpu");
}

// What `auto` would have to see of a GPU before it takes it.
TEST(stands_the_trial)
{
    static const char *const variants[] = { "opencl:0:vec4", "opencl:0:vec8", "opencl:0:vec16", "opencl:0:gpu" };
    udm_device *processor = udm_device_open("cpu", 1, NULL);
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        udm_error error = { 0 };
        udm_device *device = udm_device_open(variants[i], 0, &error);
        REQUIRE(device);
        udm_trial(device, processor, &error); // how fast it is does not matter here
        if (error.code != UDM_OK)
            CHECK_STRING(error.message, "");
        udm_device_close(device);
    }
    udm_device_close(processor);
}

static void expect_no_device(const char *name, udm_error_code code, const char *says)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open(name, 0, &error);
    CHECK(!device);
    CHECK(error.code == code);
    if (!strstr(error.message, says))
        CHECK_STRING(error.message, says);
    udm_device_close(device);
}

TEST(names)
{
    expect_no_device("opencl:31", UDM_ERROR_NOT_FOUND, "have: opencl:0");
    expect_no_device("opencl:-1", UDM_ERROR_NOT_FOUND, "have: opencl:0");
    expect_no_device("opencl:x", UDM_ERROR_NOT_FOUND, "have: opencl:0");
    expect_no_device("opencl:0:fast", UDM_ERROR_NOT_FOUND, "have: opencl:0");
    expect_no_device("opencl:0x", UDM_ERROR_NOT_FOUND, "have: opencl:0");
    udm_device *device = udm_device_open("opencl", 0, NULL);
    REQUIRE(device);
    CHECK(strncmp(device->name, "opencl (", 8) == 0);
    udm_device_close(device);
}

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

static bool opens(void)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("opencl:0", 1, &error);
    if (!device)
        printf("    %s\n", error.message);
    udm_device_close(device);
    return error.code == UDM_OK;
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
TEST(cache_damaged)
{
    folder cache = new_cache();
    CHECK(opens());
    const char *path = find_cached(&cache);
    REQUIRE(path);
    const long whole = size_of(path);
    CHECK(whole > 1000);
    REQUIRE(truncate(path, whole / 2) == 0);
    CHECK(opens());
    CHECK(size_of(path) == whole);
    const int byte = byte_at(path, whole - 100, true);
    CHECK(opens());
    CHECK(byte_at(path, whole - 100, false) == byte);
    folder_free(&cache);
}

// A sound entry of what the driver takes for no program: the same.
TEST(cache_refused)
{
    enum { HEADER = 32, KEY_BYTES_AT = 8 };
    folder cache = new_cache();
    CHECK(opens());
    const char *path = find_cached(&cache);
    REQUIRE(path);
    const long whole = size_of(path);
    FILE *file = fopen(path, "rb");
    uint64_t key_bytes = 0;
    fseek(file, KEY_BYTES_AT, SEEK_SET);
    REQUIRE(fread(&key_bytes, sizeof key_bytes, 1, file) == 1 && (long)key_bytes < whole);
    char *key = calloc(1, key_bytes + 1);
    fseek(file, HEADER, SEEK_SET);
    CHECK(fread(key, key_bytes, 1, file) == 1);
    fclose(file);
    udm_opencl_cache_write(key, (const unsigned char *)"no program", 10);
    const long refused = size_of(path);
    CHECK(refused < whole);
    CHECK(opens());
    CHECK(size_of(path) > refused + 1000); // not always the same: what PoCL has cached itself goes into it
    free(key);
    folder_free(&cache);
}

TEST(cache_entries)
{
    folder cache = new_cache();
    const unsigned char binary[] = "what a driver built";
    size_t bytes = 0;
    CHECK(udm_opencl_cache_read("a key", &bytes) == NULL);
    udm_opencl_cache_write("a key", binary, sizeof binary);
    unsigned char *read = udm_opencl_cache_read("a key", &bytes);
    REQUIRE(read);
    CHECK(bytes == sizeof binary && memcmp(read, binary, bytes) == 0);
    free(read);
    CHECK(udm_opencl_cache_read("b key", &bytes) == NULL);

    // As if the other key had the same hash.
    char one[PATH_MAX], other[PATH_MAX];
    REQUIRE(udm_opencl_cache_path("a key", one, sizeof one) && udm_opencl_cache_path("b key", other, sizeof other));
    CHECK(rename(one, other) == 0);
    CHECK(udm_opencl_cache_read("b key", &bytes) == NULL);
    folder_free(&cache);
}

// No room and no folder: nothing is kept, nothing is left, and the device opens.
TEST(cache_without_room)
{
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
    CHECK(udm_opencl_cache_read("a key", &bytes) == NULL);
    CHECK(rmdir(folder_path(&cache, "udm")) == 0); // it is empty
    folder_free(&cache);

    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    CHECK(opens());
}

TEST(build_failure)
{
    udm_error error = { 0 };
    udm_opencl_device *cl = (udm_opencl_device *)udm_device_open("opencl:0", 1, NULL);
    REQUIRE(cl);
    CHECK(!udm_opencl_build(cl, "kernel void broken(global float *to) { to[0] = nothing; }", &error));
    CHECK(error.code == UDM_ERROR_DEVICE);
    CHECK(strstr(error.message, "nothing"));
    error = (udm_error){ 0 };
    CHECK(!udm_opencl_build(cl, "kernel void lonely(global float *to) { to[0] = 1; }", &error));
    CHECK(strstr(error.message, "a kernel is missing"));
    udm_device_close(&cl->device);
}

TEST(too_much_memory)
{
    udm_device *device = udm_device_open("opencl:0", 1, NULL);
    REQUIRE(device);
    udm_error error = { 0 };
    CHECK(!device->ops->alloc(device, SIZE_MAX, &error));
    CHECK(error.code == UDM_ERROR_MEMORY && strstr(error.message, "MiB of memory"));
    CHECK(device->ops->finish(device, NULL)); // it is no fault of the device
    udm_device_close(device);
}

// A buffer that is gone: the first fault is what finish() says, and what follows does nothing.
TEST(fault)
{
    udm_device *device = udm_device_open("opencl:0", 1, NULL);
    REQUIRE(device);
    const udm_shape shape = { 3, 4, 5 };
    udm_tensor a = blank_tensor(device, shape, UDM_PLANAR), b = blank_tensor(device, shape, UDM_PLANAR);
    const cl_mem kept = a.memory->pieces[0];
    a.memory->pieces[0] = NULL;
    device->ops->copy(device, &b, &a);
    a.memory->pieces[0] = kept;
    device->ops->clear(device, b.memory, 4);
    udm_error error = { 0 };
    CHECK(!device->ops->finish(device, &error));
    CHECK(error.code == UDM_ERROR_DEVICE);
    CHECK(strstr(error.message, "\"copy\""));
    free(run_conv(device, &small)); // goes nowhere
    CHECK(!device->ops->finish(device, &error));
    tensor_free(device, &a);
    tensor_free(device, &b);
    udm_device_close(device);
}

static void note_kernel(void *context, const char *kernel, const udm_timing *timing)
{
    if (strcmp(kernel, "upload") == 0 || strcmp(kernel, "download") == 0)
        return;
    CHECK(strncmp(kernel, "conv_", 5) == 0);
    CHECK(timing->runs == 2);
    CHECK(timing->ms > 0);
    *(int *)context += 1;
}

TEST(profile)
{
    udm_device *device = udm_device_open("opencl:0:profile", 0, NULL);
    REQUIRE(device);
    free(run_conv(device, &small));
    free(run_conv(device, &small));
    int kernels = 0;
    device->ops->profile(device, note_kernel, &kernels);
    CHECK(kernels == 1);
    udm_device_close(device);
}

int main(int argc, char **argv)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("opencl", 1, &error);
    if (!device && error.code == UDM_ERROR_NOT_FOUND) {
        printf("skip: %s\n", error.message);
        return SKIPPED;
    }
    udm_device_close(device);
    return check_run(argc, argv);
}
