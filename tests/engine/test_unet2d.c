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

static void check_device(const char *model, const char *device, double timestep, int label)
{
    char path[256];
    snprintf(path, sizeof path, "%s/input.npy", model);
    npy x = golden_read(path);
    snprintf(path, sizeof path, "%s/expected-%g.npy", model, timestep);
    npy want = golden_read(path);
    float *out = malloc(want.elements * sizeof *out);
    udm_error error = { 0 };
    REQUIRE(out);
    if (!forward(model, device, &x, timestep, label, out, &error)) {
        printf("    %s on %s: %s\n", model, device, error.message);
        CHECK(false);
    } else {
        CHECK_CLOSE(golden_difference(out, want.data, want.elements), 0, 1e-4);
    }
    free(out);
    free(x.data), free(want.data);
}

static void check_model(const char *model, double timestep, int label)
{
    for (int i = 0; udm_backends[i]; i++) {
        udm_device *device = udm_device_open(udm_backends[i]->name, 1, NULL);
        if (device)
            check_device(model, udm_backends[i]->name, timestep, label);
        udm_device_close(device);
    }
}

TEST(ddpm_equals_diffusers)
{
    check_model("unet2d-ddpm", 999, -1);
}

// A time between two steps is not rounded to one.
TEST(fractional_times_equal_diffusers)
{
    check_model("unet2d-ddpm", 417.25, -1);
}

TEST(scale_shift_and_classes_equal_diffusers)
{
    check_model("unet2d-adm", 500, 2);
}

TEST(fourier_embedding_equals_diffusers)
{
    check_model("unet2d-fourier", 3.5, -1);
}

TEST(classes_that_there_are_not)
{
    static const struct {
        const char *model;
        int label;
    } cases[] = { { "unet2d-adm", -1 }, { "unet2d-adm", 3 }, { "unet2d-ddpm", 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/input.npy", cases[i].model);
        npy x = golden_read(path);
        float *out = malloc(x.elements * sizeof *out);
        udm_error error = { 0 };
        CHECK(!forward(cases[i].model, "reference", &x, 500, cases[i].label, out, &error));
        CHECK(error.code == UDM_ERROR_SETTINGS);
        CHECK(strstr(error.message, "class"));
        free(out);
        free(x.data);
    }
}

// A config that must be refused, by the name of a key.
static void check_refused(const char *text, const char *key)
{
    folder made = folder_new();
    udm_error error = { 0 };
    udm_config *config = udm_config_open(folder_write(&made, "config.json", text, strlen(text)), &error);
    udm_weights *weights = udm_weights_open(golden_path("unet2d-ddpm/diffusion_pytorch_model.safetensors"), &error);
    udm_device *device = udm_device_open("reference", 1, &error);
    REQUIRE(config && weights && device);
    udm_network *network = udm_network_open(config, weights, device, &error);
    CHECK(!network);
    CHECK(error.code == UDM_ERROR_UNSUPPORTED || error.code == UDM_ERROR_CORRUPT);
    if (!strstr(error.message, key)) {
        printf("    no \"%s\" in: %s\n", key, error.message);
        CHECK(false);
    }
    udm_network_free(network);
    udm_device_close(device);
    udm_weights_free(weights);
    udm_config_free(config);
    folder_free(&made);
}

TEST(keys_that_change_the_maths_are_refused)
{
    static const char *const cases[][2] = {
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
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, "{\"_class_name\": \"UNet2DModel\", %s}", cases[i][0]);
        check_refused(text, cases[i][1]);
    }
}

// Other keys than those of the weights' own config: the shapes say so, and nothing is read out of bounds.
TEST(weights_of_another_config)
{
    check_refused("{\"_class_name\": \"UNet2DModel\"}", "conv_in.weight");
    check_refused("{\"_class_name\": \"UNet2DModel\", \"block_out_channels\": [8, 12], \"norm_num_groups\": 5,"
                  "\"down_block_types\": [\"DownBlock2D\", \"AttnDownBlock2D\"],"
                  "\"up_block_types\": [\"AttnUpBlock2D\", \"UpBlock2D\"]}",
                  "groups");
    check_refused("{\"_class_name\": \"UNet2DModel\", \"block_out_channels\": [8, 12], \"norm_num_groups\": 4,"
                  "\"attention_head_dim\": 16, \"layers_per_block\": 1,"
                  "\"down_block_types\": [\"DownBlock2D\", \"AttnDownBlock2D\"],"
                  "\"up_block_types\": [\"AttnUpBlock2D\", \"UpBlock2D\"]}",
                  "head");
}

CHECK_MAIN()
