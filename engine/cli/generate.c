// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures of what a text says.
#include "cli/generate.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/film.h"
#include "cli/npy.h"
#include "cli/picture.h"
#include "udm/udm.h"

static const char usage[] =
    "usage: udm generate MODEL OUT.png|OUT.npy --prompt P [--negative-prompt N] [--image FILE] [--steps S]\n"
    "           [--guidance-scale G] [--prior-steps S] [--prior-guidance-scale G] [--seed K] [--size WxH] [--frames "
    "F]\n"
    "           [--latents IN.npy] [--lora FILE[:SCALE][;...]] [--sampler X] [--device D] [--precision P]\n"
    "           [--threads N]\n"
    "OUT.npy holds float32, N,C,H,W, in [-1, 1]; OUT.png the first picture. --image takes the place of a prompt: what\n"
    "is drawn resembles that picture (PNG, JPEG, PPM, or 3,H,W as .npy); with both it is half of each. IN.npy holds\n"
    "the noise that it begins with, N,C,H,W. Defaults: 10 steps, guidance 3; of the prior 25 and 2.\n"
    "--prior-steps 0 leaves the prior out, where the decoder is told the prompt as well.\n";

typedef struct options {
    udm_settings settings;
    udm_prompting prompting;
    udm_painting painting;
    const char *image, *latents, *loras;
    int frames;      // of a film; 0: pictures are drawn
    double guidance; // of one
} options;

enum { USUAL_STEPS = 10, USUAL_FILM_STEPS = 25 };

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "udm: %s: %s\n", what, why);
    return 1;
}

enum { PROMPT = 1, NEGATIVE, IMAGE, LATENTS, SAMPLER, DEVICE, PRECISION, LORA, LAST_TEXT = LORA };
enum { STEPS = LAST_TEXT + 1, PRIOR_STEPS, THREADS, FRAMES, SEED, LAST_WHOLE = SEED };
enum { GUIDANCE = LAST_WHOLE + 1, PRIOR_GUIDANCE, SIZE };

static const struct option known[] = {
    { "prompt", required_argument, NULL, PROMPT },
    { "negative-prompt", required_argument, NULL, NEGATIVE },
    { "image", required_argument, NULL, IMAGE },
    { "latents", required_argument, NULL, LATENTS },
    { "sampler", required_argument, NULL, SAMPLER },
    { "device", required_argument, NULL, DEVICE },
    { "precision", required_argument, NULL, PRECISION },
    { "lora", required_argument, NULL, LORA },
    { "steps", required_argument, NULL, STEPS },
    { "prior-steps", required_argument, NULL, PRIOR_STEPS },
    { "threads", required_argument, NULL, THREADS },
    { "frames", required_argument, NULL, FRAMES },
    { "seed", required_argument, NULL, SEED },
    { "guidance-scale", required_argument, NULL, GUIDANCE },
    { "prior-guidance-scale", required_argument, NULL, PRIOR_GUIDANCE },
    { "size", required_argument, NULL, SIZE },
    { 0 },
};

static bool parse_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end;
}

static bool parse_option(int option, const char *text, options *o)
{
    const char **const texts[LAST_TEXT + 1] = {
        [PROMPT] = &o->prompting.text,
        [NEGATIVE] = &o->prompting.negative,
        [IMAGE] = &o->image,
        [LATENTS] = &o->latents,
        [SAMPLER] = &o->settings.sampler,
        [DEVICE] = &o->settings.device,
        [PRECISION] = &o->settings.precision,
        [LORA] = &o->loras,
    };
    int *const wholes[] = { &o->settings.steps, &o->prompting.steps, &o->settings.threads, &o->frames };
    double number;
    char after;
    if (option >= PROMPT && option <= LAST_TEXT) {
        *texts[option] = text;
        return true;
    }
    if (option == SIZE)
        return sscanf(text, "%dx%d%c", &o->settings.width, &o->settings.height, &after) == 2;
    if (option == GUIDANCE)
        return parse_number(text, &o->painting.guidance) && parse_number(text, &o->guidance);
    if (option == PRIOR_GUIDANCE)
        return parse_number(text, &o->prompting.guidance);
    if (option < STEPS || option > SEED || !parse_number(text, &number) || !(number >= 0 && number <= 2e9) ||
        number != (int)number)
        return false;
    if (option == SEED)
        o->settings.seed = (uint64_t)number;
    else
        *wholes[option - STEPS] = (int)number;
    return true;
}

static bool parse(int argc, char **argv, options *o)
{
    *o = (options){ 0 };
    udm_settings_init(&o->settings, sizeof o->settings);
    udm_prompting_init(&o->prompting, sizeof o->prompting);
    udm_painting_init(&o->painting, sizeof o->painting);
    o->settings.steps = 0;
    o->guidance = 7.5;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;)
        if (!parse_option(option, optarg, o))
            return false;
    return argc - optind == 2 && (o->prompting.text || o->image);
}

static bool ends_in(const char *name, const char *end)
{
    const size_t length = strlen(name), size = strlen(end);
    return length > size && strcmp(name + length - size, end) == 0;
}

// ---- progress, where somebody sees it

static void show(const char *what)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s", what);
}

// udm_painting.progress
static void show_step(void *context, int done, int steps)
{
    char line[80];
    (void)context;
    snprintf(line, sizeof line, "drawing: step %d of %d", done + 1, steps);
    show(line);
}

// ---- the way

