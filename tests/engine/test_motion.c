// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks of films against diffusers, on random weights (tests/models/make_motion.py): every frame at its time, with
// its text.
#include <stdio.h>

#include "devices.h"
#include "folder.h"
#include "parts.h"
#include "runner/film.h"
#include "testing.h"

#define MODEL "tiny-motion"

static const double tolerance = 1e-4; // of the largest value

static device_list *devices;

static part part_open(const char *name)
{
    char folder[64];
    snprintf(folder, sizeof folder, MODEL "/%s", name);
    return part_of(folder, "diffusion_pytorch_model");
}

static npy read_golden(const char *folder, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, MODEL "/%s/%s.npy", folder, name);
    return golden_read(path);
}

// What the network makes of the frames in a folder, [F, C, H, W].
static float *run_film(const udm_network *network, const char *folder)
{
    udm_error error = { 0 };
    npy frames = read_golden(folder, "frames"), texts = read_golden(folder, "texts");
    npy times = read_golden(folder, "times");
    const udm_film_shape shape = { (int)frames.shape[0], (int)texts.shape[0], (int)texts.shape[3], (int)frames.shape[3],
                                   (int)frames.shape[2] };
    const size_t frame = frames.elements / frames.shape[0], text = texts.elements / texts.shape[0];
    float *made = malloc(frames.elements * sizeof *made), *out[UDM_MAX_FRAMES];
    const float *in[UDM_MAX_FRAMES], *told[UDM_MAX_FRAMES];
    double at[UDM_MAX_FRAMES];
    for (int f = 0; f < shape.frames; f++)
        in[f] = frames.data + f * frame, out[f] = made + f * frame, at[f] = times.data[f];
    for (int k = 0; k < shape.texts; k++)
        told[k] = texts.data + k * text;
    udm_film *film = udm_film_new(network, &shape, &error);
    ck_assert_msg(film, "%s", error.message);
    const udm_film_input input = { in, at, told, NULL, NULL };
    assert_ok(udm_film_run(film, &input, out, NULL, &error), &error);
    udm_film_free(film);
    free(frames.data), free(texts.data), free(times.data);
    return made;
}

static void check_film(const udm_network *network, const char *folder)
{
    npy want = read_golden(folder, "expected");
    float *made = run_film(network, folder);
    double most = 0;
    for (size_t i = 0; i < want.elements; i++)
        most = fmax(most, fabs(want.data[i]));
    test_at("%s", folder);
    assert_within(made, want.data, want.elements, tolerance * most);
    free(want.data);
    free(made);
}

// weights: the folder of the network
static const struct {
    const char *weights, *golden;
} films[] = {
    { "motion", "motion" }, { "linear", "linear" }, { "merged", "merged" }, { "three", "three" }, { "three", "ramp" }
};

START_TEST(networks)
{
    udm_error error = { 0 };
    udm_device *device = open_device(devices->names[_i], 2, &error);
    test_case("%s", devices->names[_i]);
    if (!device) {
        test_skip("%s", error.message);
        return;
    }
    for (int i = 0; i < COUNT_OF(films); i++) {
        part of = part_open(films[i].weights);
        udm_network *network = udm_network_open(of.config, of.weights, device, &error);
        ck_assert_msg(network, "%s: %s", films[i].weights, error.message);
        check_film(network, films[i].golden);
        udm_network_free(network);
        part_close(&of);
    }
    part of = part_open("adapted/unet"), motion = part_open("adapted/motion_adapter");
    const udm_adapter adapter = { .config = motion.config, .weights = motion.weights };
    udm_network *network = udm_network_open_adapted(&adapter, of.config, of.weights, device, &error);
    ck_assert_msg(network, "%s", error.message);
    ck_assert_int_eq(network->frames, 16);
    check_film(network, "adapted");
    udm_network *again = udm_network_reopen(network, device, &error); // as when a device fails
    ck_assert_msg(again, "%s", error.message);
    check_film(again, "adapted");
    udm_network_free(again);
    udm_network_free(network);
    part_close(&of), part_close(&motion);
    udm_device_close(device);
}
END_TEST

