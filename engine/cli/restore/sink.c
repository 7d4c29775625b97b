// SPDX-License-Identifier: LGPL-2.1-or-later
// Muxes packets, in step with the restored video.
#include "cli/restore/sink.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libavcodec/avcodec.h>

#include "cli/restore/container.h"
#include "cli/restore/say.h"

enum {
    MAX_HELD = 64 << 20, // bytes: audio that goes on long after the video need not all wait
    PATIENCE_MS = 400,   // of sink_stop(), while another thread writes
};

// A packet that waits.
typedef struct held {
    AVPacket *packet;
    int stream;
    AVRational time_base;
} held;

bool sink_open(sink *s, const char *input, const char *output, bool force, udm_error *error)
{
    *s = (sink){ .output = output, .video = -1, .end = INT64_MAX, .shown = INT64_MIN };
    pthread_mutex_init(&s->lock, NULL);
    if (!outfile_find(&s->file, input, output, force, error))
        return false;
    const AVOutputFormat *container = container_find(output);
    if (!container)
        return udm_fail(error, UDM_ERROR_SETTINGS, "%s: unknown container: use .mp4, .mov, .mkv or .webm", output);
    s->held = av_fifo_alloc2(64, sizeof(held), AV_FIFO_FLAG_AUTO_GROW);
    if (!s->held || avformat_alloc_output_context2(&s->muxer, container, NULL, output) < 0)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory to write %s", output);
    s->muxer->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL; // as container_holds()
    return true;
}

void sink_close(sink *s)
{
    held h;
    while (s->held && av_fifo_read(s->held, &h, 1) >= 0)
        av_packet_free(&h.packet);
    av_fifo_freep2(&s->held);
    if (s->muxer)
        avio_closep(&s->muxer->pb);
    avformat_free_context(s->muxer);
    free(s->last);
    outfile_drop(&s->file);
    pthread_mutex_destroy(&s->lock);
}

static int64_t stamp_of(const AVPacket *packet)
{
    return packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
}

static int64_t microseconds(int64_t stamp, AVRational time_base)
{
    return av_rescale_q(stamp, time_base, AV_TIME_BASE_Q);
}

// Whether a packet is outside of --start and --end.
static bool is_outside(const sink *s, const held *h)
{
    const int64_t stamp = h->packet->pts != AV_NOPTS_VALUE ? h->packet->pts : h->packet->dts;
    if (stamp == AV_NOPTS_VALUE || h->stream == s->video)
        return false;
    const int64_t at = microseconds(stamp, h->time_base);
    return (s->cut && at < s->origin) || at >= s->end;
}

// Matroska stores timestamps of Opus with the codec delay added. libavformat adds it since version 60, but not before.
// Microseconds.
static int64_t delay_of(const sink *s, int stream)
{
    const AVCodecParameters *about = s->muxer->streams[stream]->codecpar;
    const bool delayed = container_is_matroska(s->muxer->oformat) && about->codec_id == AV_CODEC_ID_OPUS;
    return delayed ? av_rescale(about->initial_padding, AV_TIME_BASE, 48000) : 0;
}

void sink_begin_at(sink *s, int64_t origin)
{
    int64_t least = 0;
    held h;
    s->origin = origin;
    if (!container_is_matroska(s->muxer->oformat))
        return;
    for (size_t i = 0; av_fifo_peek(s->held, &h, 1, i) >= 0; i++)
        if (h.packet->pts != AV_NOPTS_VALUE && !is_outside(s, &h))
            least = FFMIN(least, microseconds(h.packet->pts, h.time_base) - origin + delay_of(s, h.stream));
    // Timestamps are rounded to milliseconds.
    s->origin += least < -500 ? least : 0;
    s->muxer->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
}

static bool begin(sink *s, udm_error *error)
{
    int status;
    s->last = malloc(s->muxer->nb_streams * sizeof *s->last);
    if (!s->last)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory to write %s", s->output);
    for (unsigned i = 0; i < s->muxer->nb_streams; i++)
        s->last[i] = INT64_MIN;
    if (!outfile_make(&s->file, error))
        return false;
    char url[PATH_MAX + 8];
    snprintf(url, sizeof url, "file:%s", s->file.temporary);
    status = avio_open2(&s->muxer->pb, url, AVIO_FLAG_WRITE, NULL, NULL);
    if (status >= 0)
        status = avformat_write_header(s->muxer, NULL);
    s->begun = status >= 0;
    return s->begun || say_why(error, status, "could not write %s", s->output);
}

bool sink_begin(sink *s, udm_error *error)
{
    pthread_mutex_lock(&s->lock);
    const bool begun = !s->ended && begin(s, error);
    pthread_mutex_unlock(&s->lock);
    return begun;
}

