// SPDX-License-Identifier: LGPL-2.1-or-later
// Restores fields, weaves them, and deinterlaces. It works on frames as they were decoded, as rows of turned ones would
// not be those of fields.
#include "cli/restore/fields.h"

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

#include "cli/restore/say.h"

bool fields_open(fields *f, const udm_model *model, const options *o, int64_t field, udm_error *error)
{
    *f = (fields){ .model = model, .options = o, .field = field };
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
    frames_close(&f->films[0]);
    frames_close(&f->films[1]);
    f->deinterlacer = NULL;
}

static bool finds_film(const fields *f)
{
    return f->options->deinterlace == DEINTERLACE_TELECINE;
}

// Film is restored once its pictures are whole, and what is enlarged once frames are.
static bool restores(const fields *f)
{
    return !finds_film(f) && f->options->upscale == 1;
}

bool fields_restore(const fields *f)
{
    return f->deinterlacer && restores(f);
}

// ---- fields

static int rows_of(int height, int field)
{
    return FFMAX((height + 1 - field) / 2, 1);
}

// The row of chroma below the last is that above it.
static void fill_row(AVFrame *frame, int plane)
{
    const int rows = AV_CEIL_RSHIFT(frame->height, 1), stride = frame->linesize[plane];
    uint8_t *data = frame->data[plane];
    memcpy(data + (ptrdiff_t)rows * stride, data + (ptrdiff_t)FFMAX(rows - 2, 0) * stride,
           (size_t)av_image_get_linesize(frame->format, frame->width, plane));
}

// Makes room for as many rows of chroma as both fields have: one of them may need one more than the frame has.
static bool add_rows(AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    AVFrame *more = av_frame_alloc();
    bool good = more;
    if (format->log2_chroma_h == 0 || AV_CEIL_RSHIFT(frame->height, 1) % 2 == 0) {
        av_frame_free(&more);
        return true;
    }
    if (good) {
        more->width = frame->width, more->format = frame->format;
        more->height = FFALIGN(frame->height, 4);
        good = av_frame_get_buffer(more, 0) >= 0 && av_frame_copy(more, frame) >= 0 &&
               av_frame_copy_props(more, frame) >= 0;
        more->height = frame->height;
        for (int plane = 1; good && plane < 3 && more->data[plane]; plane++)
            fill_row(more, plane);
    }
    if (good) {
        av_frame_unref(frame);
        av_frame_move_ref(frame, more);
    }
    av_frame_free(&more);
    return good;
}

// Every second row of a frame, where it lies.
static bool take_field(const AVFrame *frame, int field, AVFrame *out)
{
    if (av_frame_ref(out, frame) < 0)
        return false;
    out->height = rows_of(frame->height, field);
    for (int plane = 0; plane < 4 && out->data[plane]; plane++) {
        if (frame->height > 1)
            out->data[plane] += field * out->linesize[plane];
        out->linesize[plane] *= 2;
    }
    return true;
}

static bool open_films(fields *f, AVFrame *const parts[2], udm_error *error)
{
    for (int k = 0; k < 2; k++)
        if (!frames_open(&f->films[k], f->model, f->options, parts[k], parts[k]->format, NULL, error))
            return false;
    return true;
}

static udm_deinterlace way_of(const fields *f)
{
    return f->options->deinterlace == DEINTERLACE_FIELDS     ? UDM_DEINTERLACE_FIELDS
           : f->options->deinterlace == DEINTERLACE_TELECINE ? UDM_DEINTERLACE_FILM
           : f->options->deinterlace == DEINTERLACE_AUTO     ? UDM_DEINTERLACE_WHOLE
                                                             : UDM_DEINTERLACE_FRAMES;
}

