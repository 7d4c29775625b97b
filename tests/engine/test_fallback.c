// SPDX-License-Identifier: LGPL-2.1-or-later
// What `auto` chooses, and what goes on where that fails: an accelerator that is the processor in disguise, and fails
// as it is told to. This file's list of backends, and times, take the place of the engine's.
#include "backend/cpu/cpu.h"
#include "backend/trial.h"
#include "golden.h"
#include "udm/udm.h"

enum { W = 37, H = 22, FRAMES = 6, NEVER = 1 << 30 };

// How the accelerator behaves: how many of these go well.
typedef struct plan {
    int opens, allocations, kernels, runs;
    bool wrong, slow;
    bool failed;
    udm_restorer *cancelled; // by the first thing that the processor does after the failure
} plan;

static plan now;
static const plan sound = { .opens = NEVER, .allocations = NEVER, .kernels = NEVER, .runs = NEVER };
static const udm_ops *real;

static bool spend(int *left)
{
    return *left == NEVER || (*left)-- > 0;
}

static bool lose(udm_error *error)
{
    now.failed = true;
    return udm_fail(error, UDM_ERROR_DEVICE, "the accelerator was lost");
}

static udm_memory *weak_alloc(udm_device *device, size_t bytes, udm_error *error)
{
    if (spend(&now.allocations))
        return real->alloc(device, bytes, error);
    udm_fail(error, UDM_ERROR_MEMORY, "the accelerator has no memory for %zu bytes", bytes);
    return NULL;
}

static udm_conv_weights *weak_conv_weights_new(udm_device *device, const udm_conv_spec *spec, udm_error *error)
{
    if (spend(&now.kernels))
        return real->conv_weights_new(device, spec, error);
    udm_fail(error, UDM_ERROR_MEMORY, "the accelerator has no memory for weights");
    return NULL;
}

static bool weak_finish(udm_device *device, udm_error *error)
{
    return !now.failed && spend(&now.runs) ? real->finish(device, error) : lose(error);
}

// What comes from a device that was lost is rubbish.
static void weak_download(udm_device *device, float *const *dst, const udm_tensor *src, int count)
{
    real->download(device, dst, src, count);
    for (int i = 0; i < count && (now.failed || now.runs == 0); i++)
        for (size_t k = 0; k < udm_shape_elements(src[i].shape); k++)
            dst[i][k] = NAN;
}

static void weak_conv(udm_device *device, const udm_conv *conv)
{
    udm_conv run = *conv;
    if (now.wrong)
        run.activation = UDM_RELU;
    real->conv(device, &run);
}

static void processor_conv(udm_device *device, const udm_conv *conv)
{
    if (now.failed && now.cancelled)
        udm_restorer_cancel(now.cancelled, true);
    real->conv(device, conv);
}

static bool any_precision(udm_device *device, udm_precision precision, udm_error *error)
{
    (void)device, (void)precision, (void)error;
    return true;
}

static udm_device *open_processor(const char *which, int threads, udm_error *error)
{
    static udm_ops ops;
    udm_device *device = udm_backend_cpu.open(which, threads, error);
    if (device) {
        real = device->ops;
        ops = *real;
        ops.conv = processor_conv, ops.set_precision = any_precision;
        device->ops = &ops;
    }
    return device;
}

static udm_device *open_weak(const char *which, int threads, udm_error *error)
{
    static udm_ops ops;
    if (now.opens == 0) {
        udm_fail(error, UDM_ERROR_NOT_FOUND, "there is no accelerator");
        return NULL;
    }
    if (now.opens < 0) {
        udm_fail(error, UDM_ERROR_DEVICE, "the accelerator's driver refuses the kernels");
        return NULL;
    }
    udm_device *device = udm_backend_cpu.open(NULL, threads, error);
    if (!device)
        return NULL;
    real = device->ops;
    ops = *real;
    ops.alloc = weak_alloc, ops.conv_weights_new = weak_conv_weights_new, ops.conv = weak_conv;
    ops.download = weak_download, ops.finish = weak_finish, ops.set_precision = udm_only_f32;
    device->ops = &ops;
    snprintf(device->name, sizeof device->name, "weak (%s)", which ? which : "asked for");
    return device;
}

static void list_none(void (*found)(void *context, const char *device, const char *about), void *context)
{
    (void)found, (void)context;
}

static const udm_backend processor = { .name = "cpu", .open = open_processor, .list = list_none };
static const udm_backend weak = { .name = "weak", .accelerator = "best", .open = open_weak, .list = list_none };

