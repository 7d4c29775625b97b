// SPDX-License-Identifier: LGPL-2.1-or-later
// Step for step what the schedulers of diffusers do, from their scheduler_config.json: tests/parity/dump_schedulers.py
// wrote down what they ask their network and where they end.
#include <jansson.h>

#include "folder.h"
#include "golden.h"
#include "model/scheduler.h"

enum { VALUES = 3, MOST_ESTIMATES = 256 };

// States may differ by this share of the largest value in a run, which is at least 1: they are floats.
static const double TOLERANCE = 1e-6;

typedef struct replay {
    const udm_scheduler *scheduler;
    json_t *asked; // what is expected: [time, x...] per estimate
    double got[VALUES * (MOST_ESTIMATES + 1)], want[VALUES * (MOST_ESTIMATES + 1)]; // states, and where they end
    int count;                                                                      // of those states
    float variance[VALUES];
} replay;

// A state, and what was written down of it, from an index on.
static void note_state(replay *r, const float *got, json_t *want, int first)
{
    for (int i = 0; i < VALUES; i++) {
        r->got[r->count * VALUES + i] = got[i];
        r->want[r->count * VALUES + i] = json_number_value(json_array_get(want, first + i));
    }
    r->count++;
}

// The same as in the script.
static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    replay *r = context;
    json_t *want = json_array_get(r->asked, number);
    const double t = udm_noise_timestep(&r->scheduler->noise, at->time[0]),
                 wanted = json_number_value(json_array_get(want, 0));
    if (!want || number >= MOST_ESTIMATES)
        return udm_fail(error, UDM_ERROR_SETTINGS, "one estimate too many");
    if (!(fabs(t - wanted) < 2e-4))
        return udm_fail(error, UDM_ERROR_SETTINGS, "estimate %d is at %.9g, not %.9g", number, t, wanted);
    note_state(r, xt, want, 1);
    for (int i = 0; i < VALUES; i++) {
        r->variance[i] = (float)((0.5 * sin(xt[i] + 0.3 * i) + 1) / 2);
        x0[i] = (float)(0.4 * xt[i] + 0.3 * sin(2.0 * xt[i] + i) + 0.1 * cos(wanted / 200));
    }
    for (int i = 0; i < VALUES; i++) {
        const udm_levels one = { .pixels = 1, .signal = at->signal + i, .noise = at->noise + i };
        udm_predict_x0(r->scheduler->prediction, &one, 1, x0 + i, xt + i, x0 + i);
    }
    return udm_bound_x0(&r->scheduler->bounds, VALUES, x0, error);
}

static bool draw(void *context, int number, float *e, udm_error *error)
{
    (void)context, (void)error;
    for (int i = 0; i < VALUES; i++)
        e[i] = (float)(1.3 * sin(1.7 * number + 2.3 * i + 0.5));
    return true;
}

static bool variance(void *context, float *share, udm_error *error)
{
    const replay *r = context;
    (void)error;
    memcpy(share, r->variance, sizeof r->variance);
    return true;
}

static void run(replay *r, json_t *wanted)
{
    const udm_scheduler *s = r->scheduler;
    udm_error error = { 0 };
    udm_timesteps timesteps = s->timesteps;
    timesteps.noise = &s->noise;
    timesteps.steps = (int)json_integer_value(json_object_get(wanted, "steps"));
    ck_assert_msg(s->sampler, "it has no %s", s->missing);
    const udm_loop_settings settings = {
        .process = &udm_process_gaussian,
        .sampler = s->sampler,
        .timesteps = timesteps,
        .eta = json_number_value(json_object_get(wanted, "eta")),
        .order = s->order,
        .ease_below = s->ease_below,
        .channels = 1,
        .pixels = VALUES,
    };
    const udm_loop_calls calls = { r, estimate, draw, variance };
    float x[VALUES] = { 0.9f, -0.4f, 1.3f }, times[VALUES];
    for (int i = 0; i < VALUES; i++)
        times[i] = (float)udm_timesteps_first(&timesteps);
    udm_loop *loop = udm_loop_new(&settings, &error);
    ck_assert_msg(loop, "%s", error.message);
    assert_ok(udm_loop_run(loop, &calls, times, x, &error), &error);
    udm_loop_free(loop);
    note_state(r, x, json_object_get(wanted, "final"), 0);
}

static json_t *all;

static json_t *cases(void)
{
    return json_object_get(all, "cases");
}

START_TEST(schedulers_of_diffusers)
{
    static replay r;
    json_t *wanted = json_array_get(cases(), _i);
    const char *class = json_string_value(json_object_get(wanted, "class"));
    char *text = json_dumps(json_object_get(wanted, "config"), 0);
    test_case("%s, %d steps, %s", class, (int)json_integer_value(json_object_get(wanted, "steps")), text);
    const folder work = folder_new();
    udm_error error = { 0 };
    udm_config *config = udm_config_open(folder_write_text(&work, "scheduler_config.json", text), &error);
    folder_free(&work);
    ck_assert_msg(config, "%s", error.message);
    udm_scheduler scheduler;
    assert_ok(udm_scheduler_read(&scheduler, class, config, &error), &error);
    r = (replay){ .scheduler = &scheduler, .asked = json_object_get(wanted, "asked") };
    run(&r, wanted);
    ck_assert_uint_eq(r.count, json_array_size(r.asked) + 1);
    assert_near(r.got, r.want, VALUES * r.count, TOLERANCE, TOLERANCE);
    udm_noise_clear(&scheduler.noise);
    udm_config_free(config);
    free(text);
}
END_TEST

START_TEST(all_cases_are_there)
{
    ck_assert_msg(all, "%s", golden_path("../parity/schedulers.json"));
    test_note("%zu configurations of diffusers %s", json_array_size(cases()),
              json_string_value(json_object_get(all, "diffusers")));
    ck_assert_uint_ge(json_array_size(cases()), 150);
}
END_TEST

int main(void)
{
    all = json_load_file(golden_path("../parity/schedulers.json"), 0, NULL);
    const test_entry tests[] = {
        { .test = all_cases_are_there },
        { .test = schedulers_of_diffusers, .cases = (int)json_array_size(cases()) },
    };
    const int status = test_main("parity", tests, COUNT_OF(tests));
    json_decref(all);
    return status;
}
