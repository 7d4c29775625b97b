// SPDX-License-Identifier: LGPL-2.1-or-later
// A deinterlacer between the decoder and the rest. It works on frames as they were decoded, as rows of turned ones
// would not be those of fields.
#include "cli/restore/fields.h"

#include "cli/restore/pixels.h"
#include "cli/restore/say.h"

bool fields_open(fields *f, bool every_field, int threads, udm_error *error)
{
    *f = (fields){ .every_field = every_field, .threads = threads };
    f->held = av_fifo_alloc2(2, sizeof(AVFrame *), AV_FIFO_FLAG_AUTO_GROW);
    return f->held || udm_fail(error, UDM_ERROR_MEMORY, "no memory to hold a frame");
}

void fields_close(fields *f)
{
    AVFrame *frame;
    while (f->held && av_fifo_read(f->held, &frame, 1) >= 0)
        av_frame_free(&frame);
    av_fifo_freep2(&f->held);
    udm_deinterlacer_free(f->deinterlacer);
    f->deinterlacer = NULL;
}

static bool open_deinterlacer(fields *f, const udm_image *image, udm_error *error)
{
    udm_settings settings;
    udm_settings_init(&settings, sizeof settings);
    settings.width = image->width, settings.height = image->height, settings.channels = image->channels;
    settings.threads = f->threads;
    f->deinterlacer = udm_deinterlacer_open(&settings, f->every_field, error);
    return f->deinterlacer != NULL;
}

static bool deinterlace(fields *f, const AVFrame *frame, udm_error *error)
{
    udm_image image;
    const udm_woven woven = { .image = &image,
                              .bottom_first = !frame->top_field_first,
                              .progressive = !frame->interlaced_frame };
    return pixels_describe(frame, &image, error) && (f->deinterlacer || open_deinterlacer(f, &image, error)) &&
           udm_deinterlacer_push(f->deinterlacer, &woven, error);
}

bool fields_push(fields *f, AVFrame *frame, udm_error *error)
{
    if ((f->deinterlacer || frame->interlaced_frame) && !deinterlace(f, frame, error))
        return false;
    AVFrame *own = av_frame_alloc();
    if (own && av_fifo_write(f->held, &own, 1) >= 0) {
        av_frame_move_ref(own, frame);
        return true;
    }
    av_frame_free(&own);
    return udm_fail(error, UDM_ERROR_MEMORY, "no memory to hold a frame");
}

void fields_end(fields *f)
{
    udm_deinterlacer_end(f->deinterlacer);
}

// A frame like another, with pixels of its own and no fields.
static bool make_like(const AVFrame *from, AVFrame *out)
{
    out->width = from->width, out->height = from->height, out->format = from->format;
    if (av_frame_get_buffer(out, 0) < 0 || av_frame_copy_props(out, from) < 0)
        return false;
    out->interlaced_frame = out->top_field_first = out->repeat_pict = 0;
    return true;
}

// Fields last half as long as their frame, but where the first is shown again.
static void stamp(const AVFrame *from, const udm_unwoven *made, AVFrame *out)
{
    const int64_t first = from->pkt_duration / (from->repeat_pict == 1 ? 3 : 2);
    if (made->fields == 1)
        return;
    out->pkt_duration = made->field == 0 ? first : from->pkt_duration - first;
    if (made->field > 0)
        out->pts += first;
}

static udm_pulled pass(fields *f, AVFrame *out)
{
    AVFrame *held;
    if (av_fifo_read(f->held, &held, 1) < 0)
        return UDM_PULLED_NOTHING;
    av_frame_move_ref(out, held);
    av_frame_free(&held);
    return UDM_PULLED_FRAME;
}

udm_pulled fields_pull(fields *f, AVFrame *out, udm_error *error)
{
    AVFrame *from;
    udm_image image;
    udm_unwoven made;
    if (!f->deinterlacer)
        return pass(f, out);
    if (av_fifo_peek(f->held, &from, 1, 0) < 0)
        return UDM_PULLED_NOTHING;
    if (!make_like(from, out)) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame");
        return UDM_PULLED_FAILED;
    }
    const udm_pulled pulled = pixels_describe(out, &image, error)
                                  ? udm_deinterlacer_pull(f->deinterlacer, &image, NULL, &made, error)
                                  : UDM_PULLED_FAILED;
    if (pulled != UDM_PULLED_FRAME) {
        av_frame_unref(out);
        return pulled;
    }
    stamp(from, &made, out);
    if (made.field + 1 == made.fields) {
        av_fifo_drain2(f->held, 1);
        av_frame_free(&from);
    }
    return UDM_PULLED_FRAME;
}
