// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames of a generator, which are images of 16 bits, as one array.
#include "cli/film.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/npy.h"

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "udm: %s: %s\n", what, why);
    return 1;
}

// udm_generation.frame_params
static void tell(void *context, uint64_t number, udm_frame_params *params)
{
    const film_options *o = context;
    (void)number;
    params->prompt = o->prompt, params->negative_prompt = o->negative;
    params->guidance = o->guidance;
}

static void show(int frame, int frames)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, frame < frames ? "\r\033[Kframe %d of %d" : "\r\033[K", frame + 1, frames);
}

// planes: [3, height, width]
static bool make_frame(udm_generator *generator, const film_options *o, int frame, uint16_t *pixels, float *planes,
                       udm_error *error)
{
    const int width = o->settings.width, height = o->settings.height;
    const ptrdiff_t step = 3 * sizeof *pixels, stride = step * width;
    uint8_t *bytes = (uint8_t *)pixels;
    const udm_image image = { .width = width,
                              .height = height,
                              .channels = 3,
                              .bits = 16,
                              .data = { bytes, bytes + sizeof *pixels, bytes + 2 * sizeof *pixels },
                              .stride = { stride, stride, stride },
                              .step = { step, step, step } };
    if (!udm_generator_make(generator, frame, &image, error))
        return false;
    udm_image_to_planes(&image, planes);
    return true;
}

// A frame to its places in [1, 3, frames, height, width], so that no more than one is in memory.
static bool write_frame(FILE *file, long start, const film_options *o, int frame, const float *planes)
{
    const size_t plane = (size_t)o->settings.width * o->settings.height;
    bool good = true;
    for (int c = 0; good && c < 3; c++)
        good = fseek(file, start + (long)(((size_t)c * o->frames + frame) * plane * sizeof *planes), SEEK_SET) == 0 &&
               fwrite(planes + c * plane, sizeof *planes, plane, file) == plane;
    return good;
}

static int write_film(udm_generator *generator, const film_options *o, const char *path, uint16_t *pixels,
                      float *planes)
{
    const npy out = { .dims = 5, .shape = { 1, 3, o->frames, o->settings.height, o->settings.width } };
    udm_error error = { 0 };
    const char *why = "it cannot be written";
    FILE *file = NULL;
    bool good = true;
    long start = 0;
    for (int f = 0; good && f < o->frames; f++) {
        show(f, o->frames);
        if (!make_frame(generator, o, f, pixels, planes, &error)) {
            fail(path, error.message);
            good = false;
        } else if ((!file && (!(file = npy_begin(path, &out, &why)) || (start = ftell(file)) < 0)) ||
                   !write_frame(file, start, o, f, planes)) {
            fail(path, why);
            good = false;
        }
    }
    show(o->frames, o->frames);
    if (file && fclose(file) != 0 && good)
        good = fail(path, why) == 0;
    if (file && !good)
        remove(path); // half a film
    return good ? 0 : 1;
}

static int make_frames(udm_generator *generator, const film_options *o, const char *path)
{
    const size_t plane = (size_t)o->settings.width * o->settings.height;
    float *planes = malloc(3 * plane * sizeof *planes);
    uint16_t *pixels = malloc(3 * plane * sizeof *pixels);
    const int status = planes && pixels ? write_film(generator, o, path, pixels, planes)
                                        : fail(path, "there is no memory for a frame");
    free(planes);
    free(pixels);
    return status;
}

// The noise of --latents, 1,C,F,H,W. False, with a message, if it is not that of the first window.
static bool read_latents(film_options *o, const udm_info *info, npy *latents, udm_generation *generation)
{
    const char *why;
    if (!o->latents)
        return true;
    if (!npy_read(o->latents, latents, &why)) {
        fail(o->latents, why);
        return false;
    }
    if (latents->dims != 5 || latents->shape[0] != 1 || latents->shape[2] > (size_t)info->frames ||
        latents->shape[2] > (size_t)o->frames) {
        fprintf(stderr, "udm: %s: it must be 1,C,F,H,W, with at most %d frames\n", o->latents,
                info->frames < o->frames ? info->frames : o->frames);
        return false;
    }
    generation->window = (int)latents->shape[2];
    generation->latents = latents->data;
    return true;
}

int film_generate(const udm_model *model, film_options *o, const char *out)
{
    udm_error error = { 0 };
    udm_info info;
    udm_generation generation;
    npy latents = { 0 };
    if (!udm_model_info(model, &info, sizeof info, &error))
        return fail("the model", error.message);
    if (info.frames == 0 || info.embedding == 0)
        return fail("--frames", "this model makes no films of what a text says");
    if (o->settings.width == 0)
        o->settings.width = info.width, o->settings.height = info.height;
    o->settings.channels = 3;
    udm_generation_init(&generation, sizeof generation);
    generation.frame_params = tell, generation.context = o;
    generation.window = o->frames <= info.frames ? o->frames : 0;
    if (!read_latents(o, &info, &latents, &generation))
        return 1;
    udm_generator *generator = udm_generator_open(model, &o->settings, &generation, &error);
    free(latents.data);
    const int status = generator ? make_frames(generator, o, out) : fail("the model", error.message);
    udm_generator_free(generator);
    return status;
}
