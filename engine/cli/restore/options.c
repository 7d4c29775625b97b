// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses the command line with getopt_long().
#include "cli/restore/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/parseutils.h>

#include "cli/restore/codecs.h"
#include "cli/restore/say.h"

#define DEFAULT_MODEL "auto"
#define UPSCALE_MODEL "super4"

static const char usage[] =
    "usage: udm-restore [OPTION...] IN OUT\n"
    "Removes noise from a video file or an image with a diffusion model. Audio, subtitles, chapters, attachments,\n"
    "rotation, timestamps and colour properties are kept. The extension of OUT selects the container.\n"
    "\n"
    "  --model NAME         a directory, or a name to look up in UDM_MODEL_PATH and among the installed models (%s)\n"
    "  --noise-level S      standard deviation of the noise, for pixels from 0 to 255; -1 estimates it (-1)\n"
    "  --amount A           how much to undo, for models that undo something else, in pixels; -1: as usual (-1)\n"
    "  --dirt D             dirt of old film and dropouts of tape to fill from the frames around: 0, none, to 1, also\n"
    "                       faint ones (0)\n"
    "  --grain G            share of the noise that stays, 0 to 1 (0)\n"
    "  --strength S         share of noise to add first, so that detail is drawn anew, 0 to 1 (0)\n"
    "  --steps N            of the sampler, for detail that is drawn anew (1)\n"
    "  --lookahead N        frames that follow each frame and help to restore it, 0 to %d; -1: 2, where the model can "
    "(-1)\n"
    "  --ensemble N         mirrored and rotated views of each frame that are averaged, 1 to %d (1)\n"
    "  --seed N             of the noise that is added (0)\n"
    "  --deflicker D        flicker of the light to take out, 0 to 1 (0)\n"
    "  --deinterlace HOW    interlaced video: frames, at its frame rate; fields, at twice that; telecine, film at 4/5\n"
    "                       of that; off, which refuses it (auto: frames, and those of film are whole)\n"
    "  --stabilize-gate S   weave of the picture, as in the gate of a projector, to take out, 0 to 1 (0)\n"
    "  --upscale F          makes frames 2 or 4 times as wide and high, with detail that is drawn: by the model %s,\n"
    "                       or another that undoes blocks of pixels\n"
    "  --codec NAME         ";

static const char usage_rest[] = "\n"
                                 "                       (by bit depth and container)\n"
                                 "  --crf Q              constant quality: lower is better, and larger\n"
                                 "  --start T, --end T   restore only this part: seconds, or [HH:]MM:SS[.m]\n"
                                 "  --device NAME        of those that \"udm devices\" lists (auto)\n"
                                 "  --precision NAME     f32, bf16 or auto (f32)\n"
                                 "  --threads N          0: one for each processor (0)\n"
                                 "  --force              overwrite OUT, which may be IN\n"
                                 "  --quiet              print errors only\n"
                                 "  --help, --version\n";

enum {
    MODEL = 1,
    NOISE_LEVEL,
    AMOUNT,
    DEFLICKER,
    DIRT,
    GRAIN,
    STRENGTH,
    STABILIZE_GATE,
    UPSCALE,
    STEPS,
    LOOKAHEAD,
    ENSEMBLE,
    SEED,
    CODEC,
    CRF,
    START,
    END,
    DEINTERLACE,
    DEVICE,
    PRECISION,
    THREADS,
    FORCE,
    QUIET,
    HELP,
    VERSION,
};

