// SPDX-License-Identifier: LGPL-2.1-or-later
// Motion that a GPU finds beside what the host finds, and what becomes of it where the device fails.
#include "flow/optical_flow.h"

#include "backend/opencl/opencl.h"
#include "base/random.h"
#include "compare.h"
#include "flow/steps.h"
#include "moved.h"
#include "needs_opencl.h"

// The kernels of GPUs, also on a processor.
static udm_device *open_gpu(void)
{
    udm_error error = { 0 };
    udm_device *device = lacks_opencl() ? NULL : udm_device_open("opencl:0:gpu", 0, &error);
    ck_assert_msg(device || error.code == UDM_OK, "%s", error.message);
    return device;
}

static float *find(udm_flow *motion, float noise, picture from, picture to)
{
    udm_error error = { 0 };
    float *flow = malloc(sizeof(float) * 2 * (size_t)from.width * (size_t)from.height);
    ck_assert_ptr_nonnull(motion);
    assert_ok(udm_flow_find(motion, from.luma, to.luma, noise, flow, &error), &error);
    return flow;
}

static void add_noise(picture to, float sigma, uint64_t seed)
{
    float *noise = malloc(sizeof(float) * (size_t)to.width * (size_t)to.height);
    udm_normal(seed, 0, 0, 0, (size_t)to.width * (size_t)to.height, noise);
    for (int i = 0; i < to.width * to.height; i++)
        to.luma[i] += sigma * noise[i];
    free(noise);
}

// Rounding may decide whether a patch goes on searching, and, where there is noise, which blocks have a say in how the
// camera moves: a few pixels may differ by more.
static const struct {
    int width, height;
    float noise, sigma; // that the search is told, and that there is
    pose seen;
    double apart; // the share that may be
} cases[] = {
    { 352, 288, 0, 0, { .x = 1.4f, .y = -0.7f, .zoom = 1.03f }, 0.01 },
    { 175, 143, 0.1f, 0, { .x = 3.3f, .y = 1.7f, .zoom = 1, .angle = 0.01f }, 0.01 },
    { 160, 128, 0.04f, 0.02f, { .zoom = 1 }, 0 }, // at rest
    { 19, 33, 0, 0, { .x = 0.6f, .zoom = 1 }, 0.01 },
    { 6, 40, 0.1f, 0, { .x = 0.6f, .zoom = 1 }, 0.01 },
    { 1, 1, 0, 0, { .zoom = 1 }, 0 },
};

START_TEST(as_on_the_host)
{
    const int width = cases[_i].width, height = cases[_i].height, count = 2 * width * height;
    test_case("%dx%d", width, height);
    udm_device *device = open_gpu();
    if (!device)
        return;
    udm_pool *pool = udm_pool_new(1, NULL);
    picture from = picture_new(width, height, cases[_i].seen), to = picture_new(width, height, at_rest);
    add_noise(from, cases[_i].sigma, 1);
    add_noise(to, cases[_i].sigma, 2);
    udm_flow *there = udm_flow_new_on(device, width, height, pool, NULL);
    udm_flow *here = udm_flow_new(width, height, pool, NULL);
    ck_assert_ptr_eq(there->device, device);
    float *got = find(there, cases[_i].noise, from, to), *want = find(here, cases[_i].noise, from, to);
    ck_assert_double_le(share_apart(got, want, count, 1e-4f), cases[_i].apart);
    free(got);
    got = find(there, cases[_i].noise, from, to); // nothing is left of the first time
    ck_assert_double_le(share_apart(got, want, count, 1e-4f), cases[_i].apart);
    free(got);
    free(want);
    udm_flow_free(there);
    udm_flow_free(here);
    free(from.luma);
    free(to.luma);
    udm_pool_free(pool);
    udm_device_close(device);
}
END_TEST

// A network that went wrong may hand on anything; it must not be read as an address.
START_TEST(not_a_number)
{
    udm_device *device = open_gpu();
    if (!device)
        return;
    udm_pool *pool = udm_pool_new(1, NULL);
    picture from = picture_new(60, 45, at_rest), to = picture_new(60, 45, at_rest);
    for (int i = 0; i < 60 * 45; i += 7)
        to.luma[i] = i % 2 ? NAN : INFINITY;
    udm_flow *motion = udm_flow_new_on(device, 60, 45, pool, NULL);
    free(find(motion, 0.1f, from, to));
    udm_flow_free(motion);
    free(from.luma);
    free(to.luma);
    udm_pool_free(pool);
    udm_device_close(device);
}
END_TEST

// What selects its device by name is told that it failed; `auto` goes on here, and finds the same.
START_TEST(device_fails)
{
    test_case("%s", _i ? "with a stand-in" : "by name");
    udm_device *device = open_gpu();
    if (!device)
        return;
    udm_error error = { 0 };
    udm_pool *pool = udm_pool_new(1, NULL);
    picture from = picture_new(64, 48, (pose){ .x = 1, .zoom = 1 }), to = picture_new(64, 48, at_rest);
    udm_flow *there = udm_flow_new_on(device, 64, 48, pool, NULL), *here = udm_flow_new(64, 48, pool, NULL);
    if (_i)
        device->stand_in = udm_device_open("cpu", 1, NULL);
    udm_fail(&udm_opencl_of(device)->fault, UDM_ERROR_DEVICE, "it was lost");
    if (_i) {
        float *want = find(here, 0, from, to), *got = find(there, 0, from, to);
        assert_same(got, want, 2 * 64 * 48);
        ck_assert_ptr_null(there->device);
        assert_contains(device->warning, "it was lost");
        free(want);
        free(got);
    } else {
        float *got = malloc(sizeof(float) * 2 * 64 * 48);
        ck_assert(!udm_flow_find(there, from.luma, to.luma, 0, got, &error));
        assert_error(&error, UDM_ERROR_DEVICE, "it was lost");
        free(got);
    }
    udm_flow_free(there);
    udm_flow_free(here);
    free(from.luma);
    free(to.luma);
    udm_pool_free(pool);
    udm_device_close(device);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = as_on_the_host, .cases = sizeof cases / sizeof *cases, .timeout = 300 },
        { .test = not_a_number, .timeout = 300 },
        { .test = device_fails, .cases = 2, .timeout = 300 },
    };
    return test_main("device_flow", tests, sizeof tests / sizeof *tests);
}
