// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams on models of other processes than noise: what each undoes, and what it refuses.
#include <unistd.h>

#include "folder.h"
#include "golden.h"
#include "process/process.h"
#include "diffusion/hole_filling.h"
#include "udm/udm.h"

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
    if (!model) {
        printf("    %s\n", error.message);
        check_failed = true;
    }
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
static void check_gain(const char *name, double amount, double gain)
{
    static float x0[ALL];
    static uint8_t clean[ALL], given[ALL], out[ALL];
    char path[256];
    snprintf(path, sizeof path, "../../models/%s", name);
    udm_model *model = open_model(golden_path(path));
    REQUIRE(model);
    const udm_scheduler *scheduler = udm_model_scheduler(model);
    draw(x0);
    to_bytes(x0, clean);
    degrade(scheduler->process, scheduler->extent, scheduler->process->share(scheduler->extent, amount), x0, given);
    udm_error error = { 0 };
    CHECK(restore(model, 1, (udm_frame){ .time = udm_model_time(model, amount) }, given, out, &error));
    printf("    %s: %.2f dB, given %.2f\n", name, psnr(out, clean, NULL), psnr(given, clean, NULL));
    CHECK(psnr(out, clean, NULL) > psnr(given, clean, NULL) + gain);
    CHECK_CLOSE(udm_model_amount(model, udm_model_time(model, amount)), amount, 1e-3);
    CHECK(udm_model_degradation(model)->usual > 0 && !udm_model_degradation(model)->holes);
    CHECK_CLOSE(udm_model_time(model, 1e9), udm_model_time(model, udm_model_degradation(model)->most), 0);

    CHECK(!restore(model, 1, (udm_frame){ .time = UDM_TIME_ESTIMATE }, given, out, &error));
    CHECK(error.code == UDM_ERROR_SETTINGS && strstr(error.message, "estimated"));
    CHECK(!restore(model, 1, (udm_frame){ .time = 0.2, .strength = 0.5 }, given, out, &error));
    CHECK(error.code == UDM_ERROR_UNSUPPORTED && strstr(error.message, "strength"));
    udm_model_free(model);
}

TEST(blur_is_undone)
{
    check_gain("deblur", 1.6, 2);
}

TEST(pixelation_is_undone)
{
    check_gain("super4", 4, 1);
}

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
    if (!real || symlink(real, folder_path(&made, "unet")) != 0)
        check_failed = true;
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

TEST(what_is_known_stays)
{
    static float x0[ALL];
    static uint8_t clean[ALL], given[ALL], out[ALL], mixed[ALL], known[PIXELS];
    udm_model *model = make_and_open(&udm_process_mask);
    REQUIRE(model);
    CHECK(udm_model_degradation(model)->holes);
    draw(x0);
    to_bytes(x0, clean);
    make_holes(known);
    for (int i = 0; i < ALL; i++)
        given[i] = known[i / 3] ? clean[i] : 255; // what is in a hole does not matter
    udm_error error = { 0 };
    const udm_image alpha = image_of(known, 1);
    CHECK(restore(model, 1, (udm_frame){ .known = &alpha }, given, out, &error));
    for (int i = 0; i < ALL; i++)
        CHECK(!known[i / 3] || out[i] == clean[i]);

    for (int i = 0; i < PIXELS; i++) // half transparent: a mixture
        known[i] = known[i] ? 255 : 102;
    CHECK(restore(model, 1, (udm_frame){ .known = &alpha }, given, mixed, &error));
    for (int i = 0; i < ALL; i++)
        CHECK_CLOSE(mixed[i], 0.4 * given[i] + 0.6 * out[i], 1.01);
    udm_model_free(model);
}

// The shipped model says more about a hole than what surrounds it.
TEST(holes_are_filled)
{
    static float x0[ALL], planes[ALL], sure[PIXELS];
    static uint8_t clean[ALL], given[ALL], smooth[ALL], out[ALL], known[PIXELS];
    udm_model *model = open_model(golden_path("../../models/inpaint"));
    REQUIRE(model);
    draw(x0);
    to_bytes(x0, clean);
    make_holes(known);
    for (int i = 0; i < ALL; i++)
        given[i] = known[i / 3] ? clean[i] : 255;
    udm_error error = { 0 };
    const udm_image alpha = image_of(known, 1), view = image_of(given, 3);
    CHECK(restore(model, 1, (udm_frame){ .known = &alpha }, given, out, &error));

    udm_hole_filler *filler = udm_hole_filler_new(3, W, H, &error);
    REQUIRE(filler);
    udm_image_to_planes(&view, planes);
    for (int i = 0; i < PIXELS; i++)
        sure[i] = known[i] / 255;
    to_bytes(udm_hole_filler_fill(filler, planes, sure), smooth);
    udm_hole_filler_free(filler);
    printf("    %.2f dB in the holes, by their surroundings %.2f\n", psnr(out, clean, known),
           psnr(smooth, clean, known));
    CHECK(psnr(out, clean, known) > psnr(smooth, clean, known) + 1);
    udm_model_free(model);
}

