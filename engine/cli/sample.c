// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures from a model, as an array.
#include "cli/sample.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/npy.h"
#include "udm/udm.h"

static const char usage[] =
    "usage: udm sample MODEL OUT.npy [--count N] [--class C] [--steps S] [--sampler X] [--schedule X] [--spacing X]\n"
    "           [--guidance G] [--rescale R] [--classifier G] [--eta E] [--seed N] [--size WxH]\n"
    "           [--from IN.npy --time T | --invert IN.npy] [--path PATH.npy] [--device D] [--threads N]\n"
    "OUT.npy holds float32, N,C,H,W. --guidance and --classifier push to the class, without and with a classifier.\n"
    "--from starts at x_t in IN.npy, at the time T in (0, 1]; --invert finds the noise that the sampler ddim makes\n"
    "the pictures in IN.npy of. PATH.npy holds N,C,S,H,W: what the network sees on the way, and the result.\n";

typedef struct options {
    udm_settings settings;
    udm_sampling sampling;
    const char *from, *path;
} options;

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "udm: %s: %s\n", what, why);
    return 1;
}

static bool parse_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end;
}

static bool parse_whole(const char *text, double most, int *value)
{
    double number;
    if (!parse_number(text, &number) || number < 0 || number > most || number != (int)number)
        return false;
    *value = (int)number;
    return true;
}

static bool parse_size(const char *text, udm_settings *settings)
{
    char after;
    return sscanf(text, "%dx%d%c", &settings->width, &settings->height, &after) == 2;
}

enum {
    COUNT = 1,
    CLASS,
    STEPS,
    SAMPLER,
    SCHEDULE,
    SPACING,
    GUIDANCE,
    RESCALE,
    CLASSIFIER,
    ETA,
    SEED,
    SIZE,
    FROM,
    TIME
};
enum { INVERT = TIME + 1, PATH, DEVICE, THREADS };

static const struct option known[] = {
    { "count", required_argument, NULL, COUNT },
    { "class", required_argument, NULL, CLASS },
    { "steps", required_argument, NULL, STEPS },
    { "sampler", required_argument, NULL, SAMPLER },
    { "schedule", required_argument, NULL, SCHEDULE },
    { "spacing", required_argument, NULL, SPACING },
    { "guidance", required_argument, NULL, GUIDANCE },
    { "rescale", required_argument, NULL, RESCALE },
    { "classifier", required_argument, NULL, CLASSIFIER },
    { "eta", required_argument, NULL, ETA },
    { "seed", required_argument, NULL, SEED },
    { "size", required_argument, NULL, SIZE },
    { "from", required_argument, NULL, FROM },
    { "time", required_argument, NULL, TIME },
    { "invert", required_argument, NULL, INVERT },
    { "path", required_argument, NULL, PATH },
    { "device", required_argument, NULL, DEVICE },
    { "threads", required_argument, NULL, THREADS },
    { 0 },
};

static bool parse_option(int option, const char *text, options *o)
{
    const char **const texts[] = {
        [SAMPLER] = &o->settings.sampler,
        [SCHEDULE] = &o->settings.schedule,
        [SPACING] = &o->settings.spacing,
        [FROM] = &o->from,
        [INVERT] = &o->from,
        [PATH] = &o->path,
        [DEVICE] = &o->settings.device,
        [THREADS] = NULL,
    };
    double *const numbers[] = {
        [GUIDANCE] = &o->sampling.guidance, [RESCALE] = &o->sampling.rescale, [CLASSIFIER] = &o->sampling.classifier,
        [ETA] = &o->sampling.eta,           [TIME] = &o->sampling.time,       [THREADS] = NULL,
    };
    int *const wholes[] = {
        [COUNT] = &o->sampling.count,
        [CLASS] = &o->settings.class_label,
        [STEPS] = &o->settings.steps,
        [THREADS] = &o->settings.threads,
    };
    int seed;
    o->sampling.invert |= option == INVERT;
    if (option == SIZE)
        return parse_size(text, &o->settings);
    if (option == SEED && parse_whole(text, 2e9, &seed)) {
        o->settings.seed = (uint64_t)seed;
        return true;
    }
    if (option < COUNT || option > THREADS || option == SEED)
        return false;
    if (texts[option])
        *texts[option] = text;
    return texts[option] ||
           (numbers[option] ? parse_number(text, numbers[option]) : parse_whole(text, 1e6, wholes[option]));
}

static bool parse(int argc, char **argv, options *o)
{
    *o = (options){ .sampling = { .count = 1, .guidance = 1 } };
    udm_settings_init(&o->settings, sizeof o->settings);
    o->settings.steps = 50;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        if (!parse_option(option, optarg, o))
            return false;
    return argc - optind == 2;
}