static bool open_deinterlacer(fields *f, const AVFrame *frame, udm_error *error)
{
    udm_settings settings;
    udm_image image;
    if (!pixels_describe(frame, &image, error))
        return false;
    udm_settings_init(&settings, sizeof settings);
    settings.width = image.width, settings.height = image.height, settings.channels = image.channels;
    settings.threads = f->options->settings.threads;
    f->height = frame->height;
    f->deinterlacer = udm_deinterlacer_open(&settings, way_of(f), error);
    return f->deinterlacer != NULL;
}

// Gives the fields of a frame to the films.
static bool split(fields *f, AVFrame *frame, udm_error *error)
{
    AVFrame *parts[2] = { av_frame_alloc(), av_frame_alloc() };
    bool good =
        parts[0] && parts[1] && add_rows(frame) && take_field(frame, 0, parts[0]) && take_field(frame, 1, parts[1]);
    if (!good)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a field");
    good = good && (f->films[0].restorer || open_films(f, parts, error));
    for (int k = 0; k < 2; k++) {
        good = good && frames_push(&f->films[k], parts[k], error);
        av_frame_free(&parts[k]);
    }
    return good;
}

static bool hold(fields *f, AVFrame *frame, udm_error *error)
{
    AVFrame *own = av_frame_alloc();
    if (own && av_fifo_write(f->held, &own, 1) >= 0) {
        av_frame_move_ref(own, frame);
        return true;
    }
    av_frame_free(&own);
    return udm_fail(error, UDM_ERROR_MEMORY, "no memory to hold a frame");
}

// Where film is looked for, frames that say they are progressive are believed once flags were seen at all: many files
// have none, whatever is in them.
static bool take_woven(fields *f, AVFrame *frame, udm_error *error)
{
    udm_image image;
    f->flagged |= frame->interlaced_frame || frame->repeat_pict || !finds_film(f);
    const udm_woven woven = { .image = &image,
                              .bottom_first = f->flagged && !frame->top_field_first,
                              .progressive = f->flagged && !frame->interlaced_frame,
                              .repeat_first = frame->repeat_pict == 1 };
    return pixels_describe(frame, &image, error) && udm_deinterlacer_push(f->deinterlacer, &woven, error) &&
           hold(f, frame, error);
}

bool fields_push(fields *f, AVFrame *frame, udm_error *error)
{
    if (finds_film(f)) {
        const bool taken = (f->deinterlacer || open_deinterlacer(f, frame, error)) && take_woven(f, frame, error);
        av_frame_unref(frame);
        return taken;
    }
    if (!f->deinterlacer && !frame->interlaced_frame)
        return hold(f, frame, error);
    const bool good = (f->deinterlacer || open_deinterlacer(f, frame, error)) &&
                      (restores(f) ? split(f, frame, error) : take_woven(f, frame, error));
    av_frame_unref(frame);
    return good;
}

void fields_end(fields *f)
{
    if (!f->deinterlacer)
        return;
    if (restores(f)) {
        frames_end(&f->films[0]);
        frames_end(&f->films[1]);
    }
    f->ending = true;
}

// ---- frames of restored fields

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
static void stamp_field(const AVFrame *from, const udm_unwoven *made, AVFrame *out)
{
    const int64_t first = from->pkt_duration / (from->repeat_pict == 1 ? 3 : 2);
    if (made->last.field > made->first.field)
        return;
    out->pkt_duration = made->first.field == 0 ? first : from->pkt_duration - first;
    if (made->first.field > 0)
        out->pts += first;
}

static AVFrame *held_at(const fields *f, uint64_t number)
{
    AVFrame *frame;
    return number - f->first < av_fifo_can_read(f->held) && av_fifo_peek(f->held, &frame, 1, number - f->first) >= 0
               ? frame
               : NULL;
}

// A frame's last field lasts until the next frame begins, if that is known.
static int64_t end_of(const fields *f, const udm_field_at *at)
{
    const AVFrame *frame = held_at(f, at->frame), *next = held_at(f, at->frame + 1);
    const int fields = frame->repeat_pict == 1 ? 3 : 2;
    return at->field + 1 == fields && next && next->pts > frame->pts ? next->pts
                                                                     : frame->pts + (at->field + 1) * f->field;
}

