// SPDX-License-Identifier: LGPL-2.1-or-later
// udm between and udm motion: what motion makes of clips.
#include <stdlib.h>
#include <string.h>

#include "cli/npy.h"
#include "cli/options.h"

// A frame of a clip [channels, frames, pixels] as an image of 16 bits.
static void to_image(const float *clip, int frame, int frames, const udm_image *image)
{
    const size_t pixels = (size_t)image->width * image->height;
    for (int c = 0; c < image->channels; c++) {
        const float *from = clip + ((size_t)c * frames + frame) * pixels;
        uint16_t *to = (uint16_t *)(void *)image->data[c];
        for (size_t i = 0; i < pixels; i++) {
            const float value = (from[i] + 1) * 32767.5f + 0.5f;
            to[i] = value > 0 ? (uint16_t)(value < 65535 ? value : 65535) : 0;
        }
    }
}

enum { MADE_OTHERS = 1 + UDM_INTERPOLATOR_CONTEXT };

// What a frame was made of: [3 channels + MADE_OTHERS], planes of which the frames of a clip lie between one and the
// next.
static void keep_made(const udm_interpolator *interpolator, const udm_image *size, float *out, size_t stride)
{
    const size_t pixels = (size_t)size->width * size->height, channels = (size_t)size->channels;
    const struct {
        const float *planes;
        size_t count;
    } parts[] = {
        { udm_interpolator_moved(interpolator, 0), channels },
        { udm_interpolator_moved(interpolator, 1), channels },
        { udm_interpolator_mean(interpolator), channels },
        { udm_interpolator_level(interpolator), 1 },
        { udm_interpolator_context(interpolator), UDM_INTERPOLATOR_CONTEXT },
    };
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
        for (size_t plane = 0; plane < parts[part].count; plane++, out += stride)
            memcpy(out, parts[part].planes + plane * pixels, pixels * sizeof *out);
}

// The known frames of a clip, moved to each of the others. out: [3 channels + MADE_OTHERS, frames - 2, pixels]
static bool move_known(udm_interpolator *interpolator, const float *clip, int frames, const int known[2],
                       udm_image images[2], float *out, udm_error *error)
{
    const size_t pixels = (size_t)images[0].width * images[0].height;
    for (int k = 0; k < 2; k++)
        to_image(clip, known[k], frames, &images[k]);
    if (!udm_interpolator_pair(interpolator, &images[0], &images[1], 0, error))
        return false;
    for (int frame = 0; frame < frames; frame++) {
        if (frame == known[0] || frame == known[1])
            continue;
        const double position = (double)(frame - known[0]) / (known[1] - known[0]);
        if (!udm_interpolator_make(interpolator, position, 0, &images[0], error))
            return false;
        keep_made(interpolator, &images[0], out, (size_t)(frames - 2) * pixels);
        out += pixels;
    }
    return true;
}

static bool move_clips(udm_interpolator *interpolator, const npy *x, const int known[2], npy *y, udm_error *error)
{
    const int channels = (int)x->shape[1], frames = (int)x->shape[2];
    const size_t pixels = x->shape[3] * x->shape[4];
    uint16_t *memory = malloc(2 * channels * pixels * sizeof *memory);
    udm_image images[2];
    if (!memory)
        return udm_fail(error, UDM_ERROR_MEMORY, "there is no memory for two frames");
    for (int k = 0; k < 2; k++) {
        images[k] =
            (udm_image){ .width = (int)x->shape[4], .height = (int)x->shape[3], .channels = channels, .bits = 16 };
        for (int c = 0; c < channels; c++) {
            images[k].data[c] = (uint8_t *)(memory + (k * channels + c) * pixels);
            images[k].stride[c] = (ptrdiff_t)(x->shape[4] * sizeof *memory);
            images[k].step[c] = sizeof *memory;
        }
    }
    bool good = true;
    for (size_t clip = 0; good && clip < x->shape[0]; clip++)
        good = move_known(interpolator, x->data + clip * (x->elements / x->shape[0]), frames, known, images,
                          y->data + clip * (y->elements / y->shape[0]), error);
    free(memory);
    return good;
}

int between_command(const char *in, const char *out, options *options)
{
    udm_error error = { 0 };
    npy x, y = { .dims = 5 };
    const char *why;
    if (!npy_read(in, &x, &why))
        return cli_fail(in, why);
    if (x.dims != 5 || x.elements == 0 || x.shape[2] < 3) {
        free(x.data);
        return cli_fail(in, "it must be N,C,F,H,W with at least 3 frames");
    }
    int *known = options->known;
    if (known[1] < 0)
        known[1] = (int)x.shape[2] - 1;
    if (known[0] < 0 || known[0] >= known[1] || known[1] >= (int)x.shape[2]) {
        free(x.data);
        return cli_fail(in, "--known must give two of its frames, the earlier one first");
    }
    const size_t shape[5] = { x.shape[0], 3 * x.shape[1] + MADE_OTHERS, x.shape[2] - 2, x.shape[3], x.shape[4] };
    memcpy(y.shape, shape, sizeof shape);
    y.elements = shape[0] * shape[1] * shape[2] * shape[3] * shape[4];
    options->settings.width = (int)shape[4], options->settings.height = (int)shape[3];
    options->settings.channels = (int)x.shape[1];
    udm_interpolator *opened = udm_interpolator_open(NULL, &options->settings, &error);
    y.data = opened ? malloc(y.elements * sizeof(float)) : NULL;
    int status = 1;
    if (!opened)
        cli_fail(in, error.message);
    else if (!y.data)
        cli_fail(in, "there is no memory for the result");
    else if (!move_clips(opened, &x, known, &y, &error))
        cli_fail(in, error.message);
    else if (!npy_write(out, &y, &why))
        cli_fail(out, why);
    else
        status = 0;
    udm_interpolator_free(opened);
    free(y.data);
    free(x.data);
    return status;
}

static bool find_motions(const udm_model *model, const npy *x, npy *flow, const options *options, udm_error *error)
{
    bool good = true;
    for (size_t clip = 0; good && clip < x->shape[0]; clip++)
        good = udm_model_flow(model, &options->settings, (int)x->shape[2], x->data + clip * (x->elements / x->shape[0]),
                              options->sigma, flow->data + clip * (flow->elements / flow->shape[0]), error);
    return good;
}

int motion_command(const char *directory, const udm_model *model, const char *in, const char *out, options *options)
{
    udm_error error = { 0 };
    npy x, flow = { .dims = 5 };
    const char *why;
    if (!npy_read(in, &x, &why))
        return cli_fail(in, why);
    if (x.dims != 5 || x.elements == 0 || x.shape[2] < 2) {
        free(x.data);
        return cli_fail(in, "it must be N,C,F,H,W with at least 2 frames");
    }
    const size_t shape[5] = { x.shape[0], 2, x.shape[2] - 1, x.shape[3], x.shape[4] };
    memcpy(flow.shape, shape, sizeof shape);
    flow.elements = shape[0] * shape[1] * shape[2] * shape[3] * shape[4];
    flow.data = malloc(flow.elements * sizeof(float));
    options->settings.width = (int)shape[4], options->settings.height = (int)shape[3];
    options->settings.channels = (int)x.shape[1];
    int status = 1;
    if (!flow.data)
        cli_fail(in, "there is no memory for the result");
    else if (!find_motions(model, &x, &flow, options, &error))
        cli_fail(directory, error.message);
    else if (!npy_write(out, &flow, &why))
        cli_fail(out, why);
    else
        status = 0;
    free(flow.data);
    free(x.data);
    return status;
}
