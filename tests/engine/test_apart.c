// SPDX-License-Identifier: LGPL-2.1-or-later
// The trial of an accelerator whose driver crashes, hangs or fails (tests/drivers/faulty.c): the application lives, its
// frames are those of the processor, and the warning names the device.
#include "backend/apart.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "folder.h"
#include "golden.h"
#include "udm/udm.h"

enum { W = 37, H = 22, BYTES = W * H * 3, FRAMES = 12 };

typedef uint8_t picture[BYTES];

// From now on the one driver there is.
static void use_driver(const folder *vendors, const char *fault)
{
    folder_write_text(vendors, "faulty.icd", getenv("UDM_FAULTY_DRIVER"));
    setenv("OCL_ICD_VENDORS", vendors->path, 1);
    if (fault)
        setenv("UDM_FAULT", fault, 1);
}

// `auto` with such a driver, whose warning is copied, or is empty.
static char *open_auto(const char *fault, char name[UDM_DEVICE_NAME_ROOM])
{
    static char warning[sizeof((udm_device *)NULL)->warning];
    const folder vendors = folder_new();
    udm_error error = { 0 };
    use_driver(&vendors, fault);
    udm_device *device = udm_device_open("auto", 1, &error);
    ck_assert_msg(device, "%s", error.message);
    snprintf(warning, sizeof warning, "%s", device->warning);
    snprintf(name, UDM_DEVICE_NAME_ROOM, "%s", device->name);
    udm_device_close(device);
    folder_free(&vendors);
    return warning;
}

// True, and a skip, where the driver has no PoCL to compute for it.
static bool lacks_pocl(void)
{
    const bool lacks = !dlopen("libpocl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (lacks)
        test_skip("there is no libpocl.so.2, which computes for the driver");
    return lacks;
}

START_TEST(a_driver_that_works)
{
    char name[UDM_DEVICE_NAME_ROOM];
    if (lacks_pocl())
        return;
    ck_assert_str_eq(open_auto(NULL, name), "");
    ck_assert_str_eq(name, "opencl (Faulty 3000, 1 units)");
}
END_TEST

static const struct {
    const char *fault, *warning;
    bool needs_pocl;
} faults[] = {
    { "crash load", "opencl:gpu: its driver crashed while it was loaded (Segmentation fault). ", false },
    { "hang load", "opencl:gpu: its driver hung while it was loaded, which was stopped after 2 seconds. ", false },
    { "leave load", "opencl:gpu: its driver crashed while it was loaded (its process ended). ", false },
    { "crash clCreateContext", "opencl (Faulty 3000, ", true },
    { "crash clBuildProgram", "units): its driver crashed in a trial (Segmentation fault). ", true },
    { "hang clBuildProgram", "units): its driver hung in a trial, which was stopped after 20 seconds. ", true },
    { "leave clBuildProgram", "units): its driver crashed in a trial (its process ended). ", true },
    { "crash clEnqueueNDRangeKernel 7", "units): its driver crashed in a trial (Segmentation fault). ", true },
    { "hang clFinish 2", "opencl (Faulty 3000, ", true },
    { "error clCreateContext", "opencl (Faulty 3000, 1 units) cannot be opened: out of resources", true },
    { "error clCreateBuffer", "opencl (Faulty 3000, 1 units) cannot be opened: out of resources", true },
    { "lost clBuildProgram", "opencl (Faulty 3000, 1 units): the kernels could not be built", true },
    { "error clEnqueueNDRangeKernel", "opencl (Faulty 3000, 1 units) failed in \"observe\": out of res", true },
    { "error clEnqueueNDRangeKernel 12", "opencl (Faulty 3000, 1 units) failed in ", true },
    { "error clEnqueueMapBuffer 3", "opencl (Faulty 3000, 1 units) failed in \"upload\": out of res", true },
    { "lost clFinish 2", "opencl (Faulty 3000, 1 units) failed in \"finish\": out of resources", true },
};

START_TEST(breaks)
{
    char name[UDM_DEVICE_NAME_ROOM];
    test_case("%s", faults[_i].fault);
    if (faults[_i].needs_pocl && lacks_pocl())
        return;
    if (strncmp(faults[_i].fault, "hang", 4) == 0) // on a slow machine it is to get as far as to where it hangs
        udm_trial_seconds = strstr(faults[_i].fault, "load") ? 2 : 20;
    const char *warning = open_auto(faults[_i].fault, name);
    assert_begins(name, "cpu (");
    assert_contains(warning, faults[_i].warning);
    assert_contains(warning, "Continuing on cpu (");
}
END_TEST

// The first verdict holds for the process; nothing is loaded, run or waited for again.
START_TEST(tried_once)
{
    char name[UDM_DEVICE_NAME_ROOM];
    ck_assert_str_ne(open_auto("crash load", name), "");
    setenv("UDM_TRIAL", "/nowhere", 1);
    assert_contains(open_auto("crash load", name), "its driver crashed while it was loaded");
    assert_begins(name, "cpu (");
}
END_TEST

static const char *const cannot_run[] = { "/nowhere", "/dev/null", "/bin/false", "/bin/true" };

// Where the program cannot be run, or does not get as far as to say a word, the trial is done here.
START_TEST(no_program)
{
    char name[UDM_DEVICE_NAME_ROOM];
    test_case("%s", cannot_run[_i]);
    if (lacks_pocl())
        return;
    setenv("UDM_TRIAL", cannot_run[_i], 1);
    assert_contains(open_auto("error clEnqueueNDRangeKernel 12", name), "opencl (Faulty 3000, 1 units) failed in ");
    assert_begins(name, "cpu (");
    unsetenv("UDM_FAULT");
    ck_assert_str_eq(open_auto(NULL, name), "");
    assert_begins(name, "opencl (Faulty 3000");
}
END_TEST

// An application that ignores the ends of its children, and has a low pipe where standard output was.
START_TEST(an_application_of_its_own_ways)
{
    char name[UDM_DEVICE_NAME_ROOM];
    signal(SIGCHLD, SIG_IGN);
    const int out = dup(STDOUT_FILENO);
    close(STDIN_FILENO), close(STDOUT_FILENO);
    const char *warning = open_auto("crash load", name);
    dup2(out, STDOUT_FILENO);
    assert_contains(warning, "opencl:gpu: its driver crashed while it was loaded (its process ended). ");
}
END_TEST

static udm_image image_of(uint8_t *pixels)
{
    udm_image image = { .width = W, .height = H, .channels = 3, .bits = 8 };
    for (int c = 0; c < 3; c++)
        image.data[c] = pixels + c, image.stride[c] = W * 3, image.step[c] = 3;
    return image;
}

// All frames of a stream; what it says of itself in the end.
static udm_stats run_stream(const char *device, picture out[FRAMES])
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_stats stats;
    udm_model *model = golden_model("tiny-temporal");
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.threads = 1, settings.device = device, settings.lookahead = 0;
    udm_restorer *stream = udm_restorer_open(model, &settings, &error);
    ck_assert_msg(stream, "%s", error.message);
    for (int n = 0; n < FRAMES; n++) {
        picture pixels;
        const udm_image from = image_of(pixels), to = image_of(out[n]);
        for (int i = 0; i < BYTES; i++)
            pixels[i] = (uint8_t)(128 + 60 * sin(0.1 * (i / 3 % W + n)) + (i * 2654435761u + n * 40503u) % 31);
        const udm_frame frame = { .image = &from, .time = 0.2, .number = n };
        test_at("frame %d on %s", n, device);
        assert_ok(udm_restorer_push(stream, &frame, &error), &error);
        assert_ok(udm_restorer_pull(stream, &to, &error) == UDM_PULLED_FRAME, &error);
    }
    udm_restorer_stats(stream, &stats, sizeof stats);
    udm_restorer_free(stream);
    udm_model_free(model);
    return stats;
}

