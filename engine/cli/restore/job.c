// SPDX-License-Identifier: LGPL-2.1-or-later
// The main loop: packets are read; video is decoded, restored and encoded, all else goes to the sink.
#include "cli/restore/job.h"

#include <inttypes.h>

#include <libavutil/pixdesc.h>

#include "cli/restore/container.h"
#include "cli/restore/say.h"
#include "cli/restore/stop.h"

// ---- before the first frame

static int depth_of(int format)
{
    const AVPixFmtDescriptor *about = av_pix_fmt_desc_get(format);
    return about && !(about->flags & AV_PIX_FMT_FLAG_PAL) ? about->comp[0].depth : 8;
}

// A time from the start of the file, as its timestamps have it, in microseconds.
static int64_t file_time(const source *in, int64_t microseconds)
{
    return microseconds == INT64_MAX                   ? INT64_MAX
           : in->demuxer->start_time == AV_NOPTS_VALUE ? microseconds
                                                       : in->demuxer->start_time + microseconds;
}

static int64_t video_time(const source *in, int64_t microseconds)
{
    const int64_t at = file_time(in, microseconds);
    return at == INT64_MAX ? at : av_rescale_q_rnd(at, AV_TIME_BASE_Q, in->video->time_base, AV_ROUND_UP);
}

static void find_range(job *j)
{
    const options *o = j->options;
    j->begin = o->start > 0 ? video_time(&j->source, o->start) : INT64_MIN;
    j->end = video_time(&j->source, o->end);
    j->sink.cut = o->start > 0;
    j->sink.end = file_time(&j->source, o->end);
    source_seek(&j->source, o->start);
}

// Frames that come out for each that goes in: of film one for 5/2 fields, where there are 30 frames a second.
static AVRational share_of(const job *j)
{
    const double rate = av_q2d(source_rate(&j->source));
    const bool telecined = j->options->deinterlace == DEINTERLACE_TELECINE && rate > 29.9 && rate < 30.1;
    return telecined                                       ? (AVRational){ 4, 5 }
           : j->options->deinterlace == DEINTERLACE_FIELDS ? (AVRational){ 2, 1 }
                                                           : (AVRational){ 1, 1 };
}

// Fields begin in the middle of a frame, pictures of film in that of a field.
static void find_rate(job *j)
{
    const int parts = j->options->deinterlace == DEINTERLACE_TELECINE ? 4
                      : j->options->deinterlace == DEINTERLACE_FIELDS ? 2
                                                                      : 1;
    j->rate = av_mul_q(source_rate(&j->source), share_of(j));
    j->time_base = av_mul_q(j->source.video->time_base, (AVRational){ 1, parts });
}

static bool fail_interlaced(const job *j, udm_error *error)
{
    return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                    "%s is interlaced: set --deinterlace to auto, frames, fields or telecine", j->options->input);
}

static int64_t duration_of_field(const job *j)
{
    const AVRational rate = source_rate(&j->source);
    return rate.num > 0 ? av_rescale_q(1, av_inv_q(av_mul_q(rate, (AVRational){ 2, 1 })), j->time_base) : 0;
}

bool job_open(job *j, const options *o, udm_error *error)
{
    *j = (job){ .options = o };
    j->packet = av_packet_alloc(), j->frame = av_frame_alloc(), j->made = av_frame_alloc();
    j->whole = av_frame_alloc();
    if (!j->packet || !j->frame || !j->whole || !j->made)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a frame");
    if (!sink_open(&j->sink, o->input, o->output, o->force, error) ||
        !source_open(&j->source, o->input, o->settings.threads, error))
        return false;
    if (o->deinterlace == DEINTERLACE_OFF && source_is_interlaced(&j->source))
        return fail_interlaced(j, error);
    find_rate(j);
    j->codec =
        codecs_find(o->codec, j->sink.muxer->oformat, o->output, depth_of(j->source.video->codecpar->format), error);
    if (!j->codec || !codecs_check(j->codec, o->crf, error))
        return false;
    j->model = udm_model_open(o->model, error);
    if (!j->model || !frames_check(j->model, o, error))
        return false;
    find_range(j);
    return fields_open(&j->fields, j->model, o, duration_of_field(j), error) &&
           tracks_open(&j->tracks, &j->source, &j->sink, error);
}

