// SPDX-License-Identifier: LGPL-2.1-or-later
// LoRAs against diffusers, transformers and peft (tests/models/make_lora.py), and files that are none, or for others.
#include <stdio.h>

#include "folder.h"
#include "model/lora.h"
#include "network/clip.h"
#include "network/network.h"
#include "parts.h"
#include "runner/pass.h"
#include "runner/tiling.h"
#include "testing.h"

#define NETS "tiny-text/other/"
#define GOLDEN "tiny-text/golden/"
#define LORA "tiny-lora/"

enum { WIDTH = 24, MOST = 16, ELEMENTS = 4 * 64 };
static const double SCALE = 0.7, tolerance = 1e-4;

static void check(const char *path, const float *got)
{
    npy want = golden_read(path);
    double most = 0;
    for (size_t i = 0; i < want.elements; i++)
        most = fmax(most, fabs(want.data[i]));
    test_at("%s", path);
    assert_within(got, want.data, want.elements, tolerance * most);
    free(want.data);
}

static void run_unet(const part *of, udm_device *device, float *out)
{
    udm_error error = { 0 };
    udm_network *network = udm_network_open(of->config, of->weights, device, &error);
    ck_assert_msg(network, "%s", error.message);
    npy noisy = golden_read(GOLDEN "sd-noisy.npy"), tokens = golden_read(GOLDEN "sd-tokens.npy");
    float level[64] = { 0 };
    udm_tiling *tiles = udm_tiling_new(network, NULL, 8, 8, 1, 1 << 30, &error);
    ck_assert_msg(tiles, "%s", error.message);
    const udm_network_input seen = {
        .frame = noisy.data, .level = level, .timestep = 417, .label = -1, .condition = tokens.data
    };
    assert_ok(udm_tiling_run(tiles, 0, 0, &seen, out, NULL, &error), &error);
    udm_tiling_free(tiles);
    udm_network_free(network);
    free(noisy.data), free(tokens.data);
}

static void run_tower(const part *of, udm_device *device, float *out)
{
    udm_error error = { 0 };
    udm_clip_text *text = udm_clip_text_open(of->config, of->weights, "CLIPTextModel", device, &error);
    ck_assert_msg(text, "%s", error.message);
    npy read = golden_read(GOLDEN "text-ids.npy");
    int ids[MOST];
    float in[WIDTH * MOST];
    udm_pass pass;
    for (size_t i = 0; i < read.elements; i++)
        ids[i] = (int)read.data[i];
    assert_ok(udm_clip_text_embed(text, ids, read.elements, in, &error), &error);
    assert_ok(udm_pass_begin(&pass, device, &error), &error);
    assert_ok(udm_clip_text_build(text, pass.graph, (int)read.elements, 0, &error), &error);
    assert_ok(udm_pass_settle(&pass, &error), &error);
    udm_pass_put(&pass, 0, in);
    assert_ok(udm_pass_run(&pass, &out, 1, NULL, &error), &error);
    udm_pass_end(&pass);
    free(read.data);
    udm_clip_text_free(text);
}

// kohya.safetensors is new.safetensors with other names.
static const char *const loras[][2] = { { "new", "new" }, { "kohya", "new" }, { "old", "old" } };

START_TEST(parity)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    part unet = part_of(NETS "sd1", "diffusion_pytorch_model"), tower = part_of(NETS "text_encoder", "model");
    const udm_lora_targets targets = { .unet = unet.weights, .text = tower.weights };
    char path[128];
    float made[ELEMENTS], tokens[WIDTH * MOST];
    test_case("%s", loras[_i][0]);
    snprintf(path, sizeof path, LORA "%s.safetensors", loras[_i][0]);
    udm_lora *lora = udm_lora_open(golden_path(path), SCALE, &targets, &error);
    ck_assert_msg(lora, "%s", error.message);
    run_unet(&unet, device, made);
    snprintf(path, sizeof path, LORA "%s-unet.npy", loras[_i][1]);
    check(path, made);
    run_tower(&tower, device, tokens);
    snprintf(path, sizeof path, LORA "%s-tokens.npy", loras[_i][1]);
    check(path, tokens);
    part_close(&unet), part_close(&tower);
    udm_lora_free(lora);
    udm_device_close(device);
}
END_TEST

// Half of it twice is all of it, and with one more of the opposite sign there is none.
START_TEST(several)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    part unet = part_of(NETS "sd1", "diffusion_pytorch_model"), tower = part_of(NETS "text_encoder", "model");
    const udm_lora_targets targets = { .unet = unet.weights, .text = tower.weights };
    float made[ELEMENTS];
    udm_lora *all[3];
    static const double scales[] = { 0.35, 0.35, -0.7 };
    for (int i = 0; i < 3; i++) {
        all[i] = udm_lora_open(golden_path(LORA "new.safetensors"), scales[i], &targets, &error);
        ck_assert_msg(all[i], "%s", error.message);
        if (i == 0)
            continue;
        run_unet(&unet, device, made);
        check(i == 1 ? LORA "new-unet.npy" : GOLDEN "sd1-expected.npy", made);
    }
    part_close(&unet), part_close(&tower);
    for (int i = 0; i < 3; i++)
        udm_lora_free(all[i]);
    udm_device_close(device);
}
END_TEST

