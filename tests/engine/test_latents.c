// SPDX-License-Identifier: LGPL-2.1-or-later
// Autoencoders of latent diffusion against diffusers, on random weights (tests/models/make_latents.py): both halves of
// each on every device, and tiles against the whole.
#include <stdio.h>

#include "devices.h"
#include "folder.h"
#include "golden.h"
#include "runner/coder.h"
#include "testing.h"
#include "udm/udm.h"

#define MODEL "tiny-latents/"

enum { WIDTH = 24, HEIGHT = 16, MOST = 4 * 4 * 4 * 80 * 3 };
static const double tolerance = 1e-4; // of the largest value

static device_list *devices;

// Half of an autoencoder, and what it is made of.
typedef struct opened {
    udm_config *config;
    udm_weights *weights;
    udm_autoencoder *half;
} opened;

static void open_files(opened *of, const char *name)
{
    char path[160];
    udm_error error = { 0 };
    snprintf(path, sizeof path, MODEL "%s/config.json", name);
    of->config = udm_config_open(golden_path(path), &error);
    snprintf(path, sizeof path, MODEL "%s/diffusion_pytorch_model.safetensors", name);
    of->weights = udm_weights_open(golden_path(path), &error);
    ck_assert_msg(of->config && of->weights, "%s", error.message);
}

static opened open_half(const char *name, bool encoder, udm_device *device)
{
    opened of;
    udm_error error = { 0 };
    open_files(&of, name);
    of.half = udm_autoencoder_open(of.config, of.weights, encoder, device, &error);
    ck_assert_msg(of.half, "%s", error.message);
    return of;
}

static void close_half(opened *of)
{
    udm_autoencoder_free(of->half);
    udm_config_free(of->config);
    udm_weights_free(of->weights);
}

static npy read_golden(const char *name, const char *what)
{
    char path[160];
    snprintf(path, sizeof path, MODEL "%s%s.npy", name, what);
    test_at("%s%s", name, what);
    return golden_read(path);
}

static void check(const npy *want, const float *got)
{
    double most = 0;
    for (size_t i = 0; i < want->elements; i++)
        most = fmax(most, fabs(want->data[i]));
    assert_within(got, want->data, want->elements, tolerance * most);
}

static void check_half(const char *name, bool encoder, udm_device *device)
{
    opened of = open_half(name, encoder, device);
    udm_error error = { 0 };
    npy picture = read_golden(name, "-picture"), latents = read_golden(name, "-latents");
    npy decoded = read_golden(name, "-decoded");
    const int scale = of.half->scale;
    const udm_coding coding = { .width = WIDTH / scale, .height = HEIGHT / scale, .limit = SIZE_MAX };
    float *out = malloc(MOST * sizeof *out);
    ck_assert_uint_eq(latents.elements, (size_t)of.half->latents * coding.width * coding.height);
    assert_ok(udm_coder_run(of.half, &coding, encoder ? picture.data : latents.data, out, &error), &error);
    check(encoder ? &latents : &decoded, out);
    free(out);
    free(picture.data), free(latents.data), free(decoded.data);
    close_half(&of);
}

START_TEST(both_halves)
{
    static const char *const names[] = { "kl", "kl-bare", "tiny" };
    udm_error error = { 0 };
    udm_device *device = open_device(devices->names[_i], 2, &error);
    test_case("%s", devices->names[_i]);
    if (!device) {
        test_skip("%s", error.message);
        return;
    }
    for (int i = 0; i < COUNT_OF(names) * 2; i++)
        check_half(names[i / 2], i % 2, device);
    udm_device_close(device);
}
END_TEST

// Those of AutoencoderTiny are exact.
START_TEST(tiles_of_tiny)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    opened of = open_half("tiny", false, device);
    npy wide = read_golden("tiny", "-wide"), decoded = read_golden("tiny", "-wide-decoded");
    udm_coding coding = { .width = 80, .height = 4, .limit = 1 };
    int tile, tiles;
    float *out = malloc(MOST * sizeof *out);
    assert_ok(udm_coder_plan(of.half, &coding, &tile, &tiles, &error), &error);
    ck_assert_int_gt(tiles, 1);
    ck_assert_int_lt(tile, 80);
    assert_ok(udm_coder_run(of.half, &coding, wide.data, out, &error), &error);
    check(&decoded, out);
    free(out);
    free(wide.data), free(decoded.data);
    close_half(&of);
    udm_device_close(device);
}
END_TEST

