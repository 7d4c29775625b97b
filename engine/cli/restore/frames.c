// SPDX-License-Identifier: LGPL-2.1-or-later
// Holds the frames that are in the engine, for their timestamps and side data.
#include "cli/restore/frames.h"

#include <stdio.h>
#include <string.h>

#include "cli/restore/say.h"

static bool check_process(const udm_degradation *degradation, const options *o, udm_error *error)
{
    if (degradation->holes)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "model %s fills holes, which need a mask: use the GStreamer element udmdenoise", o->model);
    if (o->upscale > 1 && strcmp(degradation->process, "pixelate") != 0)
        return udm_fail(error, UDM_ERROR_SETTINGS,
                        "model %s does not undo blocks of pixels, which --upscale makes of each: use super4", o->model);
    if (degradation->usual < 0 && o->amount >= 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "model %s removes noise: use --noise-level, not --amount", o->model);
    if (degradation->usual >= 0 && o->noise_level >= 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "model %s undoes \"%s\": use --amount, not --noise-level", o->model,
                        degradation->process);
    if (degradation->usual == 0 && o->amount < 0)
        return udm_fail(error, UDM_ERROR_SETTINGS, "model %s has no usual amount: set --amount, the %s, up to %g",
                        o->model, degradation->measure, degradation->most);
    return true;
}

bool frames_check(const udm_model *model, const options *o, udm_error *error)
{
    const udm_degradation *degradation = udm_model_degradation(model);
    const double amount = degradation->usual < 0 ? o->noise_level : o->amount;
    udm_info info;
    if (!udm_model_info(model, &info, sizeof info, error) || !check_process(degradation, o, error))
        return false;
    if (amount > degradation->most)
        return udm_fail(error, UDM_ERROR_SETTINGS, "model %s was trained for %s up to %g, not %g", o->model,
                        degradation->usual < 0 ? "noise" : degradation->process, degradation->most, amount);
    return true;
}

// The time on the process that the options ask for.
static void find_time(frames *f, const options *o)
{
    const udm_degradation *degradation = udm_model_degradation(f->model);
    const double amount = degradation->usual < 0 ? o->noise_level : o->amount < 0 ? degradation->usual : o->amount;
    f->time = amount < 0 ? UDM_TIME_ESTIMATE : udm_model_time(f->model, amount);
    f->strength = o->strength;
    f->grain = o->grain;
}

// A udm_log_callback.
static void hear(void *context, udm_log_level level, const char *message)
{
    if (level == UDM_LOG_WARNING)
        say_note("%s", message);
}

bool frames_open(frames *f, const udm_model *model, const options *o, const AVFrame *first, enum AVPixelFormat out,
                 const int32_t *matrix, udm_error *error)
{
    udm_settings settings = o->settings;
    f->model = model;
    f->held = av_fifo_alloc2(UDM_MAX_LOOKAHEAD + 2, sizeof(AVFrame *), AV_FIFO_FLAG_AUTO_GROW);
    f->pixels = f->held ? pixels_open(first, out, matrix, o->upscale, error) : NULL;
    f->enlarge.factor = o->upscale;
    if (!f->pixels)
        return false;
    find_time(f, o);
    settings.width = pixels_made(f->pixels)->width, settings.height = pixels_made(f->pixels)->height;
    settings.channels = pixels_channels(f->pixels);
    settings.log = hear;
    f->repaired.dirt = settings.dirt > 0;
    f->repaired.flicker = settings.deflicker > 0;
    f->repaired.weave = settings.stabilize_gate > 0;
    f->restorer = udm_restorer_open(model, &settings, error);
    atomic_store(&f->running, f->restorer);
    return f->restorer != NULL;
}

void frames_close(frames *f)
{
    AVFrame *frame;
    atomic_store(&f->running, NULL);
    while (f->held && av_fifo_read(f->held, &frame, 1) >= 0)
        av_frame_free(&frame);
    av_fifo_freep2(&f->held);
    pixels_free(f->pixels);
    enlarge_close(&f->enlarge);
    udm_restorer_free(f->restorer);
    f->pixels = NULL, f->restorer = NULL;
}

bool frames_push(frames *f, AVFrame *frame, udm_error *error)
{
    udm_image image;
    udm_frame in = { .image = &image, .number = f->count };
    in.repaired = f->restored;
    if (!f->restored)
        in.time = f->time, in.strength = f->strength, in.grain = f->grain;
    AVFrame *own = av_frame_alloc();
    if (!own)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame");
    av_frame_move_ref(own, frame);
    if (!pixels_read(f->pixels, own, &image, error) || !enlarge_image(&f->enlarge, &image, error) ||
        !udm_restorer_push(f->restorer, &in, error)) {
        av_frame_free(&own);
        return false;
    }
    f->count++;
    if (av_fifo_write(f->held, &own, 1) >= 0)
        return true;
    av_frame_free(&own);
    return udm_fail(error, UDM_ERROR_MEMORY, "no memory to hold a frame");
}

void frames_end(frames *f)
{
    udm_restorer_end(f->restorer);
}

udm_pulled frames_pull(frames *f, AVFrame *out, udm_error *error)
{
    udm_image image;
    AVFrame *from;
    if (!pixels_write(f->pixels, &image, error))
        return UDM_PULLED_FAILED;
    const udm_pulled pulled = udm_restorer_pull(f->restorer, &image, error);
    if (pulled != UDM_PULLED_FRAME || av_fifo_read(f->held, &from, 1) < 0)
        return pulled;
    const bool finished = pixels_finish(f->pixels, from, out, error);
    av_frame_free(&from);
    return finished ? UDM_PULLED_FRAME : UDM_PULLED_FAILED;
}

void frames_cancel(frames *f)
{
    udm_restorer *running = atomic_load(&f->running);
    if (running)
        udm_restorer_cancel(running, true);
}

static void say_noise(const frames *f, const udm_stats *stats, char *text, size_t size)
{
    text[0] = '\0';
    if (f->time < 0 && stats->reason[0])
        snprintf(text, size, "; no noise at the end: %s", stats->reason);
    else if (f->time < 0)
        snprintf(text, size, "; the noise at the end has a sigma of %.1f, in luma %.1f and in chroma %.1f",
                 stats->sigma, stats->luma_sigma, stats->chroma_sigma);
}

static void say_more(char *text, size_t size, const char *format, double number)
{
    const size_t length = strlen(text);
    snprintf(text + length, size - length, format, number);
}

void frames_found(const frames *f, char *text, size_t size)
{
    udm_stats stats;
    text[0] = '\0';
    if (!f->restorer)
        return;
    udm_restorer_stats(f->restorer, &stats, sizeof stats);
    say_noise(f, &stats, text, size);
    if (f->repaired.dirt)
        say_more(text, size, "; %.3f %% of the pixels were dirt", 100 * stats.dirt);
    if (f->repaired.flicker)
        say_more(text, size, "; the light flickered by %.1f %%", 100 * stats.flicker);
    if (f->repaired.weave)
        say_more(text, size, "; the picture weaved by %.2f pixels", stats.weave);
}