static const struct {
    const char *fault, *failed; // NULL: it does not
} streams[] = {
    { "lost clEnqueueNDRangeKernel 130", "opencl (Faulty 3000, 1 units) failed in " },
    { "lost clFinish 12", "opencl (Faulty 3000, 1 units) failed in " },
    { "error clEnqueueMapBuffer 18", "opencl (Faulty 3000, 1 units) failed in " },
    { "crash clBuildProgram", "crashed in a trial" },
    { "", NULL },
};

// Lost after the trial, the device costs a warning, and no frame differs by more than rounding.
START_TEST(lost_in_mid_stream)
{
    static picture want[FRAMES], got[FRAMES];
    const folder vendors = folder_new();
    test_case("%s", streams[_i].fault);
    if (lacks_pocl())
        return;
    run_stream("cpu", want);
    use_driver(&vendors, streams[_i].fault);
    const udm_stats stats = run_stream("auto", got);
    ck_assert_uint_eq(stats.frames, FRAMES);
    for (int i = 0; i < FRAMES * BYTES; i++)
        ck_assert_int_le(abs(got[i / BYTES][i % BYTES] - want[i / BYTES][i % BYTES]), 1);
    if (streams[_i].failed) {
        assert_contains(stats.warning, streams[_i].failed);
        assert_contains(stats.warning, "Faulty 3000");
        assert_begins(stats.device, "cpu (");
    } else {
        ck_assert_str_eq(stats.warning, "");
        assert_begins(stats.device, "opencl (Faulty 3000");
    }
    folder_free(&vendors);
}
END_TEST

int main(void)
{
    udm_trial_seconds = 600; // a driver that works compiles all kernels meanwhile, on a machine that may be busy
    const test_entry tests[] = {
        { .test = a_driver_that_works },
        { .test = breaks, .cases = COUNT_OF(faults) },
        { .test = tried_once },
        { .test = no_program, .cases = COUNT_OF(cannot_run) },
        { .test = an_application_of_its_own_ways },
        { .test = lost_in_mid_stream, .cases = COUNT_OF(streams) },
    };
    return test_main("apart", tests, COUNT_OF(tests));
}
