// SPDX-License-Identifier: LGPL-2.1-or-later
// Opens a file, selects the video stream, demuxes and decodes.
#include "cli/restore/source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavutil/display.h>
#include <libavutil/pixdesc.h>

#include "cli/restore/say.h"
#include "cli/restore/stop.h"

static int interrupted(void *context)
{
    return stop_asked();
}

static bool check_file(const char *path, udm_error *error)
{
    struct stat about;
    if (stat(path, &about) < 0)
        return udm_fail(error, UDM_ERROR_NOT_FOUND, "%s: %s", path, strerror(errno));
    if (S_ISDIR(about.st_mode))
        return udm_fail(error, UDM_ERROR_UNREADABLE, "%s is a directory", path);
    if (S_ISREG(about.st_mode) && about.st_size == 0)
        return udm_fail(error, UDM_ERROR_CORRUPT, "%s is empty", path);
    return true;
}

static bool open_demuxer(source *s, const char *path, udm_error *error)
{
    const AVIOInterruptCB interrupt = { .callback = interrupted };
    AVIOContext *file = NULL;
    char url[PATH_MAX + 8];
    snprintf(url, sizeof url, "file:%s", path); // a name with a colon is no protocol
    int status = avio_open2(&file, url, AVIO_FLAG_READ, &interrupt, NULL);
    if (status < 0)
        return say_why(error, status, "could not read %s", path);
    s->demuxer = avformat_alloc_context();
    if (!s->demuxer) {
        avio_closep(&file);
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory to open %s", path);
    }
    s->demuxer->pb = file, s->demuxer->interrupt_callback = interrupt;
    status = avformat_open_input(&s->demuxer, url, NULL, NULL); // frees it on failure
    if (status < 0) {
        avio_closep(&file);
        return say_why(error, status, "could not open %s: damaged, or not a video file", path);
    }
    status = avformat_find_stream_info(s->demuxer, NULL);
    return status >= 0 || say_why(error, status, "%s is damaged", path);
}

static bool is_cover(const AVStream *stream)
{
    return stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS);
}

static bool choose_video(source *s, const char *path, udm_error *error)
{
    AVFormatContext *demuxer = s->demuxer;
    const int best = av_find_best_stream(demuxer, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    bool audio = false;
    if (best >= 0 && !is_cover(demuxer->streams[best])) {
        s->video = demuxer->streams[best];
        return true;
    }
    for (unsigned i = 0; i < demuxer->nb_streams; i++)
        audio |= demuxer->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
    return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s has no video stream%s", path,
                    best >= 0 ? ", only cover art"
                    : audio   ? ", only audio"
                              : "");
}

bool source_is_interlaced(const source *s)
{
    return s->video->codecpar->field_order > AV_FIELD_PROGRESSIVE;
}

static bool open_decoder(source *s, const char *path, int threads, udm_error *error)
{
    const AVCodecParameters *about = s->video->codecpar;
    const AVCodec *kind = avcodec_find_decoder(about->codec_id);
    if (!kind)
        return udm_fail(error, UDM_ERROR_UNSUPPORTED, "%s: libavcodec has no decoder for %s", path,
                        avcodec_get_name(about->codec_id));
    s->decoder = avcodec_alloc_context3(kind);
    if (!s->decoder || avcodec_parameters_to_context(s->decoder, about) < 0)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a decoder");
    s->decoder->pkt_timebase = s->video->time_base;
    s->decoder->thread_count = threads;
    const int status = avcodec_open2(s->decoder, kind, NULL);
    return status >= 0 || say_why(error, status, "%s: could not open the decoder %s", path, kind->name);
}

bool source_open(source *s, const char *path, int threads, udm_error *error)
{
    *s = (source){ .last = AV_NOPTS_VALUE };
    return check_file(path, error) && open_demuxer(s, path, error) && choose_video(s, path, error) &&
           open_decoder(s, path, threads, error);
}

void source_close(source *s)
{
    AVIOContext *file = s->demuxer ? s->demuxer->pb : NULL;
    avcodec_free_context(&s->decoder);
    avformat_close_input(&s->demuxer);
    avio_closep(&file);
}

void source_seek(source *s, int64_t microseconds)
{
    const int64_t begin = s->demuxer->start_time == AV_NOPTS_VALUE ? 0 : s->demuxer->start_time;
    if (microseconds > 0) // if it fails, frames before are decoded and dropped
        avformat_seek_file(s->demuxer, -1, INT64_MIN, begin + microseconds, begin + microseconds, 0);
}

int source_read(source *s, AVPacket *packet, udm_error *error)
{
    const int status = av_read_frame(s->demuxer, packet);
    if (status >= 0)
        return 1;
    if (status == AVERROR_EOF || status == AVERROR_EXIT)
        return 0;
    say_why(error, status, "could not read the input");
    return -1;
}