const udm_backend *const udm_backends[] = { &processor, &weak, NULL };

// In place of what would be measured.
double udm_seconds(udm_device *device, udm_error *error)
{
    const bool is_weak = strncmp(device->name, "weak", 4) == 0;
    return device->ops->finish(device, error) ? 2 + (is_weak && now.slow) - (is_weak && !now.slow) : INFINITY;
}

// ---- what `auto` chooses

static void check_choice(plan behaviour, const char *name, const char *warning)
{
    udm_error error = { 0 };
    now = behaviour;
    udm_device *device = udm_device_open("auto", 1, &error);
    REQUIRE(device);
    CHECK(strncmp(device->name, name, strlen(name)) == 0);
    CHECK(warning ? strstr(device->warning, warning) && strstr(device->warning, "Going on with cpu (")
                  : device->warning[0] == 0);
    udm_device_close(device);
}

static plan with(int opens, bool wrong, bool slow)
{
    plan p = sound;
    p.opens = opens, p.wrong = wrong, p.slow = slow;
    return p;
}

TEST(what_auto_chooses)
{
    check_choice(sound, "weak (best)", NULL);
    check_choice(with(NEVER, true, false), "cpu", "weak (best) computes something else than cpu (");
    check_choice(with(NEVER, false, true), "cpu", NULL);
    check_choice(with(0, false, false), "cpu", NULL);
    check_choice(with(-1, false, false), "cpu", "the accelerator's driver refuses the kernels. ");
    plan lost = sound;
    lost.runs = 0;
    check_choice(lost, "cpu", "the accelerator was lost. ");
}

TEST(who_asks_by_name_gets_no_other)
{
    udm_error error = { 0 };
    now = with(-1, false, false);
    CHECK(!udm_device_open("weak", 1, &error) && error.code == UDM_ERROR_DEVICE);
}

TEST(a_precision_that_only_the_processor_has)
{
    udm_error error = { 0 };
    now = sound;
    udm_device *device = udm_device_open("auto", 1, NULL), *named = udm_device_open("weak", 1, NULL);
    REQUIRE(device && named);
    CHECK(udm_device_set_precision(device, UDM_PRECISION_AUTO, NULL) && udm_device_in_use(device) == device);
    CHECK(udm_device_set_precision(device, UDM_PRECISION_BF16, NULL) && udm_device_in_use(device) == device->stand_in);
    CHECK(device->warning[0] == 0);
    CHECK(!udm_device_set_precision(named, UDM_PRECISION_BF16, &error) && error.code == UDM_ERROR_UNSUPPORTED);
    udm_device_close(device);
    udm_device_close(named);
}

// ---- streams

static udm_model *open_model(const char *name)
{
    udm_error error = { 0 };
    udm_model *model = udm_model_open(golden_path(name), &error);
    if (!model) {
        printf("    %s\n", error.message);
        check_failed = true;
    }
    return model;
}

static int views = 1; // that the streams see

static udm_restorer *open_stream(const udm_model *model, const char *device, int steps, udm_error *error)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H, settings.threads = 1;
    settings.device = device, settings.steps = steps, settings.sampler = "ddim";
    settings.ensemble = views;
    return udm_restorer_open(model, &settings, error);
}

typedef uint8_t picture[W * H * 3];

static udm_image image_of(uint8_t *pixels)
{
    udm_image image = { .width = W, .height = H, .channels = 3, .bits = 8 };
    for (int c = 0; c < 3; c++)
        image.data[c] = pixels + c, image.stride[c] = W * 3, image.step[c] = 3;
    return image;
}

static bool push(udm_restorer *stream, int n, udm_error *error)
{
    picture pixels;
    const udm_image image = image_of(pixels);
    for (int i = 0; i < W * H * 3; i++)
        pixels[i] = (uint8_t)(128 + 60 * sin(0.1 * (i / 3 % W + n)) + (i * 2654435761u + n * 40503u) % 31);
    const udm_frame frame = { .image = &image, .time = 0.2, .number = n, .strength = n == 2 ? 0.3 : 0 };
    return udm_restorer_push(stream, &frame, error);
}

static udm_pulled pull(udm_restorer *stream, picture out, udm_error *error)
{
    const udm_image image = image_of(out);
    return udm_restorer_pull(stream, &image, error);
}