static const struct option known[] = {
    { "model", required_argument, NULL, MODEL },
    { "noise-level", required_argument, NULL, NOISE_LEVEL },
    { "amount", required_argument, NULL, AMOUNT },
    { "deflicker", required_argument, NULL, DEFLICKER },
    { "stabilize-gate", required_argument, NULL, STABILIZE_GATE },
    { "upscale", required_argument, NULL, UPSCALE },
    { "dirt", required_argument, NULL, DIRT },
    { "grain", required_argument, NULL, GRAIN },
    { "strength", required_argument, NULL, STRENGTH },
    { "steps", required_argument, NULL, STEPS },
    { "lookahead", required_argument, NULL, LOOKAHEAD },
    { "ensemble", required_argument, NULL, ENSEMBLE },
    { "seed", required_argument, NULL, SEED },
    { "codec", required_argument, NULL, CODEC },
    { "crf", required_argument, NULL, CRF },
    { "start", required_argument, NULL, START },
    { "end", required_argument, NULL, END },
    { "deinterlace", required_argument, NULL, DEINTERLACE },
    { "device", required_argument, NULL, DEVICE },
    { "precision", required_argument, NULL, PRECISION },
    { "threads", required_argument, NULL, THREADS },
    { "force", no_argument, NULL, FORCE },
    { "quiet", no_argument, NULL, QUIET },
    { "help", no_argument, NULL, HELP },
    { "version", no_argument, NULL, VERSION },
    { 0 },
};

static const char *name_of(int option)
{
    for (const struct option *row = known; row->name; row++)
        if (row->val == option)
            return row->name;
    return "";
}

static bool wrong(int option, const char *text, const char *wanted)
{
    say_error("--%s %s: it must be %s", name_of(option), text, wanted);
    return false;
}

static bool parse_number(int option, const char *text, double least, double most, double *number)
{
    char *end, wanted[64];
    *number = strtod(text, &end);
    if (end != text && !*end && *number >= least && *number <= most)
        return true;
    snprintf(wanted, sizeof wanted, "a number from %g to %g", least, most);
    return wrong(option, text, wanted);
}

// A number from 0 on, or -1 for automatic.
static bool parse_amount(int option, const char *text, double most, double *number)
{
    if (!parse_number(option, text, -1, most, number))
        return false;
    return *number == -1 || *number >= 0 || wrong(option, text, "-1, or a number that is not below 0");
}

static bool parse_whole(int option, const char *text, int least, int most, int *whole)
{
    double number;
    if (!parse_number(option, text, least, most, &number))
        return false;
    *whole = (int)number;
    return *whole == number || wrong(option, text, "a whole number");
}

static bool parse_time(int option, const char *text, int64_t *microseconds)
{
    return (av_parse_time(microseconds, text, 1) >= 0 && *microseconds >= 0) ||
           wrong(option, text, "a time such as 75.5 or 1:15.5");
}

static bool parse_deinterlace(int option, const char *text, deinterlace *how)
{
    static const char *const names[] = { [DEINTERLACE_AUTO] = "auto",
                                         [DEINTERLACE_OFF] = "off",
                                         [DEINTERLACE_FRAMES] = "frames",
                                         [DEINTERLACE_FIELDS] = "fields",
                                         [DEINTERLACE_TELECINE] = "telecine" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *how = (deinterlace)i;
            return true;
        }
    return wrong(option, text, "auto, off, frames, fields or telecine");
}

static bool parse_factor(int option, const char *text, int *factor)
{
    *factor = strcmp(text, "2") == 0 ? 2 : strcmp(text, "4") == 0 ? 4 : 0;
    return *factor || wrong(option, text, "2 or 4");
}