void job_close(job *j)
{
    encoder_close(&j->encoder);
    frames_close(&j->frames);
    fields_close(&j->fields);
    udm_model_free(j->model);
    tracks_close(&j->tracks);
    sink_close(&j->sink);
    source_close(&j->source);
    av_packet_free(&j->packet);
    av_frame_free(&j->frame);
    av_frame_free(&j->whole);
    av_frame_free(&j->made);
}

// ---- the first frame

// What is subtracted from all timestamps: with --start, that of the first frame; the start of a broadcast.
static int64_t find_origin(const job *j, const AVFrame *first)
{
    const AVFormatContext *in = j->source.demuxer;
    if (j->sink.cut)
        return av_rescale_q(first->pts, j->time_base, AV_TIME_BASE_Q);
    return (in->iformat->flags & AVFMT_TS_DISCONT) && in->start_time != AV_NOPTS_VALUE ? in->start_time : 0;
}

static void say_what_is_lost(const job *j, const AVFrame *first, enum AVPixelFormat made)
{
    const AVPixFmtDescriptor *from = av_pix_fmt_desc_get(first->format), *to = av_pix_fmt_desc_get(made);
    const bool rgb = from->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
    if (from->flags & AV_PIX_FMT_FLAG_ALPHA)
        say_note("transparency is dropped");
    if (depth_of(first->format) > to->comp[0].depth ||
        (!rgb && from->nb_components > 2 &&
         (to->log2_chroma_w > from->log2_chroma_w || to->log2_chroma_h > from->log2_chroma_h)))
        say_note("%s becomes %s, the nearest format of %s", from->name, to->name, j->codec->encoder);
}

static bool open_encoder(job *j, const AVFrame *first, udm_error *error)
{
    const AVOutputFormat *container = j->sink.muxer->oformat;
    const AVRational rate = j->rate;
    const bool even = container_counts_frames(container) && rate.num > 0;
    const codec_frames about = { .made = pixels_made(j->frames.pixels),
                                 .first = first,
                                 .time_base = even ? av_inv_q(rate) : j->time_base,
                                 .rate = rate,
                                 .container = container,
                                 .crf = j->options->crf,
                                 .threads = j->options->settings.threads };
    return encoder_open(&j->encoder, j->codec, &about, error);
}

// A display matrix also says, in pixels, where the picture is moved to once it is turned.
static const int32_t *enlarge_matrix(const int32_t *matrix, int factor, int32_t made[9])
{
    if (!matrix)
        return NULL;
    for (int i = 0; i < 9; i++)
        made[i] = i == 6 || i == 7 ? av_clipl_int32((int64_t)matrix[i] * factor) : matrix[i];
    return made;
}

static bool begin(job *j, AVFrame *first, udm_error *error)
{
    const int32_t *matrix = source_matrix(&j->source, first);
    int32_t made[9];
    const bool turned = matrix && !container_holds_matrix(j->sink.muxer->oformat);
    const enum AVPixelFormat format = codecs_format(j->codec, first);
    if (first->sample_aspect_ratio.num == 0)
        first->sample_aspect_ratio = av_guess_sample_aspect_ratio(j->source.demuxer, j->source.video, first);
    sink_begin_at(&j->sink, find_origin(j, first));
    say_what_is_lost(j, first, format);
    if (!source_light(&j->source, first) ||
        !frames_open(&j->frames, j->model, j->options, first, format, turned ? matrix : NULL, error) ||
        !open_encoder(j, first, error) ||
        !tracks_begin(&j->source, &j->sink, j->encoder.context, first,
                      turned ? NULL : enlarge_matrix(matrix, j->options->upscale, made), error) ||
        !sink_begin(&j->sink, error))
        return false;
    progress_begin(&j->progress,
                   source_count(&j->source, j->options->start, j->options->end) * share_of(j).num / share_of(j).den);
    return true;
}

// ---- frames

static bool is_picture(const job *j)
{
    return !j->codec->name;
}

