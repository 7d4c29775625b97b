// SPDX-License-Identifier: LGPL-2.1-or-later
// Copies streams that the container can hold, and converts audio and text subtitles that it cannot.
#include "cli/restore/tracks.h"

#include <stdlib.h>
#include <string.h>

#include <libavutil/opt.h>

#include "cli/restore/about.h"
#include "cli/restore/container.h"
#include "cli/restore/say.h"

// ---- what the container holds

// Whether the codec tag of the input means the same codec in the output.
static bool keeps_tag(const AVOutputFormat *container, const AVCodecParameters *stream)
{
    unsigned tag;
    return !container->codec_tag || av_codec_get_id(container->codec_tag, stream->codec_tag) == stream->codec_id ||
           !av_codec_get_tag2(container->codec_tag, stream->codec_id, &tag);
}

static bool holds(const AVOutputFormat *container, const AVCodecParameters *stream)
{
    switch (stream->codec_type) {
    case AVMEDIA_TYPE_ATTACHMENT:
        return container_holds_attachments(container);
    case AVMEDIA_TYPE_DATA: // many are known by their tag only
        return container_holds(container, stream->codec_id) &&
               (!container->codec_tag || av_codec_get_id(container->codec_tag, stream->codec_tag) == stream->codec_id);
    case AVMEDIA_TYPE_VIDEO:
    case AVMEDIA_TYPE_AUDIO:
    case AVMEDIA_TYPE_SUBTITLE:
        return container_holds(container, stream->codec_id);
    default:
        return false;
    }
}

// Timecode and chapter tracks of QuickTime files, which the muxer writes anew from tags and chapters.
static bool is_made_anew(const AVStream *stream)
{
    const uint32_t tag = stream->codecpar->codec_tag;
    return stream->codecpar->codec_type == AVMEDIA_TYPE_DATA &&
           (tag == MKTAG('t', 'm', 'c', 'd') || tag == MKTAG('t', 'e', 'x', 't'));
}

// ---- each stream

static AVStream *new_stream(sink *s, const AVStream *from, track *track)
{
    AVStream *to = avformat_new_stream(s->muxer, NULL);
    if (!to)
        return NULL;
    track->out = to->index;
    to->id = from->id;
    to->disposition = from->disposition;
    to->time_base = from->time_base;
    return to;
}

static bool copy_side_data(const AVStream *from, AVStream *to)
{
    for (int i = 0; i < from->nb_side_data; i++) {
        const AVPacketSideData *side = &from->side_data[i];
        uint8_t *copy = av_stream_new_side_data(to, side->type, side->size);
        if (!copy)
            return false;
        memcpy(copy, side->data, side->size);
    }
    return true;
}

static bool copy_stream(sink *s, const AVStream *from, track *track)
{
    AVStream *to = new_stream(s, from, track);
    if (!to || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0 || !copy_side_data(from, to))
        return false;
    if (!keeps_tag(s->muxer->oformat, from->codecpar))
        to->codecpar->codec_tag = 0;
    // The values of AVI are wrong for other containers.
    if (to->codecpar->codec_id == AV_CODEC_ID_MP3 || to->codecpar->codec_id == AV_CODEC_ID_AC3)
        to->codecpar->block_align = 0;
    to->avg_frame_rate = from->avg_frame_rate, to->r_frame_rate = from->r_frame_rate;
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    to->duration = from->duration;
    return about_stream(s->muxer->oformat, from, to, track->kind == TRACK_RESTORED);
}

// In Matroska cover art is an attachment.
static bool attach_cover(sink *s, const AVStream *from, track *track)
{
    const bool png = from->codecpar->codec_id == AV_CODEC_ID_PNG;
    AVStream *to = new_stream(s, from, track);
    if (!to || !about_stream(s->muxer->oformat, from, to, false))
        return false;
    AVCodecParameters *about = to->codecpar;
    about->codec_type = AVMEDIA_TYPE_ATTACHMENT;
    about->codec_id = from->codecpar->codec_id;
    about->extradata = av_mallocz(from->attached_pic.size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!about->extradata)
        return false;
    memcpy(about->extradata, from->attached_pic.data, from->attached_pic.size);
    about->extradata_size = from->attached_pic.size;
    to->disposition = 0;
    if (!av_dict_get(to->metadata, "filename", NULL, 0))
        av_dict_set(&to->metadata, "filename", png ? "cover.png" : "cover.jpg", 0);
    if (!av_dict_get(to->metadata, "mimetype", NULL, 0))
        av_dict_set(&to->metadata, "mimetype", png ? "image/png" : "image/jpeg", 0);
    return true;
}

