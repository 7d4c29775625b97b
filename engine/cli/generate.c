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
    "usage: udm generate MODEL OUT.png|OUT.npy --prompt P [--negative-prompt N] [--image FILE] [--strength X]\n"
    "           [--steps S] [--guidance-scale G] [--prior-steps S] [--prior-guidance-scale G] [--seed K]\n"
    "           [--size WxH] [--frames F] [--latents IN.npy] [--lora FILE[:SCALE][;...]] [--sampler X]\n"
    "           [--super-res-steps S] [--memory-limit MIB] [--device D] [--precision P] [--threads N]\n"
    "OUT.npy holds float32, N,C,H,W, in [-1, 1]; OUT.png the first picture. --image is a picture that Stable\n"
    "Diffusion changes, by --strength (0.8), or whose holes an inpainting model fills, where its alpha is 0; with a\n"
    "decoder of embeddings it takes the place of a prompt, or half of it (PNG, JPEG, PPM, or 3,H,W as .npy, 4 with\n"
    "alpha). IN.npy holds the noise that it begins with, N,C,H,W in the shape of what the network draws. Defaults: 10\n"
    "steps and guidance 3, of the prior 25 and 2; of Stable Diffusion 25 and 7.5 (1 is none); of Karlo 25 and 8, of "
    "its\n"
    "prior 25 and 4, and 7 steps that enlarge the picture (--super-res-steps).\n"
    "--prior-steps 0 leaves the prior out, where the decoder is told the prompt as well.\n";

enum { USUAL_STEPS = 10, USUAL_LATENT_STEPS = 25 };

typedef struct options {
    udm_settings settings;
    udm_prompting prompting;
    udm_painting painting;
    const char *image, *latents, *loras;
    int frames; // of a film; 0: pictures are drawn
} options;

// What files hold.
typedef struct inputs {
    npy picture, latents; // [3 or 4, H, W], [N, C, H, W]; data is NULL where there is none
    float *mask;          // of the picture's alpha: 1 where it is a hole
} inputs;

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "udm: %s: %s\n", what, why);
    return 1;
}

enum { PROMPT = 1, NEGATIVE, IMAGE, LATENTS, SAMPLER, DEVICE, PRECISION, LORA, LAST_TEXT = LORA };
enum { STEPS = LAST_TEXT + 1, PRIOR_STEPS, THREADS, FRAMES, SUPER_RES_STEPS, MEMORY, SEED, LAST_WHOLE = SEED };
enum { GUIDANCE = LAST_WHOLE + 1, PRIOR_GUIDANCE, STRENGTH, SIZE };

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
    { "super-res-steps", required_argument, NULL, SUPER_RES_STEPS },
    { "memory-limit", required_argument, NULL, MEMORY },
    { "seed", required_argument, NULL, SEED },
    { "guidance-scale", required_argument, NULL, GUIDANCE },
    { "prior-guidance-scale", required_argument, NULL, PRIOR_GUIDANCE },
    { "strength", required_argument, NULL, STRENGTH },
    { "size", required_argument, NULL, SIZE },
    { 0 },
};

static bool parse_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end;
}