static bool pull(job *j, udm_error *error)
{
    udm_pulled pulled;
    while (!stop_asked() && (pulled = frames_pull(&j->frames, j->made, error)) == UDM_PULLED_FRAME) {
        j->made->pts = av_rescale_q(j->made->pts, j->time_base, j->encoder.context->time_base);
        j->made->pkt_duration = av_rescale_q(j->made->pkt_duration, j->time_base, j->encoder.context->time_base);
        const bool taken = encoder_take(&j->encoder, j->made, &j->sink, error);
        av_frame_unref(j->made);
        if (!taken)
            return false;
        progress_step(&j->progress);
    }
    return stop_asked() || pulled != UDM_PULLED_FAILED;
}

static bool check_frame(job *j, const AVFrame *frame, udm_error *error)
{
    if (j->decoded++ == 0)
        j->first.width = frame->width, j->first.height = frame->height, j->first.format = frame->format;
    if (frame->width != j->first.width || frame->height != j->first.height || frame->format != j->first.format)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED,
                        "the video changes from %dx%d in %s to %dx%d in %s at frame %" PRIu64
                        ": restore the parts separately, with --start and --end",
                        j->first.width, j->first.height, av_get_pix_fmt_name(j->first.format), frame->width,
                        frame->height, av_get_pix_fmt_name(frame->format), j->decoded - 1);
    return j->options->deinterlace != DEINTERLACE_OFF || !frame->interlaced_frame || fail_interlaced(j, error);
}

// Restores what the deinterlacer has.
static bool restore(job *j, udm_error *error)
{
    udm_pulled pulled = UDM_PULLED_NOTHING;
    while (!stop_asked() && (pulled = fields_pull(&j->fields, j->whole, error)) == UDM_PULLED_FRAME) {
        j->frames.restored = fields_restore(&j->fields);
        const bool taken = (j->encoder.context || begin(j, j->whole, error)) &&
                           frames_push(&j->frames, j->whole, error) && pull(j, error);
        av_frame_unref(j->whole);
        if (!taken)
            return false;
    }
    return stop_asked() || pulled != UDM_PULLED_FAILED;
}

// Takes the reference of the frame.
static bool take(job *j, AVFrame *frame, udm_error *error)
{
    j->over |= frame->pts >= j->end;
    if (frame->pts < j->begin || j->over)
        return true;
    if (!check_frame(j, frame, error))
        return false;
    frame->pts = av_rescale_q(frame->pts, j->source.video->time_base, j->time_base);
    frame->pkt_duration = av_rescale_q(frame->pkt_duration, j->source.video->time_base, j->time_base);
    if (!fields_push(&j->fields, frame, error))
        return false;
    j->over = is_picture(j);
    return restore(j, error);
}

// packet: NULL to flush.
static bool decode(job *j, const AVPacket *packet, udm_error *error)
{
    if (!j->over && !source_decode(&j->source, packet, error))
        return false;
    while (!j->over && !stop_asked() && source_frame(&j->source, j->frame)) {
        const bool taken = take(j, j->frame, error);
        av_frame_unref(j->frame);
        if (!taken)
            return false;
    }
    return true;
}

static bool drain(job *j, udm_error *error)
{
    if (!decode(j, NULL, error))
        return false;
    if (stop_asked())
        return true;
    fields_end(&j->fields);
    if (!restore(j, error))
        return false;
    if (stop_asked())
        return true;
    if (!j->encoder.context)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s: no frame %s", j->options->input,
                        j->source.last == AV_NOPTS_VALUE ? "can be decoded" : "lies between --start and --end");
    frames_end(&j->frames);
    return pull(j, error) && (stop_asked() || (encoder_take(&j->encoder, NULL, &j->sink, error) &&
                                               tracks_end(&j->tracks, &j->sink, error)));
}

bool job_run(job *j, udm_error *error)
{
    int got = 1;
    while (!stop_asked() && !(j->over && tracks_are_past(&j->tracks, &j->source)) &&
           (got = source_read(&j->source, j->packet, error)) > 0) {
        const bool taken = j->packet->stream_index == j->source.video->index
                               ? decode(j, j->packet, error)
                               : tracks_take(&j->tracks, &j->source, &j->sink, j->packet, error);
        av_packet_unref(j->packet);
        if (!taken)
            return false;
    }
    if (stop_asked()) // flush the encoder while there is time
        return !j->encoder.context || encoder_take(&j->encoder, NULL, &j->sink, error);
    return got >= 0 && drain(j, error);
}
