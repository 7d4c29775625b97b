// SPDX-License-Identifier: LGPL-2.1-or-later
// Networks of films of embeddings against PyTorch, on random weights (tests/models/make_pseudo3d.py): every frame at
// its time, with its embedding and what stands beside it.
#include <math.h>
#include <stdio.h>

#include "devices.h"
#include "parts.h"
#include "runner/film.h"
#include "testing.h"

#define MODEL "tiny-pseudo3d"

static const double tolerance = 1e-4; // of the largest value
static const double rate = 12.5;

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

// Pointers to the frames of an array.
static void point(const npy *array, const float **to)
{
    const size_t step = array->elements / array->shape[0];
    for (size_t f = 0; f < array->shape[0]; f++)
        to[f] = array->data + f * step;
}

static void check_network(udm_device *device, const char *folder)
{
    udm_error error = { 0 };
    part of = part_open(folder);
    udm_network *network = udm_network_open(of.config, of.weights, device, &error);
    ck_assert_msg(network, "%s", error.message);
    npy frames = read_golden(folder, "frames"), beside = read_golden(folder, "beside");
    npy times = read_golden(folder, "times"), embeddings = read_golden(folder, "embeddings");
    npy expected = read_golden(folder, "expected");
    const int count = (int)frames.shape[0], labels = network->labels;
    const udm_film_shape shape = { count, count, network->tokens, (int)frames.shape[3], (int)frames.shape[2] };
    const size_t frame = frames.elements / count, told = labels + (size_t)network->tokens * network->token_width;
    float *conditions = malloc(count * told * sizeof *conditions);
    float *made = malloc(frames.elements * sizeof *made), *out[UDM_MAX_FRAMES];
    const float *in[UDM_MAX_FRAMES], *contexts[UDM_MAX_FRAMES], *labelled[UDM_MAX_FRAMES], *texts[UDM_MAX_FRAMES];
    double at[UDM_MAX_FRAMES];
    point(&frames, in);
    point(&beside, contexts);
    for (int f = 0; f < count; f++) {
        float *condition = conditions + f * told;
        network->class->embed(network, embeddings.data + (size_t)f * network->embedding, condition);
        network->class->pace(network, rate, condition);
        labelled[f] = condition, texts[f] = condition + labels;
        out[f] = made + f * frame, at[f] = times.data[f];
    }
    double most = 0;
    for (size_t i = 0; i < expected.elements; i++)
        most = fmax(most, fabs(expected.data[i]));
    udm_film *film = udm_film_new(network, &shape, &error);
    ck_assert_msg(film, "%s", error.message);
    const udm_film_input input = { in, at, texts, labelled, contexts };
    for (int turn = 0; turn < 2; turn++) { // the second finds what the first left
        assert_ok(udm_film_run(film, &input, out, NULL, &error), &error);
        test_at("%s, turn %d", folder, turn);
        assert_within(made, expected.data, expected.elements, tolerance * most);
    }
    udm_film_free(film);
    udm_network_free(network);
    part_close(&of);
    free(conditions), free(made);
    free(frames.data), free(beside.data), free(times.data), free(embeddings.data), free(expected.data);
}

START_TEST(networks)
{
    udm_error error = { 0 };
    udm_device *device = open_device(devices->names[_i], 2, &error);
    test_case("%s", devices->names[_i]);
    if (!device) {
        test_skip("%s", error.message);
        return;
    }
    check_network(device, "film");
    check_network(device, "between"); // attention along time sees two frames to either side
    check_network(device, "still");   // and nothing along time
    udm_device_close(device);
}
END_TEST

START_TEST(too_many_frames)
{
    udm_error error = { 0 };
    udm_device *device = udm_device_open("cpu", 1, &error);
    part of = part_open("film");
    udm_network *network = udm_network_open(of.config, of.weights, device, &error);
    ck_assert_ptr_null(udm_film_new(network, &(udm_film_shape){ 6, 6, 13, 8, 8 }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "6 frames at once");
    ck_assert_ptr_null(udm_film_new(network, &(udm_film_shape){ 2, 2, 13, 12, 8 }, &error));
    assert_error(&error, UDM_ERROR_SETTINGS, "multiples of 8");
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
        { .test = too_many_frames },
    };
    return test_main("pseudo3d", tests, COUNT_OF(tests));
}