bool source_decode(source *s, const AVPacket *packet, udm_error *error)
{
    if (s->ended)
        return true;
    s->ended = !packet;
    const int status = avcodec_send_packet(s->decoder, packet);
    if (status == AVERROR(ENOMEM))
        return say_why(error, status, "could not decode the video");
    s->damaged += status < 0 && status != AVERROR_EOF;
    return true;
}

bool source_frame(source *s, AVFrame *frame)
{
    int status;
    while ((status = avcodec_receive_frame(s->decoder, frame)) < 0) {
        if (status == AVERROR(EAGAIN) || status == AVERROR_EOF)
            return false;
        s->damaged++;
    }
    s->damaged += (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0;
    const AVRational rate = source_rate(s);
    const int64_t usual = rate.num > 0 ? av_rescale_q(1, av_inv_q(rate), s->video->time_base) : 1;
    // Timestamps that are missing or do not increase follow from the frame before.
    frame->pts = frame->best_effort_timestamp;
    if (frame->pts == AV_NOPTS_VALUE || (s->last != AV_NOPTS_VALUE && frame->pts <= s->last))
        frame->pts = s->next;
    s->last = frame->pts;
    s->next = frame->pts + FFMAX(frame->pkt_duration > 0 ? frame->pkt_duration : usual, 1);
    return true;
}

static bool add_side_data(const AVStream *from, enum AVPacketSideDataType type, AVFrame *to,
                          enum AVFrameSideDataType as)
{
    size_t size;
    const uint8_t *data = av_stream_get_side_data(from, type, &size);
    if (!data || av_frame_get_side_data(to, as))
        return true;
    AVFrameSideData *side = av_frame_new_side_data(to, as, size);
    if (side)
        memcpy(side->data, data, size);
    return side != NULL;
}

bool source_light(const source *s, AVFrame *first)
{
    return add_side_data(s->video, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, first,
                         AV_FRAME_DATA_MASTERING_DISPLAY_METADATA) &&
           add_side_data(s->video, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, first, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
}

// Of the EXIF orientation of a JPEG, 1 (none) to 8.
static const int32_t *matrix_of_orientation(const AVFrame *frame)
{
    enum { ONE = 1 << 16, W = 1 << 30 };
    static const int32_t matrices[9][9] = {
        [2] = { -ONE, 0, 0, 0, ONE, 0, 0, 0, W }, [3] = { -ONE, 0, 0, 0, -ONE, 0, 0, 0, W },
        [4] = { ONE, 0, 0, 0, -ONE, 0, 0, 0, W }, [5] = { 0, ONE, 0, ONE, 0, 0, 0, 0, W },
        [6] = { 0, ONE, 0, -ONE, 0, 0, 0, 0, W }, [7] = { 0, -ONE, 0, -ONE, 0, 0, 0, 0, W },
        [8] = { 0, -ONE, 0, ONE, 0, 0, 0, 0, W },
    };
    const AVDictionaryEntry *entry = av_dict_get(frame->metadata, "Orientation", NULL, 0);
    const int orientation = entry ? atoi(entry->value) : 1;
    return orientation >= 2 && orientation <= 8 ? matrices[orientation] : NULL;
}

const int32_t *source_matrix(const source *s, const AVFrame *first)
{
    const uint8_t *matrix = av_stream_get_side_data(s->video, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    const AVFrameSideData *side = av_frame_get_side_data(first, AV_FRAME_DATA_DISPLAYMATRIX);
    if (!matrix && side)
        matrix = side->data;
    return matrix ? (const int32_t *)matrix : matrix_of_orientation(first);
}

AVRational source_rate(const source *s)
{
    const AVRational mean = s->video->avg_frame_rate, rate = mean.num > 0 ? mean : s->video->r_frame_rate;
    return rate.num > 0 && rate.den > 0 ? rate : (AVRational){ 0, 1 };
}

bool source_has_even_rate(const source *s)
{
    const AVRational mean = s->video->avg_frame_rate, least = s->video->r_frame_rate;
    if (mean.num <= 0 || least.num <= 0)
        return false;
    const double ratio = av_q2d(mean) / av_q2d(least);
    return ratio > 0.995 && ratio < 1.005;
}

int64_t source_count(const source *s, int64_t start, int64_t end)
{
    const AVRational rate = source_rate(s);
    const int64_t whole = s->video->duration != AV_NOPTS_VALUE
                              ? av_rescale_q(s->video->duration, s->video->time_base, AV_TIME_BASE_Q)
                              : s->demuxer->duration;
    if (start == 0 && (end == INT64_MAX || end >= whole) && s->video->nb_frames > 0)
        return s->video->nb_frames;
    if (rate.num == 0 || whole == AV_NOPTS_VALUE)
        return 0;
    const int64_t last = FFMIN(end, whole);
    return last > start ? av_rescale_q(last - start, AV_TIME_BASE_Q, av_inv_q(rate)) : 0;
}