// A picture of film lasts for 3 and 2 fields in turns; their middles are at even distances, and its time is one field
// before that.
static void stamp_film(const fields *f, const AVFrame *from, const udm_unwoven *made, AVFrame *out)
{
    const int64_t begin = from->pts + made->first.field * f->field, end = end_of(f, &made->last);
    const bool last = made->next.frame == made->last.frame && made->next.field == made->last.field;
    const int64_t next = last ? end : (end + end_of(f, &made->next)) / 2 - f->field;
    out->pts = (begin + end) / 2 - f->field;
    out->pkt_duration = FFMAX(next - out->pts, 1);
}

// A frame of both fields, with rows of chroma to spare, as above.
static bool weave(const fields *f, AVFrame *const parts[2], AVFrame *out)
{
    out->width = parts[0]->width, out->format = parts[0]->format;
    out->height = 2 * FFALIGN(parts[0]->height, 2);
    if (av_frame_get_buffer(out, 0) < 0 || av_frame_copy_props(out, parts[0]) < 0)
        return false;
    for (int k = 0; k < 2; k++) {
        uint8_t *data[4];
        int stride[4];
        for (int plane = 0; plane < 4; plane++) {
            data[plane] = out->data[plane] ? out->data[plane] + k * out->linesize[plane] : NULL;
            stride[plane] = 2 * out->linesize[plane];
        }
        av_image_copy(data, stride, (const uint8_t **)parts[k]->data, parts[k]->linesize, out->format, out->width,
                      parts[k]->height);
    }
    out->height = f->height;
    return true;
}

// Gives the deinterlacer the next frame that is restored.
static udm_pulled join(fields *f, udm_error *error)
{
    AVFrame *parts[2] = { av_frame_alloc(), av_frame_alloc() }, *woven = av_frame_alloc();
    udm_pulled pulled = UDM_PULLED_FAILED;
    if (!parts[0] || !parts[1] || !woven)
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a field");
    else
        pulled = frames_pull(&f->films[0], parts[0], error);
    if (pulled == UDM_PULLED_FRAME)
        pulled = frames_pull(&f->films[1], parts[1], error);
    if (pulled == UDM_PULLED_FRAME && !weave(f, parts, woven)) {
        udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame");
        pulled = UDM_PULLED_FAILED;
    }
    if (pulled == UDM_PULLED_FRAME && !take_woven(f, woven, error))
        pulled = UDM_PULLED_FAILED;
    av_frame_free(&parts[0]);
    av_frame_free(&parts[1]);
    av_frame_free(&woven);
    return pulled;
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

// What the deinterlacer has.
static udm_pulled pull(fields *f, AVFrame *out, udm_error *error)
{
    AVFrame *from;
    udm_image image;
    udm_unwoven made;
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
    if (finds_film(f))
        stamp_film(f, from, &made, out);
    else
        stamp_field(from, &made, out);
    for (; f->first < made.done && av_fifo_read(f->held, &from, 1) >= 0; f->first++)
        av_frame_free(&from);
    return UDM_PULLED_FRAME;
}

udm_pulled fields_pull(fields *f, AVFrame *out, udm_error *error)
{
    udm_pulled pulled = f->deinterlacer ? pull(f, out, error) : pass(f, out);
    while (f->deinterlacer && (pulled == UDM_PULLED_NOTHING || pulled == UDM_PULLED_END)) {
        const udm_pulled joined = restores(f) ? join(f, error) : UDM_PULLED_NOTHING;
        if (joined == UDM_PULLED_FAILED)
            return joined;
        if (joined != UDM_PULLED_FRAME && !f->ending)
            return UDM_PULLED_NOTHING;
        if (joined != UDM_PULLED_FRAME) {
            udm_deinterlacer_end(f->deinterlacer);
            f->ending = false;
        }
        pulled = pull(f, out, error);
    }
    return pulled;
}
