// SPDX-License-Identifier: LGPL-2.1-or-later
// Step for step what the schedulers of diffusers do, from their scheduler_config.json: tests/parity/dump_schedulers.py
// wrote down what they ask their network and where they end.
#include <jansson.h>

#include "check.h"
#include "folder.h"
#include "model/scheduler.h"

enum { VALUES = 3, MOST_ASKED = 64 };

// States may differ by this share of the largest value in a run, which is at least 1: they are floats.
static const double TOLERANCE = 1e-6;

typedef struct replay {
    const udm_scheduler *scheduler;
    json_t *asked; // what is expected: [time, x...] per estimate
    double worst, largest;
    float variance[VALUES];
} replay;

static void compare(replay *r, double got, double want)
{
    const double off = fabs(got - want);
    r->largest = fmax(r->largest, fabs(want));
    r->worst = off <= r->worst ? r->worst : off; // also where it is not a number
}

// The same as in the script.
static bool estimate(void *context, int number, const udm_levels *at, const float *xt, float *x0, udm_error *error)
{
    replay *r = context;
    json_t *want = json_array_get(r->asked, number);
    const double t = udm_noise_timestep(&r->scheduler->noise, at->time[0]),
                 wanted = json_number_value(json_array_get(want, 0));
    if (!want)
        return udm_fail(error, UDM_ERROR_SETTINGS, "one estimate too many");
    if (!(fabs(t - wanted) < 2e-4))
        return udm_fail(error, UDM_ERROR_SETTINGS, "estimate %d is at %.9g, not %.9g", number, t, wanted);
    for (int i = 0; i < VALUES; i++) {
        compare(r, xt[i], json_number_value(json_array_get(want, i + 1)));
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

static bool run(replay *r, json_t *wanted, udm_error *error)
{
    const udm_scheduler *s = r->scheduler;
    udm_timesteps timesteps = s->timesteps;
    timesteps.noise = &s->noise;
    timesteps.steps = (int)json_integer_value(json_object_get(wanted, "steps"));
    if (!s->sampler)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s", s->missing);
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
    udm_loop *loop = udm_loop_new(&settings, error);
    const bool good = loop && udm_loop_run(loop, &calls, times, x, error);
    udm_loop_free(loop);
    for (int i = 0; i < VALUES; i++)
        compare(r, x[i], json_number_value(json_array_get(json_object_get(wanted, "final"), i)));
    return good;
}

// True if the engine does what was written down.
static bool check_case(const folder *work, json_t *wanted)
{
    const char *class = json_string_value(json_object_get(wanted, "class"));
    char *text = json_dumps(json_object_get(wanted, "config"), 0);
    udm_error error = { 0 };
    udm_config *config = udm_config_open(folder_write_text(work, "scheduler_config.json", text), &error);
    udm_scheduler scheduler;
    replay r = { .scheduler = &scheduler, .asked = json_object_get(wanted, "asked"), .largest = 1 };
    bool good = config && udm_scheduler_read(&scheduler, class, config, &error);
    if (good) {
        good = run(&r, wanted, &error) && r.worst <= TOLERANCE * r.largest;
        udm_noise_clear(&scheduler.noise);
    }
    if (!good)
        printf("    %s, %d steps, %s: off by %.2g %s\n", class,
               (int)json_integer_value(json_object_get(wanted, "steps")), text, r.worst / r.largest, error.message);
    udm_config_free(config);
    free(text);
    return good;
}

TEST(schedulers_of_diffusers)
{
    char path[1024];
    json_error_t fault;
    snprintf(path, sizeof path, "%s/../parity/schedulers.json", getenv("UDM_TEST_DATA"));
    json_t *all = json_load_file(path, 0, &fault), *cases = json_object_get(all, "cases"), *wanted;
    size_t index, same = 0;
    REQUIRE(json_array_size(cases) >= 150);
    folder work = folder_new();
    json_array_foreach(cases, index, wanted)
    {
        same += check_case(&work, wanted);
    }
    printf("    %zu of %zu configurations of diffusers %s\n", same, json_array_size(cases),
           json_string_value(json_object_get(all, "diffusers")));
    CHECK(same == json_array_size(cases));
    folder_free(&work);
    json_decref(all);
}

CHECK_MAIN()