static bool parse_value(int option, const char *text, options *o)
{
    udm_settings *s = &o->settings;
    double seed;
    switch (option) {
    case NOISE_LEVEL:
        return parse_amount(option, text, 255, &o->noise_level);
    case AMOUNT:
        return parse_amount(option, text, 1000, &o->amount);
    case DEFLICKER:
        return parse_number(option, text, 0, 1, &s->deflicker);
    case STABILIZE_GATE:
        return parse_number(option, text, 0, 1, &s->stabilize_gate);
    case UPSCALE:
        return parse_factor(option, text, &o->upscale);
    case DIRT:
        return parse_number(option, text, 0, 1, &s->dirt);
    case GRAIN:
        return parse_number(option, text, 0, 1, &o->grain);
    case STRENGTH:
        return parse_number(option, text, 0, 1, &o->strength);
    case STEPS:
        return parse_whole(option, text, 1, 1000, &s->steps);
    case LOOKAHEAD:
        return parse_whole(option, text, UDM_LOOKAHEAD_AUTO, UDM_MAX_LOOKAHEAD, &s->lookahead);
    case ENSEMBLE:
        return parse_whole(option, text, 1, UDM_MAX_ENSEMBLE, &s->ensemble);
    case SEED:
        if (!parse_number(option, text, 0, 1e15, &seed))
            return false;
        s->seed = (uint64_t)seed;
        return true;
    case DEINTERLACE:
        return parse_deinterlace(option, text, &o->deinterlace);
    case CRF:
        return parse_number(option, text, 0, 63, &o->crf);
    case START:
        return parse_time(option, text, &o->start);
    case END:
        return parse_time(option, text, &o->end);
    default:
        return parse_whole(option, text, 0, 256, &s->threads);
    }
}

static bool parse_option(int option, const char *text, options *o)
{
    const char **const texts[] = {
        [MODEL] = &o->model, [CODEC] = &o->codec, [DEVICE] = &o->settings.device, [PRECISION] = &o->settings.precision,
        [VERSION] = NULL,
    };
    bool *const flags[] = { [FORCE] = &o->force, [QUIET] = &o->quiet, [VERSION] = NULL };
    if (flags[option])
        *flags[option] = true;
    else if (texts[option])
        *texts[option] = text;
    else
        return parse_value(option, text, o);
    return true;
}

static void print_codec(const char *name, const char *about, double crf)
{
    const bool first = strcmp(name, "x264") == 0;
    printf("%s%-7s %s", first ? "" : "\n                       ", name, about);
    if (crf >= 0)
        printf("; crf %g", crf);
}

static options_parsed help(void)
{
    printf(usage, DEFAULT_MODEL, UDM_MAX_LOOKAHEAD, UDM_MAX_ENSEMBLE, UPSCALE_MODEL);
    codecs_list(print_codec);
    fputs(usage_rest, stdout);
    return OPTIONS_DONE;
}

// The factor is the amount of what a model of blocks undoes.
static bool settle_upscale(options *o)
{
    const bool repairs = o->settings.dirt > 0 || o->settings.deflicker > 0 || o->settings.stabilize_gate > 0;
    if (o->upscale == 1)
        return true;
    if (o->amount >= 0 || o->noise_level >= 0 || o->grain > 0 || repairs) {
        say_error("--upscale does nothing else: %s", o->amount >= 0 ? "the factor is the --amount of its model"
                                                                    : "restore the file first, and enlarge the result");
        return false;
    }
    if (!o->model)
        o->model = UPSCALE_MODEL;
    o->amount = o->upscale;
    return true;
}

options_parsed options_parse(int argc, char **argv, options *o)
{
    *o = (options){ .noise_level = -1, .amount = -1, .upscale = 1, .crf = -1, .end = INT64_MAX };
    udm_settings_init(&o->settings, sizeof o->settings);
    static char name[] = "udm-restore";
    argv[0] = name; // the prefix of messages of getopt_long()
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == '?') // getopt_long() printed why
            return OPTIONS_WRONG;
        if (option == HELP)
            return help();
        if (option == VERSION) {
            printf("udm-restore %s\n", udm_version());
            return OPTIONS_DONE;
        }
        if (!parse_option(option, optarg, o))
            return OPTIONS_WRONG;
    }
    if (argc - optind != 2) {
        say_error(argc - optind < 2 ? "give an input and an output (see udm-restore --help)"
                                    : "more than one input and one output (see udm-restore --help)");
        return OPTIONS_WRONG;
    }
    if (o->end <= o->start) {
        say_error("--end must be later than --start");
        return OPTIONS_WRONG;
    }
    if (!settle_upscale(o))
        return OPTIONS_WRONG;
    if (!o->model)
        o->model = DEFAULT_MODEL;
    o->input = argv[optind], o->output = argv[optind + 1];
    return OPTIONS_RUN;
}