// Those of AutoencoderKL are faded: near the whole, and without seams.
START_TEST(tiles_of_kl)
{
    enum { SIDE = 40, PIXELS = 4 * SIDE * SIDE };
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    opened of = open_half("kl-bare", false, device);
    float *in = malloc((4 * SIDE * SIDE + 6 * PIXELS) * sizeof *in), *whole = in + 4 * SIDE * SIDE;
    float *parts = whole + 3 * PIXELS;
    for (int i = 0; i < 4 * SIDE * SIDE; i++) // what varies little, so that tiles have nearly the same moments
        in[i] = sinf(0.9f * (float)(i % SIDE)) * cosf(0.8f * (float)(i / SIDE % SIDE));
    udm_coding coding = { .width = SIDE, .height = SIDE, .limit = SIZE_MAX };
    assert_ok(udm_coder_run(of.half, &coding, in, whole, &error), &error);
    coding.limit = 1;
    assert_ok(udm_coder_run(of.half, &coding, in, parts, &error), &error);
    double square = 0, power = 0;
    for (int i = 0; i < 3 * PIXELS; i++)
        square += pow(whole[i] - parts[i], 2), power += pow(whole[i], 2);
    ck_assert_double_gt(square, 0);
    ck_assert_double_lt(square / power, 0.02);
    free(in);
    close_half(&of);
    udm_device_close(device);
}
END_TEST

// A config with another value, or another line, is an error that says which.
START_TEST(nothing_is_ignored)
{
    static const struct {
        const char *name, *text, *says;
    } configs[] = {
        { "kl", "{\"_class_name\": \"VQModel\"}", "VQModel" },
        { "kl", "{\"_class_name\": \"AutoencoderKL\", \"latents_mean\": [1]}", "latents_mean" },
        { "kl", "{\"_class_name\": \"AutoencoderKL\", \"down_block_types\": [\"AttnDownEncoderBlock2D\"]}",
          "AttnDownEncoderBlock2D" },
        { "kl", "{\"_class_name\": \"AutoencoderKL\", \"act_fn\": \"gelu\"}", "act_fn" },
        { "tiny", "{\"_class_name\": \"AutoencoderTiny\", \"act_fn\": \"mish\"}", "act_fn" },
        { "tiny", "{\"_class_name\": \"AutoencoderTiny\", \"upsample_fn\": \"bilinear\"}", "upsample_fn" },
    };
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    folder made = folder_new();
    for (int i = 0; i < COUNT_OF(configs); i++) {
        opened of;
        open_files(&of, configs[i].name);
        udm_config *config = udm_config_open(folder_write_text(&made, "config.json", configs[i].text), &error);
        ck_assert_ptr_null(udm_autoencoder_open(config, of.weights, false, device, &error));
        test_at("%s", configs[i].text);
        assert_error(&error, UDM_ERROR_UNSUPPORTED, configs[i].says);
        udm_config_free(config);
        of.half = NULL;
        close_half(&of);
    }
    opened of, other; // tensors that nothing reads: those of layers that this config has not
    open_files(&of, "kl-bare");
    open_files(&other, "kl");
    ck_assert_ptr_null(udm_autoencoder_open(of.config, other.weights, true, device, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "encoder.mid_block.attentions.0");
    ck_assert_ptr_null(udm_autoencoder_open(of.config, other.weights, false, device, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "decoder.mid_block.attentions.0");
    of.half = other.half = NULL;
    close_half(&of), close_half(&other);
    folder_free(&made);
    udm_device_close(device);
}
END_TEST

START_TEST(cancelled)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    opened of = open_half("kl", false, device);
    const atomic_bool cancel = true;
    const udm_coding coding = { .width = 8, .height = 8, .limit = SIZE_MAX, .cancel = &cancel };
    float in[4 * 64] = { 0 }, out[3 * 256];
    ck_assert(!udm_coder_run(of.half, &coding, in, out, &error));
    ck_assert_int_eq(error.code, UDM_ERROR_CANCELLED);
    close_half(&of);
    udm_device_close(device);
}
END_TEST

// Weights of which none stay in memory, where they can be put, and where not.
START_TEST(weights_in_a_file)
{
    udm_error error = { 0 };
    opened of;
    udm_device *device = udm_device_open("cpu", 2, &error);
    ck_assert(device->pages);
    device->weights_limit = 1;
    for (int i = 0; i < 2; i++)
        check_half("kl", i, device);
    open_files(&of, "kl");
    setenv("TMPDIR", "/nowhere", 1);
    ck_assert_ptr_null(udm_autoencoder_open(of.config, of.weights, true, device, &error));
    assert_error(&error, UDM_ERROR_MEMORY, "no memory for a convolution");
    udm_config_free(of.config);
    udm_weights_free(of.weights);
    udm_device_close(device);
}
END_TEST

int main(void)
{
    devices = find_exact_devices();
    const test_entry tests[] = {
        { .test = both_halves, .cases = devices->count },
        { .test = tiles_of_tiny },
        { .test = tiles_of_kl },
        { .test = nothing_is_ignored },
        { .test = cancelled },
        { .test = weights_in_a_file },
    };
    return test_main("latents", tests, COUNT_OF(tests));
}
