// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams on models of other processes than noise: what each undoes, and what it refuses.
#include <unistd.h>

#include "folder.h"
#include "golden.h"
#include "lists.h"
#include "process/process.h"
#include "diffusion/hole_filling.h"
#include "runner/tiling.h"
#include "schedule/schedule.h"
#include "udm/udm.h"
#include "yuv.h"

enum { W = 96, H = 80, PIXELS = W * H, ALL = 3 * PIXELS };

static udm_image image_of(uint8_t *pixels, int channels)
{
    udm_image image = { .width = W, .height = H, .channels = channels, .bits = 8 };
    for (int c = 0; c < channels; c++)
        image.data[c] = pixels + c, image.stride[c] = W * channels, image.step[c] = channels;
    return image;
}

// A picture with edges, stripes and slopes, [3, H, W] in [-1, 1].
static void draw(float *planes)
{
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                double value = 0.3 * sin(x * 0.05 + c) + 0.2 * cos(y * 0.07);
                if (hypot(x - 30, y - 35) < 18)
                    value += 0.4 - 0.3 * c;
                if ((x + y) / 8 % 3 == 0 && x > 50)
                    value -= 0.4;
                if (y > 60 && x % 24 < 10)
                    value += 0.5 * (c == 1);
                planes[c * PIXELS + y * W + x] = (float)fmin(fmax(value, -1), 1);
            }
}

static void to_bytes(const float *planes, uint8_t *pixels)
{
    const udm_image image = image_of(pixels, 3);
    udm_image_from_planes(&image, planes);
}

static double psnr(const uint8_t *a, const uint8_t *b, const uint8_t *known)
{
    double sum = 0, count = 0;
    for (int i = 0; i < ALL; i++)
        if (!known || !known[i / 3])
            sum += (a[i] - b[i]) * (a[i] - b[i]), count++;
    return 10 * log10(255 * 255 * count / sum);
}

static udm_model *open_model(const char *path)
{
    udm_error error = { 0 };
    udm_model *model = udm_model_open(path, &error);
    ck_assert_msg(model, "%s: %s", path, error.message);
    return model;
}

static udm_restorer *open_stream(const udm_model *model, int steps, udm_error *error)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = W, settings.height = H;
    settings.device = "cpu", settings.threads = 1, settings.steps = steps;
    return udm_restorer_open(model, &settings, error);
}

// One frame through a stream of its own.
static bool restore(const udm_model *model, int steps, udm_frame frame, uint8_t *pixels, uint8_t *out, udm_error *error)
{
    const udm_image in = image_of(pixels, 3), to = image_of(out, 3);
    udm_restorer *stream = open_stream(model, steps, error);
    frame.image = &in;
    const bool good =
        stream && udm_restorer_push(stream, &frame, error) && udm_restorer_pull(stream, &to, error) == UDM_PULLED_FRAME;
    udm_restorer_free(stream);
    return good;
}

// What F makes of the picture at a share, as bytes.
static void degrade(const udm_process *process, double extent, double share, const float *x0, uint8_t *out)
{
    static float signal[PIXELS], noise[PIXELS], e[ALL], xt[ALL], scratch[PIXELS + 5 * (W + H)];
    for (int i = 0; i < PIXELS; i++)
        signal[i] = (float)sqrt(1 - share), noise[i] = (float)sqrt(share);
    const udm_levels at = { PIXELS, signal, noise, NULL, W, H, extent, NULL, scratch };
    process->forward(&at, 3, x0, e, xt);
    to_bytes(xt, out);
}

// The shipped models undo what the engine's own F does.
static const struct {
    const char *name;
    double amount, gain; // at least, in dB
} undone[] = { { "deblur", 1.6, 2 }, { "super4", 4, 1 } };