// A safetensors file of zeros in F32. tensors: pairs of a name and a shape, such as "2, 3".
static const char *write_zeros(folder *to, const char *const *tensors, int count, const char *metadata)
{
    char header[2048];
    size_t used = (size_t)sprintf(header, "{%s", metadata), bytes = 0;
    for (int i = 0; i < count; i++) {
        int sides[4] = { 1, 1, 1, 1 };
        sscanf(tensors[2 * i + 1], "%d, %d, %d, %d", &sides[0], &sides[1], &sides[2], &sides[3]);
        const size_t size = 4 * (size_t)sides[0] * sides[1] * sides[2] * sides[3];
        used += (size_t)sprintf(header + used,
                                "%s\"%s\": {\"dtype\": \"F32\", \"shape\": [%s], \"data_offsets\": [%zu, %zu]}",
                                i || *metadata ? ", " : "", tensors[2 * i], tensors[2 * i + 1], bytes, bytes + size);
        bytes += size;
    }
    used += (size_t)sprintf(header + used, "}");
    unsigned char *file = calloc(8 + used + bytes, 1);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)used >> (8 * i));
    memcpy(file + 8, header, used);
    const char *path = folder_write(to, "lora.safetensors", file, 8 + used + bytes);
    free(file);
    return path;
}

#define Q "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"

// Of which nothing stays behind.
START_TEST(wrong_files)
{
    static const struct {
        const char *tensors[6], *metadata, *says;
        udm_error_code code;
    } wrong[] = {
        { { "unet." Q ".weight", "2, 8" }, "", Q ".weight", UDM_ERROR_UNSUPPORTED },
        { { "unet." Q ".lora_magnitude_vector", "8" }, "", "lora_magnitude_vector", UDM_ERROR_UNSUPPORTED },
        { { "unet.nothing.lora_A.weight", "2, 8", "unet.nothing.lora_B.weight", "8, 2" },
          "",
          "unet.nothing.lora_A.weight",
          UDM_ERROR_UNSUPPORTED },
        { { "lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", "2, 8" },
          "",
          "lora_te2",
          UDM_ERROR_UNSUPPORTED },
        { { "unet." Q ".lora_A.weight", "2, 8" }, "", "other half", UDM_ERROR_CORRUPT },
        { { "unet." Q ".lora_A.weight", "2, 9", "unet." Q ".lora_B.weight", "8, 2" }, "", "fit", UDM_ERROR_CORRUPT },
        { { "unet." Q ".lora_A.weight", "2, 8", "unet." Q ".lora_B.weight", "8, 3" }, "", "fit", UDM_ERROR_CORRUPT },
        { { Q ".lora_A.weight", "2, 8", "unet." Q ".lora_A.weight", "2, 8" }, "", "the same", UDM_ERROR_CORRUPT },
        { { "unet." Q ".lora_A.weight", "2, 8", "unet." Q ".lora_B.weight", "8, 2", "unet." Q ".alpha", "2" },
          "",
          "one number",
          UDM_ERROR_CORRUPT },
        { { "unet." Q ".lora_A.weight", "2, 8", "unet." Q ".lora_B.weight", "8, 2" },
          "\"__metadata__\": {\"lora_adapter_metadata\": \"{\\\"unet.use_dora\\\": true}\"}",
          "use_dora",
          UDM_ERROR_UNSUPPORTED },
    };
    part unet = part_of(NETS "sd1", "diffusion_pytorch_model"), tower = part_of(NETS "text_encoder", "model");
    const udm_lora_targets targets = { .unet = unet.weights, .text = tower.weights };
    folder made = folder_new();
    for (int i = 0; i < COUNT_OF(wrong); i++) {
        udm_error error = { 0 };
        int count = 0;
        while (count < 3 && wrong[i].tensors[2 * count])
            count++;
        const char *path = write_zeros(&made, wrong[i].tensors, count, wrong[i].metadata);
        test_at("%s", wrong[i].tensors[0]);
        ck_assert_ptr_null(udm_lora_open(path, 1, &targets, &error));
        assert_error(&error, wrong[i].code, wrong[i].says);
    }
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    float out[ELEMENTS];
    run_unet(&unet, device, out);
    check(GOLDEN "sd1-expected.npy", out);
    folder_free(&made);
    part_close(&unet), part_close(&tower);
    udm_device_close(device);
}
END_TEST

// A LoRA for motion modules, which lie in a file of their own.
START_TEST(motion)
{
    udm_error error = { 0 };
    part unet = part_of("tiny-motion/adapted/unet", "diffusion_pytorch_model");
    part adapter = part_of("tiny-motion/adapted/motion_adapter", "diffusion_pytorch_model");
    static const char *const tensors[] = {
        "unet.down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.processor.to_out_lora.down.weight", "2, 8",
        "unet.down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight", "8, 2"
    };
    folder made = folder_new();
    const char *path = write_zeros(&made, tensors, 2, "");
    udm_lora_targets targets = { .unet = unet.weights };
    ck_assert_ptr_null(udm_lora_open(path, 1, &targets, &error));
    assert_error(&error, UDM_ERROR_UNSUPPORTED, "motion_modules");
    targets.motion = adapter.weights;
    udm_lora *lora = udm_lora_open(path, 1, &targets, &error);
    ck_assert_msg(lora, "%s", error.message);
    udm_lora_free(lora);
    folder_free(&made);
    part_close(&unet), part_close(&adapter);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = parity, .cases = COUNT_OF(loras) },
        { .test = several },
        { .test = wrong_files },
        { .test = motion },
    };
    return test_main("lora", tests, COUNT_OF(tests));
}