// All frames of a stream, with the accelerator lost in the run after `runs`, or never. What is left of the runs comes
// back.
static int run_stream(const udm_model *model, int steps, const char *device, int runs, picture out[FRAMES])
{
    udm_error error = { 0 };
    udm_stats stats;
    now = sound;
    udm_restorer *stream = open_stream(model, device, steps, &error);
    now.runs = runs;
    bool good = stream != NULL;
    for (int n = 0; n < FRAMES && good; n++)
        good = push(stream, n, &error) && pull(stream, out[n], &error) == UDM_PULLED_FRAME;
    if (!good) {
        printf("    after %d runs: %s\n", runs, error.message);
        check_failed = true;
    } else {
        udm_restorer_stats(stream, &stats, sizeof stats);
        CHECK(stats.frames == FRAMES);
        CHECK(strncmp(stats.device, now.failed ? "cpu" : device[0] == 'a' ? "weak" : device, 3) == 0);
        CHECK(now.failed ? strncmp(stats.warning, "the accelerator was lost. Going on with cpu", 43) == 0
                         : stats.warning[0] == 0);
    }
    udm_restorer_free(stream);
    return now.runs;
}

// Whenever the accelerator is lost, all frames come, in the very bits of the processor.
static void check_lost(const char *name, int steps)
{
    static picture want[FRAMES], got[FRAMES];
    enum { MANY = 1000 };
    udm_model *model = open_model(name);
    REQUIRE(model);
    run_stream(model, steps, "cpu", NEVER, want);
    const int all = MANY - run_stream(model, steps, "auto", MANY, got);
    CHECK(memcmp(want, got, sizeof want) == 0);
    CHECK(all >= FRAMES * steps);
    for (int runs = 0; runs < all; runs += 1 + all / 12) {
        memset(got, 0, sizeof got);
        run_stream(model, steps, "auto", runs, got);
        CHECK(now.failed);
        CHECK(memcmp(want, got, sizeof want) == 0);
    }
    udm_model_free(model);
}

TEST(lost_in_mid_stream)
{
    check_lost("tiny-denoise", 1);
}

TEST(lost_with_a_predicted)
{
    check_lost("tiny-guess", 1);
}

TEST(lost_with_a_memory)
{
    check_lost("tiny-temporal", 1);
    check_lost("tiny-temporal", 3);
}

TEST(lost_interpolator_two_views)
{
    views = 3;
    check_lost("tiny-guess", 1);
    check_lost("tiny-temporal", 2);
    views = 1;
}

// Cancelled while the processor sees the past again: the frame stays, and is right when it comes.
TEST(cancelled_while_it_catches_up)
{
    static picture want[FRAMES];
    picture got;
    udm_error error = { 0 };
    udm_model *model = open_model("tiny-temporal");
    REQUIRE(model);
    run_stream(model, 1, "cpu", NEVER, want);
    now = sound;
    udm_restorer *stream = open_stream(model, "auto", 1, &error);
    REQUIRE(stream);
    now.runs = FRAMES - 1;
    for (int n = 0; n < FRAMES - 1; n++) {
        REQUIRE(push(stream, n, &error));
        CHECK(pull(stream, got, &error) == UDM_PULLED_FRAME);
    }
    now.cancelled = stream;
    REQUIRE(push(stream, FRAMES - 1, &error));
    CHECK(pull(stream, got, &error) == UDM_PULLED_FAILED && error.code == UDM_ERROR_CANCELLED);
    now.cancelled = NULL;
    udm_restorer_cancel(stream, false);
    CHECK(pull(stream, got, &error) == UDM_PULLED_FRAME);
    CHECK(memcmp(got, want[FRAMES - 1], sizeof got) == 0);
    udm_restorer_free(stream);
    udm_model_free(model);
}

// Asked for by its name, it fails by name, and the frame stays.
TEST(lost_by_name)
{
    picture out;
    udm_error error = { 0 };
    udm_model *model = open_model("tiny-denoise");
    now = sound;
    udm_restorer *stream = model ? open_stream(model, "weak", 1, &error) : NULL;
    REQUIRE(stream);
    now.runs = 1;
    for (int n = 0; n < 2; n++)
        REQUIRE(push(stream, n, &error));
    CHECK(pull(stream, out, &error) == UDM_PULLED_FRAME);
    for (int again = 0; again < 2; again++) {
        error = (udm_error){ 0 };
        CHECK(pull(stream, out, &error) == UDM_PULLED_FAILED);
        CHECK(error.code == UDM_ERROR_DEVICE && strstr(error.message, "the accelerator was lost"));
    }
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    CHECK(stats.frames == 1 && strncmp(stats.device, "weak", 4) == 0);
    udm_restorer_free(stream);
    udm_model_free(model);
}

