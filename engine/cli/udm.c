// SPDX-License-Identifier: LGPL-2.1-or-later
// The engine without GStreamer: its options and commands, of which lists, facts of a model and one pass of its network
// are here.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/convert.h"
#include "cli/generate.h"
#include "cli/npy.h"
#include "cli/options.h"
#include "cli/sample.h"
#include "udm/udm.h"

static const char usage[] =
    "usage: udm devices | precisions | samplers | schedules | spacings | processes | models\n"
    "       udm info MODEL\n"
    "       udm forward MODEL IN.npy OUT.npy --time T[,T...] [--class K] [--device D] [--threads N]\n"
    "       udm between IN.npy OUT.npy [--known A,B] [--threads N]\n"
    "       udm motion MODEL IN.npy OUT.npy --sigma S [--device D] [--threads N]\n"
    "       udm sample MODEL OUT.npy ... (udm sample prints its options)\n"
    "       udm generate MODEL OUT.png|OUT.npy --prompt P ... (udm generate prints its options)\n"
    "       udm convert IN.safetensors OUT ... (udm convert prints its options)\n"
    "       udm bench MODEL --size WxH [--frames N] [--device D] [--precision P] [--threads N] [--repeat N] "
    "[--profile]\n"
    "                 [--lookahead L] [--ensemble E]\n"
    "       udm --help | --version\n"
    "MODEL is a directory, or the name of a model: a folder in UDM_MODEL_PATH, or an installed one.\n"
    "IN.npy holds float32 x_t, N,C,H,W or N,C,F,H,W, in [-1, 1]; T is in the model's unit of time, 0 to 1, one for\n"
    "all frames or one for each; above 1 it is a time step, as diffusers counts them.\n"
    "between moves frames A and B of each clip N,C,F,H,W (the first and the last) to the others: OUT.npy holds\n"
    "N,3C+9,F-2,H,W, A, B, the prediction from both, its level, and the context of a network\n"
    "(udm_interpolator_context).\n"
    "motion writes the optical flow in clips with noise of that sigma (0-255 scale), as a stream of MODEL finds "
    "it:\n"
    "OUT.npy holds N,2,F-1,H,W, in pixels, from each frame to the one before it.\n"
    "bench prints one line of JSON with the time of a frame and, with --profile, a table of where it goes.\n";

int cli_fail(const char *what, const char *why)
{
    fprintf(stderr, "udm: %s: %s\n", what, why);
    return 1;
}

static int fail_usage(void)
{
    fputs(usage, stderr);
    return 2;
}

static bool parse_int(const char *text, int low, int high, int *value)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || end == text || *end || number < low || number > high)
        return false;
    *value = (int)number;
    return true;
}

static bool parse_times(const char *text, options *options)
{
    for (options->time_count = 0; options->time_count < MAX_TIMES;) {
        char *end;
        double time = strtod(text, &end);
        if (end == text || !(time >= 0 && time < 1e6))
            return false;
        options->times[options->time_count++] = time;
        if (!*end)
            return true;
        if (*end != ',')
            return false;
        text = end + 1;
    }
    return false;
}

static bool parse_size(const char *text, udm_settings *settings)
{
    char after;
    return sscanf(text, "%dx%d%c", &settings->width, &settings->height, &after) == 2;
}

static bool parse_option(int option, const char *text, options *options)
{
    switch (option) {
    case 't':
        return parse_times(text, options);
    case 'g':
        return sscanf(text, "%lf%c", &options->sigma, &(char){ 0 }) == 1 && options->sigma >= 0;
    case 'k':
        return sscanf(text, "%d,%d%c", &options->known[0], &options->known[1], &(char){ 0 }) == 2;
    case 's':
        return parse_size(text, &options->settings);
    case 'd':
        options->settings.device = text;
        return true;
    case 'p':
        options->settings.precision = text;
        return true;
    case 'n':
        return parse_int(text, 0, 256, &options->settings.threads);
    case 'f':
        return parse_int(text, 1, 1000000, &options->frames);
    case 'c':
        return parse_int(text, 0, 65535, &options->settings.class_label);
    case 'l':
        return parse_int(text, 0, UDM_MAX_LOOKAHEAD, &options->settings.lookahead);
    case 'e':
        return parse_int(text, 1, UDM_MAX_ENSEMBLE, &options->settings.ensemble);
    case 'P':
        return options->profile = true;
    case 'r':
        return parse_int(text, 1, 1000000, &options->repeat);
    default:
        return false;
    }
}