START_TEST(what_was_done_is_undone)
{
    static float x0[ALL];
    static uint8_t clean[ALL], given[ALL], out[ALL];
    const char *name = undone[_i].name;
    const double amount = undone[_i].amount;
    char path[256];
    test_case("%s", name);
    snprintf(path, sizeof path, "../../models/%s", name);
    udm_model *model = open_model(golden_path(path));
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    draw(x0);
    to_bytes(x0, clean);
    degrade(scheduler->process, scheduler->extent, scheduler->process->share(scheduler->extent, amount), x0, given);
    udm_error error = { 0 };
    assert_ok(restore(model, 1, (udm_frame){ .time = udm_model_time(model, amount) }, given, out, &error), &error);
    test_note("%s: %.2f dB, given %.2f", name, psnr(out, clean, NULL), psnr(given, clean, NULL));
    ck_assert_double_gt(psnr(out, clean, NULL), psnr(given, clean, NULL) + undone[_i].gain);
    ck_assert_double_eq_tol(udm_model_amount(model, udm_model_time(model, amount)), amount, 1e-3);
    ck_assert_double_gt(udm_model_degradation(model)->usual, 0);
    ck_assert(!udm_model_degradation(model)->holes);
    ck_assert_double_eq(udm_model_time(model, 1e9), udm_model_time(model, udm_model_degradation(model)->most));

    ck_assert(!restore(model, 1, (udm_frame){ .time = UDM_TIME_ESTIMATE }, given, out, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "estimated");
    ck_assert(!restore(model, 1, (udm_frame){ .time = 0.2, .strength = 0.5 }, given, out, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "strength");
    ck_assert(!restore(model, 1, (udm_frame){ .time = 0.2, .grain = 0.5 }, given, out, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "grain is 0.5");
    udm_model_free(model);
}
END_TEST

// The tiny network as a model of any process.
static folder make_model(const char *process, const char *more)
{
    const folder made = folder_new();
    char network[4200], config[512];
    folder_write_text(&made, "model_index.json",
                      "{\"unet\": [\"udm\", \"UdmUNet\"], \"scheduler\": [\"udm\", \"UdmScheduler\"]}");
    folder_make(&made, "scheduler");
    snprintf(config, sizeof config,
             "{\"process\": \"%s\", \"prediction_type\": \"sample\", \"beta_schedule\": \"squaredcos_cap_v2\", "
             "\"continuous_time\": true%s}",
             process, more);
    folder_write_text(&made, "scheduler/scheduler_config.json", config);
    snprintf(network, sizeof network, "%s/unet", golden_path("tiny-denoise"));
    char *real = realpath(network, NULL);
    ck_assert_msg(real && symlink(real, folder_path(&made, "unet")) == 0, "%s: %s", network, strerror(errno));
    free(real);
    return made;
}

static udm_model *make_and_open(const udm_process *process)
{
    const folder made = make_model(process->name, process->sized ? ", \"process_extent\": 16" : "");
    udm_model *model = open_model(made.path);
    folder_free(&made);
    return model;
}

static void make_holes(uint8_t *known)
{
    for (int i = 0; i < PIXELS; i++) {
        const int x = i % W % 32, y = i / W % 26;
        known[i] = x >= 12 && x < 22 && y >= 8 && y < 18 ? 0 : 255;
    }
}

START_TEST(what_is_known_stays)
{
    static float x0[ALL];
    static uint8_t clean[ALL], given[ALL], out[ALL], mixed[ALL], want[ALL], known[PIXELS];
    static float mixture[ALL];
    udm_model *model = make_and_open(&udm_process_mask);
    ck_assert(udm_model_degradation(model)->holes);
    draw(x0);
    to_bytes(x0, clean);
    make_holes(known);
    for (int i = 0; i < ALL; i++)
        given[i] = known[i / 3] ? clean[i] : 255; // what is in a hole does not matter
    udm_error error = { 0 };
    const udm_image alpha = image_of(known, 1);
    assert_ok(restore(model, 1, (udm_frame){ .known = &alpha }, given, out, &error), &error);
    for (int i = 0; i < ALL; i++)
        want[i] = known[i / 3] ? clean[i] : out[i];
    assert_same(out, want, ALL);

    for (int i = 0; i < PIXELS; i++) // half transparent: a mixture
        known[i] = known[i] ? 255 : 102;
    assert_ok(restore(model, 1, (udm_frame){ .known = &alpha }, given, mixed, &error), &error);
    for (int i = 0; i < ALL; i++)
        mixture[i] = 0.4f * given[i] + 0.6f * out[i];
    assert_within(mixed, mixture, ALL, 1.01);
    udm_model_free(model);
}
END_TEST

// The shipped model says more about a hole than what surrounds it.
START_TEST(holes_are_filled)
{
    static float x0[ALL], planes[ALL], sure[PIXELS];
    static uint8_t clean[ALL], given[ALL], smooth[ALL], out[ALL], known[PIXELS];
    udm_model *model = open_model(golden_path("../../models/inpaint"));
    draw(x0);
    to_bytes(x0, clean);
    make_holes(known);
    for (int i = 0; i < ALL; i++)
        given[i] = known[i / 3] ? clean[i] : 255;
    udm_error error = { 0 };
    const udm_image alpha = image_of(known, 1), view = image_of(given, 3);
    assert_ok(restore(model, 1, (udm_frame){ .known = &alpha }, given, out, &error), &error);

    udm_hole_filler *filler = udm_hole_filler_new(3, W, H, &error);
    ck_assert_msg(filler, "%s", error.message);
    udm_image_to_planes(&view, planes);
    for (int i = 0; i < PIXELS; i++)
        sure[i] = known[i] / 255;
    to_bytes(udm_hole_filler_fill(filler, planes, sure), smooth);
    udm_hole_filler_free(filler);
    test_note("%.2f dB in the holes, by their surroundings %.2f", psnr(out, clean, known), psnr(smooth, clean, known));
    ck_assert_double_gt(psnr(out, clean, known), psnr(smooth, clean, known) + 1);
    udm_model_free(model);
}
END_TEST

START_TEST(a_frame_without_holes_stays)
{
    static float x0[ALL];
    static uint8_t clean[ALL], out[ALL], known[PIXELS];
    udm_model *model = make_and_open(&udm_process_mask);
    draw(x0);
    to_bytes(x0, clean);
    memset(known, 255, sizeof known);
    const udm_image alpha = image_of(known, 1);
    udm_error error = { 0 };
    assert_ok(restore(model, 1, (udm_frame){ .known = &alpha }, clean, out, &error), &error);
    assert_same(out, clean, ALL);
    udm_model_free(model);
}
END_TEST

static bool is_gaussian(const udm_process *process)
{
    return process->factors;
}

// One step at sigma 30.
static void restore_one(const udm_process *process, uint8_t *given, uint8_t *out)
{
    udm_error error = { 0 };
    udm_model *model = make_and_open(process);
    const udm_frame frame = { .time = udm_model_time(model, 30) };
    assert_ok(restore(model, 1, frame, given, out, &error), &error);
    udm_model_free(model);
}

// Whatever scales signal and noise, the network sees the same frame, and finds the same picture.
START_TEST(gaussian_processes_agree_on_one_step)
{
    static float x0[ALL];
    static uint8_t given[ALL], want[ALL], out[ALL];
    const udm_process *process = nth_process(is_gaussian, _i);
    test_case("%s", process->name);
    draw(x0);
    to_bytes(x0, given);
    restore_one(&udm_process_gaussian, given, want);
    restore_one(process, given, out);
    assert_differ(want, given, ALL);
    assert_within(out, want, ALL, 1);
}
END_TEST

// Every process that restores frames does so in several steps, and with what was added to them first.
START_TEST(every_process_runs)
{
    static float x0[ALL];
    static uint8_t given[ALL], out[ALL];
    const udm_process *process = udm_processes[_i];
    udm_error error = { 0 };
    test_case("%s", process->name);
    draw(x0);
    to_bytes(x0, given);
    udm_model *model = make_and_open(process);
    const bool good = restore(model, 3, (udm_frame){ .strength = 0.3 }, given, out, &error);
    if (process->symbols || process->anchored) {
        ck_assert(!good);
        assert_contains(error.message, process->name);
    } else {
        ck_assert_msg(good, "%s", error.message);
        ck_assert_double_gt(psnr(out, given, NULL), 10); // a tiny network does little
    }
    udm_model_free(model);
}
END_TEST

// A share of what is removed stays, to the rounding of 8 bits; all of it is the frame as it was.
START_TEST(grain_stays)
{
    static float x0[ALL];
    static uint8_t given[ALL], bare[ALL], out[ALL];
    udm_model *model = open_model(golden_path("tiny-denoise"));
    udm_error error = { 0 };
    udm_frame frame = { .time = udm_model_time(model, 20) };
    draw(x0);
    for (int i = 0; i < ALL; i++)
        x0[i] += 0.2f * (float)((i * 2654435761u >> 24) - 127.5) / 73;
    to_bytes(x0, given);
    assert_ok(restore(model, 1, frame, given, bare, &error), &error);
    ck_assert(memcmp(bare, given, sizeof bare) != 0);
    for (int k = 0; k <= 4; k++) {
        frame.grain = k / 4.0;
        assert_ok(restore(model, 1, frame, given, out, &error), &error);
        for (int i = 0; i < ALL; i++)
            if (bare[i] > 0 && bare[i] < 255) // it was not clipped
                ck_assert_double_eq_tol(out[i], bare[i] + frame.grain * (given[i] - bare[i]), 1.01);
        ck_assert(k > 0 || memcmp(out, bare, sizeof out) == 0);
        ck_assert(k < 4 || memcmp(out, given, sizeof out) == 0);
    }
    udm_model_free(model);
}
END_TEST

START_TEST(holes_are_for_models_that_fill_them)
{
    static uint8_t given[ALL], out[ALL], known[PIXELS];
    const udm_image alpha = image_of(known, 1);
    udm_model *model = open_model(golden_path("tiny-denoise"));
    udm_error error = { 0 };
    ck_assert(!restore(model, 1, (udm_frame){ .known = &alpha }, given, out, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "fills no holes");
    udm_model_free(model);

    model = make_and_open(&udm_process_mask);
    const udm_image wrong = { .width = W, .height = H - 1, .channels = 1, .bits = 8 };
    ck_assert(!restore(model, 1, (udm_frame){ .known = &wrong }, given, out, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "96x80");
    udm_model_free(model);
}
END_TEST

// Pull-push keeps what is known, fills even planes evenly, and comes back from one pixel.
static const int sizes[][2] = { { 1, 1 }, { 7, 5 }, { 64, 33 }, { 1, 40 } };

START_TEST(surroundings)
{
    enum { MOST = 64 * 33 };
    const int w = sizes[_i][0], h = sizes[_i][1];
    static const float nothing[MOST];
    float planes[2 * MOST], known[MOST], want[2 * MOST];
    udm_error error = { 0 };
    test_case("%dx%d", w, h);
    udm_hole_filler *filler = udm_hole_filler_new(2, w, h, &error);
    ck_assert_msg(filler, "%s", error.message);
    for (int i = 0; i < w * h; i++) {
        known[i] = i == w * h / 2;
        want[i] = 0.25f, want[w * h + i] = -0.5f;
        planes[i] = known[i] > 0 ? want[i] : 7, planes[w * h + i] = known[i] > 0 ? want[w * h + i] : 9;
    }
    assert_within(udm_hole_filler_fill(filler, planes, known), want, 2 * w * h, 1e-6);
    memset(known, 0, sizeof known);
    assert_within(udm_hole_filler_fill(filler, planes, known), nothing, w * h, 0);
    udm_hole_filler_free(filler);
}
END_TEST

static void note_log(void *context, udm_log_level level, const char *text)
{
    if (level == UDM_LOG_WARNING)
        snprintf(context, 256, "%s", text);
}

static const int tiny[][2] = { { 9, 9 }, { 353, 5 }, { 1, 1 }, { 5, 200 } };

// Where noise cannot be estimated, that is said; where its level is given, it goes.
START_TEST(tiny_frames_are_restored_or_said)
{
    const int width = tiny[_i][0], height = tiny[_i][1], bytes = width * height;
    test_case("%dx%d", width, height);
    static uint8_t in[2000], out[2000];
    udm_model *model = golden_model("../../models/denoise");
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    char said[256] = "";
    settings.width = width, settings.height = height, settings.channels = 1, settings.threads = 1,
    settings.lookahead = 0;
    settings.device = "cpu", settings.log = note_log, settings.log_context = said;
    for (int given = 0; given < 2; given++) {
        udm_error error = { 0 };
        udm_stats stats;
        for (int i = 0; i < bytes; i++)
            in[i] = (uint8_t)(128 + 40 * sin(12.9898 * i) * cos(78.233 * i * i));
        const udm_image a = { .width = width,
                              .height = height,
                              .channels = 1,
                              .bits = 8,
                              .data = { in },
                              .stride = { width },
                              .step = { 1 } };
        udm_image b = a;
        b.data[0] = out;
        const udm_frame frame = { .image = &a, .time = given ? udm_model_time(model, 25) : UDM_TIME_ESTIMATE };
        udm_restorer *restorer = udm_restorer_open(model, &settings, &error);
        ck_assert_msg(restorer && udm_restorer_push(restorer, &frame, &error) &&
                          udm_restorer_pull(restorer, &b, &error) == UDM_PULLED_FRAME,
                      "%s", error.message);
        udm_restorer_stats(restorer, &stats, sizeof stats);
        if (given) {
            ck_assert_str_eq(stats.warning, "");
            ck_assert(bytes == 1 || memcmp(in, out, (size_t)bytes) != 0);
        } else {
            assert_contains(stats.warning, "are too small for their noise to be estimated");
            ck_assert_str_eq(said, stats.warning);
            ck_assert_mem_eq(in, out, (size_t)bytes);
        }
        udm_restorer_free(restorer);
    }
    udm_model_free(model);
}
END_TEST

// Of a frame whose noise is given, level and kind, so that it is not read: as of white noise, or as of the same noise
// in all planes.
static const struct {
    const char *format;
    double share;
} told[] = { { "RGB", 0.31 }, { "I420", 0.57 } };

START_TEST(levels_of_shares)
{
    ck_assert_double_eq_tol(udm_level_of_share(0.3, udm_level_of_sigma(20)), udm_level_of_sigma(6), 1e-12);
    ck_assert_double_eq(udm_level_of_share(0.3, 0), 0);
    ck_assert_double_eq(udm_level_of_share(0.3, 1), 1);
    ck_assert_double_eq(udm_level_of_share(0, 1), 1);
    ck_assert_double_eq(udm_level_of_share(0, 0.5), 0);
}
END_TEST

START_TEST(chroma_has_a_level_of_its_own)
{
    enum { SIGMA = 30 };
    static float x0[ALL], expected[ALL], scaled[ALL], level[PIXELS], chroma_level[PIXELS];
    const yuv_format *format = yuv_formats;
    while (strcmp(format->name, told[_i].format) != 0)
        format++;
    test_case("%s", format->name);
    yuv_picture in = yuv_new(format, W, H), out = yuv_new(format, W, H), want = yuv_new(format, W, H);
    draw(x0);
    udm_image_from_planes(&in.image, x0);
    udm_image_to_planes(&in.image, x0);
    udm_error error = { 0 };
    golden_network golden = golden_open("tiny-chroma", "cpu", 1);
    udm_tiling *tiles = udm_tiling_new(golden.network, NULL, W, H, 1, SIZE_MAX, &error);
    const double shown = udm_level_of_sigma(SIGMA);
    for (int i = 0; i < PIXELS; i++)
        level[i] = (float)shown, chroma_level[i] = (float)udm_level_of_sigma(told[_i].share * SIGMA);
    for (int i = 0; i < ALL; i++)
        scaled[i] = x0[i] * (float)sqrt(1 - shown * shown);
    const udm_network_input seen = { .frame = scaled, .level = level, .context = chroma_level };
    assert_ok(udm_tiling_run(tiles, 0, 0, &seen, expected, NULL, &error), &error);
    udm_image_from_planes(&want.image, expected);
    udm_restorer *stream = open_stream(golden.model, 1, &error);
    const udm_frame frame = { .image = &in.image,
                              .time = udm_model_time(golden.model, SIGMA),
                              .kind = UDM_NOISE_OTHER };
    assert_ok(stream && udm_restorer_push(stream, &frame, &error), &error);
    assert_ok(udm_restorer_pull(stream, &out.image, &error) == UDM_PULLED_FRAME, &error);
    udm_image_to_planes(&out.image, x0);
    udm_image_to_planes(&want.image, expected);
    assert_close(x0, expected, ALL, 0.02); // a level or two
    udm_restorer_free(stream);
    udm_tiling_free(tiles);
    golden_close(&golden);
    yuv_free(&in), yuv_free(&out), yuv_free(&want);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = tiny_frames_are_restored_or_said, .cases = COUNT_OF(tiny) },
        { .test = levels_of_shares },
        { .test = chroma_has_a_level_of_its_own, .cases = COUNT_OF(told) },
        { .test = what_was_done_is_undone, .cases = COUNT_OF(undone) },
        { .test = what_is_known_stays },
        { .test = holes_are_filled },
        { .test = a_frame_without_holes_stays },
        { .test = gaussian_processes_agree_on_one_step, .cases = count_processes(is_gaussian) },
        { .test = every_process_runs, .cases = list_length(udm_processes) },
        { .test = holes_are_for_models_that_fill_them },
        { .test = grain_stays },
        { .test = surroundings, .cases = COUNT_OF(sizes) },
    };
    return test_main("restore", tests, COUNT_OF(tests));
}