// The memory of the accelerator may end at any time while a stream opens.
TEST(no_memory_at_the_start)
{
    static picture want[FRAMES], got[FRAMES];
    udm_error error = { 0 };
    udm_model *model = open_model("tiny-guess");
    REQUIRE(model);
    run_stream(model, 1, "cpu", NEVER, want);
    for (int which = 0; which < 2; which++) {
        for (int enough = 3;; enough++) { // the trial takes some
            udm_stats stats;
            now = sound;
            *(which ? &now.kernels : &now.allocations) = enough;
            udm_restorer *stream = open_stream(model, "auto", 1, &error);
            REQUIRE(stream);
            udm_restorer_stats(stream, &stats, sizeof stats);
            const bool chosen = strncmp(stats.device, "weak", 4) == 0;
            if (!chosen)
                CHECK(strstr(stats.warning, "the accelerator has no memory for"));
            for (int n = 0; n < FRAMES; n++)
                CHECK(push(stream, n, &error) && pull(stream, got[n], &error) == UDM_PULLED_FRAME);
            CHECK(memcmp(want, got, sizeof want) == 0);
            udm_restorer_free(stream);
            if (chosen)
                break;
            CHECK(enough < 64);
        }
        now = sound;
        *(which ? &now.kernels : &now.allocations) = 1;
        CHECK(!open_stream(model, "weak", 1, &error) && error.code == UDM_ERROR_MEMORY);
    }
    udm_model_free(model);
}

// ---- what makes frames

static void make_params(const udm_model *model, const char *device, int runs, uint8_t params[FRAMES][256])
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = settings.height = 16, settings.channels = 1;
    settings.device = device, settings.threads = 1, settings.steps = 6;
    const udm_generation about = { .size = sizeof(udm_generation), .rate = 12.5 };
    now = sound;
    udm_generator *generator = udm_generator_open(model, &settings, &about, &error);
    REQUIRE(generator);
    now.runs = runs;
    for (int n = 0; n < FRAMES; n++) {
        const udm_image out = {
            .width = 16, .height = 16, .channels = 1, .bits = 8, .data = { params[n] }, .stride = { 16 }, .step = { 1 }
        };
        CHECK(udm_generator_make(generator, n, &out, &error));
    }
    udm_stats stats;
    udm_generator_stats(generator, &stats, sizeof stats);
    CHECK(now.failed == (runs != NEVER));
    CHECK((stats.warning[0] != 0) == now.failed && strncmp(stats.device, "cpu", 3) == 0);
    udm_generator_free(generator);
}

TEST(lost_in_a_params)
{
    static uint8_t want[FRAMES][256], got[FRAMES][256];
    udm_model *model = open_model("tiny-video");
    REQUIRE(model);
    make_params(model, "cpu", NEVER, want);
    for (int runs = 0; runs < 12; runs += 5) {
        make_params(model, "auto", runs, got);
        CHECK(memcmp(want, got, sizeof want) == 0);
    }
    udm_model_free(model);
}

TEST(lost_interpolator_frames)
{
    picture first, second, want, got;
    udm_error error = { 0 };
    udm_model *model = open_model("tiny-denoise");
    REQUIRE(model);
    for (int i = 0; i < W * H * 3; i++) {
        first[i] = (uint8_t)(i * 7);
        second[i] = (uint8_t)(i * 7 + 21);
    }
    for (int lost = 0; lost < 2; lost++) {
        udm_settings settings;
        udm_settings_init(&settings, sizeof settings);
        settings.width = W, settings.height = H, settings.threads = 1, settings.device = lost ? "auto" : "cpu";
        const udm_image a = image_of(first), b = image_of(second), out = image_of(lost ? got : want);
        now = sound;
        udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
        REQUIRE(interpolator);
        now.runs = lost ? 1 : NEVER;
        CHECK(udm_interpolator_pair(interpolator, &a, &b, 0, &error));
        CHECK(udm_interpolator_make(interpolator, 0.25, 0, &out, &error) &&
              udm_interpolator_make(interpolator, 0.5, 0, &out, &error));
        udm_stats stats;
        udm_interpolator_stats(interpolator, &stats, sizeof stats);
        CHECK(now.failed == lost && (stats.warning[0] != 0) == lost && strncmp(stats.device, "cpu", 3) == 0);
        udm_interpolator_free(interpolator);
    }
    CHECK(memcmp(want, got, sizeof want) == 0);
    udm_model_free(model);
}

CHECK_MAIN()
