// SPDX-License-Identifier: LGPL-2.1-or-later
// Single files of Stable Diffusion to directories.
#include "cli/convert.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "udm/udm.h"

static const char usage[] =
    "usage: udm convert IN.safetensors OUT [--with DIR] [--prediction epsilon|v_prediction]\n"
    "Makes a directory in the layout of diffusers of a single file of Stable Diffusion 1 or 2 in its original names,\n"
    "and says what it found and guessed. --with names a directory of Stable Diffusion, or a tokenizer, of which what\n"
    "the file lacks is taken: always the tokenizer, and text encoder and autoencoder where they are not in it.\n"
    "--prediction says what the network predicts, which no tensor does.\n";

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static void say(void *context, const char *line)
{
    (void)context;
    printf("%s\n", line);
}

static bool show(void *context, uint64_t done, uint64_t bytes)
{
    (void)context;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, done < bytes ? "\r\033[Kwriting: %llu of %llu MiB" : "\r\033[K",
                (unsigned long long)(done >> 20), (unsigned long long)(bytes >> 20));
    return !stopped;
}

int convert_command(int argc, char **argv)
{
    static const struct option known[] = { { "with", required_argument, NULL, 'w' },
                                           { "prediction", required_argument, NULL, 'p' },
                                           { 0 } };
    udm_converting converting;
    udm_error error = { 0 };
    udm_converting_init(&converting, sizeof converting);
    converting.said = say, converting.progress = show;
    bool good = true;
    for (int option; good && (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        good = option != '?';
        if (option == 'w')
            converting.with = optarg;
        else if (option == 'p')
            converting.prediction = optarg;
    }
    if (!good || argc - optind != 2) {
        fputs(usage, stderr);
        return 2;
    }
    const struct sigaction action = { .sa_handler = stop, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (udm_convert(argv[optind], argv[optind + 1], &converting, &error))
        return 0;
    fprintf(stderr, "udm: %s\n", error.message);
    return 1;
}