static bool parse_memory(const char *text, size_t *bytes)
{
    udm_error error = { 0 };
    return udm_memory_parse(text, bytes, &error) || !fail("--memory-limit", error.message);
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
    int *const wholes[] = { &o->settings.steps, &o->prompting.steps, &o->settings.threads, &o->frames,
                            &o->painting.super_res_steps };
    double number;
    char after;
    if (option >= PROMPT && option <= LAST_TEXT) {
        *texts[option] = text;
        return true;
    }
    if (option == SIZE)
        return sscanf(text, "%dx%d%c", &o->settings.width, &o->settings.height, &after) == 2;
    double *const scales[] = { &o->painting.guidance, &o->prompting.guidance, &o->painting.strength };
    if (option >= GUIDANCE && option <= STRENGTH)
        return parse_number(text, scales[option - GUIDANCE]) && (option != STRENGTH || o->painting.strength > 0);
    if (option == MEMORY)
        return parse_memory(text, &o->settings.total_memory);
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

// The embedding of the picture, which becomes an image of 16 bits; NULL, or why not.
static const char *look(udm_painter *painter, const npy *picture, float *embedding, udm_error *error)
{
    const int height = (int)picture->shape[1], width = (int)picture->shape[2];
    const ptrdiff_t step = 3 * sizeof(uint16_t), stride = step * width;
    const char *why = NULL;
    if (picture->shape[0] != 3)
        return "it must be 3,H,W: this model does nothing with alpha";
    uint8_t *bytes = malloc(picture->elements * sizeof(uint16_t));
    const udm_image image = { .width = width,
                              .height = height,
                              .channels = 3,
                              .bits = 16,
                              .data = { bytes, bytes + sizeof(uint16_t), bytes + 2 * sizeof(uint16_t) },
                              .stride = { stride, stride, stride },
                              .step = { step, step, step } };
    if (!bytes)
        return "there is no memory for it";
    udm_image_from_planes(&image, picture->data);
    if (!udm_painter_look(painter, &image, embedding, error))
        why = error->message;
    free(bytes);
    return why;
}

// Where alpha is 0, or nearly, there is a hole. NULL, or why not.
static const char *give_picture(const udm_painter *painter, options *o, inputs *in)
{
    static char message[128];
    const size_t width = (size_t)udm_painter_width(painter), height = (size_t)udm_painter_height(painter);
    if (in->picture.shape[2] != width || in->picture.shape[1] != height) {
        snprintf(message, sizeof message, "it is %zux%zu, and %zux%zu is to be drawn", in->picture.shape[2],
                 in->picture.shape[1], width, height);
        return message;
    }
    o->painting.image = in->picture.data;
    if (in->picture.shape[0] == 3)
        return NULL;
    in->mask = malloc(width * height * sizeof *in->mask);
    for (size_t i = 0; in->mask && i < width * height; i++)
        in->mask[i] = in->picture.data[3 * width * height + i] < 0;
    o->painting.mask = in->mask;
    return in->mask ? NULL : "there is no memory for it";
}

// What is to be drawn: of the prompt, of the picture, or half of each.
static int find_embedding(udm_painter *painter, options *o, inputs *in, float *embedding, float *other)
{
    udm_error error = { 0 };
    const char *why = NULL;
    const bool looks = udm_painter_looks(painter), reads = o->prompting.text || !looks;
    if (reads) {
        show("reading the prompt");
        o->prompting.text = o->prompting.text ? o->prompting.text : "";
        if (!udm_painter_read(painter, &o->prompting, embedding, &error))
            return fail("the prompt", error.message);
    }
    if (!o->image)
        return 0;
    if (looks)
        show("looking at the picture");
    why = looks ? look(painter, &in->picture, other, &error) : give_picture(painter, o, in);
    if (why)
        return fail(o->image, why);
    for (int i = 0; looks && i < udm_painter_size(painter); i++)
        embedding[i] = reads ? (embedding[i] + other[i]) / 2 : other[i];
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

static int draw(udm_painter *painter, options *o, inputs *in, const char *path)
{
    udm_error error = { 0 };
    const size_t count = in->latents.data ? in->latents.shape[0] : 1, size = udm_painter_size(painter);
    npy out = { .dims = 4, .shape = { count, 3, udm_painter_height(painter), udm_painter_width(painter) } };
    const size_t picture = out.shape[1] * out.shape[2] * out.shape[3], noise = in->latents.elements / count;
    out.elements = count * picture;
    float *memory = out.data = malloc((out.elements + 2 * size) * sizeof *memory), *embedding = memory + out.elements;
    int status = memory ? 0 : fail(path, "there is no memory for the pictures");
    if (status == 0)
        status = find_embedding(painter, o, in, embedding, embedding + size);
    o->painting.embedding = embedding;
    o->painting.progress = show_step;
    for (size_t k = 0; status == 0 && k < count; k++) {
        o->painting.number = k;
        o->painting.latents = in->latents.data ? in->latents.data + k * noise : NULL;
        if (!udm_painter_paint(painter, &o->painting, out.data + k * picture, &error))
            status = fail(path, error.message);
    }
    show("");
    const char *why = status == 0 ? write_pictures(path, &out) : NULL;
    free(memory);
    return why ? fail(path, why) : status;
}

// ---- sizes

static bool check_latents(const npy *latents)
{
    bool good = latents->dims == 4;
    for (int i = 0; good && i < 4; i++)
        good = latents->shape[i] >= 1 && latents->shape[i] <= 65536;
    return good;
}

// The painter, of the size that is asked for, or that the picture or the noise has. NULL: *why, of `what`.
static udm_painter *open_painter(const udm_model *model, options *o, const inputs *in, udm_error *error)
{
    udm_settings *s = &o->settings;
    const bool sized = s->width > 0;
    int shape[3];
    udm_painter *painter = udm_painter_open(model, s, error);
    if (!painter || sized)
        return painter;
    udm_painter_latents(painter, shape);
    const int scale = udm_painter_width(painter) / shape[2];
    if (in->latents.data)
        s->width = (int)in->latents.shape[3] * scale, s->height = (int)in->latents.shape[2] * scale;
    else if (in->picture.data && !udm_painter_looks(painter))
        s->width = (int)in->picture.shape[2], s->height = (int)in->picture.shape[1];
    if (s->width == 0 || (s->width == udm_painter_width(painter) && s->height == udm_painter_height(painter)))
        return painter;
    udm_painter_free(painter);
    return udm_painter_open(model, s, error);
}

static bool fits(const udm_painter *painter, const npy *latents)
{
    int shape[3];
    udm_painter_latents(painter, shape);
    for (int i = 0; latents->data && i < 3; i++)
        if (latents->shape[1 + i] != (size_t)shape[i]) {
            fprintf(stderr, "udm: the noise is %zu,%zu,%zu: it must be %d,%d,%d for a picture of this size\n",
                    latents->shape[1], latents->shape[2], latents->shape[3], shape[0], shape[1], shape[2]);
            return false;
        }
    return true;
}

// What kind of model it is, by its parts.
typedef struct kind {
    bool latents, karlo; // Stable Diffusion; Karlo
} kind;

// udm_model_parts()
static void note_part(void *context, const udm_part *part)
{
    kind *of = context;
    of->latents |= strcmp(part->name, "unet") == 0;
    of->karlo |= strcmp(part->name, "text_proj") == 0;
}

// What was not said.
static void choose_usual(options *o, const kind *of)
{
    if (o->settings.steps == 0)
        o->settings.steps = of->latents || of->karlo ? USUAL_LATENT_STEPS : USUAL_STEPS;
}

static int generate(const udm_model *model, options *o, inputs *in, char **names)
{
    udm_error error = { 0 };
    kind of = { 0 };
    udm_model_parts(model, note_part, &of);
    choose_usual(o, &of);
    if (o->painting.super_res_steps > 0 && !of.karlo)
        return fail("--super-res-steps", "it is for a model that enlarges what it draws (Karlo)");
    if (o->painting.strength > 0 && (!o->image || !of.latents))
        return fail("--strength", "it is for a picture (--image) that Stable Diffusion changes");
    udm_painter *painter = open_painter(model, o, in, &error);
    const int status = !painter                      ? fail(names[0], error.message)
                       : fits(painter, &in->latents) ? draw(painter, o, in, names[1])
                                                     : 1;
    udm_painter_free(painter);
    return status;
}

static int film(const udm_model *model, const options *o, const char *out)
{
    film_options of = { o->settings,          o->prompting.text, o->prompting.negative,
                        o->painting.guidance, o->frames,         o->latents };
    kind parts = { 0 };
    udm_prompting usual;
    udm_prompting_init(&usual, sizeof usual);
    udm_model_parts(model, note_part, &parts);
    if (of.settings.steps == 0)
        of.settings.steps = parts.latents ? USUAL_LATENT_STEPS : USUAL_STEPS;
    if (o->image)
        return fail(o->image, "a film takes no picture");
    if (o->painting.strength > 0 || o->painting.super_res_steps > 0)
        return fail(o->painting.strength > 0 ? "--strength" : "--super-res-steps", "it is for pictures, not for films");
    if (o->prompting.guidance != UDM_GUIDANCE_USUAL || o->prompting.steps != usual.steps)
        return fail("--prior-guidance-scale, --prior-steps", "films have the usual ones");
    if (!ends_in(out, ".npy"))
        return fail(out, "the name of a film must end in .npy");
    return film_generate(model, &of, out);
}

int generate_command(int argc, char **argv)
{
    options o;
    inputs in = { 0 };
    udm_error error = { 0 };
    const char *why = NULL;
    if (!parse(argc, argv, &o)) {
        fputs(usage, stderr);
        return 2;
    }
    const char *out = argv[optind + 1];
    if (!ends_in(out, ".png") && !ends_in(out, ".npy"))
        return fail(out, "the name of what is written must end in .png or .npy");
    int status = 0;
    if (o.image && !picture_read(o.image, &in.picture, &why))
        status = fail(o.image, why);
    else if (o.latents && o.frames == 0 && !npy_read(o.latents, &in.latents, &why))
        status = fail(o.latents, why);
    else if (in.latents.data && !check_latents(&in.latents))
        status = fail(o.latents, "it must be N,C,H,W");
    udm_model *model = status == 0 ? udm_model_open(argv[optind], &error) : NULL;
    if (model && o.loras && !udm_model_add_loras(model, o.loras, &error))
        status = fail("--lora", error.message);
    else if (status == 0)
        status = !model         ? fail(argv[optind], error.message)
                 : o.frames > 0 ? film(model, &o, out)
                                : generate(model, &o, &in, argv + optind);
    udm_model_free(model);
    free(in.picture.data), free(in.latents.data), free(in.mask);
    return status;
}