// Leaves the arguments that are no options at the end of argv, from optind on.
static bool parse_options(int argc, char **argv, options *options)
{
    static const struct option known[] = {
        { "time", required_argument, NULL, 't' },      { "size", required_argument, NULL, 's' },
        { "device", required_argument, NULL, 'd' },    { "threads", required_argument, NULL, 'n' },
        { "frames", required_argument, NULL, 'f' },    { "class", required_argument, NULL, 'c' },
        { "repeat", required_argument, NULL, 'r' },    { "sigma", required_argument, NULL, 'g' },
        { "lookahead", required_argument, NULL, 'l' }, { "ensemble", required_argument, NULL, 'e' },
        { "precision", required_argument, NULL, 'p' }, { "known", required_argument, NULL, 'k' },
        { "profile", no_argument, NULL, 'P' },         { 0 },
    };
    *options = (struct options){ .frames = 1, .repeat = 5, .sigma = -1, .known = { 0, -1 } };
    udm_settings_init(&options->settings, sizeof options->settings);
    options->settings.lookahead = 0; // each frame is timed as it comes
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        if (!parse_option(option, optarg, options))
            return false;
    return true;
}

static void print_entry(void *context, const char *name, const char *about)
{
    (void)context;
    printf("%-16s %s\n", name, about);
}

// Its file in memory is mapped, and is as large as it.
static void print_part(void *context, const udm_part *part)
{
    (void)context;
    printf("part             %s: %s, %lld weights, %.1f MiB\n", part->name, part->class_name, (long long)part->weights,
           (double)part->bytes / (1 << 20));
}

static int info(const char *directory, const udm_model *model)
{
    udm_error error = { 0 };
    udm_info info;
    if (!udm_model_info(model, &info, sizeof info, &error))
        return cli_fail(directory, error.message);
    if (info.experts)
        puts("experts          one for white noise, as follows, and one for other noise");
    printf("network          %s, %lld weights\n", info.network, (long long)info.weights);
    printf("channels         %d\n", info.channels);
    printf("prediction       %s\n", info.prediction);
    printf("schedule         %s, %s\n", info.schedule, info.steps ? "discrete time" : "continuous time");
    if (info.steps)
        printf("steps            %d\n", info.steps);
    udm_model_parts(model, print_part, NULL);
    if (info.embedding) {
        printf(info.frames ? "makes            films of %dx%d of what a text says, from windows of at most %d frames\n"
                           : "draws            pictures of %dx%d of what a text says\n",
               info.width, info.height, info.frames);
        printf("embedding        %d values\n", info.embedding);
        printf("stride           %d pixels\n", info.stride);
        if (info.size_step > 0)
            printf("sizes            multiples of %d pixels\n", info.size_step);
        if (info.work > 0)
            printf("work             %.3g GMAC an evaluation; guidance takes two a step\n", info.work / 1e9);
        if (info.memory > 0)
            printf("usual memory     %.0f MiB in f32, on the processor\n", (double)info.memory / (1 << 20));
        if (info.least_memory > 0)
            printf("least memory     %llu MiB, with --memory-limit\n",
                   (unsigned long long)(info.least_memory + (1 << 20) - 1) >> 20);
        return 0;
    }
    if (info.frames) {
        printf("makes            video of %dx%d, %d classes, from windows of %d frames\n", info.width, info.height,
               info.classes, info.frames);
        return 0;
    }
    printf("undoes           %s: %s, up to %g, at time %.4f\n", info.process, info.measure, info.max_amount,
           udm_model_time(model, info.max_amount));
    if (info.classes)
        printf("classes          %d\n", info.classes);
    if (info.width)
        printf("learned from     pictures of %dx%d\n", info.width, info.height);
    printf("stride           %d pixels\n", info.stride);
    printf("reach            %d pixels, %d frames\n", info.reach, info.memory_frames);
    if (info.temporal_filter)
        puts("temporal filter  predicts each frame from those before it, motion-compensated");
    return 0;
}

