// SPDX-License-Identifier: LGPL-2.1-or-later
// Several threads at one model, each with a restorer or a generator of its own; and a restorer that another thread
// cancels again and again. What comes out is what comes out alone. ThreadSanitizer sees what that does not show
// (tests/run.sh).
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "golden.h"
#include "udm/udm.h"

enum { WIDTH = 41, HEIGHT = 30, FRAMES = 4, VIDEO_FRAMES = 6, SIZE = 16, SHARERS = 3 };

// What one thread makes with a model: no thread but the main one checks anything.
typedef struct work {
    const udm_model *model;
    int threads; // of its device
    bool done;
    udm_error error;
    uint8_t pixels[FRAMES][HEIGHT * WIDTH * 3];
    uint8_t video[VIDEO_FRAMES][SIZE * SIZE];
} work;

static udm_image image_of(uint8_t *pixels, int width, int height, int channels)
{
    udm_image image = { .width = width, .height = height, .channels = channels, .bits = 8 };
    for (int c = 0; c < channels; c++)
        image.data[c] = pixels + c, image.stride[c] = width * channels, image.step[c] = channels;
    return image;
}

static void paint(uint8_t *pixels, unsigned seed)
{
    for (unsigned i = 0; i < HEIGHT * WIDTH * 3; i++)
        pixels[i] = (uint8_t)(100 + i % 90 + ((i * 2654435761u + seed * 40503u) >> 26));
}

static udm_restorer *open_restorer(work *w)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = WIDTH, settings.height = HEIGHT, settings.channels = 3;
    settings.device = "cpu", settings.threads = w->threads, settings.lookahead = 0;
    return udm_restorer_open(w->model, &settings, &w->error);
}

static bool push(udm_restorer *restorer, work *w, int number)
{
    udm_image image = image_of(w->pixels[number], WIDTH, HEIGHT, 3);
    paint(w->pixels[number], (unsigned)number);
    udm_frame frame = { .image = &image, .time = udm_model_time(w->model, 20), .number = (uint64_t)number };
    return udm_restorer_push(restorer, &frame, &w->error);
}

static udm_pulled pull(udm_restorer *restorer, work *w, int number)
{
    const udm_image image = image_of(w->pixels[number], WIDTH, HEIGHT, 3);
    return udm_restorer_pull(restorer, &image, &w->error);
}

static void *restore(void *context)
{
    work *w = context;
    udm_restorer *restorer = open_restorer(w);
    w->done = restorer != NULL;
    for (int i = 0; i < FRAMES && w->done; i++)
        w->done = push(restorer, w, i) && pull(restorer, w, i) == UDM_PULLED_FRAME;
    udm_restorer_free(restorer);
    return NULL;
}

static void *generate(void *context)
{
    work *w = context;
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    udm_generation generation;
    udm_generation_init(&generation, sizeof generation);
    settings.width = settings.height = SIZE, settings.channels = 1;
    settings.device = "cpu", settings.threads = w->threads, settings.steps = 4;
    udm_generator *generator = udm_generator_open(w->model, &settings, &generation, &w->error);
    w->done = generator != NULL;
    for (int i = 0; i < VIDEO_FRAMES && w->done; i++) {
        const udm_image image = image_of(w->video[i], SIZE, SIZE, 1);
        w->done = udm_generator_make(generator, (uint64_t)i, &image, &w->error);
    }
    udm_generator_free(generator);
    return NULL;
}

// Alone first, then SHARERS at once.
static void share(const char *name, void *(*run)(void *))
{
    static work alone, shared[SHARERS];
    udm_error error = { 0 };
    udm_model *model = udm_model_open(golden_path(name), &error);
    pthread_t threads[SHARERS];
    ck_assert_msg(model, "%s", error.message);
    alone = (work){ .model = model, .threads = 1 };
    run(&alone);
    ck_assert(alone.done);
    for (int i = 0; i < SHARERS; i++) {
        shared[i] = (work){ .model = model, .threads = 1 + i % 2 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run, &shared[i]), 0);
    }
    for (int i = 0; i < SHARERS; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_str_eq(shared[i].error.message, "");
        ck_assert(shared[i].done);
        ck_assert_int_eq(memcmp(shared[i].pixels, alone.pixels, sizeof alone.pixels), 0);
        ck_assert_int_eq(memcmp(shared[i].video, alone.video, sizeof alone.video), 0);
    }
    udm_model_free(model);
}

static const struct sharing {
    const char *name, *model;
    void *(*run)(void *);
} sharings[] = {
    { "restorers", "tiny-denoise", restore },
    { "restorers, with a memory", "tiny-temporal", restore },
    { "restorers, with a temporal filter", "tiny-guess", restore },
    { "generators", "tiny-video", generate },
};

START_TEST(threads_share_a_model)
{
    test_case("%s", sharings[_i].name);
    share(sharings[_i].model, sharings[_i].run);
}
END_TEST

typedef struct canceller {
    udm_restorer *restorer;
    atomic_int seen; // cancelled pulls
    atomic_bool done;
} canceller;

// Cancels until a pull was, then leaves it alone for a little longer than the last time, by a share of that: a frame
// comes after few attempts however slow the machine is.
static void *cancel_often(void *context)
{
    canceller *c = context;
    for (useconds_t pause = 100; !atomic_load(&c->done); pause += pause / 4) {
        const int seen = atomic_load(&c->seen);
        udm_restorer_cancel(c->restorer, true);
        while (atomic_load(&c->seen) == seen && !atomic_load(&c->done))
            sched_yield();
        udm_restorer_cancel(c->restorer, false);
        usleep(pause);
    }
    return NULL;
}

static bool pull_until_it_comes(canceller *c, work *w, int number)
{
    for (;;) {
        const udm_pulled pulled = pull(c->restorer, w, number);
        if (pulled == UDM_PULLED_FRAME)
            return true;
        if (pulled != UDM_PULLED_FAILED || w->error.code != UDM_ERROR_CANCELLED)
            return false;
        atomic_fetch_add(&c->seen, 1);
    }
}

START_TEST(cancelled_pulls_change_nothing)
{
    static work alone, cancelled;
    udm_error error = { 0 };
    udm_model *model = udm_model_open(golden_path("tiny-guess"), &error);
    ck_assert_msg(model, "%s", error.message);
    alone = cancelled = (work){ .model = model, .threads = 2 };
    restore(&alone);
    canceller c = { .restorer = open_restorer(&cancelled) };
    ck_assert(c.restorer && alone.done);
    udm_restorer_cancel(c.restorer, true); // so that one pull is, whoever comes first
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_often, &c), 0);
    bool came = true;
    for (int i = 0; i < FRAMES && came; i++)
        came = push(c.restorer, &cancelled, i) && pull_until_it_comes(&c, &cancelled, i);
    atomic_store(&c.done, true);
    pthread_join(thread, NULL);
    ck_assert(came);
    ck_assert_int_gt(c.seen, 0);
    ck_assert_int_eq(memcmp(cancelled.pixels, alone.pixels, sizeof alone.pixels), 0);
    udm_restorer_free(c.restorer);
    udm_model_free(model);
}
END_TEST

int main(void)
{
    const test_entry tests[] = {
        { .test = threads_share_a_model, .cases = COUNT_OF(sharings) },
        { .test = cancelled_pulls_change_nothing },
    };
    return test_main("sharing", tests, COUNT_OF(tests));
}
