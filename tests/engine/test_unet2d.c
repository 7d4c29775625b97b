// SPDX-License-Identifier: LGPL-2.1-or-later
// UNet2DModel against diffusers (tests/models/make_unet2d.py), and configs that are refused.
#include "folder.h"
#include "golden.h"
#include "udm/udm.h"

// timestep: on the scale of the network, which counts 1000 steps from 0
static bool forward(const char *model, const char *device, const npy *x, double timestep, int label, float *out,
                    udm_error *error)
{
    const double time = (timestep + 1) / 1000;
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.height = (int)x->shape[2], settings.width = (int)x->shape[3];
    settings.device = device;
    settings.threads = 2;
    settings.class_label = label;
    udm_model *opened = udm_model_open(golden_path(model), error);
    bool good = opened && udm_model_forward(opened, &settings, (int)x->shape[0], 1, x->data, &time, out, error);
    udm_model_free(opened);
    return good;
}

static const struct {
    const char *model;
    double timestep;
    int label;
} cases[] = {
    { "unet2d-ddpm", 999, -1 },
    { "unet2d-ddpm", 417.25, -1 }, // a time between two steps is not rounded to one
    { "unet2d-adm", 500, 2 },      // scale and shift, and classes
    { "unet2d-fourier", 3.5, -1 },
};

enum { CASES = COUNT_OF(cases) };

START_TEST(networks_equal_diffusers)
{
    const char *model = cases[_i % CASES].model, *device = udm_backends[_i / CASES]->name;
    const double timestep = cases[_i % CASES].timestep;
    char path[256];
    udm_error error = { 0 };
    test_case("%s at %g on %s", model, timestep, device);
    udm_device *opened = udm_device_open(device, 1, &error);
    if (!opened) {
        test_skip("%s", error.message);
        return;
    }
    udm_device_close(opened);
    snprintf(path, sizeof path, "%s/input.npy", model);
    npy x = golden_read(path);
    snprintf(path, sizeof path, "%s/expected-%g.npy", model, timestep);
    npy want = golden_read(path);
    float *out = malloc(want.elements * sizeof *out);
    ck_assert_ptr_nonnull(out);
    assert_ok(forward(model, device, &x, timestep, cases[_i % CASES].label, out, &error), &error);
    assert_close(out, want.data, want.elements, 1e-4);
    free(out);
    free(x.data), free(want.data);
}
END_TEST

static const struct {
    const char *model;
    int label;
} unknown_classes[] = { { "unet2d-adm", -1 }, { "unet2d-adm", 3 }, { "unet2d-ddpm", 0 } };

START_TEST(classes_that_there_are_not)
{
    const char *model = unknown_classes[_i].model;
    char path[256];
    udm_error error = { 0 };
    test_case("%s, class %d", model, unknown_classes[_i].label);
    snprintf(path, sizeof path, "%s/input.npy", model);
    npy x = golden_read(path);
    float *out = malloc(x.elements * sizeof *out);
    ck_assert(!forward(model, "reference", &x, 500, unknown_classes[_i].label, out, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "class");
    free(out);
    free(x.data);
}
END_TEST

// A config that must be refused, by the name of a key.
static void check_refused(const char *text, const char *key)
{
    folder made = folder_new();
    udm_error error = { 0 };
    udm_config *config = udm_config_open(folder_write(&made, "config.json", text, strlen(text)), &error);
    ck_assert_msg(config, "%s", error.message);
    udm_weights *weights = udm_weights_open(golden_path("unet2d-ddpm/diffusion_pytorch_model.safetensors"), &error);
    ck_assert_msg(weights, "%s", error.message);
    udm_device *device = udm_device_open("reference", 1, &error);
    ck_assert_msg(device, "%s", error.message);
    ck_assert_ptr_null(udm_network_open(config, weights, device, &error));
    ck_assert_msg(error.code == UDM_ERROR_UNSUPPORTED || error.code == UDM_ERROR_CORRUPT, "error %d", error.code);
    assert_contains(error.message, key);
    udm_device_close(device);
    udm_weights_free(weights);
    udm_config_free(config);
    folder_free(&made);
}

static const char *const refused[][2] = {
    { "\"center_input_sample\": true", "center_input_sample" },
    { "\"mid_block_scale_factor\": 1.41421", "mid_block_scale_factor" },
    { "\"act_fn\": \"gelu\"", "act_fn" },
    { "\"class_embed_type\": \"timestep\"", "class_embed_type" },
    { "\"time_embedding_type\": \"learned\"", "time_embedding_type" },
    { "\"resnet_time_scale_shift\": \"spatial\"", "resnet_time_scale_shift" },
    { "\"mid_block_type\": \"UNetMidBlock2DCrossAttn\"", "mid_block_type" },
    { "\"down_block_types\": [\"SkipDownBlock2D\"], \"block_out_channels\": [8]", "SkipDownBlock2D" },
    { "\"norm_num_groups\": null", "norm_num_groups" },
    { "\"out_channels\": 5", "out_channels" },
    { "\"up_block_types\": [\"UpBlock2D\"]", "up_block_types" },
    { "\"skip_time_act\": true", "skip_time_act" },
};

START_TEST(keys_that_change_the_maths_are_refused)
{
    char text[512];
    test_case("%s", refused[_i][1]);
    snprintf(text, sizeof text, "{\"_class_name\": \"UNet2DModel\", %s}", refused[_i][0]);
    check_refused(text, refused[_i][1]);
}
END_TEST

// Other keys than those of the weights' own config: the shapes say so, and nothing is read out of bounds.
static const char *const other_configs[][2] = {
    { "", "conv_in.weight" },
    { ", \"block_out_channels\": [8, 12], \"norm_num_groups\": 5,"
      "\"down_block_types\": [\"DownBlock2D\", \"AttnDownBlock2D\"],"
      "\"up_block_types\": [\"AttnUpBlock2D\", \"UpBlock2D\"]",
      "groups" },
    { ", \"block_out_channels\": [8, 12], \"norm_num_groups\": 4,"
      "\"attention_head_dim\": 16, \"layers_per_block\": 1,"
      "\"down_block_types\": [\"DownBlock2D\", \"AttnDownBlock2D\"],"
      "\"up_block_types\": [\"AttnUpBlock2D\", \"UpBlock2D\"]",
      "head" },
};

START_TEST(weights_of_another_config)
{
    char text[512];
    test_case("%s", other_configs[_i][1]);
    snprintf(text, sizeof text, "{\"_class_name\": \"UNet2DModel\"%s}", other_configs[_i][0]);
    check_refused(text, other_configs[_i][1]);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = networks_equal_diffusers, .cases = CASES * list_length(udm_backends) },
        { .test = classes_that_there_are_not, .cases = COUNT_OF(unknown_classes) },
        { .test = keys_that_change_the_maths_are_refused, .cases = COUNT_OF(refused) },
        { .test = weights_of_another_config, .cases = COUNT_OF(other_configs) },
    };
    return test_main("unet2d", tests, COUNT_OF(tests));
}