// Where pictures come to, and those on the way, as many of each as the first one has.
typedef struct path {
    size_t elements; // of a picture
    float *values;   // one after the other
    size_t count, room;
    bool full;         // there was no memory for one more
    const float *made; // the results
} path;

static void keep(path *p, const float *x)
{
    if (p->count == p->room) {
        const size_t room = p->room ? 2 * p->room : 64;
        float *more = realloc(p->values, room * p->elements * sizeof *more);
        p->full |= !more;
        if (!more)
            return;
        p->values = more, p->room = room;
    }
    memcpy(p->values + p->count++ * p->elements, x, p->elements * sizeof *x);
}

// The way of a picture ends with its result, which is there when the next one begins.
static void seen(void *context, int picture, int estimate, double time, const float *x)
{
    path *p = context;
    (void)time;
    if (picture > 0 && estimate == 0)
        keep(p, p->made + (picture - 1) * p->elements);
    keep(p, x);
}

// The pictures that are given, which say how many there are and how large.
static const char *read_from(options *o, const udm_info *info, npy *x)
{
    const char *why;
    if (!npy_read(o->from, x, &why))
        return why;
    if (x->dims != 4 || x->elements == 0 || x->shape[1] != (size_t)info->channels || x->shape[0] > 1000000 ||
        x->shape[2] > 65536 || x->shape[3] > 65536)
        return "it must be N,C,H,W, with as many channels as the model";
    o->sampling.count = (int)x->shape[0], o->sampling.from = x->data;
    o->settings.height = (int)x->shape[2], o->settings.width = (int)x->shape[3];
    return NULL;
}

static const char *write_path(const options *o, path *p, const npy *out)
{
    const size_t pictures = out->shape[0], planes = out->shape[1], pixels = out->shape[2] * out->shape[3];
    const size_t states = p->count / pictures; // the last of which is the result
    npy y = { .dims = 5, .shape = { pictures, planes, states, out->shape[2], out->shape[3] } };
    const char *why = "there is no memory for what is on the way";
    if (strcmp(o->settings.sampler, "ode") == 0 && pictures > 1)
        return "the sampler ode takes a different number of steps for each picture: use --count 1";
    y.elements = pictures * states * p->elements;
    y.data = p->full ? NULL : malloc(y.elements * sizeof(float));
    bool good = y.data;
    for (size_t k = 0; good && k < p->count; k++)
        for (size_t c = 0; c < planes; c++)
            memcpy(y.data + ((k / states * planes + c) * states + k % states) * pixels,
                   p->values + (k * planes + c) * pixels, pixels * sizeof(float));
    good = good && npy_write(o->path, &y, &why);
    free(y.data);
    return good ? NULL : why;
}

static int sample(const udm_model *model, options *o, const udm_info *info, char **names)
{
    udm_error error = { 0 };
    const size_t planes = info->symbols ? 1 : info->channels;
    npy out = { .dims = 4, .shape = { o->sampling.count, planes, o->settings.height, o->settings.width } };
    path way = { .elements = planes * o->settings.height * o->settings.width };
    if (o->path)
        o->sampling.seen = seen, o->sampling.context = &way;
    const char *why = NULL;
    out.elements = out.shape[0] * way.elements;
    way.made = out.data = malloc(out.elements * sizeof(float));
    int status = 1;
    if (!out.data)
        fail(names[1], "there is no memory for the pictures");
    else if (!udm_model_sample(model, &o->settings, &o->sampling, out.data, &error))
        fail(names[0], error.message);
    else if (!npy_write(names[1], &out, &why))
        fail(names[1], why);
    else if (o->path && (keep(&way, out.data + out.elements - way.elements), why = write_path(o, &way, &out)))
        fail(o->path, why);
    else
        status = 0;
    free(out.data);
    free(way.values);
    return status;
}

static int with_model(const udm_model *model, options *o, char **names)
{
    udm_error error = { 0 };
    udm_info info;
    npy from = { 0 };
    const char *why = NULL;
    if (!udm_model_info(model, &info, sizeof info, &error))
        return fail(names[0], error.message);
    if (o->settings.width == 0)
        o->settings.width = info.width, o->settings.height = info.height;
    if (o->from)
        why = read_from(o, &info, &from);
    if (!why && (o->settings.width < 1 || o->settings.height < 1 || o->sampling.count < 1))
        why = "give --size and a --count of 1 or more";
    const int status = why ? fail(o->from ? o->from : names[0], why) : sample(model, o, &info, names);
    free(from.data);
    return status;
}

int sample_command(int argc, char **argv)
{
    options o;
    udm_error error = { 0 };
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    udm_model *model = udm_model_open(argv[optind], &error);
    const int status = model ? with_model(model, &o, argv + optind) : fail(argv[optind], error.message);
    udm_model_free(model);
    return status;
}