static bool open_cover(sink *s, const AVStream *from, track *track)
{
    const enum AVCodecID codec = from->codecpar->codec_id;
    const bool picture = codec == AV_CODEC_ID_MJPEG || codec == AV_CODEC_ID_PNG;
    track->kind = container_holds_attachments(s->muxer->oformat) && picture ? TRACK_ATTACHED
                  : container_holds_covers(s->muxer->oformat) && picture    ? TRACK_COVER
                                                                            : TRACK_LEFT_OUT;
    if (track->kind == TRACK_ATTACHED)
        return attach_cover(s, from, track);
    return track->kind == TRACK_LEFT_OUT || copy_stream(s, from, track);
}

static bool open_audio(sink *s, const AVStream *from, track *track, udm_error *error)
{
    const AVCodec *codec = audio_codec(s->muxer->oformat);
    if (!codec)
        return true;
    track->kind = TRACK_AUDIO;
    AVStream *to = new_stream(s, from, track);
    if (!to || !about_stream(s->muxer->oformat, from, to, false))
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
    track->audio = audio_open(from, codec, s->muxer->oformat, to, error);
    if (track->audio)
        say_note("stream %d: %s cannot be stored in %s, re-encoding as %s", from->index,
                 avcodec_get_name(from->codecpar->codec_id), s->output, avcodec_get_name(codec->id));
    return track->audio != NULL;
}

static bool open_subtitles(sink *s, const AVStream *from, track *track, udm_error *error)
{
    const enum AVCodecID codec = subtitles_codec(from, s->muxer->oformat);
    if (codec == AV_CODEC_ID_NONE)
        return true;
    track->kind = TRACK_SUBTITLES;
    AVStream *to = new_stream(s, from, track);
    if (!to || !about_stream(s->muxer->oformat, from, to, false))
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
    track->subtitles = subtitles_open(from, codec, to, error);
    return track->subtitles != NULL;
}

static bool open_track(const source *in, sink *s, const AVStream *from, track *track, udm_error *error)
{
    const enum AVMediaType type = from->codecpar->codec_type;
    bool opened = true;
    track->kind = TRACK_LEFT_OUT;
    if (from == in->video) {
        track->kind = TRACK_RESTORED;
        opened = copy_stream(s, from, track);
        s->video = track->out;
    } else if (is_made_anew(from)) {
        return true;
    } else if (type == AVMEDIA_TYPE_VIDEO && (from->disposition & AV_DISPOSITION_ATTACHED_PIC)) {
        opened = open_cover(s, from, track);
    } else if (holds(s->muxer->oformat, from->codecpar)) {
        track->kind = TRACK_COPIED;
        opened = copy_stream(s, from, track);
        if (type == AVMEDIA_TYPE_VIDEO)
            say_note("stream %d is a second video, copied unrestored", from->index);
    } else if (type == AVMEDIA_TYPE_AUDIO) {
        opened = open_audio(s, from, track, error);
    } else if (type == AVMEDIA_TYPE_SUBTITLE) {
        opened = open_subtitles(s, from, track, error);
    }
    if (!opened)
        return error->code != UDM_OK ? false : udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
    if (track->kind == TRACK_LEFT_OUT)
        say_note("stream %d (%s, %s) cannot be stored in %s, dropped", from->index, av_get_media_type_string(type),
                 avcodec_get_name(from->codecpar->codec_id), s->output);
    return true;
}

bool tracks_open(tracks *t, const source *in, sink *s, udm_error *error)
{
    t->count = in->demuxer->nb_streams;
    t->list = calloc(t->count, sizeof *t->list);
    if (!t->list)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for streams");
    for (unsigned i = 0; i < t->count; i++)
        if (!open_track(in, s, in->demuxer->streams[i], &t->list[i], error))
            return false;
    return true;
}

void tracks_close(tracks *t)
{
    for (unsigned i = 0; t->list && i < t->count; i++) {
        audio_free(t->list[i].audio);
        subtitles_free(t->list[i].subtitles);
    }
    free(t->list);
    t->list = NULL;
}

// ---- the restored one

