// SPDX-License-Identifier: LGPL-2.1-or-later
// What `auto` chooses, and what goes on where that fails: an accelerator that is the processor in disguise, and fails
// as it is told to. This file's list of backends, and times, take the place of the engine's.
#include "backend/cpu/cpu.h"
#include "backend/trial.h"
#include "golden.h"
#include "udm/udm.h"

enum { W = 37, H = 22, BYTES = W * H * 3, FRAMES = 6, NEVER = 1 << 30 };

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

static const struct {
    const char *about;
    int opens, runs;
    bool wrong, slow;
    const char *name, *warning; // NULL: none
} choices[] = {
    { "sound", NEVER, NEVER, false, false, "weak (best)", NULL },
    { "wrong", NEVER, NEVER, true, false, "cpu", "weak (best) computes other results than cpu (" },
    { "slow", NEVER, NEVER, false, true, "cpu", NULL },
    { "not there", 0, NEVER, false, false, "cpu", NULL },
    { "broken", -1, NEVER, false, false, "cpu", "the accelerator's driver refuses the kernels. " },
    { "lost", NEVER, 0, false, false, "cpu", "the accelerator was lost. " },
};

START_TEST(what_auto_chooses)
{
    test_case("an accelerator that is %s", choices[_i].about);
    udm_error error = { 0 };
    now = sound;
    now.opens = choices[_i].opens, now.runs = choices[_i].runs;
    now.wrong = choices[_i].wrong, now.slow = choices[_i].slow;
    udm_device *device = udm_device_open("auto", 1, &error);
    ck_assert_msg(device, "%s", error.message);
    assert_begins(device->name, choices[_i].name);
    if (choices[_i].warning) {
        assert_contains(device->warning, choices[_i].warning);
        assert_contains(device->warning, "Continuing on cpu (");
    } else {
        ck_assert_str_eq(device->warning, "");
    }
    udm_device_close(device);
}
END_TEST

START_TEST(who_asks_by_name_gets_no_other)
{
    udm_error error = { 0 };
    now = sound, now.opens = -1;
    ck_assert_ptr_null(udm_device_open("weak", 1, &error));
    assert_error(&error, UDM_ERROR_DEVICE, "");
}
END_TEST