// Time steps, which diffusers counts from 0, to the model's unit.
static const char *scale_times(const udm_info *info, options *options)
{
    for (int i = 0; i < options->time_count; i++)
        if (options->times[i] > 1)
            options->times[i] = (options->times[i] + 1) / (info->steps ? info->steps : 1);
    for (int i = 0; i < options->time_count; i++)
        if (options->times[i] > 1)
            return "--time is beyond the last time of the model";
    return NULL;
}

// Shape N,C,H,W or N,C,F,H,W against the model and the times.
static const char *check_array(const npy *x, const udm_info *info, options *options)
{
    if (x->dims != 4 && x->dims != 5)
        return "it must be N,C,H,W or N,C,F,H,W";
    if (x->shape[1] != (size_t)info->channels)
        return "it does not have as many channels as the model";
    for (int i = 0; i < x->dims; i++)
        if (x->shape[i] > 65536)
            return "it is too large";
    options->frames = x->dims == 5 ? (int)x->shape[2] : 1;
    if (options->time_count == 1)
        for (; options->time_count < options->frames && options->time_count < MAX_TIMES; options->time_count++)
            options->times[options->time_count] = options->times[0];
    if (options->time_count == options->frames)
        return scale_times(info, options);
    return "--time must give one time, or one for each frame";
}

static int forward(const char *directory, const udm_model *model, const char *in, const char *out, options *options)
{
    udm_error error = { 0 };
    udm_info info;
    npy x, y;
    const char *why;
    if (!udm_model_info(model, &info, sizeof info, &error))
        return cli_fail(directory, error.message);
    if (!npy_read(in, &x, &why))
        return cli_fail(in, why);
    why = check_array(&x, &info, options);
    y = x;
    y.data = why ? NULL : malloc(x.elements * sizeof(float));
    int status = 1;
    options->settings.height = (int)x.shape[x.dims - 2], options->settings.width = (int)x.shape[x.dims - 1];
    if (why)
        cli_fail(in, why);
    else if (!y.data)
        cli_fail(in, "there is no memory for the result");
    else if (!udm_model_forward(model, &options->settings, (int)x.shape[0], options->frames, x.data, options->times,
                                y.data, &error))
        cli_fail(directory, error.message);
    else if (!npy_write(out, &y, &why))
        cli_fail(out, why);
    else
        status = 0;
    free(y.data);
    free(x.data);
    return status;
}

static int with_model(const char *command, int argc, char **argv, options *options)
{
    udm_error error = { 0 };
    udm_model *model = udm_model_open(argv[0], &error);
    int status;
    if (!model)
        status = cli_fail(argv[0], error.message);
    else if (strcmp(command, "info") == 0 && argc == 1)
        status = info(argv[0], model);
    else if (strcmp(command, "forward") == 0 && argc == 3 && options->time_count > 0)
        status = forward(argv[0], model, argv[1], argv[2], options);
    else if (strcmp(command, "motion") == 0 && argc == 3 && options->sigma >= 0)
        status = motion_command(argv[0], model, argv[1], argv[2], options);
    else if (strcmp(command, "bench") == 0 && argc == 1)
        status = bench_command(argv[0], model, options);
    else
        status = fail_usage();
    udm_model_free(model);
    return status;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *command;
        void (*list)(udm_found found, void *context);
    } lists[] = {
        { "devices", udm_list_devices },   { "samplers", udm_list_samplers },   { "schedules", udm_list_schedules },
        { "spacings", udm_list_spacings }, { "processes", udm_list_processes }, { "precisions", udm_list_precisions },
        { "models", udm_list_models },
    };
    options options;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("udm %s\n", udm_version());
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "sample") == 0)
        return sample_command(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "generate") == 0)
        return generate_command(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "convert") == 0)
        return convert_command(argc - 1, argv + 1);
    if (!parse_options(argc, argv, &options) || optind >= argc)
        return fail_usage();
    const char *command = argv[optind++];
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(command, lists[i].command) == 0) {
            lists[i].list(print_entry, NULL);
            return 0;
        }
    if (optind >= argc)
        return fail_usage();
    if (strcmp(command, "between") == 0)
        return argc - optind == 2 ? between_command(argv[optind], argv[optind + 1], &options) : fail_usage();
    return with_model(command, argc - optind, argv + optind, &options);
}