// What holds for the restored frames, too; the rest described the old encoding.
static void keep_side_data(AVStream *to)
{
    static const enum AVPacketSideDataType kept[] = { AV_PKT_DATA_STEREO3D, AV_PKT_DATA_SPHERICAL,
                                                      AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
                                                      AV_PKT_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_ICC_PROFILE };
    int count = 0;
    for (int i = 0; i < to->nb_side_data; i++) {
        bool keep = false;
        for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
            keep |= to->side_data[i].type == kept[k];
        if (to->side_data[i].type == AV_PKT_DATA_DOVI_CONF)
            say_note("Dolby Vision metadata is dropped");
        if (keep)
            to->side_data[count++] = to->side_data[i];
        else
            av_freep(&to->side_data[i].data);
    }
    to->nb_side_data = count;
}

// From the first frame, unless the container had it.
static bool add_side_data(AVStream *to, const AVFrame *first, enum AVFrameSideDataType from,
                          enum AVPacketSideDataType type)
{
    const AVFrameSideData *side = av_frame_get_side_data(first, from);
    if (!side || av_stream_get_side_data(to, type, NULL))
        return true;
    uint8_t *copy = av_stream_new_side_data(to, type, side->size);
    if (copy)
        memcpy(copy, side->data, side->size);
    return copy != NULL;
}

static bool add_matrix(AVStream *to, const int32_t *matrix)
{
    uint8_t *copy = matrix ? av_stream_new_side_data(to, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof *matrix) : NULL;
    if (copy)
        memcpy(copy, matrix, 9 * sizeof *matrix);
    return copy || !matrix;
}

bool tracks_begin(const source *in, sink *s, const AVCodecContext *encoder, const AVFrame *first, const int32_t *matrix,
                  udm_error *error)
{
    AVStream *to = s->muxer->streams[s->video];
    const enum AVFieldOrder known = in->video->codecpar->field_order;
    keep_side_data(to);
    if (!add_matrix(to, matrix) ||
        !add_side_data(to, first, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA, AV_PKT_DATA_MASTERING_DISPLAY_METADATA) ||
        !add_side_data(to, first, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_CONTENT_LIGHT_LEVEL) ||
        avcodec_parameters_from_context(to->codecpar, encoder) < 0)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a stream");
    to->codecpar->field_order = known == AV_FIELD_UNKNOWN ? known : AV_FIELD_PROGRESSIVE;
    if (encoder->codec_id == AV_CODEC_ID_HEVC && container_holds_matrix(s->muxer->oformat))
        to->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1'); // which Apple players need
    to->time_base = encoder->time_base;
    to->sample_aspect_ratio = encoder->sample_aspect_ratio;
    // No nominal rate for a variable one; but the timecode track of QuickTime needs it.
    if (!source_has_even_rate(in) && !container_holds_matrix(s->muxer->oformat))
        to->avg_frame_rate = to->r_frame_rate = (AVRational){ 0, 1 };
    else if (encoder->framerate.num > 0 && av_cmp_q(encoder->framerate, source_rate(in)) != 0)
        to->avg_frame_rate = to->r_frame_rate = encoder->framerate;
    return about_file(in, s, error);
}

// ---- packets

bool tracks_take(tracks *t, const source *in, sink *s, AVPacket *packet, udm_error *error)
{
    if ((unsigned)packet->stream_index >= t->count) // a stream that appeared later
        return true;
    track *track = &t->list[packet->stream_index];
    const AVRational time_base = in->demuxer->streams[packet->stream_index]->time_base;
    if (packet->pts != AV_NOPTS_VALUE && s->end != INT64_MAX)
        track->past |= av_rescale_q(packet->pts, time_base, AV_TIME_BASE_Q) >= s->end;
    switch (track->kind) {
    case TRACK_AUDIO:
        return audio_take(track->audio, packet, s, error);
    case TRACK_SUBTITLES:
        return !subtitles_convert(track->subtitles, packet) || sink_write(s, track->out, packet, time_base, error);
    case TRACK_COVER:
        packet->pts = packet->dts = AV_NOPTS_VALUE;
        return sink_write(s, track->out, packet, time_base, error);
    case TRACK_COPIED:
        return sink_write(s, track->out, packet, time_base, error);
    default:
        return true;
    }
}

bool tracks_are_past(const tracks *t, const source *in)
{
    for (unsigned i = 0; i < t->count; i++)
        if ((t->list[i].kind == TRACK_COPIED || t->list[i].kind == TRACK_AUDIO) && !t->list[i].past &&
            in->demuxer->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO)
            return false;
    return true;
}

bool tracks_end(tracks *t, sink *s, udm_error *error)
{
    for (unsigned i = 0; i < t->count; i++)
        if (t->list[i].audio && !audio_take(t->list[i].audio, NULL, s, error))
            return false;
    return true;
}