START_TEST(a_precision_that_only_the_processor_has)
{
    udm_error error = { 0 };
    now = sound;
    udm_device *device = udm_device_open("auto", 1, NULL), *named = udm_device_open("weak", 1, NULL);
    ck_assert_ptr_nonnull(device);
    ck_assert_ptr_nonnull(named);
    ck_assert(udm_device_set_precision(device, UDM_PRECISION_AUTO, NULL));
    ck_assert_ptr_eq(udm_device_in_use(device), device);
    ck_assert(udm_device_set_precision(device, UDM_PRECISION_BF16, NULL));
    ck_assert_ptr_eq(udm_device_in_use(device), device->stand_in);
    ck_assert_str_eq(device->warning, "");
    ck_assert(!udm_device_set_precision(named, UDM_PRECISION_BF16, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "");
    ck_assert(!udm_device_set_precision(named, UDM_PRECISION_F16, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "device to opencl");
    udm_device_close(device);
    udm_device_close(named);
}
END_TEST

// ---- streams

static udm_restorer *open_stream(const udm_model *model, const char *device, int steps, int views, udm_error *error)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.lookahead = 0;
    settings.width = W, settings.height = H, settings.threads = 1;
    settings.device = device, settings.steps = steps, settings.sampler = "ddim";
    settings.ensemble = views;
    return udm_restorer_open(model, &settings, error);
}

typedef uint8_t picture[BYTES];

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
    for (int i = 0; i < BYTES; i++)
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
static int run_stream(const udm_model *model, int steps, int views, const char *device, int runs, picture out[FRAMES])
{
    udm_error error = { 0 };
    udm_stats stats;
    now = sound;
    udm_restorer *stream = open_stream(model, device, steps, views, &error);
    ck_assert_msg(stream, "%s", error.message);
    now.runs = runs;
    for (int n = 0; n < FRAMES; n++) {
        test_at("%s, lost after %d runs, frame %d", device, runs, n);
        assert_ok(push(stream, n, &error), &error);
        assert_ok(pull(stream, out[n], &error) == UDM_PULLED_FRAME, &error);
    }
    udm_restorer_stats(stream, &stats, sizeof stats);
    ck_assert_uint_eq(stats.frames, FRAMES);
    if (now.failed) {
        assert_begins(stats.device, "cpu");
        assert_begins(stats.warning, "the accelerator was lost. Continuing on cpu");
    } else {
        assert_begins(stats.device, strcmp(device, "auto") == 0 ? "weak" : device);
        ck_assert_str_eq(stats.warning, "");
    }
    udm_restorer_free(stream);
    return now.runs;
}

static const struct {
    const char *about, *model;
    int steps, views;
} streams[] = {
    { "in mid-stream", "tiny-denoise", 1, 1 },   { "with a guess", "tiny-guess", 1, 1 },
    { "with a memory", "tiny-temporal", 1, 1 },  { "with a memory", "tiny-temporal", 3, 1 },
    { "between two views", "tiny-guess", 1, 3 }, { "between two views", "tiny-temporal", 2, 3 },
};

// Whenever the accelerator is lost, all frames come, in the very bits of the processor.
START_TEST(lost)
{
    static picture want[FRAMES], got[FRAMES];
    enum { MANY = 1000 };
    const int steps = streams[_i].steps, views = streams[_i].views;
    test_case("%s: %s in %d steps", streams[_i].about, streams[_i].model, steps);
    udm_model *model = golden_model(streams[_i].model);
    run_stream(model, steps, views, "cpu", NEVER, want);
    const int all = MANY - run_stream(model, steps, views, "auto", MANY, got);
    assert_same(got[0], want[0], FRAMES * BYTES);
    ck_assert_int_ge(all, FRAMES * steps);
    for (int runs = 0; runs < all; runs += 1 + all / 12) {
        memset(got, 0, sizeof got);
        run_stream(model, steps, views, "auto", runs, got);
        ck_assert(now.failed);
        assert_same(got[0], want[0], FRAMES * BYTES);
    }
    udm_model_free(model);
}
END_TEST

// Cancelled while the processor sees the past again: the frame stays, and is right when it comes.
START_TEST(cancelled_while_it_catches_up)
{
    static picture want[FRAMES];
    picture got;
    udm_error error = { 0 };
    udm_model *model = golden_model("tiny-temporal");
    run_stream(model, 1, 1, "cpu", NEVER, want);
    now = sound;
    udm_restorer *stream = open_stream(model, "auto", 1, 1, &error);
    ck_assert_msg(stream, "%s", error.message);
    now.runs = FRAMES - 1;
    for (int n = 0; n < FRAMES - 1; n++) {
        assert_ok(push(stream, n, &error), &error);
        assert_ok(pull(stream, got, &error) == UDM_PULLED_FRAME, &error);
    }
    now.cancelled = stream;
    assert_ok(push(stream, FRAMES - 1, &error), &error);
    ck_assert_int_eq(pull(stream, got, &error), UDM_PULLED_FAILED);
    assert_error(&error, UDM_ERROR_CANCELLED, "");
    now.cancelled = NULL;
    udm_restorer_cancel(stream, false);
    assert_ok(pull(stream, got, &error) == UDM_PULLED_FRAME, &error);
    assert_same(got, want[FRAMES - 1], BYTES);
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

// Asked for by its name, it fails by name, and the frame stays.
START_TEST(lost_by_name)
{
    picture out;
    udm_error error = { 0 };
    udm_model *model = golden_model("tiny-denoise");
    now = sound;
    udm_restorer *stream = open_stream(model, "weak", 1, 1, &error);
    ck_assert_msg(stream, "%s", error.message);
    now.runs = 1;
    for (int n = 0; n < 2; n++)
        assert_ok(push(stream, n, &error), &error);
    assert_ok(pull(stream, out, &error) == UDM_PULLED_FRAME, &error);
    for (int again = 0; again < 2; again++) {
        ck_assert_int_eq(pull(stream, out, &error), UDM_PULLED_FAILED);
        assert_error(&error, UDM_ERROR_DEVICE, "the accelerator was lost");
    }
    udm_stats stats;
    udm_restorer_stats(stream, &stats, sizeof stats);
    ck_assert_uint_eq(stats.frames, 1);
    assert_begins(stats.device, "weak");
    udm_restorer_free(stream);
    udm_model_free(model);
}
END_TEST

// The memory of the accelerator may end at any time while a stream opens: with its allocations, or its kernels.
START_TEST(no_memory_at_the_start)
{
    static picture want[FRAMES], got[FRAMES];
    int *const ends = _i ? &now.kernels : &now.allocations;
    bool chosen = false;
    udm_error error = { 0 };
    test_case("%s", _i ? "kernels" : "allocations");
    udm_model *model = golden_model("tiny-guess");
    run_stream(model, 1, 1, "cpu", NEVER, want);
    for (int enough = 3; !chosen; enough++) { // the trial takes some
        udm_stats stats;
        now = sound;
        *ends = enough;
        udm_restorer *stream = open_stream(model, "auto", 1, 1, &error);
        ck_assert_msg(stream, "%s", error.message);
        udm_restorer_stats(stream, &stats, sizeof stats);
        chosen = strncmp(stats.device, "weak", 4) == 0;
        if (!chosen)
            assert_contains(stats.warning, "the accelerator has no memory for");
        for (int n = 0; n < FRAMES; n++) {
            test_at("frame %d, with %d", n, enough);
            assert_ok(push(stream, n, &error), &error);
            assert_ok(pull(stream, got[n], &error) == UDM_PULLED_FRAME, &error);
        }
        assert_same(got[0], want[0], FRAMES * BYTES);
        udm_restorer_free(stream);
        ck_assert_int_lt(enough, 64);
    }
    now = sound;
    *ends = 1;
    ck_assert_ptr_null(open_stream(model, "weak", 1, 1, &error));
    assert_error(&error, UDM_ERROR_MEMORY, "");
    udm_model_free(model);
}
END_TEST

// ---- what makes frames

enum { SMALL = 3 * 256 }; // values of its frames, at most

static void make_params(const udm_model *model, const char *device, int channels, int runs,
                        uint8_t params[FRAMES][SMALL])
{
    udm_error error = { 0 };
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.lookahead = 0;
    settings.width = settings.height = 16, settings.channels = channels;
    settings.device = device, settings.threads = 1, settings.steps = 6;
    udm_generation about;
    udm_generation_init(&about, sizeof about);
    about.rate = 12.5, about.window = channels == 3 ? 4 : 0;
    now = sound;
    udm_generator *generator = udm_generator_open(model, &settings, &about, &error);
    ck_assert_msg(generator, "%s", error.message);
    now.runs = runs;
    for (int n = 0; n < FRAMES; n++) {
        const ptrdiff_t stride = 16 * channels;
        const udm_image out = { .width = 16,
                                .height = 16,
                                .channels = channels,
                                .bits = 8,
                                .data = { params[n], params[n] + 1, params[n] + 2 },
                                .stride = { stride, stride, stride },
                                .step = { channels, channels, channels } };
        assert_ok(udm_generator_make(generator, n, &out, &error), &error);
    }
    udm_stats stats;
    udm_generator_stats(generator, &stats, sizeof stats);
    ck_assert_int_eq(now.failed, runs != NEVER);
    ck_assert_msg((stats.warning[0] != 0) == now.failed, "the warning is \"%s\"", stats.warning);
    assert_begins(stats.device, "cpu");
    udm_generator_free(generator);
}

START_TEST(lost_in_a_params)
{
    static uint8_t want[FRAMES][SMALL], got[FRAMES][SMALL];
    udm_model *model = golden_model("tiny-video");
    make_params(model, "cpu", 1, NEVER, want);
    for (int runs = 0; runs < 12; runs += 5) {
        test_at("lost after %d runs", runs);
        make_params(model, "auto", 1, runs, got);
        assert_same(got[0], want[0], FRAMES * SMALL);
    }
    udm_model_free(model);
}
END_TEST

// While the text is read, the latents of a window are drawn, or a frame is decoded.
START_TEST(lost_in_a_film)
{
    static uint8_t want[FRAMES][SMALL], got[FRAMES][SMALL];
    udm_model *model = golden_model("tiny-film/scope");
    make_params(model, "cpu", 3, NEVER, want);
    for (int runs = 0; runs < 19; runs++) { // of all
        test_at("lost after %d runs", runs);
        make_params(model, "auto", 3, runs, got);
        assert_same(got[0], want[0], FRAMES * SMALL);
    }
    udm_model_free(model);
}
END_TEST

START_TEST(lost_interpolator_frames)
{
    picture first, second, want, got;
    udm_error error = { 0 };
    udm_model *model = golden_model("tiny-denoise");
    for (int i = 0; i < BYTES; i++) {
        first[i] = (uint8_t)(i * 7);
        second[i] = (uint8_t)(i * 7 + 21);
    }
    for (int lost = 0; lost < 2; lost++) {
        udm_settings settings;
        udm_settings_init(&settings, sizeof settings);
        settings.lookahead = 0;
        settings.width = W, settings.height = H, settings.threads = 1, settings.device = lost ? "auto" : "cpu";
        const udm_image a = image_of(first), b = image_of(second), out = image_of(lost ? got : want);
        now = sound;
        udm_interpolator *interpolator = udm_interpolator_open(model, &settings, &error);
        ck_assert_msg(interpolator, "%s", error.message);
        now.runs = lost ? 1 : NEVER;
        assert_ok(udm_interpolator_pair(interpolator, &a, &b, 0, &error), &error);
        assert_ok(udm_interpolator_make(interpolator, 0.25, 0, &out, &error), &error);
        assert_ok(udm_interpolator_make(interpolator, 0.5, 0, &out, &error), &error);
        udm_stats stats;
        udm_interpolator_stats(interpolator, &stats, sizeof stats);
        test_at("%s", lost ? "lost" : "on cpu");
        ck_assert_int_eq(now.failed, lost);
        ck_assert_msg((stats.warning[0] != 0) == lost, "the warning is \"%s\"", stats.warning);
        assert_begins(stats.device, "cpu");
        udm_interpolator_free(interpolator);
    }
    assert_same(got, want, BYTES);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = what_auto_chooses, .cases = COUNT_OF(choices) },
        { .test = who_asks_by_name_gets_no_other },
        { .test = a_precision_that_only_the_processor_has },
        { .test = lost, .cases = COUNT_OF(streams) },
        { .test = cancelled_while_it_catches_up },
        { .test = lost_by_name },
        { .test = no_memory_at_the_start, .cases = 2 },
        { .test = lost_in_a_params },
        { .test = lost_in_a_film },
        { .test = lost_interpolator_frames },
    };
    return test_main("fallback", tests, COUNT_OF(tests));
}