// Keys and tensors that nothing is known of, and parts that do not fit, are errors that name them.
START_TEST(nothing_is_ignored)
{
    static const struct {
        const char *weights, *config, *says;
    } wrong[] = {
        { "motion", "{\"_class_name\": \"UNetMotionModel\", \"dual_cross_attention\": true}", "dual_cross_attention" },
        { "motion", "{\"_class_name\": \"UNetMotionModel\", \"time_cond_proj_dim\": 8}", "time_cond_proj_dim" },
        { "motion", "{\"_class_name\": \"UNetMotionModel\", \"mid_block_layers\": 2}", "mid_block_layers" },
        { "motion",
          "{\"_class_name\": \"UNetMotionModel\", \"down_block_types\": [\"DownBlock2D\", \"DownBlockMotion\", "
          "\"DownBlockMotion\", \"DownBlockMotion\"]}",
          "DownBlock2D" },
        { "three", "{\"_class_name\": \"UNet3DConditionModel\", \"num_attention_heads\": 8}", "num_attention_heads" },
        { "three", "{\"_class_name\": \"UNet3DConditionModel\", \"attention_head_dim\": 48}", "320" },
        { "three", "{\"_class_name\": \"UNet3DConditionModel\", \"out_channels\": 8}", "out_channels" },
    };
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    folder made = folder_new();
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        part of = part_open(wrong[i].weights);
        udm_config *config = udm_config_open(folder_write_text(&made, "config.json", wrong[i].config), &error);
        test_at("%s", wrong[i].config);
        ck_assert_ptr_null(udm_network_open(config, of.weights, device, &error));
        assert_error(&error, UDM_ERROR_UNSUPPORTED, wrong[i].says);
        udm_config_free(config);
        part_close(&of);
    }
    part of = part_open("motion"), other = part_open("merged");
    ck_assert_ptr_null(udm_network_open(other.config, of.weights, device, &error));
    ck_assert(strstr(error.message, "pos_embed.pe")); // of 24 places, not 16
    part_close(&of), part_close(&other);
    folder_free(&made);
    udm_device_close(device);
}
END_TEST

START_TEST(adapters)
{
    static const struct {
        const char *config, *says;
    } wrong[] = { { "{\"block_out_channels\": [8, 24]}", "motion_layers_per_block" },
                  { "{\"block_out_channels\": [8, 24], \"motion_layers_per_block\": 1}", "motion_norm_num_groups" },
                  { "{\"block_out_channels\": [8, 24], \"motion_layers_per_block\": 1, \"motion_norm_num_groups\": 4}",
                    "block_out_channels" },
                  { "{\"conv_in_channels\": 9}", "conv_in_channels" },
                  { "{\"motion_scale\": 2}", "motion_scale" } };
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    part unet = part_open("adapted/unet"), motion = part_open("adapted/motion_adapter"), merged = part_open("merged");
    folder made = folder_new();
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        udm_config *config = udm_config_open(folder_write_text(&made, "config.json", wrong[i].config), &error);
        const udm_adapter adapter = { .config = config, .weights = motion.weights };
        test_at("%s", wrong[i].config);
        ck_assert_ptr_null(udm_network_open_adapted(&adapter, unet.config, unet.weights, device, &error));
        ck_assert_msg(strstr(error.message, wrong[i].says), "%s", error.message);
        udm_config_free(config);
    }
    const udm_adapter adapter = { .config = motion.config, .weights = motion.weights };
    ck_assert_ptr_null(udm_network_open_adapted(&adapter, merged.config, merged.weights, device, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "UNet2DConditionModel");
    folder_free(&made);
    part_close(&unet), part_close(&motion), part_close(&merged);
    udm_device_close(device);
}
END_TEST

START_TEST(wrong_shapes)
{
    static const struct {
        udm_film_shape shape;
        const char *says;
    } wrong[] = { { { 17, 1, 5, 8, 8 }, "17 frames" }, { { 4, 1, 5, 9, 8 }, "multiples of 2" } };
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    part of = part_open("merged");
    udm_network *network = udm_network_open(of.config, of.weights, device, &error);
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        ck_assert_ptr_null(udm_film_new(network, &wrong[i].shape, &error));
        assert_error(&error, UDM_ERROR_SETTINGS, wrong[i].says);
    }
    udm_network_free(network);
    part_close(&of);
    udm_device_close(device);
}
END_TEST

START_TEST(cancelled)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    part of = part_open("three");
    udm_network *network = udm_network_open(of.config, of.weights, device, &error);
    udm_film *film = udm_film_new(network, &(udm_film_shape){ 1, 1, 5, 8, 8 }, &error);
    ck_assert_msg(film, "%s", error.message);
    float in[4 * 64] = { 0 }, text[12 * 5] = { 0 }, out[4 * 64];
    atomic_bool cancel = true;
    const udm_film_input input = { (const float *const[]){ in }, (double[]){ 1 }, (const float *const[]){ text }, NULL,
                                   NULL };
    ck_assert(!udm_film_run(film, &input, (float *const[]){ out }, &cancel, &error));
    assert_error(&error, UDM_ERROR_CANCELLED, "cancelled");
    udm_film_free(film);
    udm_network_free(network);
    part_close(&of);
    udm_device_close(device);
}
END_TEST

int main(void)
{
    devices = find_exact_devices();
    const test_entry tests[] = {
        { .test = networks, .cases = devices->count },
        { .test = nothing_is_ignored },
        { .test = adapters },
        { .test = wrong_shapes },
        { .test = cancelled },
    };
    return test_main("motion", tests, COUNT_OF(tests));
}