TEST(a_frame_without_holes_stays)
{
    static float x0[ALL];
    static uint8_t clean[ALL], out[ALL], known[PIXELS];
    udm_model *model = make_and_open(&udm_process_mask);
    REQUIRE(model);
    draw(x0);
    to_bytes(x0, clean);
    memset(known, 255, sizeof known);
    const udm_image alpha = image_of(known, 1);
    CHECK(restore(model, 1, (udm_frame){ .known = &alpha }, clean, out, NULL));
    CHECK(memcmp(clean, out, sizeof clean) == 0);
    udm_model_free(model);
}

// Whatever scales signal and noise, the network sees the same frame, and finds the same picture.
TEST(gaussian_processes_agree_on_one_step)
{
    static float x0[ALL];
    static uint8_t given[ALL], want[ALL], out[ALL];
    draw(x0);
    to_bytes(x0, given);
    for (const udm_process *const *process = udm_processes; *process; process++) {
        if (!(*process)->factors)
            continue;
        udm_model *model = make_and_open(*process);
        REQUIRE(model);
        udm_error error = { 0 };
        const udm_frame frame = { .time = udm_model_time(model, 30) };
        const bool first = *process == &udm_process_gaussian;
        CHECK(restore(model, 1, frame, given, first ? want : out, &error));
        for (int i = 0; !first && i < ALL; i++)
            CHECK_CLOSE(out[i], want[i], 1.01);
        CHECK(memcmp(given, want, sizeof want) != 0);
        udm_model_free(model);
    }
}

// Every process that restores frames does so in several steps, and with what was added to them first.
TEST(every_process_runs)
{
    static float x0[ALL];
    static uint8_t given[ALL], out[ALL];
    draw(x0);
    to_bytes(x0, given);
    for (const udm_process *const *process = udm_processes; *process; process++) {
        udm_model *model = make_and_open(*process);
        REQUIRE(model);
        udm_error error = { 0 };
        memset(out, 0, sizeof out);
        const bool refused = (*process)->symbols || (*process)->anchored;
        const bool good = restore(model, 3, (udm_frame){ .strength = 0.3 }, given, out, &error);
        if (good == refused)
            printf("    %s: %s\n", (*process)->name, error.message);
        CHECK(good != refused);
        CHECK(!good || psnr(out, given, NULL) > 10); // a tiny network does little
        CHECK(good || strstr(error.message, (*process)->name));
        udm_model_free(model);
    }
}

TEST(holes_are_for_models_that_fill_them)
{
    static uint8_t given[ALL], out[ALL], known[PIXELS];
    const udm_image alpha = image_of(known, 1);
    udm_model *model = open_model(golden_path("tiny-denoise"));
    REQUIRE(model);
    udm_error error = { 0 };
    CHECK(!restore(model, 1, (udm_frame){ .known = &alpha }, given, out, &error));
    CHECK(error.code == UDM_ERROR_SETTINGS && strstr(error.message, "fills no holes"));
    udm_model_free(model);

    model = make_and_open(&udm_process_mask);
    REQUIRE(model);
    const udm_image wrong = { .width = W, .height = H - 1, .channels = 1, .bits = 8 };
    CHECK(!restore(model, 1, (udm_frame){ .known = &wrong }, given, out, &error));
    CHECK(error.code == UDM_ERROR_SETTINGS && strstr(error.message, "96x80"));
    udm_model_free(model);
}

// Pull-push keeps what is known, fills even planes evenly, and comes back from one pixel.
TEST(surroundings)
{
    static const int sizes[][2] = { { 1, 1 }, { 7, 5 }, { 64, 33 }, { 1, 40 } };
    for (int s = 0; s < 4; s++) {
        const int w = sizes[s][0], h = sizes[s][1];
        float planes[2 * 64 * 33], known[64 * 33];
        udm_hole_filler *filler = udm_hole_filler_new(2, w, h, NULL);
        REQUIRE(filler);
        for (int i = 0; i < w * h; i++) {
            known[i] = i == w * h / 2;
            planes[i] = known[i] > 0 ? 0.25f : 7, planes[w * h + i] = known[i] > 0 ? -0.5f : 9;
        }
        const float *filled = udm_hole_filler_fill(filler, planes, known);
        for (int i = 0; i < w * h; i++) {
            CHECK_CLOSE(filled[i], 0.25, 1e-6);
            CHECK_CLOSE(filled[w * h + i], -0.5, 1e-6);
        }
        memset(known, 0, sizeof known);
        filled = udm_hole_filler_fill(filler, planes, known);
        for (int i = 0; i < w * h; i++)
            CHECK_CLOSE(filled[i], 0, 0);
        udm_hole_filler_free(filler);
    }
}

CHECK_MAIN()