// The embedding of a picture in a file, which becomes an image of 16 bits; NULL, or why not.
static const char *look(udm_painter *painter, const char *path, float *embedding, udm_error *error)
{
    npy picture;
    const char *why = NULL;
    if (!picture_read(path, &picture, &why))
        return why;
    why = NULL;
    const int height = (int)picture.shape[1], width = (int)picture.shape[2];
    const ptrdiff_t step = 3 * sizeof(uint16_t), stride = step * width;
    uint8_t *bytes = malloc(picture.elements * sizeof(uint16_t));
    const udm_image image = { .width = width,
                              .height = height,
                              .channels = 3,
                              .bits = 16,
                              .data = { bytes, bytes + sizeof(uint16_t), bytes + 2 * sizeof(uint16_t) },
                              .stride = { stride, stride, stride },
                              .step = { step, step, step } };
    if (!bytes)
        why = "there is no memory for it";
    else {
        udm_image_from_planes(&image, picture.data);
        if (!udm_painter_look(painter, &image, embedding, error))
            why = error->message;
    }
    free(bytes);
    free(picture.data);
    return why;
}

// What is to be drawn: of the prompt, of the picture, or half of each.
static int find_embedding(udm_painter *painter, const options *o, float *embedding, float *other)
{
    udm_error error = { 0 };
    const char *why;
    if (o->prompting.text) {
        show("reading the prompt");
        if (!udm_painter_read(painter, &o->prompting, embedding, &error))
            return fail("the prompt", error.message);
    }
    if (!o->image)
        return 0;
    show("looking at the picture");
    if ((why = look(painter, o->image, other, &error)))
        return fail(o->image, why);
    for (int i = 0; i < udm_painter_size(painter); i++)
        embedding[i] = o->prompting.text ? (embedding[i] + other[i]) / 2 : other[i];
    return 0;
}

static const char *write_pictures(const char *path, const npy *out)
{
    const char *why = NULL;
    const bool good = ends_in(path, ".npy")
                          ? npy_write(path, out, &why)
                          : picture_write(path, out->data, (int)out->shape[3], (int)out->shape[2], &why);
    return good ? NULL : why;
}

static int draw(udm_painter *painter, options *o, const npy *latents, const char *path)
{
    udm_error error = { 0 };
    const size_t count = latents->data ? latents->shape[0] : 1, size = udm_painter_size(painter);
    npy out = { .dims = 4, .shape = { count, 3, udm_painter_height(painter), udm_painter_width(painter) } };
    const size_t picture = out.shape[1] * out.shape[2] * out.shape[3];
    out.elements = count * picture;
    float *memory = out.data = malloc((out.elements + 2 * size) * sizeof *memory), *embedding = memory + out.elements;
    int status = memory ? 0 : fail(path, "there is no memory for the pictures");
    if (status == 0)
        status = find_embedding(painter, o, embedding, embedding + size);
    o->painting.embedding = embedding;
    o->painting.progress = show_step;
    for (size_t k = 0; status == 0 && k < count; k++) {
        o->painting.number = k;
        o->painting.latents = latents->data ? latents->data + k * picture : NULL;
        if (!udm_painter_paint(painter, &o->painting, out.data + k * picture, &error))
            status = fail(path, error.message);
    }
    show("");
    const char *why = status == 0 ? write_pictures(path, &out) : NULL;
    free(memory);
    return why ? fail(path, why) : status;
}

// The noise of --latents, of the size of what is drawn, which it says.
static const char *read_latents(options *o, npy *latents)
{
    const char *why;
    if (!o->latents)
        return NULL;
    if (!npy_read(o->latents, latents, &why))
        return why;
    if (latents->dims != 4 || latents->shape[0] < 1 || latents->shape[0] > 65536 || latents->shape[1] != 3 ||
        latents->shape[2] < 1 || latents->shape[2] > 65536 || latents->shape[3] < 1 || latents->shape[3] > 65536)
        return "it must be N,3,H,W";
    if (o->settings.width > 0 &&
        (latents->shape[3] != (size_t)o->settings.width || latents->shape[2] != (size_t)o->settings.height))
        return "it is of another size than --size";
    o->settings.width = (int)latents->shape[3], o->settings.height = (int)latents->shape[2];
    return NULL;
}

static int generate(const udm_model *model, options *o, char **names)
{
    udm_error error = { 0 };
    npy latents = { 0 };
    const char *why = read_latents(o, &latents);
    int status = why ? fail(o->latents, why) : 0;
    udm_painter *painter = why ? NULL : udm_painter_open(model, &o->settings, &error);
    if (painter)
        status = draw(painter, o, &latents, names[1]);
    else if (!why)
        status = fail(names[0], error.message);
    udm_painter_free(painter);
    free(latents.data);
    return status;
}

static int film(const udm_model *model, const options *o, const char *out)
{
    film_options of = { o->settings, o->prompting.text, o->prompting.negative, o->guidance, o->frames, o->latents };
    if (o->image)
        return fail(o->image, "a film takes no picture");
    if (!ends_in(out, ".npy"))
        return fail(out, "the name of a film must end in .npy");
    return film_generate(model, &of, out);
}

int generate_command(int argc, char **argv)
{
    options o;
    udm_error error = { 0 };
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    const char *out = argv[optind + 1];
    if (!ends_in(out, ".png") && !ends_in(out, ".npy"))
        return fail(out, "the name of what is written must end in .png or .npy");
    udm_model *model = udm_model_open(argv[optind], &error);
    if (model && o.loras && !udm_model_add_loras(model, o.loras, &error)) {
        udm_model_free(model);
        return fail("--lora", error.message);
    }
    if (o.settings.steps == 0)
        o.settings.steps = o.frames > 0 ? USUAL_FILM_STEPS : USUAL_STEPS;
    const int status = !model         ? fail(argv[optind], error.message)
                       : o.frames > 0 ? film(model, &o, out)
                                      : generate(model, &o, argv + optind);
    udm_model_free(model);
    return status;
}