// Subtracts the origin, and fills in missing timestamps: muxers insist on them, and on increasing dts.
static void stamp(sink *s, held *h)
{
    AVPacket *packet = h->packet;
    const AVStream *to = s->muxer->streams[h->stream];
    const int64_t delay = LIBAVFORMAT_VERSION_MAJOR < 60 ? delay_of(s, h->stream) : 0;
    const int64_t origin = av_rescale_q(s->origin - delay, AV_TIME_BASE_Q, h->time_base);
    int64_t *last = &s->last[h->stream];
    if (packet->pts != AV_NOPTS_VALUE)
        packet->pts -= origin;
    if (packet->dts != AV_NOPTS_VALUE)
        packet->dts -= origin;
    av_packet_rescale_ts(packet, h->time_base, to->time_base);
    packet->stream_index = h->stream;
    packet->pos = -1;
    if (packet->dts == AV_NOPTS_VALUE)
        packet->dts = packet->pts != AV_NOPTS_VALUE ? packet->pts : *last == INT64_MIN ? 0 : *last + 1;
    if (*last != INT64_MIN && packet->dts <= *last)
        packet->dts = *last + 1;
    if (packet->pts == AV_NOPTS_VALUE || packet->pts < packet->dts)
        packet->pts = packet->dts;
    *last = packet->dts;
}

static bool mux(sink *s, held *h, udm_error *error)
{
    int status = 0;
    if (!is_outside(s, h)) {
        stamp(s, h);
        status = av_interleaved_write_frame(s->muxer, h->packet);
    }
    av_packet_free(&h->packet);
    if (status >= 0 && s->muxer->pb->error < 0)
        status = s->muxer->pb->error;
    return status >= 0 || say_why(error, status, "could not write %s", s->output);
}

// Writes packets before that time, in microseconds, and those that are too many to wait.
static bool release(sink *s, int64_t until, udm_error *error)
{
    held h;
    while (av_fifo_peek(s->held, &h, 1, 0) >= 0) {
        const int64_t at = stamp_of(h.packet);
        if (at != AV_NOPTS_VALUE && microseconds(at, h.time_base) > until && s->held_size < MAX_HELD)
            return true;
        av_fifo_drain2(s->held, 1);
        s->held_size -= h.packet->size;
        if (!mux(s, &h, error))
            return false;
    }
    return true;
}

static bool write_packet(sink *s, held *h, udm_error *error)
{
    if (s->ended) {
        av_packet_free(&h->packet);
        return udm_fail(error, UDM_ERROR_CANCELLED, "stopped");
    }
    if (h->stream != s->video) {
        s->held_size += h->packet->size;
        if (av_fifo_write(s->held, h, 1) >= 0)
            return !s->begun || s->held_size < MAX_HELD || release(s, s->shown, error);
        av_packet_free(&h->packet);
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a packet");
    }
    s->shown = microseconds(stamp_of(h->packet), h->time_base);
    s->frames++;
    if (release(s, s->shown, error))
        return mux(s, h, error);
    av_packet_free(&h->packet);
    return false;
}

bool sink_write(sink *s, int stream, AVPacket *packet, AVRational time_base, udm_error *error)
{
    held h = { av_packet_alloc(), stream, time_base };
    if (!h.packet)
        return udm_fail(error, UDM_ERROR_MEMORY, "no memory for a packet");
    av_packet_move_ref(h.packet, packet);
    pthread_mutex_lock(&s->lock);
    const bool written = write_packet(s, &h, error);
    pthread_mutex_unlock(&s->lock);
    return written;
}

static bool finish(sink *s, bool whole, udm_error *error)
{
    if (!s->begun || s->frames == 0)
        return udm_fail(error, UDM_ERROR_CANCELLED, "there is nothing to keep");
    if (whole && !release(s, INT64_MAX, error))
        return false;
    int status = av_write_trailer(s->muxer);
    const int broken = s->muxer->pb->error, closed = avio_closep(&s->muxer->pb);
    status = status < 0 ? status : broken < 0 ? broken : closed;
    if (status < 0)
        return say_why(error, status, "could not write %s", s->output);
    return outfile_keep(&s->file, whole, error);
}

// With the lock.
static bool end(sink *s, bool whole, udm_error *error)
{
    const bool ended = s->ended, finished = !ended && finish(s, whole, error);
    if (!ended && !finished)
        outfile_drop(&s->file);
    s->ended = true;
    return finished;
}

bool sink_finish(sink *s, udm_error *error)
{
    pthread_mutex_lock(&s->lock);
    const bool finished = end(s, true, error);
    pthread_mutex_unlock(&s->lock);
    return finished;
}

bool sink_stop(sink *s, udm_error *error)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += PATIENCE_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000, until.tv_nsec %= 1000000000;
    if (pthread_mutex_timedlock(&s->lock, &until) != 0) { // the other thread is stuck in a write
        outfile_drop(&s->file);
        return udm_fail(error, UDM_ERROR_UNREADABLE, "could not write %s in time", s->output);
    }
    const bool finished = end(s, false, error);
    pthread_mutex_unlock(&s->lock);
    return finished;
}
